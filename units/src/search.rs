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

mod about;
mod generators;

pub use about::{About, Index};
pub use generators::{Generator, OUTPUT, generators};

use crate::file::{Pull, SourceFile, SourceKind, is_drop_in_folder};
use crate::systemd::plumbing;
use crate::sysv::{self, RcLink};
use crate::{FILE_LIMIT, Map, Set, UnitKind, UnitName, openrc};
use std::collections::VecDeque;

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

/// Files that have been found and not been looked into: the walk costs a look at each folder, the texts a look at each file.
#[derive(Debug)]
pub struct Found {
    folders: Vec<String>,
    files: VecDeque<(String, Look)>,
    /// A script says two things.
    more: Option<SourceFile>,
    /// Scripts that OpenRC would start, and those of them that are its own.
    runlevels: Set<String>,
    unserved: Vec<String>,
}

/// How to look into a file.
#[derive(Debug)]
enum Look {
    Unit,
    DropIn,
    /// A link in one of the folders: a mask, another name, or a file that lies elsewhere.
    Follow(String),
    /// In a folder of links.
    Pull(Nature),
    Script(Vec<RcLink>),
}

/// Everything a system has: the files of all its folders, and units for the SysV scripts that have
/// none.
pub fn everything(tree: &dyn Tree) -> Vec<SourceFile> {
    find_everything(tree).all(tree)
}

/// As [`everything`], for who has no time to read a thousand files at once.
pub fn find_everything(tree: &dyn Tree) -> Found {
    let mut found = find(tree, &folders(tree));
    let known: Set<UnitName> = found.files.iter().filter_map(|(path, _)| named(path)).collect();
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
    found.runlevels = openrc::enabled(tree);
    let script = |(script, _): (String, Nature)| (format!("/etc/init.d/{script}"), Look::Script(links.remove(&script).unwrap_or_default()));
    found.files.extend(scripts.into_iter().map(script));
    found
}

impl Found {
    /// Looks into the next file; `None` when there is none.
    pub fn next(&mut self, tree: &dyn Tree) -> Option<SourceFile> {
        if let Some(file) = self.more.take() {
            return Some(file);
        }
        loop {
            let Some((path, look)) = self.files.pop_front() else { return openrc::remark(&std::mem::take(&mut self.unserved)) };
            let kind = match look {
                Look::Unit => read(tree, &path, SourceKind::Unit),
                Look::DropIn => read(tree, &path, SourceKind::DropIn),
                Look::Follow(name) => follow(tree, &self.folders, &path, &name),
                Look::Pull(nature) => linked(tree, &path, nature),
                Look::Script(links) => match self.script(tree, &path, &links) {
                    Some((unit, None)) => return Some(unit),
                    Some((unit, Some(enabled))) => {
                        self.more = Some(unit);
                        return Some(enabled);
                    }
                    None => continue,
                },
            };
            return Some(SourceFile { path, kind });
        }
    }

    fn all(mut self, tree: &dyn Tree) -> Vec<SourceFile> {
        std::iter::from_fn(|| self.next(tree)).collect()
    }

    /// The unit that a script is, and that it is enabled if it is.
    fn script(&mut self, tree: &dyn Tree, path: &str, links: &[RcLink]) -> Option<(SourceFile, Option<SourceFile>)> {
        let script = path.rsplit('/').next()?;
        let text = tree.read(path, SCRIPT_LIMIT).ok()?;
        if openrc::is_script(&text) {
            self.unserved.extend(self.runlevels.contains(script).then(|| script.to_owned()));
            return None;
        }
        let (name, unit) = sysv::unit_of(script).zip(sysv::unit(script, &String::from_utf8_lossy(&text), links))?;
        Some((unit, (!links.is_empty()).then(|| sysv::enabled(&name))))
    }
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
    find(tree, folders).all(tree)
}

/// As [`collect`], systemd's own units too; for [`crate::Reader::with_plumbing`].
pub fn collect_with_plumbing<S: AsRef<str>>(tree: &dyn Tree, folders: &[S]) -> Vec<SourceFile> {
    walk(tree, folders, true).all(tree)
}

