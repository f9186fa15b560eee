//! One program inside, from birth to end.

use std::io;
use std::os::fd::AsFd as _;

use kernel::pidfd::PidFd;
use kernel::spawn::{self, Failure, Outcome, Plan, Report, Stage, Step};
use nix::poll::PollTimeout;
use nix::sched::CloneFlags;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use super::guest::Guest;
use super::plan::{self, Doors, Program};
use super::relay;
use super::streams::Streams;
use super::terminal::{Event, Raw, Signals};
use crate::error::{Class, Error, OrFail as _, explain};

const STEP: &str = "running a program inside";

/// What exists and cannot be executed, and what does not exist: sh(1), env(1).
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// How much is still shown of what a program left in its terminal or pipes when it ended: more than they hold, and no endless stream from one
/// that it left behind.
const LEFT: usize = 1 << 20;

/// Runs `program` and gives its exit code.
///
/// # Errors
/// When a step before the program fails.
pub(super) fn run(guest: Guest, program: &Program, mut streams: Streams) -> Result<u8, Error> {
    let groups = guest.groups()?;
    let mut signals = Signals::take().or_fail(Class::Internal, STEP, || "taking signals".into())?;
    let (child, words) = {
        let inherited = streams.inherited();
        let doors = Doors {
            groups: &groups,
            namespaces: &guest.namespaces,
            streams: &inherited,
            terminal: streams.is_terminal(),
            parent: nix::unistd::getpid().as_raw(),
        };
        let steps = plan::steps(program, &doors).or_fail(Class::Value, STEP, || "a word has a NUL byte in it".into())?;
        let plan = Plan { namespaces: CloneFlags::empty(), cgroup: None, steps: &steps };
        let child = spawn::spawn(&plan).or_fail(Class::Start, STEP, || "cannot make a process".into())?;
        (child, steps.iter().map(Step::to_string).collect::<Vec<_>>())
    };
    let mut between = Between { pid: child.pid, pidfd: child.pidfd, report: Some(child.report), reaped: false };
    drop(groups);
    streams.handed_over();
    let raw = if streams.is_terminal() { Some(Raw::set().or_fail(Class::Internal, STEP, || "the terminal's modes".into())?) } else { None };
    let ended = Session { between: &mut between, streams: &mut streams, signals: &mut signals, raw: raw.as_ref(), asked: None }.watch()?;
    // What is told from here on is told on a terminal in its usual modes.
    drop(raw);
    match ended {
        End::Code(code) => Ok(code),
        End::Failed(failure) if failure.stage == Stage::Exec => Ok(not_executed(program, failure)),
        End::Failed(failure) => Err(guest.instead(refused(program, &words, failure))),
        End::Killed => Err(guest.instead(Error::new(Class::Start, STEP, "it was killed on its way"))),
    }
}

/// Tells why there is no program, and what a shell would exit with then.
fn not_executed(program: &Program, failure: Failure) -> u8 {
    let word = program.argv.first().map(|w| w.to_string_lossy().into_owned()).unwrap_or_default();
    let _ = explain(&Error::new(Class::Start, "executing", word).source(io::Error::from(failure.errno)));
    if failure.errno == kernel::Errno::ENOENT { NOT_FOUND } else { NOT_EXECUTABLE }
}

fn refused(program: &Program, words: &[String], failure: Failure) -> Error {
    let word = words.get(usize::from(failure.step)).cloned().unwrap_or_else(|| failure.stage.to_string());
    let source = io::Error::from(failure.errno);
    match &program.workdir {
        Some(dir) if failure.stage == Stage::Directory => {
            Error::new(Class::Value, "changing to the working directory", dir.display().to_string()).source(source)
        }
        _ if failure.errno == kernel::Errno::EAGAIN => {
            Error::new(Class::Start, STEP, word).source(source).advice("the container may be at its limit of processes: --procs")
        }
        _ => Error::new(Class::Start, STEP, word).source(source),
    }
}

/// How it ended.
enum End {
    /// As the program wants it.
    Code(u8),
    /// Before there was a program.
    Failed(Failure),
    /// Likewise, without a word.
    Killed,
}

