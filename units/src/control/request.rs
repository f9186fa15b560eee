use crate::UnitName;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What can be asked of init.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// All units. Answered with [`super::Reply::Units`].
    List,
    /// These units in detail. Answered with [`super::Reply::Units`].
    Status {
        /// Which; none means all.
        units: Vec<UnitName>,
    },
    /// Start these; answered when they have settled, with [`super::Reply::Done`].
    Start {
        /// Which.
        units: Vec<UnitName>,
    },
    /// Stop these, and what requires them; answered when they have settled.
    Stop {
        /// Which.
        units: Vec<UnitName>,
    },
    /// Stop and start these; answered when they have settled.
    Restart {
        /// Which.
        units: Vec<UnitName>,
    },
    /// Have these read their configuration again; answered when they have.
    Reload {
        /// Which.
        units: Vec<UnitName>,
    },
    /// Read the unit files again; answered when that is done. What is up stays up.
    DaemonReload,
    /// Forget that these have failed, and how often.
    ResetFailed {
        /// Which; none means all.
        units: Vec<UnitName>,
    },
    /// Lines of the log. Answered with [`super::Reply::Log`] lines, then [`super::Reply::End`]
    /// unless followed. Never reaches the supervisor.
    Logs(LogsRequest),
    /// What units have used. Answered with [`super::Reply::Units`], `account` filled.
    Account {
        /// Which; none means all.
        units: Vec<UnitName>,
    },
    /// End the system in this way. Answered with [`super::Reply::Leaving`] at once.
    Leave {
        /// How.
        way: Way,
        /// Without stopping units in order.
        #[serde(default)]
        at_once: bool,
    },
}

/// Which lines of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogsRequest {
    /// Of this unit only.
    #[serde(default)]
    pub unit: Option<UnitName>,
    /// At most so many of the last.
    #[serde(default)]
    pub lines: Option<u32>,
    /// And all that come, until the connection is closed.
    #[serde(default)]
    pub follow: bool,
}

/// How a system ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// `RB_POWER_OFF`
    Poweroff,
    /// `RB_AUTOBOOT`
    Reboot,
    /// `RB_HALT_SYSTEM`
    Halt,
}

impl Request {
    /// Whether anybody may ask it; the others are root's.
    #[must_use]
    pub fn is_harmless(&self) -> bool {
        match self {
            Self::List | Self::Status { .. } | Self::Account { .. } => true,
            Self::Start { .. }
            | Self::Stop { .. }
            | Self::Restart { .. }
            | Self::Reload { .. }
            | Self::DaemonReload
            | Self::ResetFailed { .. }
            | Self::Logs(_)
            | Self::Leave { .. } => false,
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Poweroff => "poweroff",
            Self::Reboot => "reboot",
            Self::Halt => "halt",
        })
    }
}
