//! What the hands hold, written down as it changes and taken over by another life of the program.
//!
//! A record for each body, process and pipe, with the numbers of their descriptors. What can be found again is not
//! written: groups by their paths, `cgroup.events` by being opened, the command of a run by its unit.

use std::borrow::Cow;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use kernel::again::hand_over;
use kernel::cgroup::Group;
use kernel::pidfd::PidFd;
use kernel::spawn::Report;
use serde::{Deserialize, Serialize};
use supervisor::{Event, Exit, Life, Run};
use units::control::LogStream;
use units::unit::NotifyAccess;
use units::value::Signal;
use units::{Set, UnitName, UnitSet};

use super::birth::{Asked, Outlets};
use super::body::Body;
use super::generators::Generators;
use super::gone::Gone;
use super::memory::Memory;
use super::private::{Private, PrivateNote};
use super::ready::Ready;
use super::surroundings::{self, Surroundings};
use super::{Facts, Hands, Pipe, Process, Queue, commands};
use crate::again::{self, Inherited};
use crate::journal::Intake;
use crate::ledger::{Ledger, Pages};
use crate::reactor::{Reactor, Source};

#[derive(Debug, Serialize, Deserialize)]
struct HandsNote {
    first_boot: bool,
    next_pipe: u64,
    next_stored: u64,
    next_connection: u64,
    leftovers: Vec<(UnitName, String)>,
    /// Temporary files of former lives, which are to go.
    going: Vec<PathBuf>,
    told: Set<(UnitName, Cow<'static, str>)>,
    /// For timers; microseconds since 1970.
    began: i64,
    /// The invocations of those that ended.
    #[serde(default)]
    ended: Vec<(UnitName, String)>,
    /// What was set for all processes.
    #[serde(default)]
    surroundings: surroundings::Note,
}

#[derive(Debug, Serialize, Deserialize)]
struct BodyNote {
    life: Life,
    unit: UnitName,
    /// Below the root of each hierarchy.
    group: Option<String>,
    unharmed: bool,
    outlets: Option<(i32, Option<i32>, u64)>,
    looking: bool,
    ready: Option<i32>,
    draining: bool,
    oom_kills: u64,
    access: NotifyAccess,
    store_max: u32,
    invocation: String,
    private: PrivateNote,
}

#[derive(Debug, Serialize, Deserialize)]
struct ProcessNote {
    run: Run,
    pidfd: i32,
    report: Option<(i32, Asked)>,
    stranger: bool,
    #[serde(default)]
    recorded: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct PipeNote {
    unit: UnitName,
    stream: LogStream,
    pipe: i32,
}

impl Hands {
    /// Write down what has changed; everything, if `all`.
    pub(crate) fn note(&mut self, ledger: &mut Ledger, all: bool) {
        if all {
            self.bodies.touch_all();
            self.processes.touch_all();
            self.pipes.touch_all();
        }
        let mut changed = all | self.surroundings.take_change();
        for (life, body) in self.bodies.changes() {
            changed = true;
            match body {
                Some(body) => ledger.put(again::BODY, &life.number().to_string(), &BodyNote::of(life, body), &[]),
                None => ledger.drop(again::BODY, &life.number().to_string()),
            }
        }
        for (pid, process) in self.processes.changes() {
            changed = true;
            match process {
                Some(process) => ledger.put(again::PROCESS, &pid.to_string(), &ProcessNote::of(process), &[]),
                None => ledger.drop(again::PROCESS, &pid.to_string()),
            }
        }
        for (number, pipe) in self.pipes.changes() {
            match pipe {
                Some(pipe) => {
                    let note = PipeNote { unit: pipe.unit.clone(), stream: pipe.stream, pipe: hand_over(&pipe.intake) };
                    ledger.put(again::PIPE, &number.to_string(), &note, pipe.intake.partial());
                }
                None => ledger.drop(again::PIPE, &number.to_string()),
            }
        }
        self.generators.note(ledger, all);
        let others =
            [self.sockets.note(ledger, all), self.store.note(ledger, all), self.calendars.note(ledger, all), self.note_paths(ledger, all)];
        if changed || others.contains(&true) {
            ledger.put(again::HANDS, "", &self.own_note(), &[]);
        }
    }

