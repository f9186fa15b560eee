//! What the made-up machine has seen with its own eyes, and what must hold whatever happens.
//!
//! ```text
//!   what was ordered ─┐
//!                     ├─▶ Facts ─▶ is it ready? may it begin? may both be?
//!   what was told ────┘
//! ```
//!
//! The supervisor is asked only what a user could ask it, to see that it says what is so.

use super::World;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use supervisor::{Action, Event, Life, Notice, Phase, Run};
use units::control::{ActiveState, Request, UnitRow};
use units::unit::{Body, Service, ServiceType, StopMode};
use units::{UnitKind, UnitName};

#[derive(Default)]
pub struct Facts {
    /// What has come of the lives that are.
    lives: BTreeMap<Life, Progress>,
    /// How often each has failed since it was last asked for.
    falls: BTreeMap<UnitName, u32>,
    /// Units whose beginning was the judging of their conditions.
    checked: BTreeSet<UnitName>,
    /// Units whose processes were given up.
    left_behind: BTreeSet<UnitName>,
    /// Lives whose start nobody waits for any more.
    waited_too_long: BTreeSet<Life>,
    /// Units of which that holds while their conditions are judged: it will of the life that begins then.
    given_up: BTreeSet<UnitName>,
    /// Pairs that were up beside each other when files came that say they may not.
    tolerated: BTreeSet<(UnitName, UnitName)>,
    /// What was wanted of whom before this step, since when, and of whom something has been told in it.
    wanted: BTreeMap<UnitName, (String, Option<u64>)>,
    settled: BTreeSet<UnitName>,
    /// Who waited for all others before this step.
    idle: BTreeSet<UnitName>,
    /// Events that were stepped through.
    pub steps: u64,
}

#[derive(Default)]
struct Progress {
    prepared: bool,
    listening: bool,
    ready: bool,
    found: bool,
    born: BTreeSet<Run>,
    executed: BTreeSet<Run>,
    over: BTreeSet<Run>,
    /// Files have been read since it began: what it takes to be ready is not known any more.
    old: bool,
}

impl World {
    /// An event is about to be stepped through.
    pub(super) fn note_event(&mut self, event: &Event) {
        self.facts.steps += 1;
        self.facts.settled.clear();
        match event {
            Event::Asked(_, Request::ResetFailed { units }) if units.is_empty() => self.facts.falls.clear(),
            // Nobody waits for what has no job.
            Event::Asked(_, Request::Cancel { jobs }) => {
                let has_one = |row: &UnitRow| row.job.as_ref().is_some_and(|job| jobs.is_empty() || jobs.contains(&job.number));
                let units: Vec<UnitName> = self.rows().into_iter().filter(has_one).map(|row| row.name).collect();
                units.iter().for_each(|unit| self.give_up(unit));
            }
            Event::Asked(_, Request::Start { units } | Request::ResetFailed { units }) => {
                let manner = |name| self.supervisor.units().unit(name).map(|unit| &unit.manner);
                let taken = units.iter().filter(|name| manner(name).is_some_and(|manner| !manner.refuse_manual_start));
                taken.for_each(|unit| _ = self.facts.falls.remove(unit));
            }
            _ => {}
        }
        let life = match life_of(event) {
            Some(life) => life,
            None => return,
        };
        let Some(progress) = self.facts.lives.get_mut(&life) else { return };
        match event {
            Event::Prepared(_) => progress.prepared = true,
            Event::Listening(_) => progress.listening = true,
            Event::Readied(_) => progress.ready = true,
            Event::MainFound(..) => progress.found = true,
            Event::Spawned(run, _) => _ = progress.born.insert(*run),
            Event::Executed(run) => _ = progress.executed.insert(*run),
            Event::Exited(run, _) | Event::SpawnFailed(run, _) => _ = progress.over.insert(*run),
            _ => {}
        }
    }

