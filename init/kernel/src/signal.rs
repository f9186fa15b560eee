//! Signals as a descriptor. signalfd(2), signal(7).

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// The signals by which the kernel tells a process of its own fault: blocked, they would kill it all the same.
const FAULTS: [Signal; 7] =
    [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGFPE, Signal::SIGILL, Signal::SIGABRT, Signal::SIGTRAP, Signal::SIGSYS];

/// `SIGRTMIN` as container managers and glibc count it: 34. The C library keeps the two below for itself.
pub const SIGRTMIN: i32 = 34;

/// All signals but the faults, the real-time ones included.
fn all_but_faults() -> SigSet {
    let mut set = SigSet::all();
    FAULTS.into_iter().for_each(|s| set.remove(s));
    set
}

/// Blocks every signal but faults; what arrives from now on waits for [`descriptor`]. Must come before any thread.
pub fn block_all() -> Result<(), Errno> {
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&all_but_faults()), None)
}

/// A non-blocking, close-on-exec signalfd of every signal but faults.
pub fn descriptor() -> Result<SignalFd, Errno> {
    SignalFd::with_flags(&all_but_faults(), SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
}

/// Blocks nothing any more.
pub fn unblock_all() -> Result<(), Errno> {
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
}

/// The number of a signal by name (`TERM`, `SIGTERM`, `SIGRTMIN+3`) or digits.
pub fn number(name: &str) -> Option<i32> {
    let upper = name.to_ascii_uppercase();
    if let Ok(n) = upper.parse::<i32>() {
        return (1..=64).contains(&n).then_some(n);
    }
    let plain = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Some(offset) = plain.strip_prefix("RTMIN") {
        let offset = if offset.is_empty() { 0 } else { offset.strip_prefix('+')?.parse::<i32>().ok()? };
        return (0..=30).contains(&offset).then_some(SIGRTMIN + offset);
    }
    format!("SIG{plain}").parse::<Signal>().ok().map(|s| s as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        assert_eq!(number("term"), Some(15));
        assert_eq!(number("SIGRTMIN+3"), Some(37));
        assert_eq!(number("64"), Some(64));
        assert_eq!(number("65"), None);
        assert_eq!(number("RTMIN+31"), None);
        assert_eq!(number("nonsense"), None);
    }
}
