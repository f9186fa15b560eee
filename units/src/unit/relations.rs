use crate::Names;

/// What a unit needs and where it stands in the order; systemd.unit(5) has the meanings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relations {
    /// Started after these, stopped before them.
    pub after: Names,
    /// Started before these, stopped after them.
    pub before: Names,
    /// Started together with these; not started when one of them (and after it) fails; stopped
    /// when one of them is stopped by request.
    pub requires: Names,
    /// Started together with these unless they have been up once, and after them; whether they are still
    /// up does not matter.
    pub needs_once: Names,
    /// Must be up already; they are not started for it.
    pub requisite: Names,
    /// Started together with these, if they exist; their failing does not matter.
    pub wants: Names,
    /// As `requires`, and stopped as soon as one of them is down for whatever reason.
    pub binds_to: Names,
    /// Stopped and restarted when one of these is.
    pub part_of: Names,
    /// Starting one stops the other.
    pub conflicts: Names,
    /// Kept up while it is up: started again whenever they are down.
    pub upholds: Names,
    /// Started when it fails.
    pub on_failure: Names,
    /// Started when it ends with success.
    pub on_success: Names,
    /// Reloaded when it is.
    pub propagates_reload_to: Names,
    /// Reloaded when one of these is.
    pub reload_propagated_from: Names,
    /// Stopped when it is.
    pub propagates_stop_to: Names,
    /// Stopped when one of these is.
    pub stop_propagated_from: Names,
}
