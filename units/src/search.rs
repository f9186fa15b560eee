//! Where unit files are, in whichever tree: a running system's, or one seen from the host.
//!
//! ```text
//!   folders, first ones first ──▶ Tree (somebody else's hands) ──▶ SourceFile… ──▶ Reader::read
//!     NAME.service, NAME.toml       a unit, or by a link another name of one, or a mask
//!     NAME.service.d, NAME.toml.d   drop-ins
//!     NAME.wants, .requires, .upholds   links
//! ```
//!
//! systemd.unit(5), "Unit File Load Path". Units of systemd itself that ours replace are not even
//! opened. Invariant: whatever the tree holds, the walk ends: two levels of folders, so many names in
//! each.

mod generators;

pub use generators::{Generator, OUTPUT, generators};

use crate::file::{Pull, SourceFile, SourceKind, is_drop_in_folder};
use crate::systemd::plumbing;
use crate::sysv::{self, RcLink};
use crate::{FILE_LIMIT, Map, Set, UnitKind, UnitName};

/// Where our unit files are looked for; the first file of a name counts. Units in systemd's syntax
/// may stand here too.
pub const FIEF: [&str; 4] = ["/etc/fief/units", "/run/fief/units", "/usr/local/lib/fief/units", "/usr/lib/fief/units"];

/// Where systemd's are looked for, by systemd and by us.
pub const SYSTEMD: [&str; 11] = [
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/run/systemd/system",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
];

/// More names than this in one folder are not units of a system.
const MOST: usize = 10_000;

/// What is at the end of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// A regular file.
    File,
    /// A directory.
    Folder,
    /// A symbolic link, wherever it leads.
    Link,
    /// A socket, a device, a pipe.
    Other,
}

/// Somebody who can look at files: this package cannot. Paths are absolute within the tree.
pub trait Tree {
    /// The names in a folder, in whatever order; none if there is no such folder.
    fn names(&self, folder: &str) -> Vec<(String, Nature)>;
    /// Where a symbolic link leads, as it is written; `None` if there is none at `path`.
    fn link(&self, path: &str) -> Option<String>;
    /// The first `limit` bytes of the file at `path`, links followed; nothing for `/dev/null`.
    ///
    /// # Errors
    /// Why it cannot be read, in words.
    fn read(&self, path: &str, limit: usize) -> Result<Vec<u8>, String>;
    /// Whether at `path`, links followed, is a regular file that may be executed.
    fn is_executable(&self, path: &str) -> bool;
}

/// A SysV script larger than this is none, bytes.
const SCRIPT_LIMIT: usize = 256 * 1024;

/// Everything a system has: the files of all its folders, and units for the SysV scripts that have
/// none.
pub fn everything(tree: &dyn Tree) -> Vec<SourceFile> {
    let mut found = collect(tree, &folders(tree));
    let known: Set<UnitName> = found.iter().filter_map(|file| named(&file.path)).collect();
    let mut scripts = sorted(tree, "/etc/init.d");
    scripts.retain(|(script, _)| {
        let name = sysv::unit_of(script);
        let is_free = name.is_some_and(|name| !known.contains(&name) && !plumbing::is_skipped(&name));
        is_free && !sysv::is_skipped(script) && tree.is_executable(&format!("/etc/init.d/{script}"))
    });
    if scripts.is_empty() {
        return found;
    }
    let mut links: Map<String, Vec<RcLink>> = Map::new();
    for folder in ["rc2.d", "rc3.d", "rc4.d", "rc5.d"] {
        for (name, _) in sorted(tree, &format!("/etc/{folder}")) {
            if let Some((link, script)) = RcLink::read(folder, &name) {
                links.entry(script.to_owned()).or_default().push(link);
            }
        }
    }
    for (script, _) in scripts {
        let Ok(text) = tree.read(&format!("/etc/init.d/{script}"), SCRIPT_LIMIT) else { continue };
        let links = links.get(&script).map(Vec::as_slice).unwrap_or_default();
        let Some((name, unit)) = sysv::unit_of(&script).zip(sysv::unit(&script, &String::from_utf8_lossy(&text), links)) else { continue };
        if !links.is_empty() {
            found.push(sysv::enabled(&name));
        }
        found.push(unit);
    }
    found
}

