//! A made-up machine around the supervisor: it carries out orders as the reactor would, and a
//! script says what the processes do.
#![allow(dead_code, clippy::print_stdout, unreachable_pub, missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

pub mod chance;
pub mod dice;
mod facts;
pub mod made_up;
mod show;
mod text;

use dice::Dice;
use facts::{Facts, humantime, life_of};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use supervisor::{Action, Config, Connection, Event, Exit, Life, Moment, Notice, Phase, Run, Saved, Supervisor, Ticket, Whom};
use units::control::{Job, KillWhom, Request, UnitRow, Way};
use units::unit::{ServiceType, Verdict};
use units::value::Signal;
use units::{UnitName, read};

pub use text::files;

pub struct World {
    pub supervisor: Supervisor,
    pub now: Moment,
    /// What was ordered, one line each.
    pub lines: Vec<String>,
    queue: VecDeque<Event>,
    /// Processes alive.
    processes: BTreeMap<Run, UnitName>,
    /// Processes that are nobody's run, by unit: daemons left behind, children.
    strays: BTreeMap<UnitName, u32>,
    lives: BTreeMap<Life, UnitName>,
    drained: BTreeSet<Life>,
    next_ticket: u64,
    /// Tickets and how often they were answered.
    pub answers: BTreeMap<u64, u32>,
    pub left: Option<Way>,
    /// Units that ignore SIGTERM.
    pub stubborn: BTreeSet<UnitName>,
    /// Units whose conditions do not hold.
    pub skipped: BTreeSet<UnitName>,
    /// Units whose commands cannot be executed.
    pub broken: BTreeSet<UnitName>,
    /// Units whose processes even SIGKILL does not end.
    pub undead: BTreeSet<UnitName>,
    /// Units whose commands beside the main one end only when the script says so.
    pub patient: BTreeSet<UnitName>,
    /// Sockets that cannot be made.
    pub deaf: BTreeSet<UnitName>,
    connections: u64,
    /// Connections neither given away nor dropped.
    open: BTreeSet<Connection>,
    /// What the machine has seen.
    pub facts: Facts,
    /// Whether nothing is noted of what is ordered and told: for tests of a million steps.
    pub silent: bool,
    /// Whether what is noted is printed at once.
    pub loud: bool,
    /// What has happened and is not heard of yet; by chance, if it goes by chance.
    late: VecDeque<Event>,
    pub tardy: Option<Dice>,
    /// Requests whose askers have gone.
    pub hung_up: BTreeSet<u64>,
    /// What the files say the time after, and so on by turns, where chance has them read again.
    pub next: String,
    /// Whether notices are shown.
    pub quiet: bool,
    pub told: Vec<Notice>,
    /// Whether it is asserted that starts keep their order and conflicts apart.
    pub ordered: bool,
    /// Whether the supervisor is written down and revived before each event.
    pub mortal: bool,
    former: Vec<Life>,
    /// What the files say when they are read again.
    pub changed: String,
}

pub fn name(text: &str) -> UnitName {
    UnitName::new(text).unwrap()
}

/// A supervisor over these units.
pub fn supervisor(text: &str, random: u64) -> Supervisor {
    let (set, _) = read(files(text));
    let shutdown_budget = Duration::from_secs(25);
    Supervisor::new(set, Config { default_target: name("default.target"), shutdown_budget, random })
}

impl World {
    pub fn new(text: &str) -> Self {
        Self {
            supervisor: supervisor(text, 7),
            now: Moment::default(),
            lines: Vec::new(),
            queue: VecDeque::new(),
            processes: BTreeMap::new(),
            strays: BTreeMap::new(),
            lives: BTreeMap::new(),
            drained: BTreeSet::new(),
            next_ticket: 1,
            answers: BTreeMap::new(),
            left: None,
            stubborn: BTreeSet::new(),
            skipped: BTreeSet::new(),
            broken: BTreeSet::new(),
            undead: BTreeSet::new(),
            patient: BTreeSet::new(),
            deaf: BTreeSet::new(),
            connections: 0,
            open: BTreeSet::new(),
            facts: Facts::default(),
            silent: false,
            loud: false,
            late: VecDeque::new(),
            tardy: None,
            hung_up: BTreeSet::new(),
            next: text.to_owned(),
            quiet: false,
            told: Vec::new(),
            ordered: false,
            mortal: false,
            former: Vec::new(),
            changed: text.to_owned(),
        }
    }