/// As [`collect`], for who has no time to read a thousand files at once.
pub fn find<S: AsRef<str>>(tree: &dyn Tree, folders: &[S]) -> Found {
    walk(tree, folders, false)
}

fn walk<S: AsRef<str>>(tree: &dyn Tree, folders: &[S], plumbing: bool) -> Found {
    let folders: Vec<String> = folders.iter().map(|folder| folder.as_ref().to_owned()).collect();
    let mut files = VecDeque::new();
    for folder in &folders {
        for (name, nature) in sorted(tree, folder) {
            let path = format!("{folder}/{name}");
            if Pull::ALL.iter().any(|(_, suffix)| name.ends_with(suffix)) {
                files.extend(sorted(tree, &path).into_iter().map(|(name, nature)| (format!("{path}/{name}"), Look::Pull(nature))));
            } else if is_drop_in_folder(&name) {
                let about = name.strip_suffix(".d").unwrap_or(&name);
                if plumbing || !plumbing::is_passed_over(&path, about) {
                    files.extend(drop_ins(tree, &path, &name));
                }
            } else if is_unit_file(&name) && (plumbing || !plumbing::is_passed_over(&path, &name)) {
                files.push_back((path, if nature == Nature::Link { Look::Follow(name) } else { Look::Unit }));
            }
        }
    }
    Found { folders, files, more: None, runlevels: Set::new(), unserved: Vec::new() }
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

/// The stem of a file or folder of this name: of `web.toml` and `web.service` that is `web.service`; of `service`, whose drop-ins are
/// those of all services, itself.
fn named_stem(name: &str) -> String {
    let stem = name.strip_suffix(".toml").unwrap_or(name);
    let unit = UnitName::new(stem).ok().filter(|_| UnitKind::of_suffix(stem).is_none());
    unit.map_or_else(|| stem.to_owned(), |name| name.as_str().to_owned())
}

fn sorted(tree: &dyn Tree, folder: &str) -> Vec<(String, Nature)> {
    let mut names = tree.names(folder);
    names.truncate(MOST);
    crate::order::by(&mut names, |(a, _), (b, _)| a.cmp(b));
    names
}

fn linked(tree: &dyn Tree, path: &str, nature: Nature) -> SourceKind {
    match tree.link(path) {
        Some(target) if nature == Nature::Link => SourceKind::Alias { target },
        _ => SourceKind::Unreadable("only links count here".to_owned()),
    }
}

fn drop_ins(tree: &dyn Tree, folder: &str, name: &str) -> impl Iterator<Item = (String, Look)> {
    let suffix = if name.ends_with(".toml.d") { ".toml" } else { ".conf" };
    let names = sorted(tree, folder).into_iter().filter(move |(name, _)| name.ends_with(suffix) && !name.starts_with('.'));
    names.map(move |(name, _)| (format!("{folder}/{name}"), Look::DropIn))
}

/// A link: a mask, another name of a unit of these folders, or a file that lies elsewhere.
fn follow(tree: &dyn Tree, folders: &[String], path: &str, name: &str) -> SourceKind {
    let Some(target) = tree.link(path) else { return read(tree, path, SourceKind::Unit) };
    let whole = resolved(path, &target);
    if whole == "/dev/null" {
        return SourceKind::Alias { target: whole };
    }
    let (folder, file) = whole.rsplit_once('/').unwrap_or(("", &whole));
    let usr = format!("/usr{folder}");
    let is_ours = folders.iter().any(|known| known == folder || *known == usr);
    if is_ours && file != name && is_unit_file(file) { SourceKind::Alias { target } } else { read(tree, path, SourceKind::Unit) }
}

/// Where the links at `path` end, each as it is written and none of the folders on the way looked at; `None` after eight. So `/dev/null` is
/// known by its name also in a tree that has no devices.
pub fn end_of(tree: &dyn Tree, path: &str) -> Option<String> {
    let mut path = path.to_owned();
    for _ in 0..8 {
        match tree.link(&path) {
            Some(target) => path = resolved(&path, &target),
            None => return Some(path),
        }
    }
    None
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
