//! The state written down and read again, by another life of the program.
//!
//! ```text
//! Supervisor ──Serialize──▶ text ──▶ Saved ──┐
//!  └─ slots() ─Serialize──▶ text ──▶ SavedSlot ──put──▶ Saved ──revive(units)──▶ Supervisor
//! ```
//!
//! One text for each slot, so that one which cannot be read costs one unit. The units are not in it:
//! they are read from their files' text, which every version of the program understands.
//!
//! Invariant: what is revived does what the first would have done (property
//! `a_revived_supervisor_goes_on_as_the_first`).

use super::{Slot, Supervisor};
use crate::{Moment, Run};
use alloc::sync::Arc;
use serde::{Deserialize, Serialize};
use units::{Entry, UnitName, UnitSet};

/// A supervisor that has been written down, without its units; slots are [`put`](Self::put) one by one.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Saved(Supervisor);

/// What one unit was doing.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct SavedSlot(Slot);

impl Supervisor {
    /// What each unit is doing, to be written down beside the supervisor itself. Only between two steps: orders
    /// under way are not in it.
    pub fn slots(&self) -> impl Iterator<Item = (&UnitName, impl Serialize)> {
        self.slots.iter()
    }

    /// Whether a unit that is down, between two lives or about to begin one, is going to have another by itself.
    #[must_use]
    pub fn comes_again(&self, unit: &UnitName) -> bool {
        self.slots.get(unit).is_some_and(|slot| slot.rests() || slot.life().is_some() || slot.job.is_some())
    }

    /// Whether the unit of this life is up, and so has the main process that it began its work with.
    #[must_use]
    pub fn is_up(&self, life: crate::Life) -> bool {
        let slot = self.unit_of(life).and_then(|name| self.slots.get(name));
        slot.is_some_and(|slot| slot.is_up() && slot.life() == Some(life))
    }

    /// Whether it served a connection that is over: from the next step on nothing is known of it.
    #[must_use]
    pub fn is_over(&self, unit: &UnitName) -> bool {
        self.over.contains(unit)
    }

    /// Commands that were ordered to be run and have not ended, as far as is known.
    pub fn runs(&self) -> impl Iterator<Item = Run> {
        self.slots.values().filter_map(Slot::alive).flat_map(|alive| alive.running.iter().copied())
    }
}

impl Saved {
    /// Where the text of the whole was lost: it runs, and only its slots are known.
    #[must_use]
    pub fn without_the_whole(config: crate::Config) -> Self {
        let mut supervisor = Supervisor::new(UnitSet::default(), config);
        supervisor.system = super::System::Running;
        Self(supervisor)
    }

    /// This is what that unit was doing.
    pub fn put(&mut self, name: UnitName, SavedSlot(slot): SavedSlot) {
        self.0.slots.insert(name, slot);
    }

    /// Goes on where it was written down. A unit that nothing is known of is down.
    #[must_use]
    pub fn revive(self, mut units: UnitSet) -> Supervisor {
        let Self(mut supervisor) = self;
        supervisor.bring_back(&mut units);
        let now: Moment = supervisor.now;
        for (name, entry) in units.iter() {
            if matches!(entry, Entry::Unit(_)) && !supervisor.slots.contains_key(name) {
                let mut slot = Slot::new();
                slot.since = now;
                supervisor.slots.insert(name.clone(), slot);
            }
        }
        // A life whose slot was lost is nobody's.
        supervisor.lives = supervisor.slots.iter().filter_map(|(name, slot)| Some((slot.life()?, name.clone()))).collect();
        supervisor.triggers = super::triggers(&units);
        supervisor.units = Arc::new(units);
        supervisor.slots.settle();
        supervisor
    }
}
