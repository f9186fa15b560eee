//! Why nothing is done with a unit, in systemd's words: for our systemctl, and for systemd's own over [`crate::bus`].

use units::control::{KillWhom, LoadState, Outcome, UnitRow};

use super::code;
use super::names::is_in_memory;

/// Why a unit is not even tried, before there is a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    NoInstance,
    NotLoaded,
    NotFound,
    Masked,
    Bad,
    NoReload,
}

impl Unfit {
    /// Why this verb cannot be for this unit, if so. For `reload` the row has its properties.
    pub(crate) fn of(row: &UnitRow, verb: &str) -> Option<Self> {
        if row.name.is_template() {
            return Some(Self::NoInstance);
        }
        if verb == "stop" {
            let gone = matches!(row.load, LoadState::NotFound | LoadState::BadSetting) && !is_in_memory(row);
            return gone.then_some(Self::NotLoaded);
        }
        match row.load {
            LoadState::NotFound => return Some(Self::NotFound),
            LoadState::Masked => return Some(Self::Masked),
            LoadState::BadSetting => return Some(Self::Bad),
            LoadState::Loaded => {}
        }
        let can_reload = || row.properties.iter().any(|(key, value)| key == "CanReload" && value == "yes");
        (verb == "reload" && !can_reload()).then_some(Self::NoReload)
    }

    /// In systemd's words.
    pub(crate) fn why(self, name: &str) -> String {
        match self {
            Self::NoInstance => format!("Unit name {name} is missing the instance name."),
            Self::NotLoaded => format!("Unit {name} not loaded."),
            Self::NotFound => format!("Unit {name} not found."),
            Self::Masked => format!("Unit {name} is masked."),
            Self::Bad => format!("Unit {name} has a bad unit file setting."),
            Self::NoReload => format!("Job type reload is not applicable for unit {name}."),
        }
    }

    pub(super) fn code(self) -> u8 {
        match self {
            Self::NotLoaded | Self::NotFound => code::NOT_INSTALLED,
            Self::NoInstance | Self::Masked | Self::Bad => code::FAILED,
            Self::NoReload => code::NOT_APPLICABLE,
        }
    }

    /// Whether one is sent to the log.
    pub(super) fn is_logged(self) -> bool {
        match self {
            Self::NoInstance | Self::Bad => true,
            Self::NotLoaded | Self::NotFound | Self::Masked | Self::NoReload => false,
        }
    }
}

/// That only what needs the unit may have it started or stopped.
pub(crate) fn by_dependency_only(name: &str) -> String {
    format!("Operation refused, unit {name} may be requested by dependency only (it is configured to refuse manual start/stop).")
}

/// That the system goes down.
pub(crate) fn is_leaving(name: &str, verb: &str) -> String {
    format!("Transaction for {name}/{verb} is destructive (shutdown.target has 'start' job queued, but 'stop' is included in transaction).")
}

/// Whom a word means of a unit's processes.
pub(crate) fn whom(word: &str) -> Option<KillWhom> {
    match word {
        "all" | "all-fail" => Some(KillWhom::All),
        "main" | "main-fail" => Some(KillWhom::Main),
        "control" | "control-fail" => Some(KillWhom::Control),
        _ => None,
    }
}

/// Why processes were not reached.
#[derive(Debug)]
pub(crate) enum Denied {
    /// There are none, and they were asked for.
    Nobody(&'static str),
    Failed(String),
}

impl Denied {
    /// By a signal.
    pub(crate) fn signal(whom: KillWhom, outcome: Option<Outcome>) -> Result<(), Self> {
        match (outcome, whom) {
            (Some(Outcome::Refused(_)), KillWhom::Main) => Err(Self::Nobody("No main process to kill")),
            (Some(Outcome::Refused(_)), KillWhom::Control) => Err(Self::Nobody("No control process to kill")),
            // Of all processes that there are, none.
            (Some(Outcome::Refused(_)), KillWhom::All) => Ok(()),
            (Some(Outcome::Failed(why)), _) => Err(Self::Failed(why)),
            (Some(Outcome::Cancelled | Outcome::Timeout), _) => Err(Self::Failed("Operation cancelled".to_owned())),
            (Some(Outcome::Ok | Outcome::Skipped(_) | Outcome::Queued) | None, _) => Ok(()),
        }
    }

    /// By being stopped where they are, or set going again.
    pub(crate) fn standstill(outcome: Option<Outcome>) -> Result<(), Self> {
        match outcome {
            Some(Outcome::Refused(_)) => Err(Self::Nobody("Unit is not active.")),
            Some(Outcome::Failed(why)) => Err(Self::Failed(why)),
            Some(Outcome::Ok | Outcome::Skipped(_) | Outcome::Queued | Outcome::Cancelled | Outcome::Timeout) | None => Ok(()),
        }
    }

    pub(crate) fn why(self) -> String {
        match self {
            Self::Nobody(why) => why.to_owned(),
            Self::Failed(why) => why,
        }
    }
}

/// Whether nothing is left to do: what comes with systemd never runs here, and a script that takes it away stops it first (udev's prerm).
pub(crate) fn is_through(row: &UnitRow, verb: &str) -> bool {
    row.load == LoadState::NotFound
        && matches!(verb, "stop" | "try-restart" | "try-reload-or-restart")
        && units::systemd::comes_with_systemd(&row.name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::fiefctl::boot::tests::row;

    fn refused(load: LoadState, verb: &str) -> Option<(String, u8, bool)> {
        let mut row = row("a", None);
        row.load = load;
        row.active = units::control::ActiveState::Inactive;
        Unfit::of(&row, verb).map(|unfit| (unfit.why("a.service"), unfit.code(), unfit.is_logged()))
    }

    #[test]
    fn what_cannot_be_tried_has_the_words_and_codes_of_systemd() {
        let no = |why: &str, code, logged| Some((why.to_owned(), code, logged));
        assert_eq!(refused(LoadState::NotFound, "start"), no("Unit a.service not found.", 5, false));
        assert_eq!(refused(LoadState::NotFound, "stop"), no("Unit a.service not loaded.", 5, false));
        assert_eq!(refused(LoadState::Masked, "restart"), no("Unit a.service is masked.", 1, false));
        assert_eq!(refused(LoadState::Masked, "stop"), None);
        assert_eq!(refused(LoadState::BadSetting, "start"), no("Unit a.service has a bad unit file setting.", 1, true));
        assert_eq!(refused(LoadState::Loaded, "reload"), no("Job type reload is not applicable for unit a.service.", 3, false));
        assert_eq!(refused(LoadState::Loaded, "start"), None);
    }

    #[test]
    fn what_comes_with_systemd_is_stopped_without_being_there() {
        let mut row = row("systemd-udevd", None);
        row.load = LoadState::NotFound;
        assert!(is_through(&row, "stop") && is_through(&row, "try-restart") && !is_through(&row, "start"));
        row.name = units::UnitName::new("nothing").unwrap();
        assert!(!is_through(&row, "stop"));
    }
}
