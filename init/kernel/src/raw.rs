//! System calls that neither libc nor nix wraps, one function each, no policy.
//!
//! Every function returns the kernel's errno untouched and wraps a new descriptor at once.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;

pub(crate) const CLONE_PIDFD: u64 = 0x1000;
pub(crate) const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
pub(crate) const CLONE_CLEAR_SIGHAND: u64 = 0x1_0000_0000;
pub(crate) const OPEN_TREE_CLONE: u32 = 1;
const OPEN_TREE_CLOEXEC: u32 = libc::O_CLOEXEC.cast_unsigned();
pub(crate) const AT_RECURSIVE: u32 = 0x8000;
const MOVE_MOUNT_F_EMPTY_PATH: u32 = 0x4;
const MOVE_MOUNT_T_EMPTY_PATH: u32 = 0x40;
const FSOPEN_CLOEXEC: u32 = 1;
const FSMOUNT_CLOEXEC: u32 = 1;

/// The descriptor a system call returned, or its errno.
fn owned(result: libc::c_long) -> Result<OwnedFd, Errno> {
    let fd = Errno::result(result)?;
    let fd = RawFd::try_from(fd).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel returned `fd` as a new descriptor, and this is the only place that takes it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// `struct clone_args`, clone(2), as of Linux 5.7 (`CLONE_ARGS_SIZE_VER2`).
#[repr(C)]
#[derive(Default)]
pub(crate) struct CloneArgs {
    pub(crate) flags: u64,
    pub(crate) pidfd: u64,
    pub(crate) child_tid: u64,
    pub(crate) parent_tid: u64,
    pub(crate) exit_signal: u64,
    pub(crate) stack: u64,
    pub(crate) stack_size: u64,
    pub(crate) tls: u64,
    pub(crate) set_tid: u64,
    pub(crate) set_tid_size: u64,
    pub(crate) cgroup: u64,
}

/// clone3(2) without `CLONE_VM`: 0 in the child.
///
/// # Safety
/// As fork(2): the child of a threaded process may only do what is async-signal-safe.
pub(crate) unsafe fn clone3(args: &CloneArgs) -> Result<libc::pid_t, Errno> {
    // SAFETY: `args` is a whole `struct clone_args` of the size given; no stack is shared, since CLONE_VM is never set.
    let r = unsafe { libc::syscall(libc::SYS_clone3, std::ptr::from_ref(args), size_of::<CloneArgs>()) };
    Errno::result(r).and_then(|pid| libc::pid_t::try_from(pid).map_err(|_| Errno::ESRCH))
}

/// open_tree(2).
pub(crate) fn open_tree(dir: BorrowedFd<'_>, path: &CStr, flags: u32) -> Result<OwnedFd, Errno> {
    // SAFETY: `path` is a C string that lives through the call; the call takes no other memory.
    owned(unsafe { libc::syscall(libc::SYS_open_tree, dir.as_raw_fd(), path.as_ptr(), flags | OPEN_TREE_CLOEXEC) })
}

/// move_mount(2) from a mount's descriptor onto a place's descriptor.
pub(crate) fn move_mount(tree: BorrowedFd<'_>, place: BorrowedFd<'_>) -> Result<(), Errno> {
    let flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
    let empty = c"".as_ptr();
    // SAFETY: both paths are the empty C string; the call takes no other memory.
    let r = unsafe { libc::syscall(libc::SYS_move_mount, tree.as_raw_fd(), empty, place.as_raw_fd(), empty, flags) };
    Errno::result(r).map(drop)
}

/// fsopen(2).
pub(crate) fn fsopen(kind: &CStr) -> Result<OwnedFd, Errno> {
    // SAFETY: `kind` is a C string that lives through the call.
    owned(unsafe { libc::syscall(libc::SYS_fsopen, kind.as_ptr(), FSOPEN_CLOEXEC) })
}

/// `FSCONFIG_SET_STRING`: one `key=value`.
pub(crate) fn fsconfig_string(fs: BorrowedFd<'_>, key: &CStr, value: &CStr) -> Result<(), Errno> {
    // SAFETY: `key` and `value` are C strings that live through the call.
    let r = unsafe { libc::syscall(libc::SYS_fsconfig, fs.as_raw_fd(), 1_u32, key.as_ptr(), value.as_ptr(), 0) };
    Errno::result(r).map(drop)
}

/// `FSCONFIG_SET_FLAG`: one `key`.
pub(crate) fn fsconfig_flag(fs: BorrowedFd<'_>, key: &CStr) -> Result<(), Errno> {
    let none = std::ptr::null::<libc::c_char>();
    // SAFETY: `key` is a C string that lives through the call; a flag takes no value.
    let r = unsafe { libc::syscall(libc::SYS_fsconfig, fs.as_raw_fd(), 0_u32, key.as_ptr(), none, 0) };
    Errno::result(r).map(drop)
}

/// `FSCONFIG_CMD_CREATE`.
pub(crate) fn fsconfig_create(fs: BorrowedFd<'_>) -> Result<(), Errno> {
    let none = std::ptr::null::<libc::c_char>();
    // SAFETY: the command takes neither key nor value.
    let r = unsafe { libc::syscall(libc::SYS_fsconfig, fs.as_raw_fd(), 6_u32, none, none, 0) };
    Errno::result(r).map(drop)
}

/// fsmount(2) with `MOUNT_ATTR_*`.
pub(crate) fn fsmount(fs: BorrowedFd<'_>, attributes: u32) -> Result<OwnedFd, Errno> {
    // SAFETY: the call takes no memory.
    owned(unsafe { libc::syscall(libc::SYS_fsmount, fs.as_raw_fd(), FSMOUNT_CLOEXEC, attributes) })
}

/// `struct mount_attr`, mount_setattr(2).
#[repr(C)]
#[derive(Default)]
pub(crate) struct MountAttr {
    pub(crate) set: u64,
    pub(crate) clear: u64,
    pub(crate) propagation: u64,
    pub(crate) userns: u64,
}

/// mount_setattr(2) on the mount behind a descriptor.
pub(crate) fn mount_setattr(tree: BorrowedFd<'_>, recursive: bool, attr: &MountAttr) -> Result<(), Errno> {
    let flags = libc::AT_EMPTY_PATH.cast_unsigned() | if recursive { AT_RECURSIVE } else { 0 };
    // SAFETY: `attr` is a whole `struct mount_attr` of the size given.
    let r = unsafe {
        libc::syscall(libc::SYS_mount_setattr, tree.as_raw_fd(), c"".as_ptr(), flags, std::ptr::from_ref(attr), size_of::<MountAttr>())
    };
    Errno::result(r).map(drop)
}

/// `struct open_how`, openat2(2).
#[repr(C)]
struct OpenHow {
    flags: u64,
    mode: u64,
    resolve: u64,
}

/// openat2(2); retried while the kernel says that a rename got in between (EAGAIN).
pub(crate) fn openat2(dir: BorrowedFd<'_>, path: &CStr, flags: i32, mode: u32, resolve: u64) -> Result<OwnedFd, Errno> {
    let how = OpenHow { flags: u64::from((flags | libc::O_CLOEXEC).cast_unsigned()), mode: u64::from(mode), resolve };
    let mut tries = 0;
    loop {
        // SAFETY: `path` is a C string and `how` a whole `struct open_how` of the size given; both live through the call.
        let r = unsafe { libc::syscall(libc::SYS_openat2, dir.as_raw_fd(), path.as_ptr(), std::ptr::from_ref(&how), size_of::<OpenHow>()) };
        match owned(r) {
            Err(Errno::EAGAIN) if tries < 64 => tries += 1,
            Err(Errno::EINTR) => {}
            other => return other,
        }
    }
}

/// pidfd_open(2).
pub(crate) fn pidfd_open(pid: libc::pid_t) -> Result<OwnedFd, Errno> {
    // SAFETY: the call takes no memory.
    owned(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })
}

