//! `fief-init pending`: waits for what is planned, run as a unit that `shutdown` starts and `shutdown -c` stops.
//!
//! ```text
//!   plan ─▶ the next of: a warning, the door, the end ─ timerfd(2) ─▶ … ─▶ init is asked to leave
//! ```
//!
//! A clock that is set anew is noticed: what is planned is a time on the wall.

use std::fs;
use std::process::ExitCode;

use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use super::plan::{self, NOLOGIN, Plan, now};
use super::{leave, wall};
use crate::say;

const MINUTE: u64 = 60_000_000;
const HOUR: u64 = 3_600_000_000;
/// Warnings are sent so many minutes before; earlier than that by the hour.
const WARNINGS: [u64; 23] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 25, 40, 55, 70, 100, 130, 150, 180];
/// The door is shut so long before, microseconds.
const LAST_LOGIN: u64 = 5 * MINUTE;
const CLOSED: &str =
    "System is going down. Unprivileged users are not permitted to log in anymore. For technical details, see pam_nologin(8).\n";

pub(crate) fn run() -> ExitCode {
    let Some(plan) = Plan::pending() else {
        say::error(format_args!("pending: nothing is"));
        return ExitCode::SUCCESS;
    };
    let nobody = wall::Caller { name: "root".to_owned(), terminal: None };
    while let Some(left) = plan.at.checked_sub(now()).filter(|left| *left > 0) {
        if left <= LAST_LOGIN && !plan.dry {
            let _ = fs::write(NOLOGIN, CLOSED);
        }
        let warning = warning_before(left);
        let next = if left > LAST_LOGIN { warning.max(LAST_LOGIN) } else { warning };
        match wait_until(plan.at - next) {
            // It was set: what is next may be something else.
            Ok(()) | Err(Errno::ECANCELED) => {}
            Err(errno) => {
                say::error(format_args!("pending: cannot wait: {}", errno.desc()));
                return ExitCode::FAILURE;
            }
        }
        if plan.is_loud && next == warning && next > 0 && plan.at.saturating_sub(now()) <= next {
            wall::warn(plan.mode, Some(plan.at), &plan.message, &nobody);
        }
    }
    if plan.is_loud {
        wall::warn(plan.mode, None, &plan.message, &nobody);
    }
    if plan.dry {
        plan::forget();
        return ExitCode::SUCCESS;
    }
    match leave(plan.mode, false) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            say::error(format_args!("pending: {}", say::chain(&why)));
            ExitCode::FAILURE
        }
    }
}

/// How long before the end the next warning is, when so much is left; 0 is the end itself. Microseconds.
fn warning_before(left: u64) -> u64 {
    let by_the_hour = (left - 1) / HOUR * HOUR;
    let last = WARNINGS.iter().rev().map(|minutes| minutes * MINUTE).find(|before| *before < left).unwrap_or(0);
    by_the_hour.max(last)
}

/// Until this moment, microseconds since 1970; `ECANCELED` when the clock is set meanwhile.
fn wait_until(at: u64) -> nix::Result<()> {
    let timer = TimerFd::new(ClockId::CLOCK_REALTIME, TimerFlags::TFD_CLOEXEC)?;
    let moment = TimeSpec::from(std::time::Duration::from_micros(at.max(1)));
    let flags = TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET;
    timer.set(Expiration::OneShot(moment), flags)?;
    timer.wait()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_come_more_often_towards_the_end() {
        for (left, next) in
            [(1, 0), (60, 0), (61, 1), (300, 4), (900, 14), (901, 15), (3600, 55), (7200, 100), (10_900, 180), (14_401, 240)]
        {
            assert_eq!(warning_before(left * 1_000_000), next * MINUTE, "{left} s");
        }
    }
}
