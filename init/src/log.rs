//! The log that stays: who receives it, where it is kept, and who reads it.
//!
//! ```text
//! /dev/log, /run/systemd/journal/{socket,stdout} ──▶ keeper ──▶ store ──▶ files ──▶ journalctl
//! PID 1's rings ── the control socket, as any client ──┘  └──▶ /run/systemd/journal/syslog, where a syslog daemon listens
//! ```

pub(crate) mod civil;
mod feed;
mod forward;
mod native;
mod rates;
pub(crate) mod record;
pub(crate) mod recorder;
pub(crate) mod segment;
mod sender;
mod settings;
mod store;
mod stream;
mod words;

/// Where the store is, and where it is while that cannot be written.
pub(crate) const DISK: &str = "/var/log/fief";
pub(crate) const MEMORY: &str = "/run/log/fief";
/// Where readers ask the process that writes.
pub(crate) const READERS: &str = "/run/fief/log";

/// Microseconds since 1970.
pub(crate) fn realtime() -> u64 {
    micros(kernel::time::realtime())
}

/// Microseconds on the clock that nobody sets.
fn monotonic() -> u64 {
    micros(kernel::time::monotonic())
}

fn micros(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
