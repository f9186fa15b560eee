//! The end: what is left is told to go, made to go, and the kernel is asked to end the system.
//!
//! ```text
//! units stopped in order (supervisor) → TERM to the rest → KILL → syncfs → umount → reboot(2)
//! ```
//!
//! Invariant: reboot(2) goes through [`kernel::power::Mandate`], which only PID 1 gets, and
//! which in a child pid namespace ends only that namespace. kill(-1) is sent only by PID 1: for
//! anybody else it would hit every process of the user. Test: `tests/pid1.rs`,
//! `init_outside_a_pid_namespace_of_its_own_ends_nothing_but_itself`.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use kernel::cgroup::Group;
use kernel::power::{self, Mandate};
use kernel::wait::reap_any;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::signalfd::SignalFd;
use nix::unistd::Pid;
use std::os::fd::AsFd;
use units::control::Way;

use crate::keeper::Keeper;

/// For processes that belong to no unit to end by themselves.
const GRACE: Duration = Duration::from_millis(1500);
/// For the kernel to end them.
const KILLING: Duration = Duration::from_secs(5);
/// nspawn's word for "start me again" where reboot(2) cannot be had; systemd-nspawn(1).
const AGAIN: u8 = 133;
/// Init itself was wrong; sysexits.h, EX_SOFTWARE.
pub(crate) const BROKEN: u8 = 70;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// As somebody asked.
    Asked(Way),
    /// After a fault of init's own: in order, yet not as if all were well.
    Broken,
}

/// What is needed to leave.
pub(crate) struct Farewell<'a> {
    pub(crate) ending: Ending,
    pub(crate) keeper: &'a Keeper,
    pub(crate) signals: &'a SignalFd,
    pub(crate) root: Option<&'a Group>,
    /// Says a line; must not block.
    pub(crate) say: &'a mut dyn FnMut(&str),
}

/// Leave. Returns only where reboot(2) cannot be had, with the exit code to end by.
pub(crate) fn by(farewell: Farewell<'_>) -> ExitCode {
    let Farewell { ending, keeper, signals, root, say } = farewell;
    if let Ending::Asked(way) = ending {
        keeper.tell(&format!("STOPPING=1\nX_FIEF_LEAVING={way}"));
    }
    let mandate = Mandate::ours();
    let alone = mandate.is_ok();
    if alone {
        // Freezing is not needed: TERM first, so that sessions joined from outside can end.
        let _ = kill(Pid::from_raw(-1), Signal::SIGTERM);
        let _ = kill(Pid::from_raw(-1), Signal::SIGCONT);
        if !childless(signals, GRACE) {
            kill_units(root);
            let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
            if !childless(signals, KILLING) {
                say("some processes do not die; leaving them to the kernel");
            }
        }
    } else {
        kill_units(root);
        let _ = childless(signals, GRACE);
    }
    if let Ok(slash) = fs::File::open("/") {
        // This file system only: sync(2) would wait for every disk of the host.
        let _ = nix::unistd::syncfs(&slash);
    }
    if alone {
        unmount_all();
    }
    let Ending::Asked(way) = ending else { return ExitCode::from(BROKEN) };
    match (kernel_way(way), mandate) {
        (None, _) => say(&way.to_string()),
        (Some(kernel), Ok(mandate)) => {
            say(match kernel {
                power::Way::PowerOff => "power off",
                power::Way::Reboot => "reboot",
                power::Way::Halt => "halt",
            });
            let errno = mandate.end(kernel);
            if errno != Errno::EPERM {
                say(&format!("reboot(2): {}", errno.desc()));
            }
        }
        (Some(_), Err(why)) => say(&format!("leaving without reboot(2): {why}")),
    }
    exit_code(way)
}

/// The kernel's word for a way; none where PID 1 just ends.
pub(crate) fn kernel_way(way: Way) -> Option<power::Way> {
    match way {
        Way::Poweroff => Some(power::Way::PowerOff),
        Way::Reboot => Some(power::Way::Reboot),
        Way::Halt => Some(power::Way::Halt),
        Way::Exit(_) => None,
    }
}

fn exit_code(way: Way) -> ExitCode {
    match way {
        Way::Reboot => ExitCode::from(AGAIN),
        Way::Poweroff | Way::Halt => ExitCode::SUCCESS,
        Way::Exit(code) => ExitCode::from(code),
    }
}

/// SIGKILL by group, which no process can dodge by forking.
pub(crate) fn kill_units(root: Option<&Group>) {
    let Some(root) = root else { return };
    for name in root.children().iter().filter(|name| *name != "init") {
        let _ = root.child(name).kill();
    }
}

/// Reap until no child is left, at most for `patience`. True when none is.
fn childless(signals: &SignalFd, patience: Duration) -> bool {
    let until = Instant::now() + patience;
    loop {
        // No longer than patience lasts, however fast new ones come.
        while matches!(reap_any(), Ok(Some(_))) && Instant::now() < until {}
        if nix::sys::wait::waitpid(None, Some(nix::sys::wait::WaitPidFlag::WNOHANG)) == Err(Errno::ECHILD) {
            return true;
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        let left = PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::ZERO);
        let _ = poll(&mut [PollFd::new(signals.as_fd(), PollFlags::POLLIN)], left);
        while matches!(signals.read_signal(), Ok(Some(_))) && Instant::now() < until {}
    }
}

/// Unmount what carries data, the newest first. What the kernel keeps busy goes with the mount
/// namespace.
fn unmount_all() {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    for line in text.lines().rev() {
        let Some(place) = line.split(' ').nth(4) else { continue };
        let ours = ["/proc", "/sys", "/dev", "/run"];
        let api = ours.iter().any(|api| place == *api || place.strip_prefix(api).is_some_and(|rest| rest.starts_with('/')));
        if place != "/" && !api {
            let _ = kernel::mount::detach(Path::new(place));
        }
    }
}
