//! All units, what is wanted of them, and how the system as a whole is doing.

mod jobs;
mod keep;
mod leave;
mod news;
mod requests;
mod rows;
mod slot;
mod start;
mod stop;

use crate::{Action, Cause, Event, Life, Moment, Notice, Run, Ticket};
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use slot::{Slot, State, Why};
use units::control::{UnitResult, Way};
use units::unit::Service;
use units::{Entry, UnitName, UnitSet};

pub use keep::{Saved, SavedSlot};

/// What the supervisor is told once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// What [`Event::Booted`] starts.
    pub default_target: UnitName,
    /// How long a shutdown may take in all; every unit's time limit is clipped by it.
    pub shutdown_budget: Duration,
}

/// All units and what they are doing.
#[derive(Debug, Serialize, Deserialize)]
pub struct Supervisor {
    #[serde(skip)]
    units: Arc<UnitSet>,
    config: Config,
    #[serde(skip)]
    slots: BTreeMap<UnitName, Slot>,
    lives: BTreeMap<Life, UnitName>,
    next_life: Life,
    tickets: BTreeMap<Ticket, Waiting>,
    system: System,
    /// When boot began, and when it was through.
    booted: Option<Moment>,
    finished: Option<Moment>,
    /// The moment of the step under way.
    now: Moment,
    #[serde(skip)]
    orders: Vec<Action>,
    /// Units that cannot be started, whose dependents are still to be told.
    refusals: VecDeque<(UnitName, Cause)>,
}

/// How the system as a whole is doing.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum System {
    Idle,
    Booting { since: Moment },
    Running,
    Leaving { way: Way, kill_at: Moment, give_up_at: Moment, hurried: bool },
    Left,
}

/// A request that has not been answered, unit by unit.
#[derive(Debug, Serialize, Deserialize)]
struct Waiting {
    /// In the order of the request; no outcome yet where it is open.
    results: Vec<(UnitName, Option<units::control::Outcome>)>,
}

impl Supervisor {
    /// Begins with every unit down.
    #[must_use]
    pub fn new(units: UnitSet, config: Config) -> Self {
        let good = units.iter().filter(|(_, entry)| matches!(entry, Entry::Unit(_)));
        let slots = good.map(|(name, _)| (name.clone(), Slot::new())).collect();
        Self {
            units: Arc::new(units),
            config,
            slots,
            lives: BTreeMap::new(),
            next_life: Life::FIRST,
            tickets: BTreeMap::new(),
            system: System::Idle,
            booted: None,
            finished: None,
            now: Moment::default(),
            orders: Vec::new(),
            refusals: VecDeque::new(),
        }
    }

    /// What to do about `event`, which happened at `now`.
    #[must_use]
    pub fn step(&mut self, now: Moment, event: Event) -> Vec<Action> {
        // A clock that goes back would undo deadlines; nothing is lost by ignoring it.
        self.now = self.now.max(now);
        self.hear(event);
        self.advance();
        core::mem::take(&mut self.orders)
    }

    /// When the next [`Event::Ticked`] is wanted.
    #[must_use]
    pub fn deadline(&self) -> Option<Moment> {
        let units = self.slots.values().filter_map(Slot::deadline).min();
        let whole = match self.system {
            System::Leaving { kill_at, give_up_at, hurried, .. } => Some(if hurried { give_up_at } else { kill_at }),
            System::Idle | System::Booting { .. } | System::Running | System::Left => None,
        };
        units.into_iter().chain(whole).min()
    }

    /// The units, for carrying out orders.
    #[must_use]
    pub fn units(&self) -> &UnitSet {
        &self.units
    }

    /// The unit that lives this life, if it still does.
    #[must_use]
    pub fn unit_of(&self, life: Life) -> Option<&UnitName> {
        self.lives.get(&life)
    }