/// pidfd_send_signal(2).
pub(crate) fn pidfd_send_signal(pidfd: BorrowedFd<'_>, signal: i32) -> Result<(), Errno> {
    let none = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: a null siginfo means the same as kill(2) would send.
    let r = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, none, 0) };
    Errno::result(r).map(drop)
}

/// kcmp(2), `KCMP_FILE`, on two descriptors of this process: 0 when both are the same open file description.
pub(crate) fn kcmp_file(a: BorrowedFd<'_>, b: BorrowedFd<'_>) -> Result<libc::c_long, Errno> {
    const KCMP_FILE: libc::c_int = 0;
    // SAFETY: getpid(2) takes nothing.
    let own = unsafe { libc::getpid() };
    // SAFETY: the call takes numbers.
    Errno::result(unsafe { libc::syscall(libc::SYS_kcmp, own, own, KCMP_FILE, a.as_raw_fd(), b.as_raw_fd()) })
}

/// close_range(2) with `CLOSE_RANGE_CLOEXEC`: marks all descriptors from `first` on.
pub(crate) fn close_range_cloexec(first: u32) -> Result<(), Errno> {
    const CLOSE_RANGE_CLOEXEC: u32 = 4;
    // SAFETY: marking close-on-exec closes nothing that anybody still holds.
    Errno::result(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, CLOSE_RANGE_CLOEXEC) }).map(drop)
}

/// pivot_root(".", "."): the new root is the working directory, the old one is stacked on it.
pub(crate) fn pivot_here() -> Result<(), Errno> {
    let here = c".".as_ptr();
    // SAFETY: both paths are constant C strings.
    Errno::result(unsafe { libc::syscall(libc::SYS_pivot_root, here, here) }).map(drop)
}
