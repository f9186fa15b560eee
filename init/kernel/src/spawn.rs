//! Birth by plan: the parent resolves everything, the child walks a slice of [`Step`]s.
//!
//! ```text
//!  parent: Vec<Step> ──clone3──▶ child: step, step, …, Exec ──▶ the new program
//!     ▲                                     │ a step failed
//!     └──────── 8 bytes (stage, step, errno) on a close-on-exec pipe; end of file = exec succeeded
//! ```
//!
//! A step that is [`Step::Soft`] tells in the same way that it failed, and the child goes on.
//!
//! Invariant: the child neither allocates, locks nor unwinds (test `child_does_not_allocate`). The pipe is one more descriptor for the
//! parent's loop, so a child that hangs in open(2) stalls nobody.

mod child;
mod graft;
mod own;
mod step;

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::CloneFlags;
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::{Pid, pipe2};

use crate::pidfd::PidFd;
use crate::{heap, raw};

pub use graft::{Graft, Material, Missing, Propagation, Slot};
pub use step::{FilePolicy, Handed, Pointers, Step};

/// What kind of step failed; the words after a unit's name in "web: entering cgroup failed: No such file or directory".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// Waiting for the parent to finish its side.
    Gate = 1,
    /// Passing, opening or closing descriptors.
    Descriptors,
    /// Entering a control group.
    Cgroup,
    /// Setting rlimits, niceness, OOM score.
    Limits,
    /// Making or moving mounts.
    Mounts,
    /// Writing a file inside.
    Files,
    /// Entering or leaving a namespace, session or terminal.
    Namespaces,
    /// Changing user, groups, capabilities.
    Identity,
    /// Changing the working or root directory.
    Directory,
    /// Installing a filter of system calls.
    Filter,
    /// execve(2).
    Exec,
}

impl Stage {
    const ALL: [Self; 11] = [
        Self::Gate,
        Self::Descriptors,
        Self::Cgroup,
        Self::Limits,
        Self::Mounts,
        Self::Files,
        Self::Namespaces,
        Self::Identity,
        Self::Directory,
        Self::Filter,
        Self::Exec,
    ];
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Gate => "waiting at the gate",
            Self::Descriptors => "opening descriptors",
            Self::Cgroup => "entering cgroup",
            Self::Limits => "setting limits",
            Self::Mounts => "mounting",
            Self::Files => "writing files",
            Self::Namespaces => "entering namespaces",
            Self::Identity => "changing identity",
            Self::Directory => "changing directory",
            Self::Filter => "filtering system calls",
            Self::Exec => "executing",
        })
    }
}

/// The step at which a child ended instead of becoming the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// Its kind.
    pub stage: Stage,
    /// Its index in the plan.
    pub step: u16,
    /// Why.
    pub errno: Errno,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} failed: {}", self.stage, self.errno.desc())
    }
}

impl std::error::Error for Failure {}

impl Failure {
    /// As it goes through the pipe.
    fn to_bytes(self, mark: u8) -> [u8; 8] {
        let [s0, s1] = self.step.to_ne_bytes();
        let [e0, e1, e2, e3] = (self.errno as i32).to_ne_bytes();
        [self.stage as u8, mark, s0, s1, e0, e1, e2, e3]
    }

    fn from_bytes([stage, mark, s0, s1, e0, e1, e2, e3]: [u8; 8], wanted: u8) -> Option<Self> {
        if mark != wanted {
            return None;
        }
        let stage = Stage::ALL.into_iter().find(|s| *s as u8 == stage)?;
        let errno = Errno::from_raw(i32::from_ne_bytes([e0, e1, e2, e3]));
        Some(Self { stage, step: u16::from_ne_bytes([s0, s1]), errno })
    }
}

/// What a failure means: the child's end …
const ENDED: u8 = 0xF1;
/// … or that it goes on without.
const PASSED_OVER: u8 = 0xF2;

/// What is born, and how.
#[derive(Debug)]
pub struct Plan<'a> {
    /// `CLONE_NEW*` of clone3(2); empty for an ordinary child.
    pub namespaces: CloneFlags,
    /// A cgroup2 directory to be born into (`CLONE_INTO_CGROUP`).
    pub cgroup: Option<BorrowedFd<'a>>,
    /// What the child does. A plan without [`Step::Exec`] ends the child with exit status 0 after the last step.
    pub steps: &'a [Step<'a>],
}

/// A process that was born.
#[derive(Debug)]
pub struct Child {
    /// Its number in the caller's pid namespace.
    pub pid: Pid,
    /// The process itself.
    pub pidfd: PidFd,
    /// Where it tells of failure; see [`Report::hear`].
    pub report: Report,
}

/// The parent's end of the pipe: readable when there is something to [`Report::hear`].
#[derive(Debug)]
pub struct Report(OwnedFd);

/// What a child says on its way, one thing after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It goes on without this step.
    PassedOver(Failure),
    /// It has come to the end.
    Over(Outcome),
}

/// What a child said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It became the program, or came to the end of a plan without one.
    Became,
    /// It could not.
    Failed(Failure),
    /// It ended while telling, or told nonsense.
    Garbled,
}

