use crate::value::{Limit, Signal};
use std::num::NonZeroU32;
use std::time::Duration;

/// What follows when a service ends by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Restart {
    /// After which ends it is started again.
    pub policy: RestartPolicy,
    /// Pause before the first restart.
    pub delay: Duration,
    /// How the pauses grow.
    pub growth: Growth,
    /// The longest pause.
    pub max_delay: Limit<Duration>,
    /// Whether others hear of what lies between two lives.
    pub mode: RestartMode,
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

/// How the pauses before restarts grow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Growth {
    /// Each is this many times as long as the one before, of failures in a row; at least 1.
    Times(f64),
    /// From the first to the longest in so many equal ratios, restart by restart; systemd.service(5), `RestartSteps=`. Without a longest
    /// one they do not grow.
    Steps(NonZeroU32),
}

/// What others see of a service that ends and is started again; systemd.service(5), `RestartMode=`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RestartMode {
    /// That it has ended: what is bound to it goes down, and who waits for it has failed.
    #[default]
    Normal,
    /// Nothing, until it is up or has failed for good.
    Direct,
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

impl Growth {
    /// In so many steps; none for 0.
    #[must_use]
    pub fn of_steps(number: u32) -> Self {
        NonZeroU32::new(number).map_or(Self::Times(1.0), Self::Steps)
    }
}

impl RestartMode {
    /// Each with its word.
    pub(crate) const WORDS: [(&str, Self); 2] = [("normal", Self::Normal), ("direct", Self::Direct)];
}

impl Default for Restart {
    fn default() -> Self {
        Self {
            policy: RestartPolicy::default(),
            delay: Duration::from_millis(100),
            growth: Growth::Times(2.0),
            max_delay: Limit::At(Duration::from_secs(30)),
            mode: RestartMode::default(),
            burst: Limit::At(5),
            interval: Duration::from_secs(10),
            reset_after: Duration::from_secs(60),
            prevent: Statuses::default(),
            force: Statuses::default(),
        }
    }
}

impl Restart {
    /// The pause before the restart that follows the `failures`-th failure in a row (from 1), after `restarts` restarts of whatever cause.
    #[must_use]
    pub fn pause(&self, failures: u32, restarts: u32) -> Duration {
        let first = self.delay.as_secs_f64();
        let most = self.max_delay.at().map_or(Duration::MAX, |most| most.max(self.delay));
        let times = match (self.growth, self.max_delay) {
            _ if self.delay.is_zero() => return Duration::ZERO,
            (Growth::Times(factor), _) => {
                let exponent = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
                factor.max(1.0).powi(exponent)
            }
            (Growth::Steps(steps), Limit::At(_)) => {
                let share = f64::from(restarts.min(steps.get())) / f64::from(steps.get());
                (most.as_secs_f64() / first).powf(share)
            }
            (Growth::Steps(_), Limit::Max) => 1.0,
        };
        Duration::try_from_secs_f64(first * times).map_or(most, |pause| pause.min(most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_never_overflow() {
        let restart = Restart::default();
        let millis: Vec<u128> = [1, 2, 3, 8, 9, 10, u32::MAX].map(|n| restart.pause(n, 0).as_millis()).to_vec();
        assert_eq!(millis, [100, 200, 400, 12_800, 25_600, 30_000, 30_000]);
        let endless = Restart { max_delay: Limit::Max, ..restart };
        assert_eq!(endless.pause(u32::MAX, 0), Duration::MAX);
    }

    #[test]
    fn steps_lead_to_the_longest_pause_and_no_further() {
        let steps = |max_delay| Restart { growth: Growth::Steps(NonZeroU32::MIN.saturating_add(2)), max_delay, ..Restart::default() };
        let millis = |restart: Restart| [0, 1, 2, 3, 4, u32::MAX].map(|n| restart.pause(9, n).as_millis()).to_vec();
        assert_eq!(millis(steps(Limit::At(Duration::from_millis(800)))), [100, 200, 400, 800, 800, 800]);
        // Without a longest one, or with one that is shorter than the first, all are alike.
        assert_eq!(millis(steps(Limit::Max)), [100; 6]);
        assert_eq!(millis(steps(Limit::At(Duration::from_millis(9)))), [100; 6]);
        assert_eq!(millis(Restart { delay: Duration::ZERO, ..steps(Limit::At(Duration::from_secs(1))) }), [0; 6]);
    }
}
