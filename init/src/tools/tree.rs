//! Paths of a tree, walked so that nobody but root leads us anywhere.
//!
//! ```text
//!   /run ─ root's ─▶ /run/app ─ app's ─▶ /run/app/link ─ app's ─▶ /etc ─ root's: refused
//! ```
//!
//! Each part is opened by the descriptor of the one before and no link is followed by the kernel. Invariant: once a part belongs to a user,
//! all that follow belong to that user, links and what they lead to alike (CVE-2017-18078, CVE-2018-6954); and no link leads out of the
//! tree's own root. What is done is done to the descriptor that was looked at.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmodat, fstat, mkdirat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchownat, unlinkat};

/// As many as the kernel follows; path_resolution(7).
const MOST_LINKS: u32 = 40;
/// As deep as a path can lead at once, and no deeper is a tree gone down into.
pub(super) const DEEPEST: u32 = 2048;

const LOOK: OFlag = OFlag::O_PATH.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// Something that is there, held.
pub(super) struct Node {
    pub(super) fd: OwnedFd,
    pub(super) stat: FileStat,
}

/// What to do about a directory that is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Refused,
    Made,
    /// Also in the place of something else.
    MadeOver,
}

pub(super) struct Tree(Node);

impl Tree {
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        Ok(Self(held(open(root, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?)?))
    }

    /// What is at the path; a link there is itself.
    pub(super) fn node(&self, path: &str) -> io::Result<Node> {
        self.walk(path, Last::Itself, Missing::Refused)
    }

    /// What is at the path or where a link there leads.
    pub(super) fn target(&self, path: &str) -> io::Result<Node> {
        self.walk(path, Last::Followed, Missing::Refused)
    }

    /// The directory that the path's last part is in, and that part.
    pub(super) fn parent<'p>(&self, path: &'p str, missing: Missing) -> io::Result<(Node, &'p OsStr)> {
        let path = Path::new(path);
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Err(Errno::EISDIR.into()) };
        let parent = self.walk(parent.to_str().unwrap_or_default(), Last::Followed, missing)?;
        if parent.kind() == SFlag::S_IFDIR { Ok((parent, name)) } else { Err(Errno::ENOTDIR.into()) }
    }

    fn walk(&self, path: &str, last: Last, missing: Missing) -> io::Result<Node> {
        let mut here = self.0.again()?;
        // Whoever owns the last part, a link too, decided where we are.
        let mut led_by = here.stat.st_uid;
        let mut todo = parts(Path::new(path));
        let mut links = 0;
        while let Some(part) = todo.pop() {
            if part == ".." && here.is(&self.0) {
                continue;
            }
            let next = match here.look(&part) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && missing != Missing::Refused => here.make(&part)?,
                other => other?,
            };
            if led_by != 0 && led_by != next.stat.st_uid {
                return Err(io::Error::other(format!(
                    "unsafe: {} is reached by way of what belongs to user {led_by}, and belongs to user {}",
                    part.to_string_lossy(),
                    next.stat.st_uid
                )));
            }
            let is_last = todo.is_empty();
            if next.kind() == SFlag::S_IFLNK && !(is_last && last == Last::Itself) {
                links += 1;
                if links > MOST_LINKS {
                    return Err(Errno::ELOOP.into());
                }
                let target = PathBuf::from(readlinkat(&next.fd, "")?);
                led_by = next.stat.st_uid;
                if target.is_absolute() {
                    here = self.0.again()?;
                    if led_by != 0 && led_by != here.stat.st_uid {
                        return Err(io::Error::other(format!("unsafe: a link of user {led_by} leads to {}", target.display())));
                    }
                }
                todo.extend(parts(&target));
                continue;
            }
            let next = match missing {
                Missing::MadeOver if next.kind() != SFlag::S_IFDIR => {
                    unlinkat(&here.fd, part.as_os_str(), UnlinkatFlags::NoRemoveDir)?;
                    here.make(&part)?
                }
                Missing::Refused | Missing::Made | Missing::MadeOver => next,
            };
            led_by = next.stat.st_uid;
            here = next;
        }
        Ok(here)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Itself,
    Followed,
}

/// The parts of a path, the first last.
fn parts(path: &Path) -> Vec<OsString> {
    let part = |component: Component<'_>| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
    };
    path.components().rev().filter_map(part).collect()
}