    /// Carries out a script: words separated by `|`, then everything that follows from each.
    pub fn run(&mut self, script: &str) {
        for word in script.split('|') {
            self.act(word.trim());
            self.follow_up();
        }
    }

    fn act(&mut self, word: &str) {
        self.lines.push(format!("> {word}"));
        let words: Vec<&str> = word.split_whitespace().collect();
        let all = |words: &[&str]| words.iter().map(|w| name(w)).collect::<Vec<_>>();
        match words.as_slice() {
            ["boot"] => self.queue.push_back(Event::Booted),
            ["start", rest @ ..] => self.ask(Request::Start { units: all(rest) }),
            ["stop", rest @ ..] => self.ask(Request::Stop { units: all(rest) }),
            ["restart", rest @ ..] => self.ask(Request::Restart { units: all(rest) }),
            ["reload", rest @ ..] => self.ask(Request::Reload { units: all(rest) }),
            ["reset-failed", rest @ ..] => self.ask(Request::ResetFailed { units: all(rest) }),
            ["try-restart", rest @ ..] => self.ask(Request::TryRestart { units: all(rest) }),
            ["reload-or-restart", rest @ ..] => self.ask(Request::ReloadOrRestart { units: all(rest) }),
            ["try-reload-or-restart", rest @ ..] => self.ask(Request::TryReloadOrRestart { units: all(rest) }),
            ["queue", "start", rest @ ..] => self.ask(Request::Queue { job: Job::Start, units: all(rest) }),
            ["queue", "stop", rest @ ..] => self.ask(Request::Queue { job: Job::Stop, units: all(rest) }),
            ["isolate", unit] => self.ask(Request::Isolate { unit: name(unit) }),
            ["freeze", rest @ ..] => self.ask(Request::Freeze { units: all(rest) }),
            ["thaw", rest @ ..] => self.ask(Request::Thaw { units: all(rest) }),
            ["limit", rest @ ..] => self.ask(Request::Limit { units: all(rest) }),
            ["kill", rest @ ..] => self.ask(Request::Kill { units: all(rest), whom: KillWhom::Main, signal: Signal::CONT }),
            ["cancel", "all"] => self.ask(Request::Cancel { jobs: vec![] }),
            ["daemon-reload"] => self.ask(Request::DaemonReload {}),
            ["extend", unit] => self.of(unit, |life| Event::Extended(life, Duration::from_secs(5))),
            ["list"] => {
                let rows = self.rows();
                self.lines
                    .extend(rows.iter().map(|r| format!("    {} {} {} {}", r.name, r.active, r.sub, r.result.as_deref().unwrap_or("-"))));
            }
            ["poweroff"] => self.ask(Request::Leave { way: Way::Poweroff, at_once: false }),
            ["poweroff", "now"] => self.ask(Request::Leave { way: Way::Poweroff, at_once: true }),
            ["signal", "reboot"] => self.queue.push_back(Event::LeaveAsked { way: Way::Reboot, at_once: false }),
            ["incoming", unit] => self.of(unit, Event::Incoming),
            ["connect", unit, instance] => {
                self.connections += 1;
                let (number, instance) = (self.connections, (*instance).to_owned());
                self.open.insert(Connection(number));
                self.of(unit, |life| Event::Connected(life, Connection(number), instance));
            }
            ["elapse", unit] => self.of(unit, Event::CalendarElapsed),
            ["touch", unit] => self.of(unit, |life| Event::PathTriggered(life, "/watched".to_owned())),
            ["unwatched", unit] => self.of(unit, |life| Event::WatchFailed(life, "watching /x failed: No space left on device".to_owned())),
            ["ping", unit] => self.of(unit, Event::WatchdogPinged),
            ["hang", unit] => self.of(unit, Event::WatchdogTriggered),
            ["watch", unit, span] => {
                let every = humantime(span);
                self.of(unit, |life| Event::WatchdogChanged(life, every));
            }
            ["reloading", unit, "unsaid"] => self.of(unit, |life| Event::Reloading(life, None)),
            ["reloading", unit, at] => {
                let at = Moment(humantime(at));
                self.of(unit, |life| Event::Reloading(life, Some(at)));
            }
            ["ready", unit] => self.of(unit, Event::Readied),
            ["oom", unit] => self.of(unit, Event::OomKilled),
            ["stray", unit] => *self.strays.entry(name(unit)).or_default() += 1,
            ["claim", unit, pid] => {
                let pid: u32 = pid.parse().unwrap();
                self.of(unit, |life| Event::MainFound(life, Some(pid)));
            }
            ["main", unit, "none"] => self.of(unit, |life| Event::MainFound(life, None)),
            ["main", unit, pid] => {
                let pid: u32 = pid.parse().unwrap();
                self.strays.remove(&name(unit));
                let life = self.life(unit);
                self.processes.insert(Run { life, phase: Phase::Start, index: 0 }, name(unit));
                self.queue.push_back(Event::MainFound(life, Some(pid)));
            }
            ["empty", unit] => {
                self.strays.remove(&name(unit));
                self.look_for_empty();
            }
            ["exit", unit, phase, code] => {
                let exit = Exit::Code(code.parse().unwrap());
                let run = *self.processes.iter().find(|(run, n)| **n == name(unit) && run.phase.to_string() == *phase).unwrap().0;
                self.end_process(run, exit);
            }
            ["exit", unit, code] => self.exit_main(unit, Exit::Code(code.parse().unwrap())),
            ["die", unit, signal] => self.exit_main(unit, Exit::Signal(Signal::read(signal).unwrap())),
            ["delay", unit] => {
                let run = self.process_of(unit);
                self.processes.remove(&run);
                self.queue.push_back(Event::SpawnDelayed(run, "fork: EAGAIN".to_owned()));
            }
            [span] if span.starts_with('+') => {
                let span = humantime(span.trim_start_matches('+'));
                self.wait(span);
            }
            [] => {}
            _ => panic!("what is {word:?}?"),
        }
    }

