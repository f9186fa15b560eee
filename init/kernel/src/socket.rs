//! Sockets by number: what the tables of socket(7), ip(7), ipv6(7), tcp(7) and unix(7) name, set alike.
#![allow(unsafe_code)]

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

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
