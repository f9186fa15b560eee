//! Generators at work: children of no unit, in a group of their own, for a limited time. systemd.generator(7).
//!
//! ```text
//! generate ─▶ left {pid, pid, …} ─ each has ended ───────────────────────▶ have_generated
//!                      └─ LIMIT has passed: killed ─ RELUCTANCE too ──────────┘
//! ```
//!
//! Invariant: from [`Hands::generate`] on, [`Hands::have_generated`] is true after `LIMIT + RELUCTANCE` whatever they do,
//! and none of theirs is left then but what the kernel itself cannot end. Test: `tests/generators.rs`.

use std::ffi::{CString, NulError};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::Duration;

use kernel::cgroup::Group;
use kernel::spawn::{Outcome, Plan, Pointers, Report, Stage, Step, spawn};
use kernel::wait::How;
use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use units::control::LogStream;
use units::search::{Generator, OUTPUT};
use units::{Map, UnitName};

use super::groups::{make_group, way_in};
use super::surroundings::Surroundings;
use super::{Facts, Hands, Pipe};
use crate::again;
use crate::boot::files;
use crate::journal::{self, Intake};
use crate::ledger::{Ledger, Pages};
use crate::reactor::{Reactor, Source};

/// How long they may take.
const LIMIT: Duration = Duration::from_secs(5);
/// How long the killed may take to be gone. One that waits for a disk or a server may not go at all.
const RELUCTANCE: Duration = Duration::from_secs(1);
/// Their control group. A unit's has a suffix.
const GROUP: &str = "generators";

/// Those that are at work; none most of the time.
#[derive(Debug, Default)]
pub(super) struct Generators {
    group: Option<Group>,
    left: Map<i32, Working>,
    /// When waiting for them ends.
    until: Option<Duration>,
    killed: Option<Why>,
    touched: bool,
}

/// Why they were killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Why {
    Late,
    /// The system is about to end.
    Unwanted,
}

#[derive(Debug)]
struct Working {
    name: String,
    /// None in a later life of the program: what became of it shows by its end.
    report: Option<Report>,
}

/// What is written down of them.
#[derive(Debug, Serialize, Deserialize)]
struct GeneratorsNote {
    left: Map<i32, String>,
    until: Option<Duration>,
    killed: Option<Why>,
    has_group: bool,
}

impl Hands {
    /// Empty what they have written, and begin these. What could not be done is said.
    pub(crate) fn generate(&mut self, wanted: Vec<Generator>, reactor: &mut Reactor) -> Vec<String> {
        for folder in OUTPUT {
            self.gone.take(Path::new(folder));
        }
        if wanted.is_empty() {
            return Vec::new();
        }
        let mut remarks = Vec::new();
        let made = OUTPUT.iter().try_for_each(|folder| DirBuilder::new().recursive(true).mode(0o755).create(folder));
        if let Err(error) = made {
            return vec![format!("no generator is run: {}: {error}", OUTPUT.join(", "))];
        }
        self.leftovers.retain(|(_, group)| !group.path().ends_with(GROUP));
        let mut unharmed = true;
        self.generators.group = self.root.as_ref().map(|root| root.child(GROUP)).filter(|group| {
            let made = make_group(group, &mut remarks);
            remarks.extend(made.as_ref().err().map(|why| format!("generators: {why}")));
            unharmed = made == Ok(true);
            made.is_ok()
        });
        for generator in wanted {
            match self.begin_generator(&generator, unharmed, reactor) {
                Ok((pid, report)) => {
                    self.generators.left.insert(pid, Working { name: generator.name, report: Some(report) });
                }
                Err(error) => remarks.push(format!("generator {}: {error}", generator.name)),
            }
        }
        self.generators.until = Some(kernel::time::boottime() + LIMIT);
        self.generators.touched = true;
        remarks
    }

