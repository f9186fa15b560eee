//! `--remove` and `--clean`: what is to go, and what has grown old.
//!
//! A directory on which somebody holds a lock is passed over with all that is in it (flock(2)), and so are other file systems, sockets that
//! are listened on, devices, and whatever another line speaks of.

use std::ffi::OsStr;
use std::fs::{self, File, FileTimes};
use std::io;
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag, open};
use nix::sys::stat::{Mode, SFlag};
use nix::unistd::{UnlinkatFlags, unlinkat};
use units::tmpfiles::{Age, Kind, Stamps};

use super::super::tree::{DEEPEST, Missing, Node, Tree};
use super::pattern;
use super::plan::{Item, Plan};
use crate::say;

/// Carries out what a line says is to be removed.
pub(super) fn remove(tree: &Tree, item: &Item) -> Result<(), String> {
    let path = item.path.as_str();
    match item.kind {
        Kind::Emptied => match tree.node(path) {
            Ok(node) if node.kind() == SFlag::S_IFDIR => settled(path, node.empty()),
            Ok(_) => Ok(()),
            Err(error) => settled(path, Err(error)),
        },
        Kind::Remove => each(tree, path, &|parent, name| {
            match unlinkat(&parent.fd, name, UnlinkatFlags::NoRemoveDir) {
                // POSIX has EPERM for a directory.
                Err(Errno::EISDIR | Errno::EPERM) => Ok(unlinkat(&parent.fd, name, UnlinkatFlags::RemoveDir)?),
                other => Ok(other?),
            }
        }),
        Kind::RemoveTree => each(tree, path, &Node::remove),
        _ => Ok(()),
    }
}

fn each(tree: &Tree, pattern: &str, act: &dyn Fn(&Node, &OsStr) -> io::Result<()>) -> Result<(), String> {
    let mut first = Ok(());
    for path in pattern::expand(tree, pattern).map_err(|error| format!("Failed to look for '{pattern}': {}", say::reason(&error)))? {
        let done = tree.parent(&path, Missing::Refused).and_then(|(parent, name)| act(&parent, name));
        first = first.and(settled(&path, done));
    }
    first
}

