//! What a guest may cost its keeper.
//!
//! The keeper is outside the guest's limits. A guest that talks without end, on its console or to the notify socket, would have it work without
//! end, on nobody's account. So it listens for so much a second; what lies unheard meanwhile fills a buffer of the kernel's, and then it is the
//! guest that waits.

use std::time::{Duration, Instant};

/// So many at once, so many more each second.
#[derive(Debug)]
pub(super) struct Allowance {
    left: i64,
    most: i64,
    each_second: i64,
    seen: Instant,
}

impl Allowance {
    /// A full one.
    pub(super) fn new(most: u32, each_second: u32) -> Self {
        Self { left: most.into(), most: most.into(), each_second: i64::from(each_second).max(1), seen: Instant::now() }
    }

    /// Something was used; more than was left is a debt.
    pub(super) fn take(&mut self, amount: usize) {
        self.left = self.left.saturating_sub(i64::try_from(amount).unwrap_or(i64::MAX)).max(-self.most);
    }

    /// How long to wait until there is some again; `None` when there is.
    pub(super) fn wait(&mut self, now: Instant) -> Option<Duration> {
        let passed = i64::try_from(now.saturating_duration_since(self.seen).as_millis()).unwrap_or(i64::MAX);
        let earned = passed.saturating_mul(self.each_second) / 1000;
        if earned > 0 {
            self.left = self.left.saturating_add(earned).min(self.most);
            self.seen = now;
        }
        // A tenth of a second's worth at a time: not a wake-up for each of them.
        (self.left <= 0).then(|| {
            let missing = self.each_second / 10 - self.left + 1;
            Duration::from_millis(u64::try_from(missing.saturating_mul(1000) / self.each_second).unwrap_or(1).max(1))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_comes_back_with_time_and_never_more_than_the_most() {
        let mut allowance = Allowance::new(10, 100);
        let begin = allowance.seen;
        let at = |ms| begin + Duration::from_millis(ms);
        assert_eq!(allowance.wait(at(0)), None);
        allowance.take(10);
        assert_eq!(allowance.wait(at(0)), Some(Duration::from_millis(110)));
        assert_eq!(allowance.wait(at(110)), None);
        allowance.take(1000);
        assert_eq!(allowance.left, -10, "a debt is bounded");
        assert_eq!(allowance.wait(at(60_000)), None);
        assert_eq!(allowance.left, 10);
    }
}