/// All folders there are in a tree, ours before systemd's.
pub fn folders(tree: &dyn Tree) -> Vec<&'static str> {
    // Where /lib is a link to /usr/lib, its files are there already.
    let is_apart = tree.link("/lib").is_none();
    FIEF.iter().chain(&SYSTEMD).copied().filter(|folder| is_apart || !folder.starts_with("/lib/")).collect()
}

/// Collects all files from `folders`, which are in order of precedence. What cannot be read is a
/// finding of its own, for the reader to tell.
pub fn collect<S: AsRef<str>>(tree: &dyn Tree, folders: &[S]) -> Vec<SourceFile> {
    walk(tree, folders, false)
}

/// As [`collect`], systemd's own units too; for [`crate::Reader::with_plumbing`].
pub fn collect_with_plumbing<S: AsRef<str>>(tree: &dyn Tree, folders: &[S]) -> Vec<SourceFile> {
    walk(tree, folders, true)
}

fn walk<S: AsRef<str>>(tree: &dyn Tree, folders: &[S], plumbing: bool) -> Vec<SourceFile> {
    let folders: Vec<&str> = folders.iter().map(AsRef::as_ref).collect();
    let mut found = Vec::new();
    for folder in &folders {
        for (name, nature) in sorted(tree, folder) {
            let path = format!("{folder}/{name}");
            if Pull::ALL.iter().any(|(_, suffix)| name.ends_with(suffix)) {
                linked(tree, &path, &mut found);
            } else if is_drop_in_folder(&name) {
                let about = name.strip_suffix(".d").unwrap_or(&name);
                if plumbing || !plumbing::is_passed_over(&path, about) {
                    drop_ins(tree, &path, &name, &mut found);
                }
            } else if is_unit_file(&name) && (plumbing || !plumbing::is_passed_over(&path, &name)) {
                let kind = if nature == Nature::Link { follow(tree, &folders, &path, &name) } else { read(tree, &path, SourceKind::Unit) };
                found.push(SourceFile { path, kind });
            }
        }
    }
    found
}

/// A symbolic link in one of the folders, or in one of their folders of links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where it is.
    pub path: String,
    /// Where it leads, made absolute.
    pub target: String,
}

/// Collects all symbolic links, in order of precedence.
pub fn links<S: AsRef<str>>(tree: &dyn Tree, folders: &[S]) -> Vec<Link> {
    let mut found = Vec::new();
    let mut add = |path: String| {
        if let Some(target) = tree.link(&path) {
            found.push(Link { target: resolved(&path, &target), path });
        }
    };
    for folder in folders {
        for (name, nature) in sorted(tree, folder.as_ref()) {
            let path = format!("{}/{name}", folder.as_ref());
            if Pull::ALL.iter().any(|(_, suffix)| name.ends_with(suffix)) {
                sorted(tree, &path).into_iter().for_each(|(name, _)| add(format!("{path}/{name}")));
            } else if nature == Nature::Link && is_unit_file(&name) {
                add(path);
            }
        }
    }
    found
}

impl Link {
    /// In a folder of links: how what is linked is bound, and to whom.
    pub(crate) fn pull(&self) -> Option<(Pull, &str)> {
        let folder = self.path.rsplit('/').nth(1)?;
        Pull::ALL.iter().find_map(|(pull, suffix)| Some((*pull, folder.strip_suffix(suffix)?)))
    }

    pub(crate) fn is_null(&self) -> bool {
        self.target == "/dev/null"
    }

    /// Whether it is gone after the next boot.
    pub(crate) fn is_runtime(&self) -> bool {
        self.path.starts_with("/run/")
    }

    /// Whether no package has brought it.
    pub(crate) fn is_an_administrators(&self) -> bool {
        self.path.starts_with("/etc/") || self.is_runtime()
    }

