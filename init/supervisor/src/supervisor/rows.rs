//! What is told of units on request.

use super::after::word;
use super::slot::{Down, JobKind, Reloading, Slot, Starting, State, Stopping, Watching};
use super::{Supervisor, System};
use crate::{Cause, Exit, Moment};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use units::accounting::Account;
use units::control::{ActiveState, Hello, JobRow, LoadState, MainExit, Moments, PROTOCOL, SystemState, UnitRow};
use units::{Entry, UnitKind, UnitName};

impl Supervisor {
    /// Who answers, and how the system as a whole is doing at `now`.
    #[must_use]
    pub fn hello(&self, now: Moment) -> Hello {
        let count = |wanted: fn(&Slot) -> bool| u32::try_from(self.slots.values().filter(|slot| wanted(slot)).count()).unwrap_or(u32::MAX);
        let failed = count(|slot| matches!(slot.state, State::Failed(_)));
        Hello {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").into(),
            state: match self.system {
                System::Idle | System::Booting { .. } => SystemState::Starting,
                System::Running if failed == 0 => SystemState::Running,
                System::Running => SystemState::Degraded,
                System::Leaving { .. } | System::Left => SystemState::Stopping,
            },
            booted_us: self.booted.map(micros),
            finished_us: self.finished.map(micros),
            now_us: micros(now),
            default_target: self.config.default_target.clone(),
            up: count(Slot::is_up),
            failed,
            jobs: count(|slot| slot.job.is_some()),
        }
    }

    /// The units that are asked about by these names, one each however often it is named; by none, all.
    #[must_use]
    pub fn named(&self, names: &[UnitName]) -> Vec<UnitName> {
        if names.is_empty() {
            return self.units.iter().map(|(name, _)| name).filter(|name| !self.over.contains(name)).cloned().collect();
        }
        let mut seen = BTreeSet::new();
        names.iter().map(|name| self.units.resolve(name)).filter(|name| seen.insert(*name)).cloned().collect()
    }

    /// What these units do at `now`. For many, better asked in pieces: it costs time and memory.
    #[must_use]
    pub fn rows(&self, now: Moment, names: &[UnitName]) -> Vec<UnitRow> {
        names.iter().map(|name| self.row(now, name)).collect()
    }

    pub(super) fn row(&self, now: Moment, name: &UnitName) -> UnitRow {
        let mut row = UnitRow {
            name: name.clone(),
            description: String::new(),
            load: LoadState::NotFound,
            active: ActiveState::Inactive,
            sub: "dead".into(),
            main_pid: None,
            age_ms: 0,
            restarts: 0,
            result: None,
            verdict: "success".into(),
            main_exit: None,
            status: None,
            cgroup: None,
            aliases: Vec::new(),
            documentation: Vec::new(),
            job: None,
            frozen: false,
            sources: Vec::new(),
            stamps: Vec::new(),
            reload_due: None,
            shadowed: Vec::new(),
            triggers: None,
            triggered_by: Vec::new(),
            watches: Vec::new(),
            next_us: None,
            last_us: None,
            moments: Moments::default(),
            account: Account::default(),
            relations: BTreeMap::new(),
            properties: Vec::new(),
        };
        // One that is over is nobody's any more, though it is forgotten only with the next event.
        match self.units.entry(name).filter(|_| !self.over.contains(name)) {
            // It is where its units are, and needs no file.
            None if name.kind() == UnitKind::Slice => {
                row.load = LoadState::Loaded;
                row.description = name.as_str().into();
            }
            None => {}
            Some(Entry::Masked { path }) => {
                row.load = LoadState::Masked;
                row.sources.push(path.clone());
            }
            Some(Entry::Bad { first }) => {
                row.load = LoadState::BadSetting;
                row.sources.push(first.path.clone());
                row.result = Some(match &first.place {
                    Some(place) => format!("{}:{}: {}", first.path, place.line, first.message),
                    None => first.message.clone(),
                });
            }
            Some(Entry::Unit(unit)) => {
                row.load = LoadState::Loaded;
                row.description.clone_from(&unit.description);
                row.documentation.clone_from(&unit.documentation);
                row.aliases.clone_from(&unit.aliases);
                row.sources.clone_from(&unit.sources);
                row.shadowed.clone_from(&unit.shadowed);
                row.watches = unit.watches();
                row.triggers = unit.triggers();
                row.triggered_by = self.triggers.get(name).cloned().unwrap_or_default();
                if let Some(slot) = self.slots.get(name) {
                    fill(&mut row, slot, now);
                }
                self.show_past(&mut row);
            }
        }
        row
    }
}