    /// An order has come.
    pub(super) fn note_action(&mut self, action: &Action) {
        if let Action::Tell(notice) = action {
            self.facts.settled.extend(subject(notice).cloned());
        }
        match action {
            Action::Check(_, unit) if self.ordered => {
                self.assert_order(unit);
                self.facts.checked.insert(unit.clone());
                self.facts.given_up.remove(unit);
            }
            Action::Prepare(life, unit) => {
                if self.facts.given_up.remove(unit) {
                    self.facts.waited_too_long.insert(*life);
                }
                if self.ordered {
                    if !self.facts.checked.remove(unit) {
                        self.assert_order(unit);
                    }
                    self.assert_alone(unit);
                }
                self.facts.left_behind.remove(unit);
                self.facts.lives.insert(*life, Progress::default());
            }
            Action::Release(life, unit, _) => {
                self.assert_gone(*life, unit);
                self.facts.lives.remove(life);
            }
            Action::Tell(Notice::Started(unit, _)) if self.ordered => {
                let life = self.lives.iter().find(|(_, name)| *name == unit).map(|(life, _)| *life);
                assert!(life.is_none_or(|life| self.is_ready(life, unit)), "{unit} is said to be up and is not ready");
                assert!(life.is_some() || unit.kind() == UnitKind::Target, "{unit} is said to be up and does not live");
            }
            Action::Tell(Notice::Fell { unit, .. } | Notice::Failed(unit, _)) => {
                *self.facts.falls.entry(unit.clone()).or_default() += 1;
            }
            Action::Tell(Notice::WaitedTooLong(unit)) => {
                self.give_up(unit);
            }
            Action::Tell(Notice::LeftBehind(unit)) => _ = self.facts.left_behind.insert(unit.clone()),
            _ => {}
        }
    }

    /// Nobody waits for its start any more, which goes on.
    fn give_up(&mut self, unit: &UnitName) {
        let life = self.lives.iter().find(|(_, name)| *name == unit).map(|(life, _)| *life);
        match life {
            Some(life) => _ = self.facts.waited_too_long.insert(life),
            None if self.facts.checked.contains(unit) => _ = self.facts.given_up.insert(unit.clone()),
            None => {}
        }
    }

    /// The files were read again.
    pub(super) fn note_reread(&mut self) {
        for progress in self.facts.lives.values_mut() {
            progress.old = true;
        }
        self.facts.tolerated = self.beside(&self.rows(), |row| !is_down(row));
    }

    /// Whether what makes a unit of its kind ready has happened in this life.
    fn is_ready(&self, life: Life, unit: &UnitName) -> bool {
        let (Some(progress), Some(unit)) = (self.facts.lives.get(&life), self.supervisor.units().unit(unit)) else { return false };
        let over = |phase: Phase, count: usize| (0..count).all(|index| progress.over.contains(&Run { life, phase, index }));
        let main = Run { life, phase: Phase::Start, index: 0 };
        let of_kind = |service: &Service| match service.kind {
            ServiceType::Oneshot => over(Phase::Start, service.start.len()),
            ServiceType::Exec | ServiceType::Dbus => progress.executed.contains(&main) || progress.over.contains(&main),
            ServiceType::Simple | ServiceType::Idle => progress.born.contains(&main) || progress.over.contains(&main),
            ServiceType::Notify | ServiceType::NotifyReload => progress.ready,
            ServiceType::Forking { .. } => progress.over.contains(&main) && (progress.found || !service.guess_main_pid),
        };
        progress.old
            || progress.prepared
                && match &unit.body {
                    Body::Service(service) => {
                        over(Phase::Condition, service.start_conditions.len())
                            && over(Phase::StartPre, service.start_pre.len())
                            && of_kind(service)
                            && over(Phase::StartPost, service.start_post.len())
                    }
                    Body::Socket(socket) => {
                        over(Phase::StartPre, socket.start_pre.len())
                            && progress.listening
                            && over(Phase::StartPost, socket.start_post.len())
                    }
                    Body::Mount(_) => over(Phase::Start, 1),
                    Body::Target | Body::Timer(_) | Body::Path(_) | Body::Slice(_) | Body::Scope(_) => true,
                }
    }

    /// Whether the main command of this life has been run.
    pub(super) fn has_main_begun(&self, life: Life) -> bool {
        self.facts.lives.get(&life).is_some_and(|progress| progress.born.contains(&Run { life, phase: Phase::Start, index: 0 }))
    }

