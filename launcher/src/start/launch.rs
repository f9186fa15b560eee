//! Making a keeper: a process of its own session, with the container's lock and a pipe to tell how it goes.

use std::ffi::{CString, OsString};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::time::{Duration, Instant};

use kernel::spawn::{self, Outcome, Plan, Pointers, Step};
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::CloneFlags;
use nix::unistd::pipe2;

use super::Wait;
use super::keeper::Audience;
use super::message::Progress;
use crate::error::{Class, Error};
use crate::store::ContainerName;
use crate::store::lock::Lock;

const STEP: &str = "starting the keeper";

/// What a keeper is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// To start the container.
    Start,
    /// To take over one that runs.
    Adopt,
}

impl Task {
    fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Adopt => "adopt",
        }
    }
}

/// What the starter holds of its keeper.
#[derive(Debug)]
pub(super) struct Launched {
    pipe: BufReader<File>,
    name: ContainerName,
}

/// Makes the keeper of `name` and hands it the lock.
///
/// # Errors
/// When no process can be made.
pub(super) fn keeper(name: &ContainerName, lock: Lock, task: Task) -> Result<Launched, Error> {
    let fail = |e: std::io::Error| Error::new(Class::Start, STEP, name.to_string()).source(e);
    let c = |text: String| CString::new(text).map_err(|e| fail(e.into()));
    let (read, write) = pipe2(OFlag::O_CLOEXEC).map_err(|e| fail(e.into()))?;
    let lock = lock.into_fd();
    let words = ["fief", "keeper", name.as_str(), task.word(), &lock.as_raw_fd().to_string(), &write.as_raw_fd().to_string()];
    let argv = words.iter().map(|w| c((*w).to_owned())).collect::<Result<_, _>>()?;
    // Nothing else of the caller's environment reaches the keeper, nor through it the guest.
    let mut environment = vec![c(format!("PATH={}", super::PATH))?];
    for key in ["FIEF_ROOT", "FIEF_LOG"] {
        if let Ok(value) = std::env::var(key) {
            environment.push(c(format!("{key}={value}"))?);
        }
    }
    // A keeper made by a sealed copy of this program (`fief run`) is not to hold that copy in memory for its whole life.
    let own = crate::seal::own_path().map_err(fail)?;
    let programs = [CString::new(own.into_os_string().into_encoded_bytes()).ok(), Some(c"/proc/self/exe".to_owned())];
    let programs = programs.into_iter().flatten().collect();
    let null = |number| Step::Open { path: c"/dev/null".to_owned(), flags: nix::libc::O_RDWR, mode: 0, number };
    let steps = [
        Step::DefaultSignals,
        Step::NewSession,
        Step::Umask(0o022),
        Step::Chdir(c"/".to_owned()),
        null(0),
        null(1),
        null(2),
        Step::CloseOthers,
        Step::Inherit(lock.as_fd(), lock.as_raw_fd()),
        Step::Inherit(write.as_fd(), write.as_raw_fd()),
        Step::Exec { programs, argv: Pointers::new(argv), envp: Pointers::new(environment) },
    ];
    let child = spawn::spawn(&Plan { namespaces: CloneFlags::empty(), cgroup: None, steps: &steps }).map_err(fail)?;
    match child.report.read() {
        Outcome::Became => Ok(Launched { pipe: BufReader::new(File::from(read)), name: name.clone() }),
        Outcome::Failed(f) => Err(Error::new(Class::Start, STEP, f.stage.to_string()).source(std::io::Error::from(f.errno))),
        Outcome::Garbled => Err(Error::new(Class::Start, STEP, "it was killed")),
    }
}

/// What [`keeper`] handed over.
///
/// # Errors
/// When this was not called by it.
pub(super) fn handed(words: &[OsString]) -> Result<(Task, Lock, Audience), Error> {
    let fail = || Error::new(Class::Usage, STEP, "this verb is for fief itself").advice("fief start NAME");
    let [task, lock, pipe] = words else { return Err(fail()) };
    let task = [Task::Start, Task::Adopt].into_iter().find(|t| *task == *t.word()).ok_or_else(fail)?;
    let take = |word: &OsString| -> Result<OwnedFd, Error> {
        let number = word.to_str().and_then(|w| w.parse().ok()).ok_or_else(fail)?;
        kernel::process::inherited(number).map_err(|_| fail())
    };
    if lock == pipe {
        return Err(fail());
    }
    Ok((task, Lock::inherited(take(lock)?), Audience::Starter(File::from(take(pipe)?))))
}

impl Launched {
    /// Waits until the keeper has told enough. `Some` when the guest has ended by then.
    ///
    /// # Errors
    /// What the keeper failed with; its death; a time-out, which ends nothing.
    pub(super) fn wait(mut self, wait: Wait, timeout: Duration) -> Result<Option<String>, Error> {
        let until = Instant::now() + timeout;
        loop {
            if self.pipe.buffer().is_empty() && !self.readable(until) {
                let cause = format!("{} is not ready after {} s; it runs on", self.name, timeout.as_secs());
                return Err(
                    Error::new(Class::TimedOut, "waiting for the guest", cause).advice(format!("fief logs {0}, fief stop {0}", self.name))
                );
            }
            let mut line = String::new();
            // A line is written at once and shorter than PIPE_BUF: it is there whole (pipe(7)).
            let read = self.pipe.read_line(&mut line);
            let progress = read.ok().filter(|n| *n > 0).and_then(|_| serde_json::from_str(&line).ok());
            match progress {
                Some(Progress::Born) if wait == Wait::Born => return Ok(None),
                Some(Progress::Born) => {}
                Some(Progress::Ready) => return Ok(None),
                Some(Progress::Ended(how)) => return Ok(Some(how)),
                Some(Progress::Failed { code, step, cause }) => return Err(Progress::into_error(code, step, cause)),
                None => {
                    return Err(Error::new(Class::Start, STEP, "it ended without a word")
                        .advice(format!("fief list shows what is left; fief logs {}", self.name)));
                }
            }
        }
    }

    fn readable(&self, until: Instant) -> bool {
        loop {
            let left = until.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
            let left = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(self.pipe.get_ref().as_fd(), PollFlags::POLLIN)], left) {
                Err(nix::errno::Errno::EINTR) => {}
                other => return other.is_ok_and(|n| n > 0),
            }
        }
    }
}