fn held(fd: OwnedFd) -> io::Result<Node> {
    let stat = fstat(&fd)?;
    Ok(Node { fd, stat })
}

impl Node {
    /// A name in this directory, itself.
    pub(super) fn look(&self, name: &OsStr) -> io::Result<Self> {
        held(openat(&self.fd, name, LOOK, Mode::empty())?)
    }

    fn again(&self) -> io::Result<Self> {
        Ok(Self { fd: self.fd.try_clone()?, stat: self.stat })
    }

    fn make(&self, name: &OsStr) -> io::Result<Self> {
        match mkdirat(&self.fd, name, Mode::from_bits_truncate(0o755)) {
            Ok(()) | Err(Errno::EEXIST) => self.look(name),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        (self.stat.st_dev, self.stat.st_ino) == (other.stat.st_dev, other.stat.st_ino)
    }

    /// `S_IFREG` and its kin.
    pub(super) fn kind(&self) -> SFlag {
        SFlag::from_bits_truncate(self.stat.st_mode) & SFlag::S_IFMT
    }

    /// A path that leads to this very thing, for calls that take no `O_PATH` descriptor. proc_pid_fd(5).
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.fd.as_raw_fd()))
    }

    /// Names in this directory, in no order.
    pub(super) fn names(&self) -> io::Result<Vec<OsString>> {
        fs::read_dir(self.path())?.map(|entry| entry.map(|entry| entry.file_name())).collect()
    }

    pub(super) fn chmod(&self, bits: u32) -> io::Result<()> {
        Ok(fchmodat(&self.fd, &self.path(), Mode::from_bits_truncate(bits), nix::sys::stat::FchmodatFlags::FollowSymlink)?)
    }

    pub(super) fn chown(&self, uid: u32, gid: u32) -> io::Result<()> {
        Ok(fchownat(&self.fd, "", Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)), AtFlags::AT_EMPTY_PATH)?)
    }

    /// Takes away a name in this directory and all beneath it, on this file system only.
    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        self.remove_to(name, DEEPEST)
    }

    fn remove_to(&self, name: &OsStr, deeper: u32) -> io::Result<()> {
        match unlinkat(&self.fd, name, UnlinkatFlags::NoRemoveDir) {
            Err(Errno::EISDIR | Errno::EPERM) => {}
            other => return Ok(other?),
        }
        let node = self.look(name)?;
        if node.stat.st_dev == self.stat.st_dev {
            node.empty_to(deeper)?;
        }
        Ok(unlinkat(&self.fd, name, UnlinkatFlags::RemoveDir)?)
    }

    /// Takes away all that is in this directory.
    pub(super) fn empty(&self) -> io::Result<()> {
        self.empty_to(DEEPEST)
    }

    fn empty_to(&self, deeper: u32) -> io::Result<()> {
        let Some(deeper) = deeper.checked_sub(1) else { return Err(Errno::ELOOP.into()) };
        let mut first = Ok(());
        for name in self.names()? {
            match self.remove_to(&name, deeper) {
                Err(error) if error.kind() != io::ErrorKind::NotFound && first.is_ok() => first = Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        first
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_stay_in_the_tree_and_loops_end() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("a/b")).unwrap();
        fs::write(at("a/b/file"), "x").unwrap();
        for (target, link) in [("/a", "absolute"), ("../../..", "a/up"), ("loop", "loop"), ("b/file", "a/near")] {
            symlink(target, at(link)).unwrap();
        }
        let tree = Tree::open(folder.path()).unwrap();
        let file = tree.node("/a/b/file").unwrap();
        for path in ["/absolute/b/file", "/a/up/a/b/file", "/absolute/up/absolute/up/a/b/../b/file"] {
            assert!(tree.node(path).unwrap().is(&file), "{path}");
        }
        assert_eq!(tree.node("/a/near").unwrap().kind(), SFlag::S_IFLNK);
        assert!(tree.target("/a/near").unwrap().is(&file));
        assert!(tree.node("/loop/x").is_err());
        assert!(tree.parent("/a/b/file/x", Missing::Made).is_err());
        let (parent, name) = tree.parent("/absolute/n/m/x", Missing::Made).unwrap();
        assert!(parent.look(name).is_err() && at("a/n/m").is_dir());
        tree.node("/").unwrap().remove(OsStr::new("a")).unwrap();
        assert!(!at("a").exists());
    }
}