    fn own_note(&self) -> HandsNote {
        HandsNote {
            first_boot: self.facts.is_first_boot(),
            next_pipe: self.next_pipe,
            next_stored: self.store.next(),
            next_connection: self.sockets.next(),
            leftovers: self.leftovers.iter().map(|(unit, group)| (unit, group)).chain(self.spares.iter()).map(left).collect(),
            going: self.going.iter().map(|gone| gone.place().to_owned()).collect(),
            told: self.told.clone(),
            began: self.calendars.began(),
            ended: self.ended.clone(),
            surroundings: self.surroundings.note(),
        }
    }

    /// Hold what an earlier life of the program held, as far as it is still there.
    pub(crate) fn restored(
        root: Option<Group>,
        pages: &mut Pages,
        inherited: &mut Inherited,
        (units, reactor): (&UnitSet, &mut Reactor),
        remarks: &mut Vec<String>,
    ) -> Self {
        let note: Option<HandsNote> = pages.one(again::HANDS).and_then(|record| again::read(&record, "the hands", remarks));
        let mut hands = Self::new(root, Facts::gather());
        hands.gone.look();
        hands.generators = Generators::restored(hands.root.as_ref(), pages, remarks);
        for (number, record) in pages.all(again::PIPE) {
            let taken = again::read::<PipeNote>(&record, "a pipe", remarks);
            let number = number.parse::<u64>().unwrap_or(0);
            hands.next_pipe = hands.next_pipe.max(number + 1);
            if let Some(note) = taken
                && let Some(pipe) = inherited.take(note.pipe)
                && let Ok(watch) = reactor.watch(&pipe, Source::Output(number))
            {
                let intake = Intake::resumed(pipe, record.raw);
                hands.pipes.insert(number, Pipe { unit: note.unit, stream: note.stream, intake, watch, paused: None });
            }
        }
        for (_, record) in pages.all(again::BODY) {
            if let Some(note) = again::read::<BodyNote>(&record, "a unit's group and pipes", remarks) {
                hands.take_body(note, inherited, reactor);
            }
        }
        for (pid, record) in pages.all(again::PROCESS) {
            let note = again::read::<ProcessNote>(&record, "a process", remarks);
            if let (Some(note), Ok(pid)) = (note, pid.parse()) {
                hands.take_process(pid, &note, inherited, units, reactor);
            }
        }
        hands.sockets.restore(pages, inherited, reactor, remarks);
        hands.store.restore(pages, inherited, reactor, remarks);
        hands.restore_calendars(note.as_ref().map(|note| note.began), pages, reactor, remarks);
        hands.to_watch = hands.restore_paths(pages, remarks);
        if let Some(note) = note {
            hands.facts.set_first_boot(note.first_boot);
            hands.next_pipe = hands.next_pipe.max(note.next_pipe);
            hands.store.go_on_from(note.next_stored);
            hands.sockets.go_on_from(note.next_connection);
            hands.told = note.told;
            hands.ended = note.ended;
            hands.surroundings = Surroundings::restored(note.surroundings);
            hands.going = note.going.into_iter().map(Gone::left).collect();
            for (unit, path) in note.leftovers {
                if let Some(group) = hands.group_at(&path) {
                    hands.leftovers.push((unit, group));
                }
            }
        }
        hands.surroundings.read_language();
        hands
    }

    fn take_body(&mut self, note: BodyNote, inherited: &mut Inherited, reactor: &mut Reactor) {
        let group = note.group.as_deref().and_then(|path| self.group_at(path));
        let mut take = |number| inherited.take(number);
        let outlets =
            note.outlets.and_then(|(output, errors, first)| Some(Outlets { output: take(output)?, errors: errors.and_then(take), first }));
        let memory = group.as_ref().and_then(|group| Memory::watch(group, note.life, reactor));
        let private = Private::resumed(note.private, inherited, self.bodies.values().map(|body| &body.private));
        let body = Body {
            unit: note.unit,
            group,
            unharmed: note.unharmed,
            made_with: None,
            outlets,
            emptying: None,
            memory,
            looking: note.looking,
            ready: note.ready.and_then(|number| Ready::resumed(inherited.take(number)?, note.life, reactor)),
            draining: note.draining,
            oom_kills: note.oom_kills,
            access: note.access,
            store_max: note.store_max,
            invocation: note.invocation,
            private,
        };
        self.bodies.insert(note.life, body);
    }

