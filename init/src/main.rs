//! fief-init: PID 1 of a container, and by its other names the tools to speak to it.
//!
//! ```text
//! fief-init | init                  PID 1: boot, run the units, leave
//! fief-init -- CMD…                 a minimal init for one program
//! fief-init setup WHAT…             the one-time works of a boot, run as units
//! fiefctl                           lists, starts, stops, shows
//! poweroff reboot halt shutdown runlevel telinit
//! ```
//!
//! One thread; one place that blocks (`reactor`). All policy is in the `supervisor` package, all
//! system calls that need `unsafe` in `kernel`; this package turns descriptors into events and
//! actions into calls. It never exits and never panics as PID 1: see `leave`.
#![forbid(unsafe_code)]

mod accounts;
mod console;
mod journal;
mod keeper;
mod mini;
mod program;
mod say;
mod setup;
mod signals;
mod syslog;

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything else: a signal that comes during start-up waits instead of being lost.
    let blocked = signals::block();
    let mut arguments = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    let name = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    if let Err(errno) = blocked {
        say::error(format_args!("fief-init: signals stay unblocked: {}", errno.desc()));
    }
    match rest.first().map(String::as_str) {
        Some("--") => mini::run(rest.get(1..).unwrap_or_default()),
        Some("setup") => setup::run(rest.get(1..).unwrap_or_default()),
        _ => ExitCode::from(2),
    }
}
