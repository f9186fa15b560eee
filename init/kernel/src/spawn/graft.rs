//! Mounts of a process's own: what is taken, changed and put where. The child's side allocates nothing.
//!
//! ```text
//! Keep  /var/lib/x ──▶ slot          before anything is changed
//! Graft a slot, the place itself, or a new file system, with these flags, on /place
//! ```
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::rc::Rc;

use nix::errno::Errno;

use crate::mount::{Attributes, Tree, working_directory};
use crate::raw::{self, MountAttr};

/// Where the child keeps a mount between two steps.
#[derive(Debug, Clone)]
pub struct Slot(Rc<Cell<RawFd>>);

impl Slot {
    /// An empty one.
    pub fn new() -> Self {
        Self(Rc::new(Cell::new(-1)))
    }
}

/// The slots of a plan that is being copied: steps that had one in common have one in common.
#[derive(Default)]
pub(super) struct Slots(Vec<(*const Cell<RawFd>, Slot)>);

impl Slots {
    pub(super) fn renew(&mut self, slot: &mut Slot) {
        let old = Rc::as_ptr(&slot.0);
        let known = self.0.iter().find(|(known, _)| *known == old).map(|(_, new)| new.clone());
        *slot = known.unwrap_or_else(|| {
            let new = Slot::new();
            self.0.push((old, new.clone()));
            new
        });
    }
}

impl Default for Slot {
    fn default() -> Self {
        Self::new()
    }
}

/// What is mounted.
#[derive(Debug, Clone)]
pub enum Material {
    /// What a [`super::Step::Keep`] has taken; where that found nothing, nothing is done.
    Kept(Slot),
    /// What is there already: only its flags change.
    Itself,
    /// A new file system: fsopen(2). An option without a value is a flag.
    New {
        /// Its type.
        kind: &'static CStr,
        /// Its options.
        options: Vec<(CString, Option<CString>)>,
    },
}

/// What becomes of a place that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// `ENOENT`.
    Fails,
    /// Nothing is done.
    PassedOver,
    /// It is made, parents too: a directory for a directory, a file for anything else.
    Made,
}

/// One mount.
#[derive(Debug, Clone)]
pub struct Graft {
    /// What.
    pub what: Material,
    /// Flags it gets, and loses, with all mounts beneath it; mount_setattr(2). One that a more privileged mount namespace has set stays.
    pub set: Attributes,
    /// See `set`.
    pub clear: Attributes,
    /// Where; links are followed.
    pub on: CString,
    /// When that is not there.
    pub missing: Missing,
}

/// A path as a place to put something (`O_PATH`), links followed.
fn place(path: &CStr) -> Result<OwnedFd, Errno> {
    raw::openat2(working_directory(), path, libc::O_PATH, 0, 0)
}

/// Takes a copy of the mounts at `path`; see [`super::Step::Keep`].
pub(super) fn keep(path: &CStr, recursive: bool, optional: bool, slot: &Slot) -> Result<(), Errno> {
    let flags = raw::OPEN_TREE_CLONE | if recursive { raw::AT_RECURSIVE } else { 0 };
    match raw::open_tree(working_directory(), path, flags) {
        Ok(tree) => slot.0.set(tree.into_raw_fd()),
        Err(Errno::ENOENT | Errno::ENOTDIR) if optional => {}
        Err(errno) => return Err(errno),
    }
    Ok(())
}

