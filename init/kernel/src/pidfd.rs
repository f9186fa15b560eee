//! A process held by descriptor: it cannot be mistaken for a later one of the same number. pidfd_open(2).

use std::collections::BTreeSet;
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

    /// The processes that `list` names, as far as it still does once they are held: a number that was read may be somebody else's by the time it is
    /// opened, but who is alive after a second look is the one that was seen in it.
    pub fn all_of(list: impl Fn() -> Vec<Pid>) -> Vec<Self> {
        let held: Vec<(Pid, Self)> = list().into_iter().filter_map(|pid| Some((pid, Self::open(pid).ok()?))).collect();
        if held.is_empty() {
            return Vec::new();
        }
        let again: BTreeSet<Pid> = list().into_iter().collect();
        held.into_iter().filter(|(pid, held)| again.contains(pid) && !held.has_ended()).map(|(_, held)| held).collect()
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::spawn::{Gate, Plan, spawn};
    use std::cell::Cell;

    #[test]
    fn a_number_that_has_become_somebody_else_s_is_not_held() {
        let gate = Gate::new().unwrap();
        let steps = [gate.step()];
        let plan = Plan { namespaces: nix::sched::CloneFlags::empty(), cgroup: None, steps: &steps };
        let child = spawn(&plan).unwrap();
        assert_eq!(PidFd::all_of(|| vec![child.pid]).len(), 1);
        let looks = Cell::new(0);
        let second = |act: &dyn Fn() -> Vec<Pid>| {
            looks.set(looks.get() + 1);
            if looks.get() % 2 == 1 { vec![child.pid] } else { act() }
        };
        assert!(PidFd::all_of(|| second(&Vec::new)).is_empty(), "it has left");
        let replaced = || {
            child.end().unwrap();
            vec![child.pid]
        };
        assert!(PidFd::all_of(|| second(&replaced)).is_empty(), "the number is listed, and is no longer that process's");
    }
}