    /// The unit files have been read again. What is down is as its file says from now on, and what
    /// is up goes by the new file for what comes next, as after systemctl(1) `daemon-reload`; what
    /// is up without a good file any more stays as it was, until the files are read once more.
    pub fn reread(&mut self, mut units: UnitSet) {
        if self.is_leaving() {
            return;
        }
        let old = self.units.clone();
        self.slots.retain(|name, slot| {
            let keep = units.unit(name).is_some() || slot.life().is_some() || slot.job.is_some();
            if keep && units.unit(name).is_none() {
                units.keep(&old, name);
            }
            keep
        });
        for (name, entry) in units.iter() {
            if matches!(entry, Entry::Unit(_)) && !self.slots.contains_key(name) {
                let mut slot = Slot::new();
                slot.since = self.now;
                self.slots.insert(name.clone(), slot);
            }
        }
        self.units = Arc::new(units);
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Booted => self.boot(),
            Event::Checked(life, verdict) => self.heard(life, |s, name| s.checked(name, verdict)),
            Event::Prepared(life) => self.heard(life, Self::prepared),
            Event::PrepareFailed(life, why) => self.heard(life, |s, name| s.prepare_failed(name, why)),
            Event::Spawned(run, pid) => self.heard(run.life, |s, name| s.spawned(name, run, pid)),
            Event::Executed(run) => self.heard(run.life, |s, name| s.executed(name, run)),
            Event::SpawnFailed(run, why) => self.heard(run.life, |s, name| s.spawn_failed(name, run, why)),
            Event::SpawnDelayed(run, why) => self.heard(run.life, |s, name| s.spawn_delayed(name, run, why)),
            Event::Exited(run, exit) => self.heard(run.life, |s, name| s.exited(name, run, exit)),
            Event::Readied(life) => self.heard(life, Self::readied),
            Event::Stated(life, text) => self.heard(life, |s, name| s.stated(name, text)),
            // Neither changes what is to be done: readiness after a reload is not waited for, and
            // a service that stops says so by ending.
            Event::Reloading(..) | Event::StoppingSaid(_) => {}
            // Nothing of the kind is ordered yet.
            Event::WatchdogPinged(_)
            | Event::WatchdogTriggered(_)
            | Event::WatchdogChanged(..)
            | Event::ErrnoTold(..)
            | Event::Listening(_)
            | Event::ListenFailed(..)
            | Event::Incoming(_)
            | Event::Connected(..)
            | Event::CalendarElapsed(_)
            | Event::PathTriggered(..)
            | Event::WatchFailed(..) => {}
            Event::Extended(life, span) => self.heard(life, |s, name| s.extended(name, span)),
            Event::MainFound(life, pid) => self.heard(life, |s, name| s.main_found(name, pid)),
            Event::Emptied(life) => self.heard(life, Self::emptied),
            Event::OomKilled(life) => self.heard(life, Self::oom_killed),
            Event::Asked(ticket, request) => self.asked(ticket, request),
            Event::HungUp(ticket) => self.hung_up(ticket),
            Event::LeaveAsked { way, at_once } => self.leave(way, at_once),
            Event::Ticked => self.ticked(),
        }
    }

    /// News of a life: of a former one it is stale and goes unheard.
    fn heard(&mut self, life: Life, news: impl FnOnce(&mut Self, &UnitName)) {
        if let Some(name) = self.lives.get(&life).cloned() {
            news(self, &name);
        }
    }

    fn boot(&mut self) {
        match self.system {
            System::Idle => {
                self.system = System::Booting { since: self.now };
                self.booted = Some(self.now);
                for slot in self.slots.values_mut() {
                    slot.since = self.now;
                }
                let target = self.config.default_target.clone();
                self.want_start(&target, Why::Boot);
            }
            System::Booting { .. } | System::Running | System::Leaving { .. } | System::Left => {}
        }
    }

    /// Begins every job whose turn has come, and notices when all is done.
    fn advance(&mut self) {
        while let Some(name) = self.next_job() {
            self.begin(&name);
        }
        if let System::Booting { since } = self.system
            && !self.slots.values().any(|slot| slot.job.as_ref().is_some_and(|job| job.why == Why::Boot))
        {
            self.system = System::Running;
            self.finished = Some(self.now);
            self.tell_boot(since);
        }
        self.end_leaving();
    }

    fn tell_boot(&mut self, since: Moment) {
        let count = |wanted: fn(&Slot) -> bool| u32::try_from(self.slots.values().filter(|slot| wanted(slot)).count()).unwrap_or(u32::MAX);
        let up = count(Slot::is_up);
        let failed = count(|slot| matches!(slot.state, State::Failed(_)));
        let skipped = count(|slot| matches!(slot.state, State::Down(slot::Down::Skipped(_))));
        let bad = self.units.iter().filter(|(_, entry)| matches!(entry, Entry::Bad { .. })).count();
        let failed = failed.saturating_add(u32::try_from(bad).unwrap_or(u32::MAX));
        self.tell(Notice::BootFinished { up, failed, skipped, took: self.now.since(since) });
    }

    fn ticked(&mut self) {
        let now = self.now;
        let due = |slot: &Slot| slot.deadline().is_some_and(|deadline| deadline <= now);
        let names: Vec<UnitName> = self.slots.iter().filter(|(_, s)| due(s)).map(|(n, _)| n.clone()).collect();
        for name in names {
            // What was done for one may have changed another.
            if self.slots.get(&name).is_some_and(due) {
                self.time_is_up(&name);
            }
        }
        self.leaving_ticked();
    }

    fn is_leaving(&self) -> bool {
        match self.system {
            System::Leaving { .. } | System::Left => true,
            System::Idle | System::Booting { .. } | System::Running => false,
        }
    }

    fn order(&mut self, action: Action) {
        self.orders.push(action);
    }

    fn tell(&mut self, notice: Notice) {
        self.orders.push(Action::Tell(notice));
    }

    fn new_life(&mut self, name: &UnitName) -> Life {
        let mut life = self.next_life;
        while self.lives.contains_key(&life) {
            life = life.next();
        }
        self.next_life = life.next();
        self.lives.insert(life, name.clone());
        life
    }

    fn enter(&mut self, name: &UnitName, state: State) {
        let now = self.now;
        if let Some(slot) = self.slots.get_mut(name) {
            if matches!(state, State::Down(_) | State::Failed(_)) {
                slot.history.down_at = Some(now);
            }
            slot.state = state;
            slot.since = now;
        }
    }

    /// Orders a command of a unit to be run, in its present life.
    fn spawn(&mut self, name: &UnitName, phase: crate::Phase, index: usize) {
        let Some(alive) = self.slots.get_mut(name).and_then(Slot::alive_mut) else { return };
        let run = Run { life: alive.life, phase, index };
        alive.running.push(run);
        let main_pid = alive.main_pid;
        let ended = match phase {
            crate::Phase::Stop | crate::Phase::StopPost => self.ended(name),
            crate::Phase::Condition | crate::Phase::StartPre | crate::Phase::Start | crate::Phase::StartPost | crate::Phase::Reload => None,
        };
        self.orders.push(Action::Spawn { run, unit: name.clone(), main_pid, ended });
    }

    /// Lines for SIGUSR2: what every unit is doing.
    pub fn dump(&self, now: Moment) -> impl Iterator<Item = String> {
        self.slots.iter().map(move |(name, slot)| alloc::format!("{name}: {:?} for {:?}, job {:?}", slot.state, slot.age(now), slot.job))
    }
}

/// The service behind a name, from a shared set: borrowed apart from the supervisor.
fn service<'u>(units: &'u UnitSet, name: &UnitName) -> Option<&'u Service> {
    units.unit(name)?.service()
}

impl Waiting {
    fn new(names: impl IntoIterator<Item = UnitName>) -> Self {
        let mut seen = BTreeSet::new();
        Self { results: names.into_iter().filter(|name| seen.insert(name.clone())).map(|name| (name, None)).collect() }
    }

    fn all(&self) -> Option<Vec<UnitResult>> {
        self.results.iter().map(|(unit, outcome)| outcome.clone().map(|outcome| UnitResult { unit: unit.clone(), outcome })).collect()
    }
}