    /// Everything `unit` comes after is ready or has no life, and nothing is wanted of it that has not happened.
    /// Who falls again and again is waited for no more, nor is who waits for all others.
    fn assert_order(&self, unit: &UnitName) {
        let now = u64::try_from(self.now.0.as_micros()).unwrap();
        let node = self.supervisor.units().graph().node(unit);
        let after: Vec<UnitName> = node.into_iter().flat_map(|node| &node.after).cloned().collect();
        for row in self.supervisor.rows(self.now, &after) {
            if row.sub == "idle" || self.facts.idle.contains(&row.name) || self.facts.falls.get(&row.name).is_some_and(|falls| *falls > 1) {
                continue;
            }
            let life = self.lives.iter().find(|(_, name)| **name == row.name).map(|(life, _)| *life);
            let awaited = |life: Life| !self.facts.waited_too_long.contains(&life) && !self.is_ready(life, &row.name);
            let begun = life.is_some_and(awaited) && row.active != ActiveState::Deactivating;
            assert!(!begun, "{unit} starts before {} is ready, which is {}", row.name, row.sub);
            // The same that was wanted before: asked for earlier, and not settled and asked for anew in this step. What
            // had its start settled may be wanted down later in the step, when the other has begun.
            let asked = row.moments.asked_us;
            let before = self.facts.wanted.get(&row.name).filter(|(_, since)| *since == asked && asked < Some(now));
            let same =
                before.zip(row.job.as_ref()).is_some_and(|((kind, _), job)| *kind == job.kind || kind == "restart" && job.kind == "start");
            let wanted = same && !self.facts.settled.contains(&row.name);
            assert!(!wanted, "{unit} starts while {} is {} and {:?} is wanted", row.name, row.sub, row.job);
        }
    }

    /// The step is over.
    pub(super) fn note_end(&mut self) {
        if self.ordered {
            let rows = self.rows();
            self.facts.idle = rows.iter().filter(|row| row.sub == "idle").map(|row| row.name.clone()).collect();
            let wanted = |row: UnitRow| Some((row.name, (row.job?.kind, row.moments.asked_us)));
            self.facts.wanted = rows.into_iter().filter_map(wanted).collect();
        }
    }

    /// Nothing that `unit` may not be beside lives.
    fn assert_alone(&self, unit: &UnitName) {
        let node = self.supervisor.units().graph().node(unit);
        let beside: Vec<&UnitName> =
            node.into_iter().flat_map(|node| &node.conflicts).filter(|other| self.lives.values().any(|alive| alive == *other)).collect();
        assert!(beside.is_empty(), "{unit} begins beside {beside:?}");
    }

    /// Nothing of a life is left where all of it was to be ended.
    fn assert_gone(&self, life: Life, unit: &UnitName) {
        let left = self.processes.keys().any(|run| run.life == life);
        let service = self.supervisor.units().unit(unit).and_then(|unit| unit.service());
        let all = service.is_none_or(|service| matches!(service.stop.mode, StopMode::ControlGroup | StopMode::Mixed));
        let given_up =
            self.facts.left_behind.contains(unit) || self.undead.contains(unit) || self.facts.lives.get(&life).is_some_and(|p| p.old);
        assert!(!left || !all || given_up, "{unit} is over, its processes are not");
    }

    /// Pairs that are so and may not be beside each other.
    fn beside(&self, rows: &[UnitRow], wanted: impl Fn(&UnitRow) -> bool) -> BTreeSet<(UnitName, UnitName)> {
        let those: BTreeSet<&UnitName> = rows.iter().filter(|row| wanted(row)).map(|row| &row.name).collect();
        let graph = self.supervisor.units().graph();
        let conflicts = |name: &&UnitName| graph.node(name).map(|node| (node, (*name).clone()));
        let pairs = those.iter().filter_map(conflicts).flat_map(|(node, name)| {
            node.conflicts.iter().filter(|other| those.contains(other)).map(move |other| (name.clone(), other.clone()))
        });
        pairs.collect()
    }

