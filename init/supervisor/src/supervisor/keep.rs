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
use crate::Moment;
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
}

impl Saved {
    /// This is what that unit was doing.
    pub fn put(&mut self, name: UnitName, SavedSlot(slot): SavedSlot) {
        self.0.slots.insert(name, slot);
    }

    /// The units that were doing something, which `units` must have for [`revive`](Self::revive).
    pub fn names(&self) -> impl Iterator<Item = &UnitName> {
        self.0.slots.keys()
    }

    /// Goes on where it was written down. A unit that nothing is known of is down.
    #[must_use]
    pub fn revive(self, units: UnitSet) -> Supervisor {
        let Self(mut supervisor) = self;
        let now: Moment = supervisor.now;
        for (name, entry) in units.iter() {
            if matches!(entry, Entry::Unit(_)) && !supervisor.slots.contains_key(name) {
                let mut slot = Slot::new();
                slot.since = now;
                supervisor.slots.insert(name.clone(), slot);
            }
        }
        let slots = &supervisor.slots;
        // A life whose slot was lost is nobody's.
        supervisor.lives.retain(|life, name| slots.get(name).is_some_and(|slot| slot.life() == Some(*life)));
        supervisor.triggers = super::triggers(&units);
        supervisor.units = Arc::new(units);
        supervisor.slots.settle();
        supervisor
    }
}