    /// Whether its own name is that of `unit`.
    pub(crate) fn names(&self, unit: &UnitName) -> bool {
        named(&self.path).as_ref() == Some(unit)
    }

    /// Whether its own name is that of an instance of `template`.
    pub(crate) fn names_instance_of(&self, template: &UnitName) -> bool {
        named(&self.path).and_then(|name| name.template()).as_ref() == Some(template)
    }

    /// Whether it leads to a file with the name of `unit`.
    pub(crate) fn leads_to(&self, unit: &UnitName) -> bool {
        named(&self.target).as_ref() == Some(unit)
    }
}

fn named(path: &str) -> Option<UnitName> {
    let file = path.rsplit('/').next().filter(|file| is_unit_file(file))?;
    UnitName::new(file.strip_suffix(".toml").unwrap_or(file)).ok()
}

fn sorted(tree: &dyn Tree, folder: &str) -> Vec<(String, Nature)> {
    let mut names = tree.names(folder);
    names.truncate(MOST);
    crate::order::by(&mut names, |(a, _), (b, _)| a.cmp(b));
    names
}

fn linked(tree: &dyn Tree, folder: &str, found: &mut Vec<SourceFile>) {
    for (name, nature) in sorted(tree, folder) {
        let path = format!("{folder}/{name}");
        let kind = match tree.link(&path) {
            Some(target) if nature == Nature::Link => SourceKind::Alias { target },
            _ => SourceKind::Unreadable("only links count here".to_owned()),
        };
        found.push(SourceFile { path, kind });
    }
}

fn drop_ins(tree: &dyn Tree, folder: &str, name: &str, found: &mut Vec<SourceFile>) {
    let suffix = if name.ends_with(".toml.d") { ".toml" } else { ".conf" };
    for (name, _) in sorted(tree, folder) {
        if name.ends_with(suffix) && !name.starts_with('.') {
            let path = format!("{folder}/{name}");
            let kind = read(tree, &path, SourceKind::DropIn);
            found.push(SourceFile { path, kind });
        }
    }
}

/// A link: a mask, another name of a unit of these folders, or a file that lies elsewhere.
fn follow(tree: &dyn Tree, folders: &[&str], path: &str, name: &str) -> SourceKind {
    let Some(target) = tree.link(path) else { return read(tree, path, SourceKind::Unit) };
    let whole = resolved(path, &target);
    if whole == "/dev/null" {
        return SourceKind::Alias { target: whole };
    }
    let (folder, file) = whole.rsplit_once('/').unwrap_or(("", &whole));
    let usr = format!("/usr{folder}");
    let is_ours = folders.iter().any(|known| *known == folder || *known == usr);
    if is_ours && file != name && is_unit_file(file) { SourceKind::Alias { target } } else { read(tree, path, SourceKind::Unit) }
}

/// Where a link at `path` leads, without looking at what lies on the way.
fn resolved(path: &str, target: &str) -> String {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let start = if target.starts_with('/') { "" } else { folder };
    let mut parts: Vec<&str> = Vec::new();
    for part in start.split('/').chain(target.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

fn read(tree: &dyn Tree, path: &str, kind: impl FnOnce(Vec<u8>) -> SourceKind) -> SourceKind {
    match tree.read(path, FILE_LIMIT + 1) {
        Ok(text) => kind(text),
        Err(why) => SourceKind::Unreadable(why),
    }
}

fn is_unit_file(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, suffix)| suffix == "toml" || UnitKind::of_suffix(suffix).is_some())
}

/// The unit that a file of this path is about: `…/web.toml`, `…/web.service`, `…/web.service.d/x.conf`.
#[must_use]
pub fn unit_of(path: &str) -> Option<UnitName> {
    let mut parts = path.rsplit('/');
    let file = parts.next()?;
    let folder = parts.next().unwrap_or_default();
    let about = if is_drop_in_folder(folder) { folder.strip_suffix(".d")? } else { Some(file).filter(|file| is_unit_file(file))? };
    UnitName::new(about.strip_suffix(".toml").unwrap_or(about)).ok()
}
