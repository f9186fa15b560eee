//! What is told of units on request.

use super::Supervisor;
use super::slot::{Down, JobKind, Slot, Starting, State, Stopping};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use units::accounting::Account;
use units::control::{ActiveState, LoadState, UnitRow};
use units::{Entry, UnitName};

impl Supervisor {
    pub(super) fn all_rows(&self) -> Vec<UnitRow> {
        self.units.iter().map(|(name, _)| self.row(name)).collect()
    }

    /// One each, however often they are named: anybody may ask.
    pub(super) fn rows_of(&self, names: &[UnitName]) -> Vec<UnitRow> {
        let mut seen = BTreeSet::new();
        names.iter().filter(|name| seen.insert(*name)).map(|name| self.row(name)).collect()
    }

    pub(super) fn row(&self, name: &UnitName) -> UnitRow {
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
            status: None,
            cgroup: None,
            sources: Vec::new(),
            account: Account::default(),
        };
        match self.units.entry(name) {
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
                row.sources.clone_from(&unit.sources);
                if let Some(slot) = self.slots.get(name) {
                    self.fill(&mut row, slot);
                }
            }
        }
        row
    }

    fn fill(&self, row: &mut UnitRow, slot: &Slot) {
        let (active, sub) = words(slot);
        row.active = active;
        row.sub = sub.into();
        row.age_ms = u64::try_from(slot.age(self.now).as_millis()).unwrap_or(u64::MAX);
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
            | State::Reloading { .. }
            | State::Stopping { .. }
            | State::Reached => slot.history.result.clone(),
        };
        if let Some(alive) = slot.alive() {
            row.main_pid = alive.main_pid;
            row.cgroup = Some(row.name.as_str().into());
        }
    }
}

fn words(slot: &Slot) -> (ActiveState, &'static str) {
    let waiting = slot.has_job(|kind| kind == JobKind::Start);
    match &slot.state {
        State::Down(_) if waiting => (ActiveState::Activating, "waiting"),
        State::Failed(_) if waiting => (ActiveState::Activating, "waiting"),
        State::Down(Down::Idle | Down::Finished) => (ActiveState::Inactive, "dead"),
        State::Down(Down::Skipped(_)) => (ActiveState::Inactive, "skipped"),
        State::Failed(_) => (ActiveState::Failed, "failed"),
        State::Resting { .. } => (ActiveState::Activating, "auto-restart"),
        State::Checking { .. } => (ActiveState::Activating, "condition"),
        State::Preparing { .. } => (ActiveState::Activating, "prepare"),
        State::Starting { stage: Starting::Pre(_), .. } => (ActiveState::Activating, "start-pre"),
        State::Starting { stage: Starting::Main(_) | Starting::Finding { .. }, .. } => (ActiveState::Activating, "start"),
        State::Starting { stage: Starting::Post(_), .. } => (ActiveState::Activating, "start-post"),
        State::Up { .. } => (ActiveState::Active, "running"),
        State::Done { .. } => (ActiveState::Active, "exited"),
        State::Reached => (ActiveState::Active, "active"),
        State::Reloading { .. } => (ActiveState::Reloading, "reload"),
        State::Stopping { stage: Stopping::Commands(_), .. } => (ActiveState::Deactivating, "stop"),
        State::Stopping { stage: Stopping::Terminate, .. } => (ActiveState::Deactivating, "stop-term"),
        State::Stopping { stage: Stopping::Kill, .. } => (ActiveState::Deactivating, "stop-kill"),
        State::Stopping { stage: Stopping::Post(_), .. } => (ActiveState::Deactivating, "stop-post"),
    }
}
