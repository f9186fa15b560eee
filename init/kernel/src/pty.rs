//! Pseudo-terminals from a devpts of one's own. pty(7), ioctl_tty(2).
#![allow(unsafe_code)]

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::pty::Winsize;
use nix::sys::stat::Mode;

/// Both ends, and the number under which the peer is seen in its devpts.
#[derive(Debug)]
pub struct Pty {
    /// The controlling end: what a terminal emulator holds.
    pub master: OwnedFd,
    /// The end for the program.
    pub peer: OwnedFd,
    /// `/dev/pts/NUMBER`.
    pub number: u32,
}

/// Opens a new pair from the devpts whose root directory is `devpts`; the peer by `TIOCGPTPEER`, so that no path of a guest is trusted.
/// `O_NOCTTY`: it becomes nobody's controlling terminal.
pub fn open_in(devpts: BorrowedFd<'_>) -> Result<Pty, Errno> {
    let master = openat(devpts, "ptmx", OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW, Mode::empty())?;
    pair(master)
}

fn pair(master: OwnedFd) -> Result<Pty, Errno> {
    let unlock: libc::c_int = 0;
    // SAFETY: TIOCSPTLCK reads one int.
    Errno::result(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSPTLCK, &raw const unlock) })?;
    let mut number: libc::c_uint = 0;
    // SAFETY: TIOCGPTN writes one unsigned int.
    Errno::result(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTN, &raw mut number) })?;
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: TIOCGPTPEER takes open flags by value.
    let peer = Errno::result(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags) })?;
    // SAFETY: the kernel returned a new descriptor, taken here only.
    let peer = unsafe { OwnedFd::from_raw_fd(peer) };
    Ok(Pty { master, peer, number })
}

/// The size of the terminal behind `fd`.
pub fn window_size(fd: impl AsFd) -> Result<Winsize, Errno> {
    let mut size = Winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: TIOCGWINSZ writes one struct winsize.
    Errno::result(unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) })?;
    Ok(size)
}

/// Sets it; the programs on it get SIGWINCH.
pub fn set_window_size(fd: impl AsFd, size: &Winsize) -> Result<(), Errno> {
    // SAFETY: TIOCSWINSZ reads one struct winsize.
    Errno::result(unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), libc::TIOCSWINSZ, std::ptr::from_ref(size)) }).map(drop)
}
