use super::Way;
use crate::UnitName;
use crate::accounting::Account;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What init answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "kebab-case")]
pub enum Reply {
    /// Rows of units.
    Units {
        /// In alphabetic order, or as asked for.
        units: Vec<UnitRow>,
    },
    /// What became of each unit named in the request.
    Done {
        /// In the order of the request.
        results: Vec<UnitResult>,
    },
    /// A line of the log.
    Log(LogLine),
    /// Nothing more comes.
    End,
    /// The system is ending.
    Leaving {
        /// How.
        way: Way,
    },
    /// The request was not understood, or not allowed.
    Refused {
        /// Why.
        reason: String,
    },
}

/// What is known of one unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnitRow {
    /// Its canonical name.
    pub name: UnitName,
    /// For people.
    pub description: String,
    /// Whether its files could be read.
    pub load: LoadState,
    /// What it is doing.
    pub active: ActiveState,
    /// The finer word: `running`, `exited`, `dead`, `start-pre`, `auto-restart`, `stop-term` …
    pub sub: String,
    /// Its main process, as PID 1 sees it.
    pub main_pid: Option<u32>,
    /// How long it has been so, in milliseconds.
    pub age_ms: u64,
    /// How often it was restarted by itself since it was last started by request.
    pub restarts: u32,
    /// Why it is down, failed or skipped: `exit code 1`, `killed by SIGSEGV` …
    pub result: Option<String>,
    /// What it says of itself (`STATUS=`).
    pub status: Option<String>,
    /// Its cgroup, relative to init's root, where it has one.
    pub cgroup: Option<String>,
    /// The files it was read from.
    #[serde(default)]
    pub sources: Vec<String>,
    /// What it has used; filled in by the reactor.
    #[serde(default)]
    pub account: Account,
}

/// Whether the files of a unit could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoadState {
    /// Yes.
    Loaded,
    /// There are none.
    NotFound,
    /// They are wrong.
    BadSetting,
    /// It is not to be started.
    Masked,
}

/// What a unit is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActiveState {
    /// Nothing.
    Inactive,
    /// It is being started.
    Activating,
    /// It is up.
    Active,
    /// It is up and reads its configuration again.
    Reloading,
    /// It is being stopped.
    Deactivating,
    /// It has failed.
    Failed,
}

/// What became of one unit of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitResult {
    /// Which.
    pub unit: UnitName,
    /// What.
    pub outcome: Outcome,
}

/// What became of a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As asked.
    Ok,
    /// A condition did not hold; no failure. The text is the condition.
    Skipped(String),
    /// It failed, and why.
    Failed(String),
    /// Not even tried, and why: unknown, masked, shutting down …
    Refused(String),
    /// A later request or the shutdown came in between.
    Cancelled,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Milliseconds since 1970.
    pub time_ms: u64,
    /// The unit; absent for init's own lines.
    pub unit: Option<UnitName>,
    /// Where it came from.
    pub stream: LogStream,
    /// The line, without its end.
    pub text: String,
}

/// Where a line of the log came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogStream {
    /// init itself.
    Init,
    /// Descriptor 1.
    Stdout,
    /// Descriptor 2.
    Stderr,
    /// `/dev/log`
    Syslog,
}

impl fmt::Display for LoadState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Loaded => "loaded",
            Self::NotFound => "not-found",
            Self::BadSetting => "bad-setting",
            Self::Masked => "masked",
        })
    }
}

impl fmt::Display for ActiveState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Inactive => "inactive",
            Self::Activating => "activating",
            Self::Active => "active",
            Self::Reloading => "reloading",
            Self::Deactivating => "deactivating",
            Self::Failed => "failed",
        })
    }
}
