//! What each fuzz target does with its bytes.
//!
//! ```text
//!   bytes ─▶ fuzz_targets/NAME.rs ─▶ a function here ─▶ the reader, and what must hold of its answer
//! ```
//!
//! That nothing panics is the least of it. Each function says beside it what else must hold: what is written again reads the same,
//! what is bounded stays bounded, one bad file leaves its neighbours alone. Time and memory for one input are libFuzzer's to watch
//! (`-timeout`, `-rss_limit_mb`; see `xtask/src/fuzz.rs`). An input that once failed stays in `regressions/` and is tried first.
#![forbid(unsafe_code)]
#![allow(clippy::panic, clippy::missing_panics_doc, reason = "a panic is how a target says what is wrong")]

mod accounts;
mod bus;
mod control;
mod counters;
mod files;
mod graph;
mod install;
mod lines;
mod log;
mod networkd;
mod state;
mod values;
mod words;

pub use accounts::accounts;
pub use bus::{bus_greeting, bus_message, bus_value};
pub use control::{reply, request};
pub use counters::accounting;
pub use files::{systemd_unit, toml_unit};
pub use graph::graph;
pub use install::{install, specifiers, sysv};
pub use lines::{sysusers, tmpfiles};
pub use log::{log_file, log_stream, native_entries, pattern, syslog_message};
pub use networkd::networkd;
pub use state::{ledger, state};
pub use values::{calendar, unit_name, value};
pub use words::{command, environment, notify};

/// The bytes as a text, where they are one.
fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}
