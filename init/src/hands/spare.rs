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

use super::{Hands, slices};

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

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&UnitName, &Group)> {
        self.0.iter().map(|(unit, (group, _))| (unit, group))
    }
}

impl Hands {
    /// The group kept of a unit's former life, if this life's would be the same in the same place; one that would not goes.
    pub(super) fn spare(&mut self, place: &Group, unit: &UnitName, resources: &Resources) -> Option<Group> {
        let (group, made_with) = self.spares.0.remove(unit)?;
        if *made_with == *resources && group.path() == place.path() && group.is_bare() {
            return Some(group);
        }
        self.discard(unit, group);
        None
    }

    /// A group is not used any more. If somebody is left in it, it goes when he does.
    pub(super) fn discard(&mut self, unit: &UnitName, group: Group) {
        match group.remove() {
            Ok(()) => slices::leave(self.root.as_ref(), &group),
            Err(_) => self.leftovers.push((unit.clone(), group)),
        }
    }

    /// Remove some of the groups that were kept for another life, where there will be none. True while there may be more.
    pub(crate) fn let_go_of_groups(&mut self, comes_again: impl Fn(&UnitName) -> bool) -> bool {
        let over: Vec<UnitName> = self.spares.0.keys().filter(|unit| !comes_again(unit)).take(PER_TURN).cloned().collect();
        for unit in &over {
            if let Some((group, _)) = self.spares.0.remove(unit) {
                self.discard(unit, group);
            }
        }
        over.len() == PER_TURN
    }
}
