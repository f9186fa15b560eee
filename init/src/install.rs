//! `fief-init install --root DIR` and `uninstall`: taking an init's names in a tree that has them from somebody else.
//!
//! ```text
//!   /usr/sbin/reboot                 the distribution's      ──install──▶   ──▶ /usr/lib/fief/fief-init
//!   /usr/sbin/reboot.fief-distrib    nothing                                the distribution's, and what upgrades of it bring
//!                                                            ◀─uninstall─
//!   /var/lib/dpkg/diversions                                                says so to dpkg, under each spelling of the path
//! ```
//!
//! On a merged system dpkg knows a file by one of two spellings, and an upgrade may go over from `/sbin/reboot` to `/usr/sbin/reboot`: it then removes
//! the old one without seeing that it is the new one too. So each spelling is diverted to a name of its own (Debian's DEP 17, "P3").
//!
//! There is no other record: what ends in a suffix was moved, what leads to our program was made. So either may be interrupted and begun
//! again, and a name is never absent in between. Everything is done beneath the tree by descriptor; its links lead nowhere else.
//! Test: `upgrades_leave_our_names_alone_and_uninstall_undoes_to_the_byte`.

mod diversions;

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kernel::beneath::Dir;
use nix::errno::Errno;
use units::programs::{Folder, PROGRAMS};

use crate::say;
use diversions::Diversions;

/// Where the program lies.
const HOME: &str = "usr/lib/fief/fief-init";
/// What the names lead to.
const TARGET: &str = "/usr/lib/fief/fief-init";
/// What is added to the name of what had ours: as the system has it, and as packages from before the merge write it.
const SUFFIXES: [&str; 2] = [SUFFIX, SUFFIX_OF_ALIAS];
const SUFFIX: &str = ".fief-distrib";
const SUFFIX_OF_ALIAS: &str = ".fief-distrib-unmerged";
/// Says that dpkg had no record of diversions: an empty one would be a trace.
const MARK: &str = "usr/lib/fief/diversions-made";
const DPKG: &str = "var/lib/dpkg";
const RECORD: &str = "var/lib/dpkg/diversions";
/// A record larger than this is none, bytes.
const LIMIT: u64 = 16 << 20;

/// Which way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    In,
    Out,
}

/// Why not.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("cannot {doing} {}", .path.display())]
    File { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("{0}")]
    Diverted(#[from] diversions::Trouble),
    #[error("the names here are those of the package fief-guest, and apt's to remove")]
    Packaged,
    #[error("dpkg is at work there")]
    Busy,
}

/// `install` or `uninstall`, with the words that follow.
pub(crate) fn run(way: Way, words: &[String]) -> ExitCode {
    let root = match words {
        [] => "/",
        [option, dir] if option == "--root" => dir.as_str(),
        [option] if option.starts_with("--root=") => option.trim_start_matches("--root="),
        _ => {
            say::error(format_args!("usage: fief-init install | uninstall [--root DIR]"));
            return ExitCode::from(2);
        }
    };
    match perform(way, Path::new(root)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            say::error(format_args!("fief-init: {root}: {}", say::chain(&trouble)));
            ExitCode::FAILURE
        }
    }
}

fn perform(way: Way, root: &Path) -> Result<(), Trouble> {
    let tree = Tree { root: Dir::open(root).map_err(file("open", root))? };
    let _held = tree.hold_dpkg()?;
    match (way, tree.exists("var/lib/dpkg/info/fief-guest.list")?) {
        (Way::In, false) => tree.install(),
        (Way::In, true) => {
            say::line(format_args!("the package fief-guest has the names here"));
            Ok(())
        }
        (Way::Out, false) => tree.uninstall(),
        (Way::Out, true) => Err(Trouble::Packaged),
    }
}

