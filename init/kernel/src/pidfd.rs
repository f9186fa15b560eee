//! A process held by descriptor: it cannot be mistaken for a later one of the same number. pidfd_open(2).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::raw;

/// A process.
#[derive(Debug)]
pub struct PidFd(OwnedFd);

impl PidFd {
    /// The process with this number now. `ESRCH` when there is none.
    pub fn open(pid: Pid) -> Result<Self, Errno> {
        raw::pidfd_open(pid.as_raw()).map(Self)
    }

    /// Takes a descriptor that clone3(2) or pidfd_open(2) made, in this life of the program or in an earlier one.
    pub fn from_owned(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// pidfd_send_signal(2). `ESRCH` when it has ended.
    pub fn signal(&self, signal: Signal) -> Result<(), Errno> {
        raw::pidfd_send_signal(self.0.as_fd(), signal as i32)
    }

    /// Like [`PidFd::signal`], by number: real-time signals have no name in `Signal`. `SIGRTMIN` is 34 (35 where musl reserves one more;
    /// the kernel's own is 32): managers of containers mean 34 + n, see signal(7).
    pub fn signal_number(&self, number: i32) -> Result<(), Errno> {
        raw::pidfd_send_signal(self.0.as_fd(), number)
    }

    /// Whether it has ended (a zombie has).
    pub fn has_ended(&self) -> bool {
        let mut fds = [nix::poll::PollFd::new(self.0.as_fd(), nix::poll::PollFlags::POLLIN)];
        matches!(nix::poll::poll(&mut fds, nix::poll::PollTimeout::ZERO), Ok(n) if n > 0)
    }
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