/// How the program ended, by what was reported of its birth and the go-between's status, which is the program's.
fn how(outcome: Outcome, status: Option<WaitStatus>, asked: Option<i32>) -> End {
    let code = |number: i32| End::Code(u8::try_from(number & 0xff).unwrap_or(u8::MAX));
    match (outcome, status, asked) {
        (Outcome::Failed(failure), _, _) => End::Failed(failure),
        (Outcome::Became, Some(WaitStatus::Exited(_, status)), _) => code(status),
        (Outcome::Became | Outcome::Garbled, Some(WaitStatus::Signaled(..)), Some(asked)) => code(128 + asked),
        (Outcome::Became, Some(WaitStatus::Signaled(_, signal, _)), None) => code(128 + signal as i32),
        (Outcome::Became | Outcome::Garbled, _, _) => End::Killed,
    }
}

/// The go-between; ended and reaped when dropped.
#[derive(Debug)]
struct Between {
    pid: Pid,
    pidfd: PidFd,
    report: Option<Report>,
    reaped: bool,
}

impl Between {
    fn reap(&mut self) -> Option<WaitStatus> {
        loop {
            match waitpid(self.pid, None) {
                Err(kernel::Errno::EINTR) => {}
                other => {
                    self.reaped = true;
                    return other.ok();
                }
            }
        }
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        if !self.reaped {
            // The program inside ends with it.
            let _ = self.pidfd.signal(Signal::SIGKILL);
            let _ = self.reap();
        }
    }
}

struct Session<'a> {
    between: &'a mut Between,
    streams: &'a mut Streams,
    signals: &'a mut Signals,
    raw: Option<&'a Raw>,
    /// The signal that ended it before it was a program.
    asked: Option<i32>,
}

impl Session<'_> {
    fn watch(mut self) -> Result<End, Error> {
        let mut outcome = Outcome::Became;
        loop {
            let mut watched = vec![self.between.pidfd.as_fd(), self.signals.as_fd()];
            watched.extend(self.between.report.as_ref().map(Report::as_fd));
            let ready = relay::turn(&mut self.streams.channels, &watched, PollTimeout::NONE);
            let ready = ready.or_fail(Class::Internal, STEP, || "poll(2)".into())?;
            let is = |n: usize| ready.get(n).copied().unwrap_or(false);
            if is(2) || is(0) {
                // Its end is the pipe's end too, at the latest.
                outcome = self.between.report.take().map_or(outcome, Report::read);
            }
            if is(1) {
                self.signalled();
            }
            self.streams.hang_up_if_ours_did();
            if is(0) {
                let status = self.between.reap();
                self.drain();
                return Ok(how(outcome, status, self.asked));
            }
        }
    }

    fn signalled(&mut self) {
        for event in self.signals.events() {
            match event {
                Event::Resized => self.streams.resize(),
                Event::Continued => {
                    // Whoever stopped us may have changed size and modes.
                    let _ = self.raw.map(Raw::again);
                    self.streams.resize();
                }
                Event::Asked(number) => {
                    // One that has not become the program may stand in a group that was frozen this moment: only SIGKILL gets through there.
                    let sent = if self.between.report.is_none() { number } else { Signal::SIGKILL as i32 };
                    if sent != number {
                        self.asked = Some(number);
                    }
                    if let Err(e) = self.between.pidfd.signal_number(sent) {
                        log::debug!("cannot pass signal {number} on: {e}");
                    }
                }
            }
        }
    }

    /// Shows what the program left: poll(2) on a terminal sees to it that all of it has arrived.
    fn drain(&mut self) {
        self.streams.close_input();
        let first = self.moved();
        loop {
            let slow = self.streams.channels.iter().any(relay::Channel::is_waiting);
            if !slow && self.moved() - first > LEFT {
                return;
            }
            let before = self.moved();
            let timeout = if slow { PollTimeout::NONE } else { PollTimeout::ZERO };
            let Ok(ready) = relay::turn(&mut self.streams.channels, &[self.signals.as_fd()], timeout) else { return };
            if ready.contains(&true) && self.signals.events().iter().any(|e| matches!(e, Event::Asked(_))) {
                return;
            }
            let idle = !slow && self.moved() == before;
            if idle && !self.streams.channels.iter().any(relay::Channel::is_waiting) {
                return;
            }
        }
    }

    fn moved(&self) -> usize {
        self.streams.channels.iter().map(relay::Channel::moved).sum()
    }
}