    /// Where somebody was killed in their group before, it moves in by itself: `Body::unharmed`.
    fn begin_generator(&mut self, generator: &Generator, unharmed: bool, reactor: &mut Reactor) -> io::Result<(i32, Report)> {
        // Their words are kept like those of a service of that name.
        let unit = UnitName::new(&generator.name).or_else(|_| UnitName::new(GROUP)).map_err(io::Error::other)?;
        let (ours, theirs) = journal::pipe()?;
        let (cgroup, procs) = way_in(self.generators.group.as_ref(), unharmed)?;
        let steps = steps(&generator.path, &environment(&self.facts, &self.surroundings), &procs, theirs.as_fd())?;
        let cgroup = cgroup.as_ref().map(AsFd::as_fd);
        let child = spawn(&Plan { namespaces: CloneFlags::empty(), cgroup, steps: &steps })?;
        let number = self.next_pipe;
        self.next_pipe += 1;
        // What nobody listens to is lost; the generator has begun all the same.
        if let Ok(watch) = reactor.watch(&ours, Source::Output(number)) {
            let pipe = Pipe { unit, stream: LogStream::Stderr, intake: Intake::new(ours), watch, paused: None };
            self.pipes.insert(number, pipe);
        }
        Ok((child.pid.as_raw(), child.report))
    }

    /// A child has ended. `None` if it is no generator; what is to be said about it if it is.
    pub(crate) fn generator_ended(&mut self, pid: i32, how: How) -> Option<Option<String>> {
        let Working { name, report } = self.generators.left.remove(&pid)?;
        self.generators.touched = true;
        // The child alone had the other end: this does not wait.
        if let Some(Outcome::Failed(failure)) = report.map(Report::read) {
            let what = if failure.stage == Stage::Exec { failure.errno.desc().to_owned() } else { failure.to_string() };
            return Some(Some(format!("generator {name} could not be executed: {what}")));
        }
        Some(match how {
            How::Code(0) => None,
            How::Code(code) => Some(format!("generator {name} failed: exit code {code}")),
            How::Signal(number) => match self.generators.killed.filter(|_| number == libc::SIGKILL) {
                Some(Why::Late) => Some(format!("generator {name} was killed: it took longer than {} s", LIMIT.as_secs())),
                Some(Why::Unwanted) => None,
                None => Some(format!("generator {name} failed: signal {number}")),
            },
        })
    }

    /// What they would write is of no use any more: those that are at work are to end now.
    pub(crate) fn end_generators(&mut self) {
        self.generators.end(Why::Unwanted);
    }

    /// Whether nobody has to be waited for any more, now that this much time has passed.
    pub(crate) fn have_generated(&mut self) -> bool {
        let late = self.generators.until.is_some_and(|until| kernel::time::boottime() >= until);
        if late && self.generators.killed.is_none() {
            self.generators.end(Why::Late);
        } else if late {
            self.generators.left.clear();
        }
        if !self.generators.left.is_empty() {
            return false;
        }
        if self.generators.until.is_some() {
            // Whatever they have left behind has nobody to belong to.
            self.generators.kill();
            for folder in OUTPUT {
                // Those that are empty.
                let _ = fs::remove_dir(folder);
            }
            let Generators { group, .. } = std::mem::replace(&mut self.generators, Generators { touched: true, ..Generators::default() });
            if let Some((group, name)) = group.zip(UnitName::new(GROUP).ok()) {
                self.discard(&name, group);
            }
        }
        true
    }

    /// Whether somebody has to be waited for: an end or a deadline will wake us. What is owed once nobody has, nothing tells.
    pub(crate) fn waits_for_generators(&self) -> bool {
        !self.generators.left.is_empty()
    }

    /// When [`Hands::have_generated`] is to be asked.
    pub(super) fn generators_deadline(&self) -> Option<Duration> {
        self.generators.until
    }
}

impl Generators {
    fn end(&mut self, why: Why) {
        if self.until.is_some() && self.killed.is_none() {
            self.killed = Some(why);
            self.touched = true;
            self.until = Some(kernel::time::boottime() + RELUCTANCE);
            self.kill();
        }
    }