    pub fn ask(&mut self, request: Request) {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.answers.insert(ticket, 0);
        self.queue.push_back(Event::Asked(Ticket(ticket), request));
    }

    /// What the supervisor tells of its units, without a trace in the script.
    pub fn rows(&self) -> Vec<UnitRow> {
        self.supervisor.rows(self.now, &self.supervisor.named(&[]))
    }

    /// Something happens to a unit, if it can; `what` is made up by a generator.
    pub fn nudge(&mut self, what: u8, unit: &UnitName) {
        let life = self.lives.iter().rev().find(|(_, n)| *n == unit).map(|(l, _)| *l);
        let run = self.processes.iter().rev().find(|(_, n)| *n == unit).map(|(r, _)| *r);
        match (what, life, run) {
            (0, _, Some(run)) => self.end_process(run, Exit::Code(0)),
            (1, _, Some(run)) => self.end_process(run, Exit::Code(1)),
            (2, _, Some(run)) => self.end_process(run, Exit::Signal(Signal::KILL)),
            (3, _, Some(run)) => {
                self.processes.remove(&run);
                self.queue.push_back(Event::SpawnDelayed(run, "fork: EAGAIN".to_owned()));
            }
            (4, Some(life), _) => self.queue.push_back(Event::Readied(life)),
            (5, Some(life), _) => self.queue.push_back(Event::OomKilled(life)),
            (6, Some(life), _) => self.queue.push_back(Event::MainFound(life, None)),
            (7, Some(life), _) => {
                self.processes.insert(Run { life, phase: Phase::Start, index: 0 }, unit.clone());
                self.queue.push_back(Event::MainFound(life, Some(7)));
            }
            (8, Some(life), _) => self.queue.push_back(Event::Extended(life, Duration::from_secs(1000))),
            (9, _, _) => {
                // News of those long gone.
                for life in self.former.iter().rev().take(3) {
                    let run = Run { life: *life, phase: Phase::Start, index: 0 };
                    self.queue.extend([Event::Readied(*life), Event::Exited(run, Exit::Code(1)), Event::Emptied(*life)]);
                    self.queue.extend([Event::Prepared(*life), Event::Executed(run), Event::MainFound(*life, Some(1))]);
                }
            }
            (10, _, _) => {
                self.strays.insert(unit.clone(), 1);
            }
            (11, _, _) => {
                self.strays.remove(unit);
                self.look_for_empty();
            }
            _ => self.queue.push_back(Event::Ticked),
        }
        self.follow_up();
    }

