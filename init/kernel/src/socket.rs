//! Sockets by number: what the tables of socket(7), ip(7), ipv6(7), tcp(7) and unix(7) name, set alike.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;

/// setsockopt(2) with an `int`.
pub fn set_number(socket: impl AsFd, level: i32, option: i32, value: i32) -> Result<(), Errno> {
    set_bytes(socket, level, option, &value.to_ne_bytes())
}

/// setsockopt(2) with bytes: a name, or a struct.
pub fn set_bytes(socket: impl AsFd, level: i32, option: i32, value: &[u8]) -> Result<(), Errno> {
    let length = libc::socklen_t::try_from(value.len()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: `value` lives through the call and has that length.
    Errno::result(unsafe { libc::setsockopt(socket.as_fd().as_raw_fd(), level, option, value.as_ptr().cast(), length) }).map(drop)
}

/// socket(2), close-on-exec and non-blocking; families and protocols are the kernel's numbers.
pub fn create(family: i32, kind: i32, protocol: i32) -> Result<OwnedFd, Errno> {
    // SAFETY: socket(2) takes numbers.
    let fd = Errno::result(unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, protocol) })?;
    // SAFETY: a new descriptor, which nobody else took.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// listen(2); the kernel cuts `backlog` to `net.core.somaxconn`.
pub fn listen(socket: impl AsFd, backlog: i32) -> Result<(), Errno> {
    // SAFETY: listen(2) takes numbers.
    Errno::result(unsafe { libc::listen(socket.as_fd().as_raw_fd(), backlog) }).map(drop)
}

/// accept4(2): the next connection, close-on-exec. `EAGAIN` when none waits.
pub fn accept(listener: impl AsFd) -> Result<OwnedFd, Errno> {
    let none = std::ptr::null_mut();
    // SAFETY: a null address and length say that nobody wants the peer's.
    let fd = Errno::result(unsafe { libc::accept4(listener.as_fd().as_raw_fd(), none, std::ptr::null_mut(), libc::SOCK_CLOEXEC) })?;
    // SAFETY: a new descriptor, which nobody else took.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// mq_open(3): a message queue, made where there is none, with at most so many messages of such a size. On Linux it is a descriptor like any other.
pub fn message_queue(name: &CStr, flags: i32, mode: u32, bounds: Option<(libc::c_long, libc::c_long)>) -> Result<OwnedFd, Errno> {
    // SAFETY: an all-zero mq_attr is one.
    let mut attributes: libc::mq_attr = unsafe { std::mem::zeroed() };
    if let Some((messages, size)) = bounds {
        attributes.mq_maxmsg = messages;
        attributes.mq_msgsize = size;
    }
    let attributes = bounds.map_or(std::ptr::null(), |_| &raw const attributes);
    // SAFETY: `name` is a C string, and the attributes, where given, a whole mq_attr; both live through the call.
    let fd = Errno::result(unsafe { libc::mq_open(name.as_ptr(), flags | libc::O_CREAT | libc::O_CLOEXEC, mode, attributes) })?;
    // SAFETY: a new descriptor, which nobody else took.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Whether what was handed to this program has been taken.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The descriptors that whoever began this program has handed to it, from 3 on, close-on-exec from now on; sd_listen_fds(3). None when asked again,
/// and none after the first that is not open.
pub fn handed() -> Vec<OwnedFd> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<i32>().ok());
    if number("LISTEN_PID").is_none_or(|pid| !u32::try_from(pid).is_ok_and(|pid| pid == std::process::id()))
        || TAKEN.swap(true, Ordering::Relaxed)
    {
        return Vec::new();
    }
    let last = number("LISTEN_FDS").unwrap_or(0).clamp(0, 1024) + 3;
    let mut all = Vec::new();
    for number in 3..last {
        // SAFETY: F_SETFD takes a number, which need not be open.
        if unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } == -1 {
            break;
        }
        // SAFETY: it is open, is ours by the protocol of LISTEN_FDS, and nobody takes it twice.
        all.push(unsafe { OwnedFd::from_raw_fd(number) });
    }
    all
}