fn fill(row: &mut UnitRow, slot: &Slot, now: Moment) {
    let (active, sub) = words(slot, row.name.kind());
    row.active = active;
    row.sub = sub.into();
    row.age_ms = u64::try_from(slot.age(now).as_millis()).unwrap_or(u64::MAX);
    row.restarts = slot.history.restarts;
    row.status.clone_from(&slot.history.status);
    row.result = match &slot.state {
        State::Down(Down::Skipped(condition)) => Some(format!("skipped: {condition}")),
        State::Failed(cause) => Some(cause.to_string()),
        State::Down(Down::Idle | Down::Finished)
        | State::Resting { .. }
        | State::Checking { .. }
        | State::Preparing { .. }
        | State::Starting { .. }
        | State::Up { .. }
        | State::Done { .. }
        | State::Watching { .. }
        | State::Reloading { .. }
        | State::Stopping { .. }
        | State::Reached => slot.history.result.clone(),
    };
    row.verdict = verdict(slot).into();
    row.main_exit = slot.history.exit.map(|exit| match exit {
        Exit::Code(code) => MainExit::Code(code),
        Exit::Signal(signal) => MainExit::Signal(signal),
    });
    if let Some(alive) = slot.alive() {
        row.main_pid = alive.main_pid;
        row.frozen = alive.frozen;
        row.cgroup = Some(row.name.as_str().into());
    }
    if let State::Watching { watch: Watching::Waiting { at }, .. } = &slot.state {
        row.next_us = at.map(micros);
    }
    row.last_us = slot.history.hit_at.map(micros);
    row.job = slot.job.as_ref().map(|job| JobRow {
        kind: match job.kind {
            JobKind::Start => "start",
            JobKind::Stop => "stop",
            JobKind::Restart => "restart",
        }
        .into(),
        waiting: !job.begun,
        number: job.number,
    });
    let history = &slot.history;
    row.moments = Moments {
        asked_us: history.asked.map(micros),
        began_us: Some(history.began).filter(|began| *began > Moment::default()).map(micros),
        up_us: history.up_at.map(micros),
        down_us: history.down_at.map(micros),
    };
}

/// How it went last, as far as it is down for it.
fn verdict(slot: &Slot) -> &'static str {
    match &slot.state {
        State::Failed(Cause::Requirement(_)) => "dependency",
        State::Failed(Cause::AssertionFailed(_)) => "assert",
        State::Failed(cause) => word(cause),
        State::Resting { .. } => match slot.history.exit {
            Some(Exit::Signal(_)) => "signal",
            Some(Exit::Code(_)) => "exit-code",
            None => "resources",
        },
        State::Down(_)
        | State::Checking { .. }
        | State::Preparing { .. }
        | State::Starting { .. }
        | State::Up { .. }
        | State::Done { .. }
        | State::Watching { .. }
        | State::Reloading { .. }
        | State::Stopping { .. }
        | State::Reached => "success",
    }
}

fn micros(moment: Moment) -> u64 {
    u64::try_from(moment.0.as_micros()).unwrap_or(u64::MAX)
}

