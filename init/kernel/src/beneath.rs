//! Paths that stay beneath a directory: every write of the host into a guest's tree goes through [`Dir`].
//!
//! A path given here is resolved by openat2(2) with `RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS`: a symbolic link in the tree, absolute or with
//! `..`, leads to another place in the same tree and never out of it (CVE-2015-1335, CVE-2021-30465 and their kin). There is no path after
//! the open: what is done next is done to the descriptor.

use std::ffi::CString;
use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use nix::dir::Dir as Listing;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat, mkdirat};
use nix::unistd::{Gid, LinkatFlags, Uid, UnlinkatFlags, fchownat, linkat, symlinkat, unlinkat};

use crate::{mount, raw};

/// A directory that paths cannot leave.
#[derive(Debug)]
pub struct Dir(OwnedFd);

impl Dir {
    /// The directory at `path` of the host. Its last part must not be a link (`ELOOP` or `ENOTDIR`).
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = mount::c_path(path)?;
        let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW;
        Ok(Self(raw::openat2(mount::working_directory(), &path, flags, 0, 0)?))
    }

    fn resolve(&self, path: &Path, flags: i32, mode: u32) -> io::Result<OwnedFd> {
        let path = mount::c_path(path)?;
        let resolve = libc::RESOLVE_IN_ROOT | libc::RESOLVE_NO_MAGICLINKS;
        Ok(raw::openat2(self.0.as_fd(), &path, flags, mode, resolve)?)
    }

    /// The directory at `path` in the tree.
    pub fn dir(&self, path: &Path) -> io::Result<Self> {
        self.resolve(path, libc::O_RDONLY | libc::O_DIRECTORY, 0).map(Self)
    }

    /// The same with what is missing of it made, each part with `mode`; links to directories in the tree are followed.
    pub fn make_dirs(&self, path: &Path, mode: u32) -> io::Result<Self> {
        let mut sofar = PathBuf::new();
        for part in path.components() {
            match part {
                Component::Normal(name) => {
                    let parent = self.dir(if sofar.as_os_str().is_empty() { Path::new(".") } else { &sofar })?;
                    sofar.push(name);
                    match mkdirat(&parent.0, name, Mode::from_bits_truncate(mode)) {
                        Ok(()) | Err(Errno::EEXIST) => {}
                        Err(e) => return Err(e.into()),
                    }
                }
                Component::CurDir | Component::RootDir => {}
                Component::ParentDir | Component::Prefix(_) => return Err(io::ErrorKind::InvalidInput.into()),
            }
        }
        self.dir(if sofar.as_os_str().is_empty() { Path::new(".") } else { &sofar })
    }

    /// The file at `path`, for reading: a file with content of its own. Anything else is refused before it is opened (`InvalidInput`), for
    /// opening or reading it would be an act of the caller's, with the caller's rights, that who made the tree could not do: emptying
    /// `/proc/kmsg`, reading a device's registers in `/sys`, taking what is typed on a terminal.
    pub fn open_file(&self, path: &Path) -> io::Result<File> {
        let found = self.resolve(path, libc::O_PATH, 0)?;
        let is_file = SFlag::from_bits_truncate(nix::sys::stat::fstat(&found)?.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG;
        if !is_file || speaks_for_the_kernel(&found)? {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // The same file, by its descriptor: nobody can put another in its place.
        let again = PathBuf::from(format!("/proc/self/fd/{}", found.as_raw_fd()));
        Ok(File::from(raw::openat2(mount::working_directory(), &mount::c_path(&again)?, libc::O_RDONLY | libc::O_NOCTTY, 0, 0)?))
    }

    /// Its content, at most `limit` bytes (`FileTooLarge` above that).
    pub fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let file = self.open_file(path)?;
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
    }

    /// Writes a whole file anew, by write-and-rename in its directory: what stood at `path`, a link too, is replaced and never followed.
    pub fn write(&self, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
        let (parent, name) = self.parent_of(path)?;
        let temporary = temporary_name(name)?;
        let _ = unlinkat(&parent.0, temporary.as_c_str(), UnlinkatFlags::NoRemoveDir);
        let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW;
        let mut file = File::from(raw::openat2(parent.0.as_fd(), &temporary, flags, mode, libc::RESOLVE_BENEATH)?);
        file.write_all(bytes)?;
        file.set_permissions(Permissions::from_mode(mode))?;
        nix::fcntl::renameat(&parent.0, temporary.as_c_str(), &parent.0, name)?;
        Ok(())
    }

    /// A new file at `path` that was not there (`AlreadyExists`), open for writing.
    pub fn create_new(&self, path: &Path, mode: u32) -> io::Result<File> {
        let (parent, name) = self.parent_of(path)?;
        let name = c_name(name)?;
        let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW;
        Ok(File::from(raw::openat2(parent.0.as_fd(), &name, flags, mode, libc::RESOLVE_BENEATH)?))
    }

    /// The directory that holds `path`, and the last part of `path`.
    pub fn parent_of<'p>(&self, path: &'p Path) -> io::Result<(Self, &'p Path)> {
        let name = match path.components().next_back() {
            Some(Component::Normal(name)) => Path::new(name),
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        };
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok((self.dir(parent)?, name))
    }

    /// A symbolic link at `path`; `AlreadyExists` when something is there. `target` is stored as it is.
    pub fn symlink(&self, target: &Path, path: &Path) -> io::Result<()> {
        let (parent, name) = self.parent_of(path)?;
        Ok(symlinkat(target, &parent.0, name)?)
    }

    /// What is at `path` itself (a link is not followed); `None` when nothing is.
    pub fn stat(&self, path: &Path) -> io::Result<Option<FileStat>> {
        let (parent, name) = match self.parent_of(path) {
            Ok(found) => found,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        match fstatat(&parent.0, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::ENOENT) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// Where the link at `path` leads, as it is written; `None` when nothing is there, or no link.
    pub fn link(&self, path: &Path) -> io::Result<Option<PathBuf>> {
        let (parent, name) = match self.parent_of(path) {
            Ok(found) => found,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        match readlinkat(&parent.0, name) {
            Ok(target) => Ok(Some(target.into())),
            // EINVAL: something else than a link. readlink(2)
            Err(Errno::ENOENT | Errno::EINVAL) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// Whether anything is at `path`, a dangling link too.
    pub fn exists(&self, path: &Path) -> io::Result<bool> {
        self.stat(path).map(|s| s.is_some())
    }

    /// Gives `path` itself to an owner.
    pub fn chown(&self, path: &Path, uid: u32, gid: u32) -> io::Result<()> {
        let (parent, name) = self.parent_of(path)?;
        Ok(fchownat(&parent.0, name, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)), AtFlags::AT_SYMLINK_NOFOLLOW)?)
    }

    /// Another name for what is at `path` itself (a link is not followed); `AlreadyExists` when the name is taken. linkat(2)
    pub fn hard_link(&self, path: &Path, other: &Path) -> io::Result<()> {
        let ((from, old), (to, new)) = (self.parent_of(path)?, self.parent_of(other)?);
        Ok(linkat(&from.0, old, &to.0, new, LinkatFlags::empty())?)
    }

    /// Gives what is at `path` itself another name, in the place of what has it. rename(2)
    pub fn rename(&self, path: &Path, other: &Path) -> io::Result<()> {
        let ((from, old), (to, new)) = (self.parent_of(path)?, self.parent_of(other)?);
        Ok(nix::fcntl::renameat(&from.0, old, &to.0, new)?)
    }

    /// Removes the file, link or empty directory at `path`; nothing there is fine.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        let (parent, name) = match self.parent_of(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        match unlinkat(&parent.0, name, UnlinkatFlags::NoRemoveDir) {
            Err(Errno::EISDIR) => Ok(unlinkat(&parent.0, name, UnlinkatFlags::RemoveDir)?),
            Err(Errno::ENOENT) => Ok(()),
            other => Ok(other?),
        }
    }

    /// The names in this directory, without `.` and `..`.
    pub fn names(&self) -> io::Result<Vec<CString>> {
        names_of(&self.0)
    }
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Whether a file is of a file system whose files are made up when they are read.
fn speaks_for_the_kernel(file: &OwnedFd) -> io::Result<bool> {
    use nix::sys::statfs;
    const MADE_UP: [statfs::FsType; 6] = [
        statfs::PROC_SUPER_MAGIC,
        statfs::SYSFS_MAGIC,
        statfs::CGROUP_SUPER_MAGIC,
        statfs::CGROUP2_SUPER_MAGIC,
        statfs::DEBUGFS_MAGIC,
        statfs::TRACEFS_MAGIC,
    ];
    Ok(MADE_UP.contains(&statfs::fstatfs(file)?.filesystem_type()))
}

fn c_name(name: &Path) -> io::Result<CString> {
    mount::c_path(name)
}

fn temporary_name(name: &Path) -> io::Result<CString> {
    let mut text = b".fief-".to_vec();
    text.extend_from_slice(name.as_os_str().as_encoded_bytes());
    text.truncate(255);
    CString::new(text).map_err(|_| io::ErrorKind::InvalidInput.into())
}

fn names_of(dir: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut listing = Listing::openat(dir, ".", OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    let mut names = Vec::new();
    for entry in listing.iter() {
        let name = entry?.file_name().to_owned();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name);
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("fief-test-beneath-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn a_link_cannot_lead_out() {
        let path = scratch("link");
        let outside = scratch("outside");
        std::os::unix::fs::symlink(&outside, path.join("etc")).unwrap();
        std::os::unix::fs::symlink("../../../../../../etc", path.join("up")).unwrap();
        let dir = Dir::open(&path).unwrap();
        assert_eq!(dir.write(Path::new("etc/x"), b"y", 0o644).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(
            dir.dir(Path::new("up")).unwrap_err().kind() == io::ErrorKind::NotADirectory || !dir.exists(Path::new("up/passwd")).unwrap()
        );
        assert!(std::fs::read_dir(&outside).unwrap().next().is_none());
        assert_eq!(dir.link(Path::new("up")).unwrap(), Some(PathBuf::from("../../../../../../etc")));
        assert_eq!((dir.link(Path::new("none")).unwrap(), dir.link(Path::new("none/x")).unwrap()), (None, None));
        // A link as the last part is replaced, not followed.
        std::os::unix::fs::symlink(outside.join("victim"), path.join("last")).unwrap();
        dir.write(Path::new("last"), b"z", 0o600).unwrap();
        assert_eq!(std::fs::read(path.join("last")).unwrap(), b"z");
        assert!(!outside.join("victim").exists());
        std::fs::remove_dir_all(path).unwrap();
        std::fs::remove_dir(outside).unwrap();
    }

    #[test]
    fn dirs_are_made_once_and_reads_are_bounded() {
        let path = scratch("make");
        let dir = Dir::open(&path).unwrap();
        dir.make_dirs(Path::new("/a/b/c"), 0o755).unwrap();
        dir.make_dirs(Path::new("a/b/c"), 0o755).unwrap();
        dir.write(Path::new("a/b/c/f"), &[7; 100], 0o640).unwrap();
        assert_eq!(dir.read(Path::new("a/b/c/f"), 100).unwrap().len(), 100);
        assert_eq!(dir.read(Path::new("a/b/c/f"), 99).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert!(dir.make_dirs(Path::new("a/../x"), 0o755).is_err());
        std::fs::remove_dir_all(path).unwrap();
    }
}