impl Report {
    /// Takes over what an earlier life of the program had from [`spawn`].
    pub fn from_owned(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// The next thing the child has said; `None` while it is still on its way. Never waits: who has passed a step over may take for ever
    /// with the next.
    pub fn hear(&self) -> Option<Told> {
        let mut bytes = [0; 8];
        // What is written at once is read at once (pipe(7), `PIPE_BUF`).
        let filled = loop {
            match nix::unistd::read(&self.0, &mut bytes) {
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return None,
                other => break other,
            }
        };
        let ended = || Failure::from_bytes(bytes, ENDED).map_or(Outcome::Garbled, Outcome::Failed);
        Some(match filled {
            Ok(0) => Told::Over(Outcome::Became),
            Ok(8) => Failure::from_bytes(bytes, PASSED_OVER).map_or_else(|| Told::Over(ended()), Told::PassedOver),
            Ok(_) | Err(_) => Told::Over(Outcome::Garbled),
        })
    }

    /// What became of the child; waits for it.
    pub fn read(self) -> Outcome {
        loop {
            match self.hear() {
                Some(Told::Over(outcome)) => return outcome,
                Some(Told::PassedOver(_)) => {}
                None => {
                    // Interrupted or not, it is asked again.
                    let _ = poll(&mut [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE);
                }
            }
        }
    }
}

impl AsFd for Report {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Child {
    /// Ends it, and waits for that: not long, whatever it does. By SIGKILL, for whoever else may signal it can have stopped it, and so who waits.
    pub fn end(&self) -> io::Result<WaitStatus> {
        match self.pidfd.signal(Signal::SIGKILL) {
            Ok(()) | Err(Errno::ESRCH) => self.reap(),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Waits for its end. waitid(2) by pid: only its parent can.
    pub fn reap(&self) -> io::Result<WaitStatus> {
        loop {
            match waitid(Id::Pid(self.pid), WaitPidFlag::WEXITED) {
                Err(Errno::EINTR) => {}
                other => return other.map_err(io::Error::from),
            }
        }
    }
}

/// Holds a child at its [`Step::Gate`] until the parent has done its side. Dropped unopened (also by the parent's death), the child ends.
#[derive(Debug)]
pub struct Gate {
    hold: OwnedFd,
    wait: OwnedFd,
}

impl Gate {
    /// A closed gate.
    pub fn new() -> io::Result<Self> {
        let (wait, hold) = pipe2(OFlag::O_CLOEXEC)?;
        Ok(Self { hold, wait })
    }

    /// The child's side of it.
    pub fn step(&self) -> Step<'_> {
        Step::Gate { wait: self.wait.as_fd(), hold: self.hold.as_fd() }
    }

    /// Lets the child go on.
    pub fn open(self) -> io::Result<()> {
        nix::unistd::write(&self.hold, b"o").map(drop).map_err(io::Error::from)
    }
}

/// Gives birth: clone3(2) by `plan`. The caller should have one thread; the child does only what is async-signal-safe.
///
/// Errors are those of clone3(2): `EAGAIN` at a process limit, `ENOSPC` at a namespace limit, `EPERM`, `ENOMEM`.
pub fn spawn(plan: &Plan<'_>) -> io::Result<Child> {
    let (read, write) = pipe2(OFlag::O_CLOEXEC)?;
    fcntl(&read, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    let mut pidfd: libc::c_int = -1;
    let mut args = raw::CloneArgs {
        flags: plan.namespaces.bits().cast_unsigned().into(),
        exit_signal: libc::SIGCHLD.cast_unsigned().into(),
        ..raw::CloneArgs::default()
    };
    args.flags |= raw::CLONE_PIDFD | raw::CLONE_CLEAR_SIGHAND;
    args.pidfd = std::ptr::from_mut(&mut pidfd) as u64;
    if let Some(cgroup) = plan.cgroup {
        args.flags |= raw::CLONE_INTO_CGROUP;
        args.cgroup = u64::try_from(cgroup.as_raw_fd()).map_err(|_| Errno::EBADF)?;
    }
    let steps = heap::copied(|| step::copy(plan.steps));
    #[allow(unsafe_code)]
    // SAFETY: the child runs `child::run` only, which makes nothing but system calls on memory that was ready before: `steps`, the stack, statics.
    let pid = unsafe { raw::clone3(&args) }?;
    if pid == 0 {
        child::run(&steps, read.as_raw_fd(), write.as_raw_fd());
    }
    #[allow(unsafe_code)]
    // SAFETY: with CLONE_PIDFD the kernel stored a new descriptor there, which nobody else took.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok(Child { pid: Pid::from_raw(pid), pidfd: PidFd::from_owned(pidfd), report: Report(read) })
}

/// [`spawn`] with a new user namespace that belongs to `owner` rather than to the caller, who stays who it is.
///
/// What the namespace's processes use of things the kernel counts by user — inotify instances, namespaces, message queues, locked memory, queued
/// signals — it counts for the namespace's owner too, in the caller's namespace. Were that root, one guest could use up what all others and
/// the host itself have (user_namespaces(7), namespaces(7) "The /proc/sys/user directory").
///
/// Errors are those of [`spawn`], and `EPERM` without CAP_SETUID, CAP_SETGID and CAP_SETPCAP.
pub fn spawn_owned(plan: &Plan<'_>, owner: u32) -> io::Result<Child> {
    crate::identity::effectively(owner, || spawn(plan))?
}

#[cfg(test)]
mod tests;
