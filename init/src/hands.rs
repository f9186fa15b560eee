//! The hands: what the supervisor orders, done by the kernel.
//!
//! ```text
//! Life ──has──▶ Body { group, pipes, watches }
//! pid  ──is───▶ Process { run, pidfd, report until it is the program }
//! ```
//!
//! Everything that happened comes back as an [`Event`] pushed to the caller's queue. Nothing
//! here decides.

mod account;
mod bearing;
mod because;
mod birth;
mod body;
mod calendar;
mod commands;
mod conditions;
mod directories;
mod dynamic;
mod emptying;
mod environment;
mod generators;
mod gone;
mod groups;
mod handed;
mod identity;
mod inotify;
pub(crate) mod invocation;
mod keep;
mod limits;
mod main_pid;
mod memory;
mod mounts;
mod news;
mod opened;
mod paths;
mod pipes;
mod pressure;
mod private;
mod ready;
mod slices;
mod sockets;
mod spare;
mod store;
mod surroundings;
mod without;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use kernel::cgroup::Group;
use kernel::pidfd::PidFd;
use kernel::spawn::Report;
use kernel::wait::How;
use nix::unistd::Pid;
use supervisor::{Event, Exit, Life, Phase, Run, Whom};
use units::accounting::Account;
use units::control::LogStream;
use units::unit::Command;
use units::value::Signal;
use units::{Set, UnitName, UnitSet};

use crate::journal::Intake;
use crate::kept::Kept;
use crate::reactor::{Reactor, Watch};
use crate::utmp;
use birth::Asked;
use body::Body;
use calendar::Calendars;
pub(crate) use conditions::Facts;
use generators::Generators;
use gone::Gone;
use inotify::Watches;
use memory::Again;
use paths::Paths;
use sockets::Sockets;
use spare::Spares;
use store::Store;
use surroundings::Surroundings;

/// A process that is a child of ours and of a unit.
#[derive(Debug)]
struct Process {
    run: Run,
    pidfd: PidFd,
    /// Until it has become the program.
    report: Option<Box<(Report, Watch, Command, Asked)>>,
    /// It is not our child, and its end is watched for.
    stranger: Option<Watch>,
    /// There is a record of it that says that it is there.
    recorded: bool,
}

/// One pipe of a life's output.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) unit: UnitName,
    pub(crate) stream: LogStream,
    pub(crate) intake: Intake,
    watch: Watch,
    /// It floods, and is not read before this moment.
    paused: Option<Duration>,
}

/// Lives, processes and pipes.
#[derive(Debug)]
pub(crate) struct Hands {
    /// The group above the units' own; `None` where there are none to be had.
    root: Option<Group>,
    facts: Facts,
    bodies: Kept<Life, Body>,
    processes: Kept<i32, Process>,
    pipes: Kept<u64, Pipe>,
    next_pipe: u64,
    store: Store,
    sockets: Sockets,
    watches: Watches,
    paths: Paths,
    calendars: Calendars,
    generators: Generators,
    gone: Gone,
    /// Temporary files of former lives.
    going: Vec<Gone>,
    /// What was told of a unit that it does without; once is enough.
    told: Set<(UnitName, Cow<'static, str>)>,
    /// Lines for the logs of units.
    remarks: Vec<(UnitName, String)>,
    /// Groups of former lives that still hold processes.
    leftovers: Vec<(UnitName, Group)>,
    spares: Spares,
    /// Somebody was killed who is nobody's main process: the counters may say why.
    stranger_killed: bool,
    /// Lives whose counter may be about to rise.
    starving: Vec<Again>,
    /// Some pipe is left alone: else nobody has to be asked.
    any_paused: bool,
    /// Which life ended last, of units that others are started after.
    ended: Vec<(UnitName, String)>,
    /// Path units of an earlier life of the program, still to be watched.
    to_watch: Vec<Life>,
    /// What all processes are told.
    pub(crate) surroundings: Surroundings,
}

/// Where facts go that come of an order.
pub(crate) type Queue = VecDeque<Event>;

impl Hands {
    pub(crate) fn new(root: Option<Group>, facts: Facts) -> Self {
        birth::prepare();
        Self {
            root,
            facts,
            bodies: Kept::default(),
            processes: Kept::default(),
            pipes: Kept::default(),
            next_pipe: 1,
            store: Store::default(),
            sockets: Sockets::default(),
            watches: Watches::default(),
            paths: Paths::default(),
            calendars: Calendars::default(),
            generators: Generators::default(),
            gone: Gone::new("/run/fief/gone"),
            going: Vec::new(),
            told: Set::new(),
            remarks: Vec::new(),
            leftovers: Vec::new(),
            spares: Spares::default(),
            stranger_killed: false,
            starving: Vec::new(),
            any_paused: false,
            ended: Vec::new(),
            to_watch: Vec::new(),
            surroundings: Surroundings::new(),
        }
    }

    /// Judge the conditions of a unit.
    pub(crate) fn check(&self, life: Life, name: &UnitName, units: &UnitSet, queue: &mut Queue) {
        if let Some(unit) = units.unit(name) {
            queue.push_back(Event::Checked(life, unit.conditions.judge(|test| self.facts.hold(test, self.root.as_ref()))));
        }
    }

    /// The life a process is known to belong to.
    pub(crate) fn life_of_child(&self, pid: i32) -> Option<Life> {
        self.processes.get(&pid).map(|process| process.run.life)
    }

