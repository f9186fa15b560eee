//! Units that are up though their file is gone, masked or wrong by now: they stay as they were until they are down, and cannot be started again.
//!
//! ```text
//!   up ─ reread: no good file ─▶ past ─ down ─▶ what its file says: masked, bad, or no unit any more
//!                                  └─ reread: a good file ─▶ as any other
//! ```

use super::Supervisor;
use super::slot::State;
use crate::Cause;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use serde::{Deserialize, Serialize};
use units::control::{LoadState, UnitRow};
use units::{Diagnostic, Entry, Severity, UnitName, UnitSet};

/// What the files say of such a unit now.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Past {
    Gone,
    Masked { path: String },
    Bad { path: String, message: String },
}

impl Past {
    fn of(entry: Option<&Entry>) -> Option<Self> {
        match entry {
            None => Some(Self::Gone),
            Some(Entry::Masked { path }) => Some(Self::Masked { path: path.clone() }),
            Some(Entry::Bad { first }) => Some(Self::Bad { path: first.path.clone(), message: first.message.clone() }),
            Some(Entry::Unit(_)) => None,
        }
    }

    fn cause(&self) -> Cause {
        match self {
            Self::Gone => Cause::NotFound,
            Self::Masked { .. } => Cause::Masked,
            Self::Bad { message, .. } => Cause::BadSetting(message.clone()),
        }
    }

    fn entry(self) -> Option<Entry> {
        match self {
            Self::Gone => None,
            Self::Masked { path } => Some(Entry::Masked { path }),
            Self::Bad { path, message } => {
                let first = Diagnostic { severity: Severity::Error, path, place: None, message, help: None };
                Some(Entry::Bad { first: Box::new(first) })
            }
        }
    }
}

impl Supervisor {
    /// `name` stays in `units` as it was, whatever its files say.
    pub(super) fn keep_as_it_was(&mut self, name: &UnitName, units: &mut UnitSet) {
        // Who was kept before has no unit in `units` either.
        if let Some(past) = Past::of(units.entry(name)) {
            self.past.insert(name.clone(), past);
        }
        units.keep(&self.units, name);
    }

    /// Why it may not be started again.
    pub(super) fn is_past(&self, name: &UnitName) -> Option<Cause> {
        self.past.get(name).map(Past::cause)
    }

    /// What its file says now is what is told of it.
    pub(super) fn show_past(&self, row: &mut UnitRow) {
        let (load, source) = match self.past.get(&row.name) {
            None => return,
            Some(Past::Gone) => (LoadState::NotFound, None),
            Some(Past::Masked { path }) => (LoadState::Masked, Some(path)),
            Some(Past::Bad { path, .. }) => (LoadState::BadSetting, Some(path)),
        };
        row.load = load;
        row.sources = source.cloned().into_iter().collect();
    }

    /// One of them is down: from the next step on it is what its file says. One that failed stays to be seen.
    pub(super) fn forget_past(&mut self, name: &UnitName) {
        let is_over = self.slots.get(name).is_some_and(|slot| matches!(slot.state, State::Down(_)) && slot.job.is_none());
        if is_over && self.past.contains_key(name) {
            self.slots.remove(name);
            self.over.push(name.clone());
        }
    }

    /// Takes what is over out of the units.
    pub(super) fn forget_units(&mut self) {
        for name in core::mem::take(&mut self.over) {
            let units = Arc::make_mut(&mut self.units);
            if let Some(past) = self.past.remove(&name) {
                units.replace(&name, past.entry());
            } else if units.forget(&name) || !units.disown(&name) {
                continue;
            }
            self.triggers.values_mut().for_each(|triggers| triggers.retain(|other| *other != name));
        }
    }
}
