//! reboot(2), and the reasons not to call it.
//!
//! In a pid namespace of its own reboot(2) ends only that namespace: its init dies by SIGHUP (restart) or SIGINT (halt, power off), and the
//! parent tells the ways apart by that. In the first pid namespace the same call ends the machine. So [`Mandate::ours`] must be had first.

use nix::errno::Errno;
use nix::sys::reboot::{RebootMode, reboot};

/// `PROC_PID_INIT_INO`: the inode of the first pid namespace, fixed by the kernel (include/linux/proc_ns.h).
const FIRST_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// Why reboot(2) must not be called by this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoMandate {
    /// Some other process is PID 1 here.
    #[error("not PID 1 of this pid namespace")]
    NotInit,
    /// PID 1 by number, yet it cannot be told of which namespace.
    #[error("cannot tell in which pid namespace this is")]
    Unknown,
}

/// The right to end what this process is PID 1 of. Only [`Mandate::ours`] makes one.
#[derive(Debug)]
pub struct Mandate {
    machine: bool,
}

/// How it shall end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `RB_AUTOBOOT`; in a container init dies by SIGHUP.
    Reboot,
    /// `RB_POWER_OFF`; in a container init dies by SIGINT.
    PowerOff,
    /// `RB_HALT_SYSTEM`; in a container init dies by SIGINT.
    Halt,
}

impl Mandate {
    /// Whether this process is PID 1: of a child pid namespace, or truly of the machine.
    pub fn ours() -> Result<Self, NoMandate> {
        let inode = std::fs::metadata("/proc/self/ns/pid").map(|m| std::os::unix::fs::MetadataExt::ino(&m)).ok();
        Self::judge(std::process::id(), inode)
    }

    fn judge(pid: u32, pid_namespace: Option<u64>) -> Result<Self, NoMandate> {
        if pid != 1 {
            return Err(NoMandate::NotInit);
        }
        match pid_namespace {
            None => Err(NoMandate::Unknown),
            Some(inode) => Ok(Self { machine: inode == FIRST_PID_NAMESPACE }),
        }
    }

    /// Whether the machine itself would end.
    pub fn is_machine(&self) -> bool {
        self.machine
    }

    /// reboot(2). Returns only when the kernel refuses: `EPERM` without CAP_SYS_BOOT in the owning user namespace.
    pub fn end(self, way: Way) -> Errno {
        let mode = match way {
            Way::Reboot => RebootMode::RB_AUTOBOOT,
            Way::PowerOff => RebootMode::RB_POWER_OFF,
            Way::Halt => RebootMode::RB_HALT_SYSTEM,
        };
        match reboot(mode) {
            Err(errno) => errno,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_pid_1_may_and_it_knows_of_what() {
        assert_eq!(Mandate::judge(4711, Some(4_026_532_000)).unwrap_err(), NoMandate::NotInit);
        assert_eq!(Mandate::judge(4711, Some(FIRST_PID_NAMESPACE)).unwrap_err(), NoMandate::NotInit);
        assert_eq!(Mandate::judge(1, None).unwrap_err(), NoMandate::Unknown);
        assert!(Mandate::judge(1, Some(FIRST_PID_NAMESPACE)).unwrap().is_machine());
        assert!(!Mandate::judge(1, Some(4_026_532_000)).unwrap().is_machine());
    }

    #[test]
    fn a_test_is_not_pid_1() {
        assert_eq!(Mandate::ours().unwrap_err(), NoMandate::NotInit);
    }
}