    fn kill(&self) {
        if let Some(group) = &self.group {
            let _ = group.kill();
        }
        // Without groups each is known by its session; and one that has to move in by itself may not be in yet, nor have begun one.
        for pid in self.left.keys() {
            let _ = killpg(Pid::from_raw(*pid), Signal::SIGKILL);
            let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
        }
    }

    /// Write down what has changed; everything, if `all`.
    pub(super) fn note(&mut self, ledger: &mut Ledger, all: bool) {
        if std::mem::take(&mut self.touched) || (all && self.until.is_some()) {
            let left = self.left.iter().map(|(pid, working)| (*pid, working.name.clone())).collect();
            let note = GeneratorsNote { left, until: self.until, killed: self.killed, has_group: self.group.is_some() };
            ledger.put(again::GENERATORS, "", &note, &[]);
        }
    }

    /// Those of an earlier life of the program.
    pub(super) fn restored(root: Option<&Group>, pages: &mut Pages, remarks: &mut Vec<String>) -> Self {
        let note: Option<GeneratorsNote> = pages.one(again::GENERATORS).and_then(|record| again::read(&record, "generators", remarks));
        let Some(note) = note else { return Self::default() };
        let group = root.map(|root| root.child(GROUP)).filter(|_| note.has_group);
        let left = note.left.into_iter().map(|(pid, name)| (pid, Working { name, report: None })).collect();
        Self { group, left, until: note.until, killed: note.killed, touched: true }
    }

    /// After everybody has been reaped who could be: whose end was heard, and lost, is not waited for.
    pub(super) fn reconcile(&mut self) {
        let is_lost = |pid: &i32| {
            let asked = waitid(Id::Pid(Pid::from_raw(*pid)), WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT);
            asked == Err(Errno::ECHILD)
        };
        let before = self.left.len();
        self.left.retain(|pid, _| !is_lost(pid));
        self.touched |= self.left.len() != before;
    }
}

/// The way from a copy of PID 1 to the program.
fn steps<'a>(path: &str, environment: &[String], procs: &'a [OwnedFd], output: BorrowedFd<'a>) -> Result<Vec<Step<'a>>, NulError> {
    let words = |texts: &mut dyn Iterator<Item = &str>| texts.map(CString::new).collect::<Result<Vec<_>, _>>();
    let mut steps: Vec<Step<'a>> = procs.iter().map(|procs| Step::JoinCgroup(procs.as_fd())).collect();
    steps.extend([
        Step::NewSession,
        Step::Umask(0o022),
        Step::Open { path: c"/dev/null".to_owned(), flags: libc::O_RDONLY, mode: 0, number: 0 },
        Step::Inherit(output, 1),
        Step::Inherit(output, 2),
        Step::CloseOthers,
        Step::DefaultSignals,
        Step::Exec {
            programs: words(&mut std::iter::once(path))?,
            argv: Pointers::new(words(&mut std::iter::once(path).chain(OUTPUT))?),
            envp: Pointers::new(words(&mut environment.iter().map(String::as_str))?),
        },
    ]);
    Ok(steps)
}

/// systemd.generator(7), "Environment".
fn environment(facts: &Facts, surroundings: &Surroundings) -> Vec<String> {
    let mut all: Vec<String> = surroundings.all().map(|(name, value)| format!("{name}={value}")).collect();
    all.extend([
        "SYSTEMD_SCOPE=system".to_owned(),
        "SYSTEMD_IN_INITRD=0".to_owned(),
        format!("SYSTEMD_FIRST_BOOT={}", u8::from(facts.is_first_boot())),
        format!("SYSTEMD_ARCHITECTURE={}", files::architecture()),
    ]);
    all.extend(facts.container().map(|kind| format!("SYSTEMD_VIRTUALIZATION=container:{kind}")));
    all
}