/// The words of systemctl(1) for it.
fn words(slot: &Slot, kind: UnitKind) -> (ActiveState, &'static str) {
    let waiting = slot.has_job(|kind| kind == JobKind::Start);
    match &slot.state {
        State::Down(_) | State::Failed(_) if waiting => (ActiveState::Activating, "waiting"),
        State::Down(Down::Idle | Down::Finished) => (ActiveState::Inactive, "dead"),
        State::Down(Down::Skipped(_)) => (ActiveState::Inactive, "skipped"),
        State::Failed(_) => (ActiveState::Failed, "failed"),
        State::Resting { .. } => (ActiveState::Activating, "auto-restart"),
        State::Checking { .. } | State::Starting { stage: Starting::Condition(_), .. } => (ActiveState::Activating, "condition"),
        State::Preparing { .. } => (ActiveState::Activating, "prepare"),
        State::Starting { stage: Starting::Idling, .. } => (ActiveState::Activating, "idle"),
        State::Starting { stage: Starting::Pre(_), .. } => (ActiveState::Activating, "start-pre"),
        State::Starting { stage: Starting::Main(_), .. } if kind == UnitKind::Mount => (ActiveState::Activating, "mounting"),
        State::Starting { stage: Starting::Main(_) | Starting::Finding | Starting::Listening, .. } => (ActiveState::Activating, "start"),
        State::Starting { stage: Starting::Post(_), .. } => (ActiveState::Activating, "start-post"),
        State::Up { .. } => (ActiveState::Active, "running"),
        State::Done { .. } => (ActiveState::Active, done(kind)),
        State::Watching { watch: Watching::Waiting { .. }, .. } if kind == UnitKind::Socket => (ActiveState::Active, "listening"),
        State::Watching { watch: Watching::Waiting { .. }, .. } => (ActiveState::Active, "waiting"),
        State::Watching { watch: Watching::Triggered, .. } => (ActiveState::Active, "running"),
        State::Watching { watch: Watching::Elapsed, .. } => (ActiveState::Active, "elapsed"),
        State::Reached => (ActiveState::Active, "active"),
        State::Reloading { stage: Reloading::Command(_), .. } => (ActiveState::Reloading, "reload"),
        State::Reloading { stage: Reloading::Signalled(_), .. } => (ActiveState::Reloading, "reload-signal"),
        State::Reloading { stage: Reloading::Said, .. } => (ActiveState::Reloading, "reload-notify"),
        State::Stopping { stage: Stopping::Commands(_), .. } => (ActiveState::Deactivating, stopping(kind)),
        State::Stopping { stage: Stopping::Abort, .. } => (ActiveState::Deactivating, "stop-watchdog"),
        State::Stopping { stage: Stopping::FinalAbort, .. } => (ActiveState::Deactivating, "final-watchdog"),
        State::Stopping { stage: Stopping::Terminate, .. } if kind == UnitKind::Scope => (ActiveState::Deactivating, "stop-sigterm"),
        State::Stopping { stage: Stopping::Kill, .. } if kind == UnitKind::Scope => (ActiveState::Deactivating, "stop-sigkill"),
        State::Stopping { stage: Stopping::Terminate, .. } => (ActiveState::Deactivating, "stop-term"),
        State::Stopping { stage: Stopping::Kill, .. } => (ActiveState::Deactivating, "stop-kill"),
        State::Stopping { stage: Stopping::Post(_), .. } => (ActiveState::Deactivating, "stop-post"),
        State::Stopping { stage: Stopping::FinalTerminate, .. } => (ActiveState::Deactivating, "final-sigterm"),
        State::Stopping { stage: Stopping::FinalKill, .. } => (ActiveState::Deactivating, "final-sigkill"),
    }
}

fn done(kind: UnitKind) -> &'static str {
    match kind {
        UnitKind::Mount => "mounted",
        UnitKind::Slice => "active",
        UnitKind::Service
        | UnitKind::Target
        | UnitKind::Socket
        | UnitKind::Timer
        | UnitKind::Path
        | UnitKind::Automount
        | UnitKind::Swap
        | UnitKind::Device
        | UnitKind::Scope => "exited",
    }
}

fn stopping(kind: UnitKind) -> &'static str {
    match kind {
        UnitKind::Mount => "unmounting",
        UnitKind::Socket => "stop-pre",
        UnitKind::Service
        | UnitKind::Target
        | UnitKind::Timer
        | UnitKind::Path
        | UnitKind::Slice
        | UnitKind::Automount
        | UnitKind::Swap
        | UnitKind::Device
        | UnitKind::Scope => "stop",
    }
}
