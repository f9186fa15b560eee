use crate::value::{Limit, Signal};
use std::time::Duration;

/// What follows when a service ends by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Restart {
    /// After which ends it is started again.
    pub policy: RestartPolicy,
    /// Pause before the first restart.
    pub delay: Duration,
    /// Each further pause is this many times as long; at least 1.
    pub backoff: f64,
    /// The longest pause.
    pub max_delay: Duration,
    /// So many starts …
    pub burst: Limit<u32>,
    /// … in this time, and no more is tried.
    pub interval: Duration,
    /// Up for so long, it counts as healthy and the pauses begin anew.
    pub reset_after: Duration,
    /// Ends after which it is never started again, whatever the policy.
    pub prevent: Statuses,
    /// Ends after which it is always started again.
    pub force: Statuses,
}

/// Ways for a process to end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statuses {
    /// Exit codes.
    pub codes: Vec<u8>,
    /// Signals.
    pub signals: Vec<Signal>,
}

/// After which ends a service is started again; systemd.service(5), `Restart=`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RestartPolicy {
    /// Never.
    No,
    /// Whatever happened.
    Always,
    /// Ended with success.
    OnSuccess,
    /// Failed: exit code, signal, time-out, watchdog.
    #[default]
    OnFailure,
    /// Signal, time-out, watchdog; not an exit code.
    OnAbnormal,
    /// Signal.
    OnAbort,
    /// The watchdog was not told in time.
    OnWatchdog,
}

impl Default for Restart {
    fn default() -> Self {
        Self {
            policy: RestartPolicy::default(),
            delay: Duration::from_millis(100),
            backoff: 2.0,
            max_delay: Duration::from_secs(30),
            burst: Limit::At(5),
            interval: Duration::from_secs(10),
            reset_after: Duration::from_secs(60),
            prevent: Statuses::default(),
            force: Statuses::default(),
        }
    }
}

impl Restart {
    /// The pause before the restart that follows the `failures`-th failure in a row (from 1).
    #[must_use]
    pub fn pause(&self, failures: u32) -> Duration {
        let exponent = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.delay.as_secs_f64() * self.backoff.max(1.0).powi(exponent);
        let most = self.max_delay.max(self.delay);
        Duration::try_from_secs_f64(seconds).map_or(most, |pause| pause.min(most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_never_overflow() {
        let restart = Restart::default();
        let millis: Vec<u128> = [1, 2, 3, 8, 9, 10, u32::MAX].map(|n| restart.pause(n).as_millis()).to_vec();
        assert_eq!(millis, [100, 200, 400, 12_800, 25_600, 30_000, 30_000]);
    }
}
