//! All units, what is wanted of them, and how the system as a whole is doing.

mod after;
mod because;
mod course;
mod draw;
mod jobs;
mod keep;
mod leave;
mod news;
mod past;
mod patience;
mod react;
mod reload;
mod requests;
mod rows;
mod slot;
mod slots;
mod start;
mod stop;
mod transient;
mod vigil;
mod watching;

use crate::{Action, Cause, Event, Life, Moment, Notice, Run, Ticket};
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use react::Change;
use serde::{Deserialize, Serialize};
use slot::{Slot, State, Why};
use slots::Slots;
use units::control::{UnitResult, Way};
use units::{Entry, InstanceError, Map, Set, UnitName, UnitSet};

pub use keep::{Saved, SavedSlot};

/// What the supervisor is told once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// What [`Event::Booted`] starts.
    pub default_target: UnitName,
    /// How long a shutdown may take in all; every unit's time limit is clipped by it.
    pub shutdown_budget: Duration,
    /// Any number: by it timers with `random-delay` differ from those of other containers.
    #[serde(default)]
    pub random: u64,
}

/// All units and what they are doing.
#[derive(Debug, Serialize, Deserialize)]
pub struct Supervisor {
    #[serde(skip)]
    units: Arc<UnitSet>,
    config: Config,
    /// The sockets, timers and paths that start a unit.
    #[serde(skip)]
    triggers: Map<UnitName, Vec<UnitName>>,
    #[serde(skip)]
    slots: Slots,
    lives: Map<Life, UnitName>,
    next_life: Life,
    tickets: Map<Ticket, Waiting>,
    /// How many jobs there were: each has a number.
    #[serde(default)]
    jobs: u32,
    system: System,
    /// When boot began, and when it was through.
    booted: Option<Moment>,
    finished: Option<Moment>,
    /// The moment of the step under way.
    now: Moment,
    #[serde(skip)]
    orders: Vec<Action>,
    /// What is still to be told to other units in this step.
    #[serde(skip)]
    changes: VecDeque<Change>,
    /// Units that cannot be started, whose dependents are still to be told.
    refusals: VecDeque<(UnitName, Cause)>,
    /// Units whose text came with a request.
    #[serde(default)]
    transients: Map<UnitName, transient::Transient>,
    /// Units that are up without a good file.
    #[serde(default)]
    past: Map<UnitName, past::Past>,
    /// Units that are over: whoever carries the orders of this step out still looks into them.
    #[serde(skip)]
    over: Vec<UnitName>,
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
        let mut slots = Slots::default();
        for (name, _) in units.iter().filter(|(_, entry)| matches!(entry, Entry::Unit(_))) {
            slots.insert(name.clone(), Slot::new());
        }
        slots.settle();
        Self {
            triggers: triggers(&units),
            units: Arc::new(units),
            config,
            slots,
            lives: Map::new(),
            next_life: Life::FIRST,
            tickets: Map::new(),
            jobs: 0,
            system: System::Idle,
            booted: None,
            finished: None,
            now: Moment::default(),
            orders: Vec::new(),
            changes: VecDeque::new(),
            refusals: VecDeque::new(),
            transients: Map::new(),
            past: Map::new(),
            over: Vec::new(),
        }
    }

    /// What to do about `event`, which happened at `now`.
    #[must_use]
    pub fn step(&mut self, now: Moment, event: Event) -> Vec<Action> {
        // A clock that goes back would undo deadlines; nothing is lost by ignoring it.
        self.now = self.now.max(now);
        self.forget_units();
        self.hear(event);
        self.advance();
        core::mem::take(&mut self.orders)
    }

    /// When the next [`Event::Ticked`] is wanted.
    #[must_use]
    pub fn deadline(&self) -> Option<Moment> {
        let units = self.slots.first_deadline();
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
        self.bring_back(&mut units);
        self.past = Map::new();
        for name in self.slots.names(|_| true) {
            let Some(slot) = self.slots.get(&name) else { continue };
            let has_file = units.unit(&name).is_some();
            if !has_file && (slot.life().is_some() || slot.job.is_some()) {
                self.keep_as_it_was(&name, &mut units);
            } else if !has_file {
                self.slots.remove(&name);
            }
        }
        self.triggers = triggers(&units);
        self.units = Arc::new(units);
        let all: Vec<UnitName> = self.units.iter().map(|(name, _)| name.clone()).collect();
        self.make_slots(&all);
        self.slots.settle();
    }

    /// Those of these that are units and not known yet are down from now on.
    fn make_slots(&mut self, names: &[UnitName]) {
        for name in names {
            if matches!(self.units.entry(name), Some(Entry::Unit(_))) && !self.slots.contains_key(name) {
                let mut slot = Slot::new();
                slot.since = self.now;
                self.slots.insert(name.clone(), slot);
            }
        }
    }

    /// The unit `name` stands for: where it is an instance of a template that nobody has named before, it is made, with those that it names.
    fn make_instance(&mut self, name: &UnitName) -> Result<UnitName, InstanceError> {
        if self.units.entry(name).is_some() {
            return Ok(self.units.resolve(name).clone());
        }
        let made = Arc::make_mut(&mut self.units).instantiate(name)?;
        self.make_slots(&made.new);
        Ok(made.name)
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
            Event::Reloading(life, at) => self.heard(life, |s, name| s.reloading(name, at)),
            // One that stops says so by ending; and its errno is for people, who read it in the log.
            Event::StoppingSaid(_) | Event::ErrnoTold(..) => {}
            Event::WatchdogPinged(life) => self.heard(life, Self::watchdog_pinged),
            Event::WatchdogTriggered(life) => self.heard(life, Self::watchdog_triggered),
            Event::WatchdogChanged(life, every) => self.heard(life, |s, name| s.watchdog_changed(name, every)),
            Event::Listening(life) => self.heard(life, Self::listening),
            Event::ListenFailed(life, why) => self.heard(life, |s, name| s.listen_failed(name, why)),
            Event::Incoming(life) => self.heard(life, Self::incoming),
            Event::Connected(life, connection, instance) => self.connected(life, connection, &instance),
            Event::CalendarElapsed(life) => self.heard(life, Self::calendar_elapsed),
            Event::PathTriggered(life, path) => self.heard(life, |s, name| s.path_triggered(name, path)),
            Event::WatchFailed(life, why) => self.heard(life, |s, name| s.watch_failed(name, why)),
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
                for name in self.slots.names(|_| true) {
                    if let Some(slot) = self.slots.get_mut(&name) {
                        slot.since = self.now;
                    }
                }
                let target = self.config.default_target.clone();
                self.want_start(&target, Why::Boot);
            }
            System::Booting { .. } | System::Running | System::Leaving { .. } | System::Left => {}
        }
    }

    /// Tells every change, begins every job whose turn has come, and notices when all is done.
    fn advance(&mut self) {
        loop {
            self.slots.settle();
            if let Some(change) = self.changes.pop_front() {
                self.react(change);
            } else if let Some(name) = self.slots.next_turn() {
                self.take_turn(&name);
            } else if let Some(name) = self.slots.last_of_all() {
                self.idle_no_more(&name);
            } else {
                break;
            }
        }
        // What is tried again after a fall is no part of the boot.
        if let System::Booting { since } = self.system
            && self.slots.has_booted()
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
        for name in self.slots.due(now) {
            // What was done for one may have changed another.
            if self.slots.get(&name).and_then(Slot::due_at).is_some_and(|deadline| deadline <= now) {
                self.time_is_up(&name);
            }
            if self.slots.get(&name).and_then(|slot| slot.job.as_ref()?.until).is_some_and(|until| until <= now) {
                self.give_job_up(&name);
            }
        }
        self.leaving_ticked();
    }

    /// Whether the end has been asked for.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
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
        let Some(slot) = self.slots.get_mut(name) else { return };
        let was_failed = matches!(slot.state, State::Failed(_));
        let lived = !slot.is_down() && !matches!(slot.state, State::Resting { .. } | State::Checking { .. });
        slot.state = state;
        slot.since = now;
        let rose = slot.is_up() && !slot.history.is_up;
        slot.history.is_up = slot.is_up();
        slot.history.was_up |= slot.history.is_up;
        if slot.is_down() {
            slot.history.down_at = Some(now);
            slot.history.by_hand = false;
            slot.history.because = None;
            let fresh = if let State::Failed(_) = slot.state { !was_failed } else { lived };
            self.changes.push_back(Change::Down { unit: name.clone(), fresh });
        } else if let State::Resting { .. } = slot.state {
            self.changes.push_back(Change::Rests(name.clone()));
        } else if rose {
            self.changes.push_back(Change::Up(name.clone()));
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
        let because = self.because(name, phase);
        self.orders.push(Action::Spawn { run, unit: name.clone(), main_pid, ended, because });
    }

    /// Lines for SIGUSR2: what every unit is doing.
    pub fn dump(&self, now: Moment) -> impl Iterator<Item = String> {
        self.slots.iter().map(move |(name, slot)| alloc::format!("{name}: {:?} for {:?}, job {:?}", slot.state, slot.age(now), slot.job))
    }
}

/// What is started by sockets, timers and paths, and by which.
fn triggers(units: &UnitSet) -> Map<UnitName, Vec<UnitName>> {
    let mut triggers: Map<UnitName, Vec<UnitName>> = Map::new();
    for (name, entry) in units.iter() {
        if let Entry::Unit(unit) = entry
            && let Some(other) = unit.triggers()
        {
            triggers.entry(units.resolve(&other).clone()).or_default().push(name.clone());
        }
    }
    triggers
}

impl Waiting {
    fn new(names: impl IntoIterator<Item = UnitName>) -> Self {
        let mut seen = Set::new();
        Self { results: names.into_iter().filter(|name| seen.insert(name.clone())).map(|name| (name, None)).collect() }
    }

    fn all(&self) -> Option<Vec<UnitResult>> {
        self.results.iter().map(|(unit, outcome)| outcome.clone().map(|outcome| UnitResult { unit: unit.clone(), outcome })).collect()
    }
}