fn file(doing: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Trouble {
    let path = path.as_ref().to_owned();
    move |source| Trouble::File { doing, path, source }
}

/// The path with something at its end.
fn with(path: &Path, suffix: &str) -> PathBuf {
    let mut longer: OsString = path.as_os_str().to_owned();
    longer.push(suffix);
    longer.into()
}

/// A name of ours in the tree.
struct Place {
    /// As the system has it.
    path: PathBuf,
    /// On a merged system, as packages from before the merge write it: the same file.
    alias: Option<PathBuf>,
}

impl Place {
    /// Each way in which packages may write it, with the suffix of what is diverted from there.
    fn spellings(&self) -> impl Iterator<Item = (&Path, &'static str)> {
        std::iter::once((&*self.path, SUFFIX)).chain(self.alias.as_deref().map(|alias| (alias, SUFFIX_OF_ALIAS)))
    }
}

struct Tree {
    root: Dir,
}

impl Tree {
    fn exists(&self, path: impl AsRef<Path>) -> Result<bool, Trouble> {
        self.root.exists(path.as_ref()).map_err(file("look at", path))
    }

    fn is_ours(&self, path: &Path) -> Result<bool, Trouble> {
        Ok(self.root.link(path).map_err(file("look at", path))?.is_some_and(|target| target == Path::new(TARGET)))
    }

    /// Whether `/sbin` is a link to `/usr/sbin`, say.
    fn is_merged(&self, folder: Folder) -> Result<bool, Trouble> {
        Ok(self.root.link(Path::new(folder.unmerged())).map_err(file("look at", folder.unmerged()))?.is_some())
    }

    /// Where a name of ours is, or is to be.
    fn place(&self, name: &str, folder: Folder) -> Result<Place, Trouble> {
        let (long, short) = (Path::new(folder.path()).join(name), Path::new(folder.unmerged()).join(name));
        if self.is_merged(folder)? {
            return Ok(Place { path: long, alias: Some(short) });
        }
        let path = if self.exists(&long)? && !self.exists(&short)? { long } else { short };
        Ok(Place { path, alias: None })
    }

    /// Those of the aliases under which dpkg has the file that is there now.
    fn known_by_alias(&self, places: &[Place]) -> Result<Vec<PathBuf>, Trouble> {
        let info = Path::new(DPKG).join("info");
        let names = match self.root.dir(&info) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.and_then(|dir| dir.names()).map_err(file("list", &info))?,
        };
        let mut known = Vec::new();
        for name in names.into_iter().filter(|name| name.to_bytes().ends_with(b".list")) {
            let path = info.join(OsString::from_vec(name.into_bytes()));
            let list = self.root.read(&path, LIMIT).map_err(file("read", &path))?;
            let lines = list.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"/"));
            let aliases = lines.filter_map(|line| {
                places.iter().filter_map(|place| place.alias.as_ref()).find(|alias| alias.as_os_str().as_bytes() == line)
            });
            known.extend(aliases.cloned());
        }
        Ok(known)
    }

    /// dpkg's own lock, as long as the file is open; nothing where there is no dpkg. dpkg(1), fcntl(2).
    fn hold_dpkg(&self) -> Result<Option<File>, Trouble> {
        let path = Path::new(DPKG).join("lock");
        if !self.exists(DPKG)? {
            return Ok(None);
        }
        match self.root.create_new(&path, 0o640) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => drop(other.map_err(file("make", &path))?),
        }
        let found = self.root.open_file(&path).map_err(file("open", &path))?;
        // A lock for writing wants a descriptor for writing; by its number it is the same file.
        let by_number = format!("/proc/self/fd/{}", found.as_raw_fd());
        let lock = OpenOptions::new().write(true).open(by_number).map_err(file("open", &path))?;
        match crate::file::lock(&lock) {
            Ok(()) => Ok(Some(lock)),
            Err(Errno::EAGAIN | Errno::EACCES) => Err(Trouble::Busy),
            Err(errno) => Err(file("lock", &path)(errno.into())),
        }
    }

    fn install(&self) -> Result<(), Trouble> {
        let program = fs::read("/proc/self/exe").map_err(file("read", "/proc/self/exe"))?;
        let folder = Path::new(HOME).parent().unwrap_or(Path::new("."));
        self.root.make_dirs(folder, 0o755).map_err(file("make", folder))?;
        self.root.write(Path::new(HOME), &program, 0o755).map_err(file("write", HOME))?;

        let places = PROGRAMS.iter().map(|(name, folder)| self.place(name, *folder)).collect::<Result<Vec<_>, _>>()?;
        // Told before anything is moved: what dpkg knows of and is not there yet does no harm, the other way round an upgrade would.
        self.divert(&places)?;
        let by_alias = self.known_by_alias(&places)?;
        for Place { path, alias } in &places {
            if self.is_ours(path)? {
                continue;
            }
            let aside = with(path, if alias.as_ref().is_some_and(|alias| by_alias.contains(alias)) { SUFFIX_OF_ALIAS } else { SUFFIX });
            if self.exists(path)? {
                self.root.remove(&aside).map_err(file("remove", &aside))?;
                self.root.hard_link(path, &aside).map_err(file("set aside", path))?;
            }
            // Made beside and renamed: whoever looks for the name finds one or the other.
            let beside = with(path, ".fief-new");
            self.root.remove(&beside).map_err(file("remove", &beside))?;
            self.root.symlink(Path::new(TARGET), &beside).map_err(file("make", &beside))?;
            self.root.rename(&beside, path).map_err(file("take the name", path))?;
            say::line(format_args!("/{} is ours", path.display()));
        }
        Ok(())
    }

    fn uninstall(&self) -> Result<(), Trouble> {
        for folder in ["usr/sbin", "usr/bin", "sbin", "bin"] {
            let dir = match self.root.dir(Path::new(folder)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other.map_err(file("open", folder))?,
            };
            for name in dir.names().map_err(file("list", folder))? {
                let path = Path::new(folder).join(OsString::from_vec(name.into_bytes()));
                self.give_back(&path)?;
            }
        }
        self.undivert()?;
        for path in [HOME, MARK] {
            self.root.remove(Path::new(path)).map_err(file("remove", path))?;
        }
        match self.root.remove(Path::new("usr/lib/fief")) {
            // Somebody else's files are in it: `/usr/lib/fief/units` is a place for them.
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
            other => other.map_err(file("remove", "usr/lib/fief")),
        }
    }

    /// Undoes what was done to one name, whichever of the two it is.
    fn give_back(&self, path: &Path) -> Result<(), Trouble> {
        let bytes = path.as_os_str().as_bytes();
        if let Some(stem) = SUFFIXES.iter().find_map(|suffix| bytes.strip_suffix(suffix.as_bytes())) {
            let name = Path::new(std::ffi::OsStr::from_bytes(stem));
            if self.is_ours(name)? || !self.exists(name)? {
                self.root.rename(path, name).map_err(file("give back", name))?;
                say::line(format_args!("/{} is the distribution's", name.display()));
            }
            return Ok(());
        }
        let mut was_anothers = false;
        for suffix in SUFFIXES {
            was_anothers |= self.exists(with(path, suffix))?;
        }
        // What was another's is given back when that one's turn comes.
        if !was_anothers && self.is_ours(path)? {
            self.root.remove(path).map_err(file("remove", path))?;
        }
        Ok(())
    }

    fn divert(&self, places: &[Place]) -> Result<(), Trouble> {
        if !self.exists(DPKG)? {
            return Ok(());
        }
        if !self.exists(RECORD)? {
            self.root.write(Path::new(MARK), b"", 0o644).map_err(file("write", MARK))?;
        }
        let old = self.record()?;
        let mut diversions = Diversions::read(&old)?;
        for (path, suffix) in places.iter().flat_map(Place::spellings) {
            let from = [b"/", path.as_os_str().as_bytes()].concat();
            diversions.add(&from, &[&from, suffix.as_bytes()].concat())?;
        }
        self.keep_record(&old, &diversions.bytes())
    }

    fn undivert(&self) -> Result<(), Trouble> {
        if !self.exists(RECORD)? {
            return Ok(());
        }
        let old = self.record()?;
        let mut diversions = Diversions::read(&old)?;
        for suffix in SUFFIXES {
            diversions.take_away(suffix.as_bytes());
        }
        let new = diversions.bytes();
        if new.is_empty() && self.exists(MARK)? {
            return self.root.remove(Path::new(RECORD)).map_err(file("remove", RECORD));
        }
        self.keep_record(&old, &new)
    }

    fn record(&self) -> Result<Vec<u8>, Trouble> {
        match self.root.read(Path::new(RECORD), LIMIT) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            other => other.map_err(file("read", RECORD)),
        }
    }

    fn keep_record(&self, old: &[u8], new: &[u8]) -> Result<(), Trouble> {
        if old == new {
            return Ok(());
        }
        self.root.write(Path::new(RECORD), new, 0o644).map_err(file("write", RECORD))
    }
}