    /// The supervisor as it is written down: itself, then each slot.
    pub fn written(&self) -> (String, Vec<(UnitName, String)>) {
        let slots = self.supervisor.slots().map(|(name, slot)| (name.clone(), serde_json::to_string(&slot).unwrap()));
        (serde_json::to_string(&self.supervisor).unwrap(), slots.collect())
    }

    /// Another life of the program takes over: all that is left of the supervisor is what was written.
    pub fn revive(&mut self) {
        let (whole, slots) = self.written();
        let mut saved: Saved = serde_json::from_str(&whole).unwrap();
        for (name, slot) in slots {
            saved.put(name, serde_json::from_str(&slot).unwrap());
        }
        self.supervisor = saved.revive(self.supervisor.units().clone());
    }

    fn life(&self, unit: &str) -> Life {
        *self.lives.iter().rev().find(|(_, n)| **n == name(unit)).unwrap_or_else(|| panic!("{unit} does not live")).0
    }

    fn of(&mut self, unit: &str, event: impl FnOnce(Life) -> Event) {
        self.queue.push_back(event(self.life(unit)));
    }

    fn process_of(&self, unit: &str) -> Run {
        *self.processes.iter().rev().find(|(_, n)| **n == name(unit)).unwrap_or_else(|| panic!("{unit} has no process")).0
    }

    fn exit_main(&mut self, unit: &str, exit: Exit) {
        let run = self.process_of(unit);
        self.end_process(run, exit);
    }

    fn end_process(&mut self, run: Run, exit: Exit) {
        if self.processes.remove(&run).is_some() {
            self.answer(Event::Exited(run, exit));
            self.look_for_empty();
        }
    }

    fn look_for_empty(&mut self) {
        let empty: Vec<Life> = self.drained.iter().copied().filter(|life| self.is_empty(*life)).collect();
        for life in empty {
            self.drained.remove(&life);
            self.answer(Event::Emptied(life));
        }
    }

    /// What follows from an order is heard of at once, or late; of each life in its sequence.
    fn answer(&mut self, event: Event) {
        let life = life_of(&event);
        let waits = life.is_some() && self.late.iter().any(|other| life_of(other) == life);
        if waits || self.tardy.as_mut().is_some_and(|dice| dice.once_in(8)) {
            self.late.push_back(event);
        } else {
            self.queue.push_back(event);
        }
    }

    fn is_empty(&self, life: Life) -> bool {
        let stray = self.lives.get(&life).is_some_and(|unit| self.strays.contains_key(unit));
        !stray && self.processes.keys().all(|run| run.life != life)
    }

    /// Lets time pass, stopping at every deadline.
    pub fn wait(&mut self, span: Duration) {
        let end = self.now.plus(span);
        let mut rounds = 0;
        while let Some(deadline) = self.supervisor.deadline().filter(|d| *d <= end) {
            rounds += 1;
            assert!(rounds < 10_000, "a deadline does not go away");
            self.now = self.now.max(deadline);
            if !self.silent {
                self.lines.push(format!("@ {:?}", self.now.0));
            }
            self.queue.push_back(Event::Ticked);
            self.follow_up();
        }
        self.now = end;
    }

    pub fn push(&mut self, event: Event) {
        self.queue.push_back(event);
        self.follow_up();
    }

    pub fn follow_up(&mut self) {
        let mut rounds = 0;
        while let Some(event) = self.queue.pop_front() {
            rounds += 1;
            assert!(rounds < 10_000, "this never ends");
            if self.mortal {
                self.revive();
            }
            if self.loud {
                println!("<- {event:?}");
            }
            self.note_event(&event);
            for action in self.supervisor.step(self.now, event) {
                assert_eq!(self.left, None, "ordered after leaving: {action:?}");
                self.perform(action);
            }
            self.note_end();
        }
    }

