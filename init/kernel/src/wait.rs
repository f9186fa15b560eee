//! Children that have ended, in the kernel's own words. waitid(2).
//!
//! nix's `waitid` cannot tell of a death by a real-time signal: it answers EINVAL for a child that is reaped by then, and its parent never learns.
#![allow(unsafe_code)]

use nix::errno::Errno;
use nix::unistd::Pid;

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// By itself, with this status.
    Code(i32),
    /// By the signal of this number, real-time ones included.
    Signal(i32),
}

/// Reaps one child that has ended, whichever it is. `None` when none has, or when there is no child at all.
pub fn reap_any() -> Result<Option<(Pid, How)>, Errno> {
    // SAFETY: all-zero bytes are a valid siginfo_t, a plain C structure.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: `info` is a whole siginfo_t that the kernel fills.
        let r = unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, libc::WEXITED | libc::WNOHANG) };
        match Errno::result(r) {
            Ok(_) => break,
            Err(Errno::EINTR) => {}
            Err(Errno::ECHILD) => return Ok(None),
            Err(errno) => return Err(errno),
        }
    }
    // SAFETY: waitid(2) filled in the fields of SIGCHLD; with WNOHANG and nobody to reap it leaves si_pid zero.
    let pid = unsafe { info.si_pid() };
    if pid == 0 {
        return Ok(None);
    }
    // SAFETY: as above.
    let status = unsafe { info.si_status() };
    let how = if info.si_code == libc::CLD_EXITED { How::Code(status) } else { How::Signal(status) };
    Ok(Some((Pid::from_raw(pid), how)))
}
