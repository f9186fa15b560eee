//! The guest's console: the keeper holds both ends for the whole life of a boot, so that init may close and open its end at will.

use std::collections::VecDeque;
use std::io::Write as _;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use kernel::beneath::Dir;
use kernel::namespace::{self, Kind};
use kernel::pidfd::PidFd;
use kernel::pty::{self, Pty};
use kernel::spawn::{self, Outcome, Plan, Step};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::PollFlags;
use nix::pty::Winsize;
use nix::sched::CloneFlags;
use nix::unistd::Pid;

use super::allowance::Allowance;
use super::control::Client;
use crate::error::{Class, Error};
use crate::logging::ContainerLog;

/// What a terminal that attaches sees of the past.
const RECENT: usize = 8 << 10;

/// How much of what the guest writes is read at once, and each second after that: more than a person can follow.
const AT_ONCE: u32 = 512 << 10;
const EACH_SECOND: u32 = 1 << 20;

/// The keeper's side of it.
#[derive(Debug)]
pub(super) struct Console {
    pty: Option<Pty>,
    log: ContainerLog,
    mirror: bool,
    recent: VecDeque<u8>,
    typed: Vec<u8>,
    allowance: Allowance,
}

impl Console {
    pub(super) fn new(pty: Option<Pty>, log: ContainerLog, mirror: bool) -> Self {
        if let Some(pty) = &pty {
            // The controlling end is the keeper's alone, so its status flags are nobody else's business.
            let _ = fcntl(&pty.master, FcntlArg::F_SETFL(OFlag::O_NONBLOCK));
        }
        Self { pty, log, mirror, recent: VecDeque::new(), typed: Vec::new(), allowance: Allowance::new(AT_ONCE, EACH_SECOND) }
    }

    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.pty.as_ref().map(|p| p.master.as_fd())
    }

    /// How long not to look at what the guest writes.
    pub(super) fn wait(&mut self, now: Instant) -> Option<Duration> {
        self.allowance.wait(now)
    }

    pub(super) fn interest(&self, blind: bool) -> PollFlags {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::POLLIN, self.pty.is_some() && !blind);
        flags.set(PollFlags::POLLOUT, self.pty.is_some() && !self.typed.is_empty());
        flags
    }

    /// How much waits to be typed.
    pub(super) fn typed(&self) -> usize {
        self.typed.len()
    }

    pub(super) fn recent(&self) -> Vec<u8> {
        self.recent.iter().copied().collect()
    }

    pub(super) fn resize(&self, size: &Winsize) {
        if let Some(pty) = &self.pty {
            // A terminal without a size is still a terminal.
            let _ = pty::set_window_size(&pty.master, size);
        }
    }

    pub(super) fn type_in(&mut self, bytes: &[u8]) {
        self.typed.extend_from_slice(bytes);
        self.flush();
    }

    fn flush(&mut self) {
        let Some(pty) = &self.pty else {
            self.typed.clear();
            return;
        };
        while !self.typed.is_empty() {
            match nix::unistd::write(&pty.master, &self.typed) {
                Ok(n) => drop(self.typed.drain(..n)),
                Err(nix::errno::Errno::EINTR) => {}
                Err(_) => return,
            }
        }
    }

    /// Moves what the guest wrote to the log and the terminals, and what was typed to the guest; a bounded amount at a time.
    pub(super) fn pump(&mut self, clients: &mut [Client]) {
        self.flush();
        let mut bytes = [0; 4096];
        for _ in 0..16 {
            let Some(pty) = &self.pty else { return };
            let Ok(n) = nix::unistd::read(&pty.master, &mut bytes) else { return };
            let Some(bytes) = bytes.get(..n).filter(|b| !b.is_empty()) else { return };
            self.allowance.take(n);
            self.log.append(bytes);
            self.recent.extend(bytes);
            let over = self.recent.len().saturating_sub(RECENT);
            self.recent.drain(..over);
            clients.iter_mut().for_each(|c| c.show(bytes));
            if self.mirror {
                // A terminal that went away does not stop the guest.
                let _ = std::io::stdout().write_all(bytes).and_then(|()| std::io::stdout().flush());
            }
        }
    }
}

/// Opens a new console in a guest whose keeper died with the old one, and binds it on `/dev/console` there.
pub(super) fn reopen(pid: Pid, pidfd: &PidFd, base: u32) -> Result<Pty, Error> {
    const STEP: &str = "opening a console";
    let fail = |cause: &str, e: std::io::Error| Error::new(Class::Start, STEP, cause.to_owned()).source(e);
    // The guest's own files: resolved beneath its root, and the devpts must be one.
    let root = Dir::open(Path::new(&format!("/proc/{pid}/root/."))).map_err(|e| fail("the guest's root", e))?;
    let devpts = root.dir(Path::new("dev/pts")).map_err(|e| fail("/dev/pts", e))?;
    let kind = nix::sys::statfs::fstatfs(&devpts).map_err(|e| fail("/dev/pts", e.into()))?.filesystem_type();
    if kind != nix::sys::statfs::DEVPTS_SUPER_MAGIC || pidfd.has_ended() {
        return Err(Error::new(Class::Start, STEP, "/dev/pts of the guest is not a devpts"));
    }
    let pty = pty::open_in(devpts.as_fd()).map_err(|e| fail("/dev/pts/ptmx", e.into()))?;
    nix::unistd::fchown(&pty.peer, Some(base.into()), Some((base + 5).into())).map_err(|e| fail("the console's owner", e.into()))?;

    let join = |kind| namespace::of(pid, kind).map_err(|e| fail("the guest's namespaces", e));
    let (user, mounts) = (join(Kind::User)?, join(Kind::Mount)?);
    let c = |text: String| std::ffi::CString::new(text).map_err(|e| fail("a path", e.into()));
    let steps = [
        Step::Setns(user.as_fd(), Kind::User.flag()),
        Step::Setns(mounts.as_fd(), Kind::Mount.flag()),
        // What is bound there is the terminal that went with the dead keeper: nothing can be mounted on a name that is gone.
        Step::Detach(c("/dev/console".into())?),
        Step::Bind {
            from: c(format!("/dev/pts/{}", pty.number))?,
            recursive: false,
            root: c("/".into())?,
            place: c("dev/console".into())?,
        },
    ];
    let child = spawn::spawn(&Plan { namespaces: CloneFlags::empty(), cgroup: None, steps: &steps }).map_err(|e| fail("a helper", e))?;
    let outcome = child.report.read();
    let _ = nix::sys::wait::waitpid(child.pid, None);
    match outcome {
        Outcome::Became => Ok(pty),
        Outcome::Failed(f) => Err(fail("binding /dev/console", f.errno.into())),
        Outcome::Garbled => Err(Error::new(Class::Start, STEP, "the helper was killed")),
    }
}
