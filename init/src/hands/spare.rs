//! Control groups of units that fell and come again: kept for the next life, as they are.
//!
//! ```text
//! release(Restart) ─ bare, as it was made ─▶ spare ─ the same limits ─▶ the next life's
//!                                              └ it does not come again ─▶ removed, a few per turn
//! ```
//!
//! A group is a directory on every hierarchy, and making and removing one is what a restart costs the kernel most, under
//! a lock that all of the machine shares. Kept, its counters go on: what a unit has used counts from when it was
//! last started anew, and a kill for want of memory is told by the difference.

use kernel::cgroup::Group;
use units::unit::{Resources, Usual};
use units::{Map, UnitName};

/// Groups removed per turn.
const PER_TURN: usize = 4;

/// Groups without processes, by whose they are, with the limits they were made with.
#[derive(Debug, Default)]
pub(super) struct Spares(Map<UnitName, (Group, Usual<Resources>)>);

impl Spares {
    /// Keep it.
    pub(super) fn keep(&mut self, unit: UnitName, group: Group, resources: Usual<Resources>) {
        self.0.insert(unit, (group, resources));
    }

    /// The one of this unit, if it is as one with these limits would be made.
    pub(super) fn take(&mut self, unit: &UnitName, resources: &Resources) -> Option<Group> {
        let (group, made_with) = self.0.remove(unit)?;
        (*made_with == *resources && group.is_bare()).then_some(group)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&UnitName, &Group)> {
        self.0.iter().map(|(unit, (group, _))| (unit, group))
    }

    /// Remove some of those whose unit does not come again; whether there may be more of them.
    pub(super) fn let_go(&mut self, comes_again: impl Fn(&UnitName) -> bool) -> bool {
        let over: Vec<UnitName> = self.0.keys().filter(|unit| !comes_again(unit)).take(PER_TURN).cloned().collect();
        for unit in &over {
            if let Some((group, _)) = self.0.remove(unit) {
                // Whoever has got into it meanwhile keeps it.
                let _ = group.remove();
            }
        }
        over.len() == PER_TURN
    }
}
