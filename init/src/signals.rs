//! Signals to PID 1: blocked from the first instruction, read from one descriptor.
//!
//! A blocked signal is queued even for PID 1 and even at its default action, so nothing sent
//! during boot is lost, and a manager that looks at `SigBlk` sees that SIGRTMIN+3 is understood.
//! signal(7), signalfd(2), pid_namespaces(7).

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// What managers of containers mean by SIGRTMIN: the C library of glibc programs keeps two of
/// the kernel's real-time signals for itself, musl three, the senders are nearly all glibc.
pub(crate) const RTMIN: u32 = 34;

/// What a signal asks of init.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// A child has ended.
    Reap,
    PowerOff,
    Reboot,
    PowerOffNow,
    RebootNow,
    Reload,
    ReopenControl,
    Dump,
}

/// The signals handled: all but those that mean a fault of our own, which must stay deadly.
pub(crate) fn handled() -> SigSet {
    let mut set = SigSet::all();
    for fault in [
        Signal::SIGSEGV,
        Signal::SIGBUS,
        Signal::SIGFPE,
        Signal::SIGILL,
        Signal::SIGABRT,
        Signal::SIGTRAP,
        Signal::SIGSYS,
    ] {
        set.remove(fault);
    }
    set
}

/// Block them. The first thing that main does.
pub(crate) fn block() -> Result<(), Errno> {
    handled().thread_block()
}

/// The descriptor they are read from.
pub(crate) fn descriptor() -> Result<SignalFd, Errno> {
    SignalFd::with_flags(&handled(), SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
}

/// The meaning of a signal's number; `None` for those that mean nothing to init.
pub(crate) fn meaning(number: u32) -> Option<Wish> {
    if let Some(real_time) = number.checked_sub(RTMIN) {
        return match real_time {
            3 | 4 => Some(Wish::PowerOff),
            5 => Some(Wish::Reboot),
            13 | 14 => Some(Wish::PowerOffNow),
            15 => Some(Wish::RebootNow),
            _ => None,
        };
    }
    let signal = i32::try_from(number).ok().and_then(|number| Signal::try_from(number).ok())?;
    match signal {
        Signal::SIGCHLD => Some(Wish::Reap),
        Signal::SIGTERM | Signal::SIGPWR => Some(Wish::PowerOff),
        Signal::SIGINT => Some(Wish::Reboot),
        Signal::SIGHUP => Some(Wish::Reload),
        Signal::SIGUSR1 => Some(Wish::ReopenControl),
        Signal::SIGUSR2 => Some(Wish::Dump),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manager_s_stop_signals_mean_an_ordered_end() {
        assert_eq!(meaning(15), Some(Wish::PowerOff));
        assert_eq!(meaning(30), Some(Wish::PowerOff));
        assert_eq!(meaning(37), Some(Wish::PowerOff));
        assert_eq!(meaning(38), Some(Wish::PowerOff));
        assert_eq!(meaning(39), Some(Wish::Reboot));
        assert_eq!(meaning(48), Some(Wish::PowerOffNow));
        assert_eq!(meaning(49), Some(Wish::RebootNow));
        assert_eq!(meaning(28), None);
    }
}