    /// A child of ours, of whatever descent, has ended.
    pub(crate) fn ended(&mut self, pid: i32, how: How, reactor: &mut Reactor, queue: &mut Queue) {
        // What it said before it ended comes first.
        self.reported(pid, reactor, queue);
        let Some(process) = self.forget(pid, reactor) else {
            self.stranger_killed |= how == How::Signal(libc::SIGKILL);
            return;
        };
        let exit = match how {
            How::Code(code) => Exit::Code(u8::try_from(code & 0xff).unwrap_or(u8::MAX)),
            How::Signal(number) => Exit::Signal(u8::try_from(number).ok().and_then(Signal::new).unwrap_or(Signal::KILL)),
        };
        if let Some(books) = utmp::of_pid_1().filter(|_| process.recorded) {
            utmp::end(books, pid, exit);
        }
        let life = process.run.life;
        if exit == Exit::Signal(Signal::KILL) || self.hears_late_of_oom(life) {
            self.look_for_oom(life, queue);
        }
        // What it said on its descriptor, it said while it lived; the pipe may not have been looked at yet.
        self.ready_said(life, reactor, queue);
        queue.push_back(Event::Exited(process.run, exit));
        self.look_whether_empty(life, reactor, queue);
    }

    /// Send a signal to the main process, or to all of a life.
    pub(crate) fn signal(&self, life: Life, whom: Whom, signal: Signal) {
        match (whom, self.bodies.get(&life).and_then(|body| body.group.as_ref())) {
            (Whom::Main, _) => {
                for process in self.processes.values().filter(|process| is_main(process, life)) {
                    let _ = process.pidfd.signal_number(signal.number());
                }
            }
            (Whom::Control, _) => {
                for process in self.processes.values().filter(|process| process.run.life == life && process.run.phase != Phase::Start) {
                    let _ = process.pidfd.signal_number(signal.number());
                }
            }
            (Whom::All, Some(group)) => {
                for pidfd in PidFd::all_of(|| group.processes()) {
                    let _ = pidfd.signal_number(signal.number());
                }
            }
            (Whom::All, None) => self.signal_sessions(life, signal.number()),
        }
    }

    /// SIGKILL to every process of a life.
    pub(crate) fn kill(&mut self, life: Life) {
        let body = self.bodies.get_mut(&life);
        let group = body.and_then(|body| {
            body.unharmed = false;
            body.group.as_ref()
        });
        let Some(group) = group else { return self.signal_sessions(life, libc::SIGKILL) };
        let _ = group.kill();
        // One that has to move in by itself may not be in yet.
        for process in self.processes.values().filter(|process| process.run.life == life) {
            let _ = process.pidfd.signal_number(libc::SIGKILL);
        }
    }

    /// Without groups a life is known by the sessions its processes lead.
    fn signal_sessions(&self, life: Life, number: i32) {
        for (pid, process) in self.processes.iter().filter(|(_, process)| process.run.life == life) {
            let signal = nix::sys::signal::Signal::try_from(number).ok();
            if nix::sys::signal::killpg(Pid::from_raw(*pid), signal).is_err() {
                let _ = process.pidfd.signal_number(number);
            }
        }
    }

    /// Some of what is left to clean up. True while there is more.
    pub(crate) fn sweep(&mut self) -> bool {
        self.gone.turn();
        self.going.iter_mut().for_each(Gone::turn);
        self.going.retain(|gone| !gone.finish());
        self.gone.is_waiting() || !self.going.is_empty()
    }

    /// What a unit has used.
    pub(crate) fn account(&self, unit: &UnitName) -> Account {
        self.group(unit).map(|group| account::read(&group)).unwrap_or_default()
    }

    /// The group a unit has now.
    pub(crate) fn group(&self, unit: &UnitName) -> Option<Cow<'_, Group>> {
        let body = self.bodies.values().rev().find(|body| body.unit == *unit);
        let own = body.and_then(|body| body.group.as_ref()).map(Cow::Borrowed);
        own.or_else(|| self.slice(unit).map(Cow::Owned))
    }

    /// Stop all processes of a life where they are, or let them go on.
    pub(crate) fn freeze(&mut self, life: Life, frozen: bool) {
        let Some(body) = self.bodies.get_mut(&life) else { return };
        body.made_with = None;
        if let Some(group) = &body.group {
            // What cannot be frozen goes on; who asked looks at `cgroup.events`.
            let _ = group.freeze(frozen);
        }
    }

    /// Put the limits that the unit names now in force; what could not be had.
    pub(crate) fn limit(&mut self, life: Life, name: &UnitName, units: &UnitSet) -> Vec<String> {
        if let Some(slice) = self.slice(name) {
            return self.limit_slice(&slice, name, units);
        }
        let body = self.bodies.get_mut(&life);
        let group = body.and_then(|body| {
            body.made_with = None;
            body.group.as_ref()
        });
        let service = units.unit(name).and_then(|unit| unit.processes());
        group.zip(service).map(|(group, service)| limits::of_service(group, service)).unwrap_or_default()
    }

    /// The kind of container this is.
    pub(crate) fn container(&self) -> Option<&str> {
        self.facts.container()
    }

    /// The group above all units.
    pub(crate) fn root(&self) -> Option<&Group> {
        self.root.as_ref()
    }
}

fn is_main(process: &Process, life: Life) -> bool {
    process.run.life == life && process.run.phase == Phase::Start
}
