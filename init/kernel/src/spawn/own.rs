//! What a process makes its own by a single call: schedule, namespaces of users and networks, kernel keys. Allocates nothing.
#![allow(unsafe_code)]

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;

use crate::raw;

fn check(result: libc::c_int) -> Result<(), Errno> {
    Errno::result(result).map(drop)
}

/// ioprio_set(2) of the calling process.
pub(super) fn io_priority(value: u16) -> Result<(), Errno> {
    const IOPRIO_WHO_PROCESS: libc::c_int = 1;
    // SAFETY: takes numbers.
    Errno::result(unsafe { libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, libc::c_int::from(value)) }).map(drop)
}

/// sched_setscheduler(2) of the calling process. The system call: musl's function of that name always fails.
pub(super) fn scheduler(policy: i32, priority: i32) -> Result<(), Errno> {
    let priority: libc::c_int = priority;
    // SAFETY: `struct sched_param` is one int, which lives through the call.
    Errno::result(unsafe { libc::syscall(libc::SYS_sched_setscheduler, 0, policy, &raw const priority) }).map(drop)
}

/// sched_setaffinity(2) of the calling process.
pub(super) fn affinity(mask: &[u64]) -> Result<(), Errno> {
    // SAFETY: the mask has that many bytes; little-endian words of any width lie alike.
    Errno::result(unsafe { libc::syscall(libc::SYS_sched_setaffinity, 0, size_of_val(mask), mask.as_ptr()) }).map(drop)
}

/// include/uapi/linux/prctl.h
pub(super) const PR_SET_MEMORY_MERGE: libc::c_int = 67;

/// set_mempolicy(2) of the calling process.
pub(super) fn memory_policy(mode: i32, nodes: &[u64]) -> Result<(), Errno> {
    // One more than there are bits: the kernel takes one off.
    let length = if nodes.is_empty() { 0 } else { nodes.len() * 64 + 1 };
    let mask = if nodes.is_empty() { std::ptr::null() } else { nodes.as_ptr() };
    // SAFETY: the mask, where there is one, has that many bits.
    Errno::result(unsafe { libc::syscall(libc::SYS_set_mempolicy, mode, mask, length) }).map(drop)
}

/// `IFF_UP` for `lo`, which is down in a new network namespace; netdevice(7).
pub(super) fn loopback_up() -> Result<(), Errno> {
    // include/uapi/linux/sockios.h; of libc's own the type differs by target.
    const SIOCGIFFLAGS: libc::Ioctl = 0x8913;
    const SIOCSIFFLAGS: libc::Ioctl = 0x8914;
    // SAFETY: takes numbers.
    let fd = Errno::result(unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) })?;
    // SAFETY: opened just now, and nobody else has it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: all-zero bytes are a valid struct ifreq.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = libc::c_char::from_ne_bytes([*from]);
    }
    // SAFETY: a whole struct ifreq; the kernel fills in the flags.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), SIOCGIFFLAGS, &raw mut request) })?;
    // SAFETY: SIOCGIFFLAGS has filled in this member.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    request.ifr_ifru.ifru_flags = flags | 1;
    // SAFETY: as above; the kernel reads the flags.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), SIOCSIFFLAGS, &raw const request) })
}

/// A user namespace of the caller's own, with these maps. Only a process outside may write them (user_namespaces(7), "Defining user and group ID
/// mappings"): a child of the caller's that stays behind.
pub(super) fn users(uid_map: &[u8], gid_map: &[u8]) -> Result<(), Errno> {
    let mut gate = [-1; 2];
    // SAFETY: `gate` has room for two descriptors.
    check(unsafe { libc::pipe2(gate.as_mut_ptr(), libc::O_CLOEXEC) })?;
    let [wait, open] = gate;
    // SAFETY: made just now; closed with this call.
    let wait = unsafe { OwnedFd::from_raw_fd(wait) };
    // SAFETY: as above.
    let open = unsafe { OwnedFd::from_raw_fd(open) };
    // Opened by the one it is about, looked into by the other: no number needs to be known.
    // SAFETY: a constant C string.
    let about = Errno::result(unsafe { libc::open(c"/proc/self".as_ptr(), libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC) })?;
    // SAFETY: opened just now.
    let about = unsafe { OwnedFd::from_raw_fd(about) };
    let args = raw::CloneArgs { exit_signal: libc::SIGCHLD.cast_unsigned().into(), ..raw::CloneArgs::default() };
    // SAFETY: the child makes system calls only, and ends.
    let helper = unsafe { raw::clone3(&args) }?;
    if helper == 0 {
        drop(open);
        let mut byte = [0_u8];
        // SAFETY: `byte` has room for one. Nothing to be read: the namespace was not to be had.
        let told = unsafe { libc::read(wait.as_raw_fd(), byte.as_mut_ptr().cast(), 1) } == 1;
        let done = told && write_beneath(&about, c"uid_map", uid_map).and_then(|()| write_beneath(&about, c"gid_map", gid_map)).is_ok();
        // SAFETY: _exit(2) takes a number.
        unsafe { libc::_exit(i32::from(!done)) };
    }
    drop(wait);
    // SAFETY: takes a number.
    let unshared = check(unsafe { libc::unshare(libc::CLONE_NEWUSER) });
    if unshared.is_ok() {
        // SAFETY: one byte of a constant.
        unsafe { libc::write(open.as_raw_fd(), b"o".as_ptr().cast(), 1) };
    }
    drop(open);
    let mut status = 0;
    loop {
        // SAFETY: `status` is an int of our own.
        match Errno::result(unsafe { libc::waitpid(helper, &raw mut status, 0) }) {
            Err(Errno::EINTR) => {}
            Err(errno) => return unshared.and(Err(errno)),
            Ok(_) => break,
        }
    }
    unshared?;
    if status == 0 { Ok(()) } else { Err(Errno::EPERM) }
}

fn write_beneath(dir: &OwnedFd, name: &std::ffi::CStr, text: &[u8]) -> Result<(), Errno> {
    // SAFETY: `name` is a C string.
    let fd = Errno::result(unsafe { libc::openat(dir.as_raw_fd(), name.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC) })?;
    // SAFETY: opened just now.
    let file = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: `text` has that length. The kernel takes a map as one write or not at all.
    Errno::result(unsafe { libc::write(file.as_raw_fd(), text.as_ptr().cast(), text.len()) }).map(drop)
}

/// `KEYCTL_LINK` of the user's keyring into the session's; keyrings(7). Passed over as a new keyring is.
pub(super) fn link_user_keyring() -> Result<(), Errno> {
    const KEYCTL_LINK: libc::c_int = 8;
    const SESSION: libc::c_int = -3;
    const USER: libc::c_int = -4;
    // SAFETY: takes numbers.
    match Errno::result(unsafe { libc::syscall(libc::SYS_keyctl, KEYCTL_LINK, USER, SESSION, 0, 0) }) {
        Ok(_) | Err(Errno::ENOSYS | Errno::EPERM) => Ok(()),
        Err(errno) => Err(errno),
    }
}