    fn take_process(&mut self, pid: i32, note: &ProcessNote, inherited: &mut Inherited, units: &UnitSet, reactor: &mut Reactor) {
        let run = note.run;
        let Some(pidfd) = inherited.take(note.pidfd).map(PidFd::from_owned) else { return };
        let service = self.bodies.get(&run.life).and_then(|body| commands::of(units.unit(&body.unit)?));
        let report = note.report.as_ref().and_then(|(number, asked)| {
            let report: OwnedFd = inherited.take(*number)?;
            let watch = reactor.watch(&report, Source::Report(pid)).ok()?;
            let command = service.as_deref().and_then(|service| commands::meant(service, run)).cloned()?;
            Some(Box::new((Report::from_owned(report), watch, command, asked.clone())))
        });
        let stranger = if note.stranger { reactor.watch(&pidfd, Source::Stranger(pid)).ok() } else { None };
        self.processes.insert(pid, Process { run, pidfd, report, stranger, recorded: note.recorded });
    }

    fn group_at(&self, path: &str) -> Option<Group> {
        let root = self.root.as_ref()?;
        let below = std::path::Path::new(path).strip_prefix(root.path()).ok()?;
        Some(root.child(below))
    }

    /// After everybody has been reaped who could be: whoever has ended without anybody's having heard how, and runs that
    /// the supervisor waits for and of which there is nothing; and what the groups tell by now.
    pub(crate) fn reconcile(&mut self, runs: &[Run], units: &UnitSet, reactor: &mut Reactor, queue: &mut Queue) -> usize {
        let mut heard: Set<Run> = queue.iter().filter_map(Event::run).collect();
        let lost: Vec<i32> =
            self.processes.iter().filter(|(_, p)| p.stranger.is_none() && p.pidfd.has_ended()).map(|(pid, _)| *pid).collect();
        let mut count = lost.len();
        for pid in lost {
            if let Some(process) = self.forget(pid, reactor) {
                heard.insert(process.run);
                queue.push_back(Event::Exited(process.run, Exit::Signal(Signal::KILL)));
            }
        }
        let known: Set<Run> = self.processes.values().map(|process| process.run).chain(heard).collect();
        for run in runs.iter().filter(|run| !known.contains(run)) {
            count += 1;
            queue.push_back(Event::SpawnDelayed(*run, "it was lost in a fault of init's own".to_owned()));
        }
        let lives: Vec<_> = self.bodies.iter().map(|(life, body)| (*life, body.draining, body.looking, body.unit.clone())).collect();
        for (life, draining, looking, unit) in lives {
            self.look_for_oom(life, queue);
            if draining {
                self.drain(life, reactor, queue);
            }
            if looking {
                self.find_main(life, &unit, units, reactor, queue);
            }
        }
        self.generators.reconcile();
        for life in std::mem::take(&mut self.to_watch) {
            self.rewatch_paths(life, reactor, queue);
        }
        count
    }
}

impl BodyNote {
    fn of(life: Life, body: &Body) -> Self {
        Self {
            life,
            unit: body.unit.clone(),
            group: body.group.as_ref().map(path_of),
            unharmed: body.unharmed,
            outlets: body
                .outlets
                .as_ref()
                .map(|outlets| (hand_over(&outlets.output), outlets.errors.as_ref().map(hand_over), outlets.first)),
            looking: body.looking,
            ready: body.ready.as_ref().map(hand_over),
            draining: body.draining,
            oom_kills: body.oom_kills,
            access: body.access,
            store_max: body.store_max,
            invocation: body.invocation.clone(),
            private: body.private.note(),
        }
    }
}

impl ProcessNote {
    fn of(process: &Process) -> Self {
        Self {
            run: process.run,
            pidfd: hand_over(&process.pidfd),
            report: process.report.as_deref().map(|(report, _, _, asked)| (hand_over(report), asked.clone())),
            stranger: process.stranger.is_some(),
            recorded: process.recorded,
        }
    }
}

/// One that is kept for another life too: it is made anew then, or goes.
fn left((unit, group): (&UnitName, &Group)) -> (UnitName, String) {
    (unit.clone(), path_of(group))
}

fn path_of(group: &Group) -> String {
    group.path().to_string_lossy().into_owned()
}
