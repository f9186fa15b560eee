use crate::UnitName;
use crate::value::Signal;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What can be asked of init. A field that is not known is refused: half of what was asked is not what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Who is there. Answered with [`super::Reply::Hello`].
    Hello {},
    /// How long init was away. Answered with [`super::Reply::Turns`]; when root asks, what is called lately begins anew.
    Turns {},
    /// Units and what they do. Answered with [`super::Reply::Units`] as often as it takes, then
    /// [`super::Reply::End`].
    List {
        /// Which, also by their aliases; none means all.
        #[serde(default)]
        units: Vec<UnitName>,
        /// What else about each.
        #[serde(default)]
        with: Vec<Detail>,
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
    /// Restart those of these that are up; answered when they have settled.
    TryRestart {
        /// Which.
        units: Vec<UnitName>,
    },
    /// Have these read their configuration again; answered when they have.
    Reload {
        /// Which.
        units: Vec<UnitName>,
    },
    /// Reload those of these that can, restart the others, start those that are down.
    ReloadOrRestart {
        /// Which.
        units: Vec<UnitName>,
    },
    /// The same for those that are up; nothing for the others.
    TryReloadOrRestart {
        /// Which.
        units: Vec<UnitName>,
    },
    /// Have this done without waiting for it: answered at once, [`super::Outcome::Queued`] for what
    /// goes on.
    Queue {
        /// What.
        job: Job,
        /// Which.
        units: Vec<UnitName>,
    },
    /// Start this unit and stop all that it does not need; answered when it has settled.
    Isolate {
        /// Which; it must allow it.
        unit: UnitName,
    },
    /// Send a signal to processes of these.
    Kill {
        /// Which.
        units: Vec<UnitName>,
        /// To which processes.
        #[serde(default)]
        whom: KillWhom,
        /// Its number.
        signal: Signal,
    },
    /// Stop all processes of these where they are; cgroup.freeze.
    Freeze {
        /// Which.
        units: Vec<UnitName>,
    },
    /// Let them go on.
    Thaw {
        /// Which.
        units: Vec<UnitName>,
    },
    /// Put the resource limits that the unit files name in force for the processes these have now.
    Limit {
        /// Which.
        units: Vec<UnitName>,
    },
    /// Read the unit files again; answered when that is done, with [`super::Reply::Reread`]. What is
    /// up stays up.
    DaemonReload {},
    /// Replace init by the program that is on disk now. What is up stays up.
    Reexec {},
    /// Forget that these have failed, and how often.
    ResetFailed {
        /// Which; none means all.
        units: Vec<UnitName>,
    },
    /// Units that stand in no file: there from now on until they are over. The last of them is started. Answered when that has settled, with
    /// [`super::Reply::Done`], or when it is over, with its row, [`super::Reply::Units`].
    Run {
        /// Which.
        units: Vec<Fragment>,
        /// They go although they have failed.
        #[serde(default)]
        collect: bool,
        /// When it is answered.
        #[serde(default)]
        then: Then,
    },
    /// Their processes have moved into these scopes, or whoever began them: from now on they are over with the last of them. Answered at once.
    Entered {
        /// Which.
        units: Vec<UnitName>,
    },
    /// Call these jobs off. Whoever waits for one is told so; what is under way with its unit goes on.
    Cancel {
        /// By the numbers of [`super::JobRow`]; none means all.
        jobs: Vec<u32>,
    },
    /// The variables that every process of a unit is given. Answered with [`super::Reply::Environment`], as they are then.
    Environment(EnvironmentRequest),
    /// Lines of the log. Answered with [`super::Reply::Log`] lines, then [`super::Reply::End`]
    /// unless followed. Never reaches the supervisor.
    Logs(LogsRequest),
    /// End the system in this way. Answered with [`super::Reply::Leaving`] at once.
    Leave {
        /// How.
        way: Way,
        /// Without stopping units in order.
        #[serde(default)]
        at_once: bool,
    },
}

/// What a row can tell beyond the usual; each costs init something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Detail {
    /// [`super::UnitRow::account`]
    Account,
    /// [`super::UnitRow::relations`]
    Relations,
    /// [`super::UnitRow::properties`]
    Properties,
}

/// What can be done with a unit and not waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each is the request of the same name")]
pub enum Job {
    Start,
    Stop,
    Restart,
    TryRestart,
    Reload,
    ReloadOrRestart,
    TryReloadOrRestart,
}

/// A unit and its text, in the words of systemd's files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fragment {
    /// Its name.
    pub name: UnitName,
    /// As it would stand in a file.
    pub text: String,
}

/// When a request is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    /// It is begun.
    AtOnce,
    /// It has settled.
    #[default]
    Settled,
    /// It is over.
    Over,
}

/// Whom a signal is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KillWhom {
    /// The main process.
    Main,
    /// The processes of commands that run beside it: before its start, of its reload or its stop.
    Control,
    /// All of its cgroup.
    #[default]
    All,
}

/// Which lines of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogsRequest {
    /// Of these units only; none means all, and init itself.
    pub units: Vec<UnitName>,
    /// At most so many of the last.
    pub lines: Option<u32>,
    /// And all that come, until the connection is closed.
    pub follow: bool,
    /// Said then or later, in milliseconds since 1970.
    pub since_ms: Option<u64>,
    /// Said then or earlier.
    pub until_ms: Option<u64>,
    /// As urgent as this or more: 0 is the most urgent, 7 the least; syslog(3).
    pub priority: Option<u8>,
    /// After the line of this number. One that was never given means from the first on: the lines were begun anew since.
    pub after: Option<u64>,
}

/// What is to be changed of the variables that all are given; by default nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnvironmentRequest {
    /// Names, or `NAME=value` for those that have this value.
    pub unset: Vec<String>,
    /// `NAME=value`.
    pub set: Vec<String>,
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
    /// PID 1 ends with this code, and the container with it.
    Exit(u8),
}

impl Request {
    /// All units, the rows alone.
    #[must_use]
    pub fn list() -> Self {
        Self::List { units: Vec::new(), with: Vec::new() }
    }

    /// Whether anybody may ask it; the others are root's.
    #[must_use]
    pub fn is_harmless(&self) -> bool {
        match self {
            Self::Hello {} | Self::Turns {} | Self::List { .. } => true,
            Self::Environment(change) => *change == EnvironmentRequest::default(),
            Self::Start { .. }
            | Self::Stop { .. }
            | Self::Restart { .. }
            | Self::TryRestart { .. }
            | Self::Reload { .. }
            | Self::ReloadOrRestart { .. }
            | Self::TryReloadOrRestart { .. }
            | Self::Queue { .. }
            | Self::Isolate { .. }
            | Self::Kill { .. }
            | Self::Freeze { .. }
            | Self::Thaw { .. }
            | Self::Limit { .. }
            | Self::DaemonReload {}
            | Self::Reexec {}
            | Self::ResetFailed { .. }
            | Self::Run { .. }
            | Self::Entered { .. }
            | Self::Cancel { .. }
            | Self::Logs(_)
            | Self::Leave { .. } => false,
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Poweroff => f.pad("poweroff"),
            Self::Reboot => f.pad("reboot"),
            Self::Halt => f.pad("halt"),
            Self::Exit(code) => write!(f, "exit {code}"),
        }
    }
}
