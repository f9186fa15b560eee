//! Clocks and the time namespace. clock_gettime(2), time_namespaces(7).

use std::fs;
use std::io;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

fn read(clock: ClockId) -> Duration {
    // clock_gettime fails only for a clock that the kernel lacks; these it always has.
    clock_gettime(clock).map(Duration::from).unwrap_or_default()
}

/// `CLOCK_MONOTONIC`: stands still while the machine is suspended.
pub fn monotonic() -> Duration {
    read(ClockId::CLOCK_MONOTONIC)
}

/// `CLOCK_BOOTTIME`: runs on through suspend; `/proc/uptime`.
pub fn boottime() -> Duration {
    read(ClockId::CLOCK_BOOTTIME)
}

/// `CLOCK_PROCESS_CPUTIME_ID`: what this process has had of the processors, on its own and in the kernel.
pub fn processor() -> Duration {
    read(ClockId::CLOCK_PROCESS_CPUTIME_ID)
}

/// `CLOCK_REALTIME`: since the epoch, as somebody has set it.
pub fn realtime() -> Duration {
    read(ClockId::CLOCK_REALTIME)
}

/// Whether somebody keeps `CLOCK_REALTIME` in step with the world's; adjtimex(2).
pub fn is_synchronized() -> bool {
    #[allow(unsafe_code)]
    // SAFETY: all-zero bytes are a valid struct timex, which asks for nothing to be changed.
    let mut timex: libc::timex = unsafe { std::mem::zeroed() };
    #[allow(unsafe_code)]
    // SAFETY: `timex` lives through the call.
    let state = unsafe { libc::adjtimex(&raw mut timex) };
    state != -1 && state != libc::TIME_ERROR
}

/// Sets the clocks of the time namespace that the next child will be born into so that both begin at zero.
/// Call after `unshare(CLONE_NEWTIME)`, before that child.
pub fn begin_at_zero() -> io::Result<()> {
    let line = |name: &str, now: Duration| format!("{name} -{} 0\n", now.as_secs());
    let text = line("monotonic", monotonic()) + &line("boottime", boottime());
    fs::write("/proc/self/timens_offsets", text)
}