    /// What the supervisor says of the machine is so, and nothing is that may not be.
    pub fn assert_state(&mut self) {
        let rows = self.rows();
        for row in &rows {
            let life = self.lives.iter().find(|(_, name)| **name == row.name).map(|(life, _)| *life);
            assert_eq!(life.is_some(), row.cgroup.is_some() || row.sub == "prepare", "{} is {}", row.name, row.sub);
            let has_main = self.processes.keys().any(|run| Some(run.life) == life && run.phase == Phase::Start);
            let is_late = life.is_some_and(|life| self.late.iter().any(|event| life_of(event) == Some(life)));
            assert!(row.main_pid.is_none() || has_main || is_late, "{} has no main process", row.name);
        }
        let both_up = self.beside(&rows, |row| matches!(row.active, ActiveState::Active | ActiveState::Reloading));
        let new = both_up.iter().find(|pair| !self.facts.tolerated.contains(*pair));
        assert!(new.is_none(), "both are up: {new:?}");
        if !self.facts.tolerated.is_empty() {
            let beside = self.beside(&rows, |row| !is_down(row));
            self.facts.tolerated.retain(|pair| beside.contains(pair));
        }
        assert!(self.open.is_empty(), "connections are forgotten: {:?}", self.open);
    }
}

/// Whether nothing of a unit is there.
fn is_down(row: &UnitRow) -> bool {
    matches!(row.active, ActiveState::Inactive | ActiveState::Failed)
        || ["waiting", "auto-restart"].contains(&row.sub.as_ref()) && row.cgroup.is_none()
}

/// Whom something is told of.
fn subject(notice: &Notice) -> Option<&UnitName> {
    match notice {
        Notice::Starting(unit)
        | Notice::Started(unit, _)
        | Notice::Skipped(unit, _)
        | Notice::Failed(unit, _)
        | Notice::Fell { unit, .. }
        | Notice::Finished(unit)
        | Notice::Ignored(unit, ..)
        | Notice::Stopping(unit)
        | Notice::Stopped(unit)
        | Notice::Aborting(unit)
        | Notice::WaitedTooLong(unit)
        | Notice::Killing(unit)
        | Notice::LeftBehind(unit)
        | Notice::OutOfMemory(unit)
        | Notice::BusNotAsked(unit)
        | Notice::Wanted(unit, _)
        | Notice::Status(unit, _) => Some(unit),
        Notice::BootFinished { .. } | Notice::Leaving(..) | Notice::Hurrying(_) => None,
    }
}

/// The life that an event tells of.
pub fn life_of(event: &Event) -> Option<Life> {
    match event {
        Event::Checked(life, _)
        | Event::Prepared(life)
        | Event::PrepareFailed(life, _)
        | Event::Readied(life)
        | Event::Stated(life, _)
        | Event::Reloading(life, _)
        | Event::StoppingSaid(life)
        | Event::Extended(life, _)
        | Event::MainFound(life, _)
        | Event::Emptied(life)
        | Event::OomKilled(life)
        | Event::WatchdogPinged(life)
        | Event::WatchdogTriggered(life)
        | Event::WatchdogChanged(life, _)
        | Event::ErrnoTold(life, _)
        | Event::Listening(life)
        | Event::ListenFailed(life, _)
        | Event::Incoming(life)
        | Event::Connected(life, ..)
        | Event::CalendarElapsed(life)
        | Event::PathTriggered(life, _)
        | Event::WatchFailed(life, _) => Some(*life),
        Event::Spawned(run, _)
        | Event::Executed(run)
        | Event::SpawnFailed(run, _)
        | Event::SpawnDelayed(run, _)
        | Event::Exited(run, _) => Some(run.life),
        Event::Booted | Event::Asked(..) | Event::HungUp(_) | Event::LeaveAsked { .. } | Event::Ticked => None,
    }
}

/// A span as unit files write it.
pub fn humantime(text: &str) -> Duration {
    match units::value::read_span(text).unwrap() {
        units::value::Limit::At(span) => span,
        units::value::Limit::Max => Duration::MAX,
    }
}
