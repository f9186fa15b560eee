//! `C`: a file or a tree of them, with modes, owners and times.

use std::ffi::OsStr;
use std::fs::{File, FileTimes};
use std::io;
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat, readlinkat};
use nix::sys::stat::{Mode, SFlag, mkdirat, mknodat};
use nix::unistd::{mkfifoat, symlinkat};

use super::super::tree::{DEEPEST, Node};
use super::access::Age;
use super::plan::Item;

/// Copies `source` to a name in `parent` unless something is there that is no empty directory; whether it was made.
pub(super) fn copy(source: &Node, parent: &Node, name: &OsStr, item: &Item) -> io::Result<Age> {
    match parent.look(name) {
        Ok(there) => {
            let merges = source.kind() == SFlag::S_IFDIR && there.kind() == SFlag::S_IFDIR && there.names()?.is_empty();
            if merges {
                within(source, &there, item, DEEPEST)?;
            }
            Ok(Age::Old)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => one(source, parent, name, item, DEEPEST).map(|()| Age::New),
        Err(error) => Err(error),
    }
}

fn within(source: &Node, target: &Node, item: &Item, deeper: u32) -> io::Result<()> {
    let deeper = deeper.checked_sub(1).ok_or(Errno::ELOOP)?;
    source.names()?.iter().try_for_each(|name| one(&source.look(name)?, target, name, item, deeper))
}

fn one(source: &Node, parent: &Node, name: &OsStr, item: &Item, deeper: u32) -> io::Result<()> {
    let kind = source.kind();
    let private = Mode::S_IRUSR | Mode::S_IWUSR;
    let mut content = None;
    match kind {
        SFlag::S_IFDIR => mkdirat(&parent.fd, name, Mode::S_IRWXU)?,
        SFlag::S_IFREG => {
            let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
            let to = File::from(openat(&parent.fd, name, flags, private)?);
            let from = File::from(open(&source.path(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?);
            io::copy(&mut &from, &mut &to)?;
            content = Some(to);
        }
        SFlag::S_IFLNK => symlinkat(readlinkat(&source.fd, "")?.as_os_str(), &parent.fd, name)?,
        SFlag::S_IFIFO => mkfifoat(&parent.fd, name, private)?,
        // A socket without who listens is a name.
        SFlag::S_IFCHR | SFlag::S_IFBLK | SFlag::S_IFSOCK => mknodat(&parent.fd, name, kind, private, source.stat.st_rdev)?,
        _ => return Err(io::ErrorKind::Unsupported.into()),
    }
    let made = parent.look(name)?;
    if kind == SFlag::S_IFDIR {
        within(source, &made, item, deeper)?;
    }
    made.chown(item.user.map_or(source.stat.st_uid, |user| user.id), item.group.map_or(source.stat.st_gid, |group| group.id))?;
    if kind != SFlag::S_IFLNK {
        made.chmod(source.stat.st_mode & 0o7777)?;
    }
    if let Some(file) = content {
        let at = |seconds: i64, nanos: i64| {
            let since = Duration::new(u64::try_from(seconds).unwrap_or(0), u32::try_from(nanos).unwrap_or(0));
            SystemTime::UNIX_EPOCH + since
        };
        let stat = &source.stat;
        file.set_times(
            FileTimes::new().set_accessed(at(stat.st_atime, stat.st_atime_nsec)).set_modified(at(stat.st_mtime, stat.st_mtime_nsec)),
        )?;
    }
    Ok(())
}
