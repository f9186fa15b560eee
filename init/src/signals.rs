//! What signals mean to init. They are blocked from the first instruction and read from one
//! descriptor ([`kernel::signal`]).
//!
//! A blocked signal is queued even for PID 1 and even at its default action, so nothing sent
//! during boot is lost, and a manager that looks at `SigBlk` sees that SIGRTMIN+3 is understood.
//! signal(7), signalfd(2), pid_namespaces(7).

use kernel::signal::SIGRTMIN;
use nix::sys::signal::Signal;

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
    /// Begin the program anew.
    Reexec,
}

/// The meaning of a signal's number; `None` for those that mean nothing to init.
pub(crate) fn meaning(number: u32) -> Option<Wish> {
    let number = i32::try_from(number).ok()?;
    if number >= SIGRTMIN {
        return match number - SIGRTMIN {
            3 | 4 => Some(Wish::PowerOff),
            5 => Some(Wish::Reboot),
            25 => Some(Wish::Reexec),
            13 | 14 => Some(Wish::PowerOffNow),
            15 => Some(Wish::RebootNow),
            _ => None,
        };
    }
    match Signal::try_from(number).ok()? {
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
        assert_eq!(meaning(59), Some(Wish::Reexec));
        assert_eq!(meaning(28), None);
    }
}