/// Gone is gone, by whomever.
fn settled(path: &str, done: io::Result<()>) -> Result<(), String> {
    match done {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(format!("rm({path}): {}", say::reason(&error))),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Takes away what is older than the line allows.
pub(super) fn clean(tree: &Tree, item: &Item, plan: &Plan) -> Result<(), String> {
    let age = if item.kind == Kind::KeepItself { item.age.or_else(|| plan.age_around(&item.path)) } else { item.age };
    let Some(age) = age.filter(|_| "dDeCxX".contains(item.kind.letter())) else { return Ok(()) };
    let paths = if item.kind.globs() { pattern::expand(tree, &item.path) } else { Ok(vec![item.path.clone()]) };
    let mut sweep = Sweep { age, plan, now: SystemTime::now(), listened_on: None };
    let mut first = Ok(());
    for path in paths.map_err(|error| format!("Failed to look for '{}': {}", item.path, say::reason(&error)))? {
        let done = match tree.node(&path) {
            Ok(node) if node.kind() == SFlag::S_IFDIR => sweep.directory(&node, &path, 0),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        first = first.and(settled(&path, done));
    }
    first
}

struct Sweep<'a> {
    age: Age,
    plan: &'a Plan,
    now: SystemTime,
    /// Paths of sockets, read when one is met.
    listened_on: Option<Vec<String>>,
}

impl Sweep<'_> {
    fn directory(&mut self, node: &Node, path: &str, level: u32) -> io::Result<()> {
        if level >= DEEPEST {
            return Err(Errno::ELOOP.into());
        }
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let opened = open(&node.path(), flags | OFlag::O_NOATIME, Mode::empty()).or_else(|_| open(&node.path(), flags, Mode::empty()))?;
        let Ok(locked) = Flock::lock(File::from(opened), FlockArg::LockSharedNonblock) else { return Ok(()) };
        let times =
            locked.metadata().and_then(|about| Ok(FileTimes::new().set_accessed(about.accessed()?).set_modified(about.modified()?)));
        let (mut first, mut has_changed) = (Ok(()), false);
        for name in node.names()? {
            match self.entry(node, &name, path, level) {
                Ok(gone) => has_changed |= gone,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) if first.is_ok() => first = Err(error),
                Err(_) => {}
            }
        }
        // To take old things away makes nothing younger.
        if has_changed && let Ok(times) = times {
            let _ = locked.set_times(times);
        }
        first
    }

    /// Whether it is gone.
    fn entry(&mut self, parent: &Node, name: &OsStr, path: &str, level: u32) -> io::Result<bool> {
        let node = parent.look(name)?;
        let inner = format!("{}/{}", if path == "/" { "" } else { path }, name.to_string_lossy());
        if node.stat.st_dev != parent.stat.st_dev || self.plan.speaks_of(&inner) {
            return Ok(false);
        }
        let is_roots = node.stat.st_uid == 0;
        let about = fs::metadata(node.path());
        let keeps = self.age.keeps_first_level && level == 0;
        if node.kind() == SFlag::S_IFDIR {
            if is_roots && name == "lost+found" {
                return Ok(false);
            }
            self.directory(&node, &inner, level + 1)?;
            if keeps || !self.is_old(about, self.age.of_directories) {
                return Ok(false);
            }
            return match unlinkat(&parent.fd, name, UnlinkatFlags::RemoveDir) {
                Err(Errno::ENOTEMPTY | Errno::EEXIST | Errno::EBUSY) => Ok(false),
                other => Ok(other.map(|()| true)?),
            };
        }
        let is_kept = match node.kind() {
            SFlag::S_IFCHR | SFlag::S_IFBLK => true,
            SFlag::S_IFREG => is_roots && [".journal", "aquota.user", "aquota.group"].iter().any(|quota| name == *quota),
            SFlag::S_IFSOCK => self.is_listened_on(&inner),
            // Where a link leads has an age of its own.
            _ => false,
        };
        // The sticky bit of a file is its owner's word that it is in use; basedir-spec, "XDG_RUNTIME_DIR".
        if is_kept || keeps || node.stat.st_mode & libc::S_ISVTX != 0 {
            return Ok(false);
        }
        let about = if node.kind() == SFlag::S_IFLNK { fs::symlink_metadata(parent.path().join(name)) } else { about };
        if !self.is_old(about, self.age.of_files) {
            return Ok(false);
        }
        unlinkat(&parent.fd, name, UnlinkatFlags::NoRemoveDir)?;
        Ok(true)
    }

    /// Whether all times that count are far enough back; one that the file system does not know counts for none.
    fn is_old(&self, about: io::Result<fs::Metadata>, counts: Stamps) -> bool {
        use std::os::unix::fs::MetadataExt;
        if self.age.span.is_zero() {
            return true;
        }
        let (Ok(about), Some(limit)) = (about, self.now.checked_sub(self.age.span)) else { return false };
        let changed = Duration::new(u64::try_from(about.ctime()).unwrap_or(0), u32::try_from(about.ctime_nsec()).unwrap_or(0));
        let times = [
            (counts.access, about.accessed().ok()),
            (counts.birth, about.created().ok()),
            (counts.change, SystemTime::UNIX_EPOCH.checked_add(changed)),
            (counts.modification, about.modified().ok()),
        ];
        times.into_iter().filter(|(counts, _)| *counts).filter_map(|(_, time)| time).all(|time| time < limit)
    }

    /// proc_net(5), "unix": the path is the last field.
    fn is_listened_on(&mut self, path: &str) -> bool {
        let paths = self.listened_on.get_or_insert_with(|| {
            let text = fs::read_to_string("/proc/net/unix").unwrap_or_default();
            text.lines().filter_map(|line| Some(line.get(line.find(" /")? + 1..)?.to_owned())).collect()
        });
        paths.iter().any(|known| known == path)
    }
}
