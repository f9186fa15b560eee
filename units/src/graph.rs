//! How units hang together, once defaults, `wanted-by` and both directions are taken into account.

use crate::UnitName;
use std::collections::{BTreeMap, BTreeSet};

/// The effective relations of all units. Its order has no cycle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    pub(crate) nodes: BTreeMap<UnitName, Node>,
}

/// The effective relations of one unit, in both directions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Started after these.
    pub after: BTreeSet<UnitName>,
    /// Started before these.
    pub before: BTreeSet<UnitName>,
    /// Needs these started with it.
    pub requires: BTreeSet<UnitName>,
    /// Needs these to be up already.
    pub requisite: BTreeSet<UnitName>,
    /// Starts these with it.
    pub wants: BTreeSet<UnitName>,
    /// Needs these up all the time.
    pub binds_to: BTreeSet<UnitName>,
    /// Excludes these, both ways.
    pub conflicts: BTreeSet<UnitName>,
    /// Is required by these (`requires` and `binds-to`).
    pub required_by: BTreeSet<UnitName>,
    /// These are bound to it.
    pub bound_by: BTreeSet<UnitName>,
    /// These are part of it.
    pub consists_of: BTreeSet<UnitName>,
}

impl Graph {
    /// The relations of `name`, if anything is known of it.
    #[must_use]
    pub fn node(&self, name: &UnitName) -> Option<&Node> {
        self.nodes.get(name)
    }
}
