//! Mounts built detached and attached by descriptor. fsopen(2), fsmount(2), open_tree(2), move_mount(2), mount_setattr(2).

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags};

use crate::raw::{self, MountAttr};

/// `MOUNT_ATTR_*`, mount_setattr(2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes(u32);

impl Attributes {
    /// None of them.
    pub const NONE: Self = Self(0);
    /// `MOUNT_ATTR_RDONLY`
    pub const RDONLY: Self = Self(1);
    /// `MOUNT_ATTR_NOSUID`
    pub const NOSUID: Self = Self(2);
    /// `MOUNT_ATTR_NODEV`
    pub const NODEV: Self = Self(4);
    /// `MOUNT_ATTR_NOEXEC`
    pub const NOEXEC: Self = Self(8);

    /// As the kernel takes them.
    pub(crate) fn bits(self) -> u32 {
        self.0
    }

    /// Both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl std::fmt::Display for Attributes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0 & Self::RDONLY.0 == 0 { "rw" } else { "ro" })?;
        for (bit, word) in [(Self::NOSUID, ",nosuid"), (Self::NODEV, ",nodev"), (Self::NOEXEC, ",noexec")] {
            if self.0 & bit.0 != 0 {
                f.write_str(word)?;
            }
        }
        Ok(())
    }
}

const MOUNT_ATTR_IDMAP: u64 = 0x0010_0000;

/// A mount, or a tree of them, that is attached nowhere yet; dropped, it is gone.
#[derive(Debug)]
pub struct Tree(OwnedFd);

impl Tree {
    /// A new file system. A value of `None` is a flag.
    ///
    /// Allocates nothing: a child between clone and exec may call it.
    pub fn new<'a>(
        kind: &CStr,
        options: impl Iterator<Item = (&'a CStr, Option<&'a CStr>)>,
        attributes: Attributes,
    ) -> Result<Self, Errno> {
        let fs = raw::fsopen(kind)?;
        for (key, value) in options {
            match value {
                Some(value) => raw::fsconfig_string(fs.as_fd(), key, value)?,
                None => raw::fsconfig_flag(fs.as_fd(), key)?,
            }
        }
        raw::fsconfig_create(fs.as_fd())?;
        raw::fsmount(fs.as_fd(), attributes.0).map(Self)
    }

    /// A second mount of what is mounted at `path`: what bind mounts are made of. Allocates nothing.
    pub fn clone_of(dir: BorrowedFd<'_>, path: &CStr, recursive: bool) -> Result<Self, Errno> {
        let flags = raw::OPEN_TREE_CLONE | if recursive { raw::AT_RECURSIVE } else { 0 };
        raw::open_tree(dir, path, flags).map(Self)
    }

    /// [`Tree::clone_of`] of a path of the host.
    pub fn clone_of_path(path: &Path) -> io::Result<Self> {
        let path = c_path(path)?;
        Ok(Self::clone_of(working_directory(), &path, false)?)
    }

    /// Sets attributes on this mount alone.
    pub fn set(&self, attributes: Attributes) -> Result<(), Errno> {
        raw::mount_setattr(self.0.as_fd(), false, &MountAttr { set: attributes.0.into(), ..MountAttr::default() })
    }

    /// Shows the files of this mount with the owners that `userns` maps them to. `EINVAL` when the file system cannot.
    pub fn map_ids(&self, userns: BorrowedFd<'_>) -> Result<(), Errno> {
        use std::os::fd::AsRawFd;
        let userns = u64::try_from(userns.as_raw_fd()).map_err(|_| Errno::EBADF)?;
        raw::mount_setattr(self.0.as_fd(), false, &MountAttr { set: MOUNT_ATTR_IDMAP, userns, ..MountAttr::default() })
    }

    /// Attaches it on the file or directory behind `place`. Allocates nothing.
    pub fn attach(&self, place: BorrowedFd<'_>) -> Result<(), Errno> {
        raw::move_mount(self.0.as_fd(), place)
    }
}

impl From<Tree> for OwnedFd {
    fn from(tree: Tree) -> Self {
        tree.0
    }
}

impl AsFd for Tree {
    /// Its root: a directory (or file) to open things beneath.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// `AT_FDCWD`: paths are relative to the working directory.
pub(crate) fn working_directory() -> BorrowedFd<'static> {
    #[allow(unsafe_code)]
    // SAFETY: AT_FDCWD is no descriptor that could be closed; the kernel reads it as "the working directory".
    unsafe {
        BorrowedFd::borrow_raw(libc::AT_FDCWD)
    }
}

/// The place `path` beneath the directory `root`, by descriptor; no link is followed on the way. Allocates nothing.
pub(crate) fn place_beneath(root: &CStr, path: &CStr) -> Result<OwnedFd, Errno> {
    let dir = raw::openat2(working_directory(), root, libc::O_PATH | libc::O_DIRECTORY, 0, 0)?;
    if path.is_empty() {
        return Ok(dir);
    }
    let resolve = libc::RESOLVE_IN_ROOT | libc::RESOLVE_NO_MAGICLINKS | libc::RESOLVE_NO_SYMLINKS;
    raw::openat2(dir.as_fd(), path, libc::O_PATH, 0, resolve)
}

/// A path as the kernel takes it. `InvalidInput` when it has a NUL byte in it.
pub fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_encoded_bytes()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))
}

/// Opens a directory or file as a place to attach to (`O_PATH`), links followed: for paths of the host only.
pub fn place(path: &Path) -> io::Result<OwnedFd> {
    let path = c_path(path)?;
    Ok(raw::openat2(working_directory(), &path, libc::O_PATH, 0, 0)?)
}

/// Makes all mounts of the caller's namespace receive from their peers and send nothing back; mount_namespaces(7).
pub fn slave_all() -> Result<(), Errno> {
    nix::mount::mount(None::<&str>, "/", None::<&str>, MsFlags::MS_SLAVE | MsFlags::MS_REC, None::<&str>)
}

/// Takes the mount at `path` away, lazily; umount2(2).
pub fn detach(path: &Path) -> Result<(), Errno> {
    nix::mount::umount2(path, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW)
}

/// Mounts a new file system on `target`, the plain way; for PID 1 that finds one missing. mount(2).
pub fn mount(kind: &str, target: &Path, flags: MsFlags, options: &str) -> Result<(), Errno> {
    nix::mount::mount(Some(kind), target, Some(kind), flags, Some(options))
}