    fn perform(&mut self, action: Action) {
        if !self.silent
            && let Some(shown) = self.show(&action)
        {
            if self.loud {
                println!("     {shown}");
            }
            self.lines.push(shown);
        }
        self.note_action(&action);
        match action {
            Action::Check(life, unit) => {
                let verdict = if self.skipped.contains(&unit) { Verdict::Skip("path-exists /no".into()) } else { Verdict::Go };
                self.answer(Event::Checked(life, verdict));
            }
            Action::Prepare(life, unit) => {
                assert!(self.lives.values().all(|other| *other != unit), "{unit} has two lives");
                self.lives.insert(life, unit);
                self.answer(Event::Prepared(life));
            }
            Action::Spawn { run, unit, .. } => {
                assert_eq!(self.lives.get(&run.life), Some(&unit), "spawned outside of a life");
                let number = 100 + u32::try_from(self.processes.len()).unwrap();
                if self.broken.contains(&unit) {
                    self.answer(Event::Spawned(run, number));
                    self.answer(Event::SpawnFailed(run, "exec failed: No such file or directory".into()));
                    return;
                }
                assert!(self.processes.insert(run, unit.clone()).is_none(), "spawned twice: {run:?}");
                self.answer(Event::Spawned(run, number));
                self.answer(Event::Executed(run));
                let service = self.supervisor.units().unit(&unit).and_then(|unit| unit.service());
                let quick = service.is_none_or(|service| service.kind == ServiceType::Oneshot && unit.as_str().starts_with("setup"));
                if (run.phase != Phase::Start || quick) && !self.patient.contains(&unit) {
                    self.end_process(run, Exit::Code(0));
                }
            }
            Action::FindMain(..)
            | Action::Attend(..)
            | Action::Flush(_)
            | Action::Unlisten(..)
            | Action::WatchCalendar(..)
            | Action::Stamp(_)
            | Action::WatchPaths(..)
            | Action::Unwatch(_)
            | Action::Limit(..)
            | Action::Freeze(..) => {}
            Action::Give(connection, _) | Action::Drop(connection) => {
                assert!(self.open.remove(&connection), "{connection:?} is not there any more");
            }
            Action::Listen(life, unit) => self.answer(if self.deaf.contains(&unit) {
                Event::ListenFailed(life, "listening on /run/x failed: Address already in use".to_owned())
            } else {
                Event::Listening(life)
            }),
            Action::Signal(life, whom, signal) => self.signal(life, whom, signal),
            Action::Kill(life) => self.signal(life, Whom::All, Signal::KILL),
            Action::Drain(life) => {
                if self.is_empty(life) {
                    self.answer(Event::Emptied(life));
                } else {
                    self.drained.insert(life);
                }
            }
            Action::Release(life, unit, _) => {
                assert_eq!(self.lives.remove(&life), Some(unit), "released what does not live");
                self.former.push(life);
                self.drained.remove(&life);
                self.processes.retain(|run, _| run.life != life);
            }
            Action::Answer(ticket, _) | Action::Environment(ticket, _) | Action::Reexec(ticket) => {
                *self.answers.entry(ticket.0).or_default() += 1
            }
            Action::Reread(ticket) => {
                let (set, _) = read(files(&self.changed));
                self.supervisor.reread(set);
                self.note_reread();
                *self.answers.entry(ticket.0).or_default() += 1;
            }
            Action::Forget(_) => {}
            Action::Tell(notice) => self.told.extend(Some(notice).filter(|_| !self.silent)),
            Action::Leave(way) => self.left = Some(way),
        }
    }

    fn signal(&mut self, life: Life, whom: Whom, signal: Signal) {
        let Some(unit) = self.lives.get(&life).cloned() else { panic!("signal to a former life") };
        let deadly = signal == Signal::KILL || (signal != Signal::CONT && !self.stubborn.contains(&unit));
        if !deadly || self.undead.contains(&unit) {
            return;
        }
        if whom == Whom::All {
            self.strays.remove(&unit);
        }
        let meant = |run: &Run| match whom {
            Whom::All => true,
            Whom::Main => run.phase == Phase::Start,
            Whom::Control => run.phase != Phase::Start,
        };
        let hit: Vec<Run> = self.processes.keys().copied().filter(|run| run.life == life && meant(run)).collect();
        for run in hit {
            self.end_process(run, Exit::Signal(signal));
        }
        self.look_for_empty();
    }
}
