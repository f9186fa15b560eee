//! What the root tests stand on: a host of their own within this one, and what must not be left on it.
//!
//! ```text
//! Host ── FIEF_ROOT   a temporary directory: config, containers, templates, run-time records, logs
//!      ├─ cgroup      fief-test-XXXX below every hierarchy's root
//!      ├─ network     the namespace fief-test-XXXX; bridge and nft table of that name are made in it
//!      └─ drop        destroys the containers, then looks for anything left: that fails the test
//! ```
//!
//! Nothing here waits by sleeping: commands return when the thing has happened, and what has no such command
//! is looked at in a bounded loop by [`until`].
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stderr, reason = "libtest shows it when the test fails")]

mod cgroups;
mod host;
mod leaks;
mod outcome;
mod seat;

use std::time::{Duration, Instant};

pub use host::{DEBIAN, FOREIGN, Host, finish, program};
pub use outcome::Outcome;
pub use seat::{Given, Seat};

/// How long anything may take before a test gives up: five minutes, or `FIEF_TEST_PATIENCE` seconds. Emulated machines
/// are slow; no test that passes depends on it.
#[must_use]
pub fn patience() -> Duration {
    let asked = std::env::var("FIEF_TEST_PATIENCE").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(asked.unwrap_or(300))
}

/// Looks at `happened` until it is so; for what no command or event tells.
///
/// # Panics
/// When it has not happened after [`patience`].
pub fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let (begun, patience) = (Instant::now(), patience());
    while !happened() {
        assert!(begun.elapsed() < patience, "still not so after {patience:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Random numbers that can be had again: the seed is printed, and taken from `FIEF_TEST_SEED` if that is set.
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice with a seed that the test's output names.
    #[must_use]
    pub fn new() -> Self {
        let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let fresh = clock.map_or(1, |since| u64::from(since.subsec_nanos()) << 16 ^ since.as_secs());
        let seed = std::env::var("FIEF_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(fresh);
        eprintln!("FIEF_TEST_SEED={seed}");
        Self(seed | 1)
    }

    /// A number below `end` (xorshift64*).
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % end.max(1)
    }
}

impl Default for Dice {
    fn default() -> Self {
        Self::new()
    }
}
