use crate::UnitName;
use std::collections::BTreeSet;

/// What a unit needs and where it stands in the order; systemd.unit(5) has the meanings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relations {
    /// Started after these, stopped before them.
    pub after: BTreeSet<UnitName>,
    /// Started before these, stopped after them.
    pub before: BTreeSet<UnitName>,
    /// Started together with these; not started when one of them (and after it) fails; stopped
    /// when one of them is stopped by request.
    pub requires: BTreeSet<UnitName>,
    /// Started together with these unless they have been up once, and after them; whether they are still
    /// up does not matter.
    pub needs_once: BTreeSet<UnitName>,
    /// Must be up already; they are not started for it.
    pub requisite: BTreeSet<UnitName>,
    /// Started together with these, if they exist; their failing does not matter.
    pub wants: BTreeSet<UnitName>,
    /// As `requires`, and stopped as soon as one of them is down for whatever reason.
    pub binds_to: BTreeSet<UnitName>,
    /// Stopped and restarted when one of these is.
    pub part_of: BTreeSet<UnitName>,
    /// Starting one stops the other.
    pub conflicts: BTreeSet<UnitName>,
    /// Kept up while it is up: started again whenever they are down.
    pub upholds: BTreeSet<UnitName>,
    /// Started when it fails.
    pub on_failure: BTreeSet<UnitName>,
    /// Started when it ends with success.
    pub on_success: BTreeSet<UnitName>,
    /// Reloaded when it is.
    pub propagates_reload_to: BTreeSet<UnitName>,
    /// Reloaded when one of these is.
    pub reload_propagated_from: BTreeSet<UnitName>,
    /// Stopped when it is.
    pub propagates_stop_to: BTreeSet<UnitName>,
    /// Stopped when one of these is.
    pub stop_propagated_from: BTreeSet<UnitName>,
}