pub(super) fn graft(graft: &Graft) -> Result<(), Errno> {
    let tree = match &graft.what {
        Material::Kept(slot) => match slot.0.replace(-1) {
            -1 => return Ok(()),
            // SAFETY: `keep` has put its own descriptor there and this takes it out.
            fd => unsafe { OwnedFd::from_raw_fd(fd) },
        },
        Material::Itself if graft.on.as_bytes() == b"/" => return change(place(&graft.on)?.as_fd(), graft),
        Material::Itself => match raw::open_tree(working_directory(), &graft.on, raw::OPEN_TREE_CLONE | raw::AT_RECURSIVE) {
            Err(Errno::ENOENT | Errno::ENOTDIR) if graft.missing == Missing::PassedOver => return Ok(()),
            other => other?,
        },
        Material::New { kind, options } => {
            let options = options.iter().map(|(key, value)| (key.as_c_str(), value.as_deref()));
            Tree::new(kind, options, graft.set)?.into()
        }
    };
    if !matches!(graft.what, Material::New { .. }) {
        change(tree.as_fd(), graft)?;
    }
    let on = match place(&graft.on) {
        Err(Errno::ENOENT | Errno::ENOTDIR) if graft.missing == Missing::PassedOver => return Ok(()),
        Err(Errno::ENOENT) if graft.missing == Missing::Made => {
            make_place(&graft.on, tree.as_fd())?;
            place(&graft.on)?
        }
        other => other?,
    };
    raw::move_mount(tree.as_fd(), on.as_fd())
}

fn change(tree: BorrowedFd<'_>, graft: &Graft) -> Result<(), Errno> {
    if graft.set == Attributes::NONE && graft.clear == Attributes::NONE {
        return Ok(());
    }
    let attr = MountAttr { set: graft.set.bits().into(), clear: graft.clear.bits().into(), ..MountAttr::default() };
    raw::mount_setattr(tree, true, &attr)
}

/// Makes `path` fit for `tree` to be put there, 0755 and 0644.
fn make_place(path: &CStr, tree: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: all-zero bytes are a valid struct stat.
    let mut about: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: `about` is a whole struct stat.
    Errno::result(unsafe { libc::fstat(tree.as_raw_fd(), &raw mut about) })?;
    let is_dir = about.st_mode & libc::S_IFMT == libc::S_IFDIR;
    let mut buffer = [0_u8; libc::PATH_MAX as usize];
    let bytes = path.to_bytes();
    buffer.get_mut(..bytes.len()).ok_or(Errno::ENAMETOOLONG)?.copy_from_slice(bytes);
    for end in 1..=bytes.len() {
        let last = end == bytes.len();
        if !last && bytes.get(end) != Some(&b'/') {
            continue;
        }
        // Cut here for a moment: the buffer has room for a NUL behind the longest path that was taken.
        let Some(cut) = buffer.get_mut(end) else { return Err(Errno::ENAMETOOLONG) };
        let before = std::mem::replace(cut, 0);
        let made = if last && !is_dir {
            // SAFETY: `buffer` has a NUL at `end`.
            let fd = unsafe { libc::open(buffer.as_ptr().cast(), libc::O_CREAT | libc::O_EXCL | libc::O_WRONLY | libc::O_CLOEXEC, 0o644) };
            Errno::result(fd).map(|fd| {
                // SAFETY: opened just now.
                drop(unsafe { OwnedFd::from_raw_fd(fd) });
            })
        } else {
            // SAFETY: as above.
            Errno::result(unsafe { libc::mkdir(buffer.as_ptr().cast(), 0o755) }).map(drop)
        };
        match made {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno),
        }
        if let Some(cut) = buffer.get_mut(end) {
            *cut = before;
        }
    }
    Ok(())
}

/// How mounts made elsewhere show here, and those made here elsewhere; mount_namespaces(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// Neither.
    Private,
    /// Those made elsewhere show here.
    Slave,
    /// Both, among those who share it.
    Shared,
}

/// Sets it for all mounts.
pub(super) fn propagate(propagation: Propagation) -> Result<(), Errno> {
    let flag = match propagation {
        Propagation::Private => libc::MS_PRIVATE,
        Propagation::Slave => libc::MS_SLAVE,
        Propagation::Shared => libc::MS_SHARED,
    };
    let none = std::ptr::null();
    // SAFETY: the place is a C string; the other pointers are not looked at.
    Errno::result(unsafe { libc::mount(none, c"/".as_ptr(), none, flag | libc::MS_REC, none.cast()) }).map(drop)
}
