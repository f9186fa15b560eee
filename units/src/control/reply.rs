use super::Way;
use crate::accounting::Account;
use crate::graph::Node;
use crate::value::Signal;
use crate::{Difference, UnitName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// What init answers. A field that is not known is passed over: a newer init may say more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "kebab-case")]
pub enum Reply {
    /// Who is there.
    Hello(Hello),
    /// How long init was away.
    Turns(Turns),
    /// Rows of units; more may follow.
    Units {
        /// In alphabetic order, or as asked for.
        units: Vec<UnitRow>,
    },
    /// What became of each unit named in the request.
    Done {
        /// In the order of the request.
        results: Vec<UnitResult>,
    },
    /// The unit files have been read again.
    Reread {
        /// What has changed.
        difference: Difference,
        /// What is wrong with them, each as it is drawn for people.
        #[serde(default)]
        problems: Vec<String>,
    },
    /// The variables that every process of a unit is given, `NAME=value`.
    Environment {
        /// By their names.
        variables: Vec<String>,
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
    /// The request was not understood, or not allowed, or cannot be met.
    Refused {
        /// Why, in words.
        reason: String,
        /// Why, for programs.
        #[serde(default)]
        kind: Refusal,
    },
}

/// Why a request as a whole is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// Just now, or of this system, it cannot be had.
    #[default]
    Impossible,
    /// It is none.
    NotUnderstood,
    /// Only root may ask it.
    NotAllowed,
}

/// Who answers, and how the system as a whole is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`super::PROTOCOL`] of init.
    pub protocol: u32,
    /// init's version.
    pub version: String,
    /// What the system is doing.
    pub state: SystemState,
    /// When PID 1 began with the units, in microseconds of `CLOCK_BOOTTIME`.
    #[serde(default)]
    pub booted_us: Option<u64>,
    /// When all that was asked for at boot had settled.
    #[serde(default)]
    pub finished_us: Option<u64>,
    /// Now, by the same clock.
    pub now_us: u64,
    /// What boot aims at.
    pub default_target: UnitName,
    /// Units that are up.
    pub up: u32,
    /// Units that have failed.
    pub failed: u32,
    /// Units of which something is wanted.
    pub jobs: u32,
}

/// The turns of init's loop: from the moment at which something has happened to that at which it looks again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turns {
    /// How many there were.
    pub count: u64,
    /// The longest since init's program began.
    pub ever: LongTurn,
    /// The longest since root last asked.
    pub lately: LongTurn,
}

/// One turn of init's loop; all in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LongTurn {
    /// What it took, by `CLOCK_BOOTTIME`.
    pub us: u64,
    /// What it had of the processors (`CLOCK_PROCESS_CPUTIME_ID`); the rest it waited, for them or for the kernel.
    pub on_processor_us: u64,
    /// What the longest piece of it took, by `CLOCK_BOOTTIME`.
    pub piece_us: u64,
    /// What that was, for people.
    pub piece: String,
}

/// How the system as a whole is doing; the words of systemctl(1) `is-system-running`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SystemState {
    /// It boots.
    Starting,
    /// It is up.
    Running,
    /// It is up, and some unit has failed.
    Degraded,
    /// It is ending.
    Stopping,
}

/// What is known of one unit. All moments are microseconds of `CLOCK_BOOTTIME`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnitRow {
    /// Its canonical name.
    pub name: UnitName,
    /// Further names of it.
    #[serde(default)]
    pub aliases: Vec<UnitName>,
    /// For people.
    pub description: String,
    /// Where to read about it: URIs.
    #[serde(default)]
    pub documentation: Vec<String>,
    /// Whether its files could be read.
    pub load: LoadState,
    /// What it is doing.
    pub active: ActiveState,
    /// The finer word: `running`, `exited`, `dead`, `start-pre`, `auto-restart`, `stop-term` …
    pub sub: String,
    /// What is wanted of it.
    #[serde(default)]
    pub job: Option<JobRow>,
    /// Its main process, as PID 1 sees it.
    pub main_pid: Option<u32>,
    /// All its processes stand still.
    #[serde(default)]
    pub frozen: bool,
    /// How long it has been so, in milliseconds.
    pub age_ms: u64,
    /// How often it was restarted by itself since it was last started by request.
    pub restarts: u32,
    /// Why it is down, failed or skipped: `exit code 1`, `killed by SIGSEGV` …
    pub result: Option<String>,
    /// The same in one of systemd's words, `exit-code`, `timeout` …; and `dependency` or `assert` where the unit itself was not tried.
    #[serde(default)]
    pub verdict: String,
    /// How its main process ended last.
    #[serde(default)]
    pub main_exit: Option<MainExit>,
    /// What it says of itself (`STATUS=`).
    pub status: Option<String>,
    /// Its cgroup, beneath the root of each hierarchy as PID 1 sees it, while it has one.
    pub cgroup: Option<String>,
    /// The files it was read from: its own first, then its drop-ins.
    #[serde(default)]
    pub sources: Vec<String>,
    /// What each of them was like when it was read: a number that another state of the file does not have; 0 where there was none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stamps: Vec<u64>,
    /// Whether they are others by now, so that the unit files should be read again. Not for init to say, who would have to look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reload_due: Option<bool>,
    /// Files of the same name that do not count beside them.
    #[serde(default)]
    pub shadowed: Vec<String>,
    /// The unit it starts: of a socket, a timer or a path.
    #[serde(default)]
    pub triggers: Option<UnitName>,
    /// The sockets, timers and paths that start it.
    #[serde(default)]
    pub triggered_by: Vec<UnitName>,
    /// What a socket listens on, what a path watches, when a timer elapses: one line each.
    #[serde(default)]
    pub watches: Vec<String>,
    /// When it elapses next, of a timer, as far as that is known.
    #[serde(default)]
    pub next_us: Option<u64>,
    /// When it elapsed last, since boot.
    #[serde(default)]
    pub last_us: Option<u64>,
    /// Its last start and stop.
    #[serde(default)]
    pub moments: Moments,
    /// What it has used, where that was asked for.
    #[serde(default, skip_serializing_if = "Account::is_empty")]
    pub account: Account,
    /// How it hangs together with others, where that was asked for: the relation's name as in unit
    /// files, and whom it is to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub relations: BTreeMap<String, Vec<UnitName>>,
    /// What systemctl(1) `show` says, where that was asked for, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<(String, String)>,
}

/// How a main process ended; waitid(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MainExit {
    /// By itself, with this code.
    Code(u8),
    /// By this signal.
    Signal(Signal),
}

/// What is wanted of a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRow {
    /// `start`, `stop` or `restart`.
    pub kind: String,
    /// It waits for its turn in the order.
    pub waiting: bool,
    /// What it is called by; no other has it.
    #[serde(default)]
    pub number: u32,
}

/// When a unit was last started and stopped, in microseconds of `CLOCK_BOOTTIME`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Moments {
    /// Its start was asked for.
    pub asked_us: Option<u64>,
    /// It began: what it comes after had settled.
    pub began_us: Option<u64>,
    /// It was up.
    pub up_us: Option<u64>,
    /// It was down again.
    pub down_us: Option<u64>,
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
    /// It was waited for as long as may be; the unit goes on with what it does.
    Timeout,
    /// It goes on, and nobody waits for it.
    Queued,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Counts the lines of a boot from 1 on, whoever said them; 0 where the line tells of others that were lost.
    #[serde(default)]
    pub number: u64,
    /// Milliseconds since 1970.
    pub time_ms: u64,
    /// The unit; absent for init's own lines.
    pub unit: Option<UnitName>,
    /// The process that the unit last spoke by, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// What the unit's lines are called by: its `SyslogIdentifier=`, or its program's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// Where it came from.
    pub stream: LogStream,
    /// How urgent it is: 0 is the most urgent, 7 the least; syslog(3).
    #[serde(default = "usual")]
    pub priority: u8,
    /// Who speaks: 3 is a daemon; syslog(3).
    #[serde(default)]
    pub facility: u8,
    /// What the unit says besides of all its lines.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// The line, without its end.
    pub text: String,
}

/// Where a line of the log came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogStream {
    /// init itself.
    Init,
    /// Descriptor 1, and 2 where nothing treats it otherwise.
    Stdout,
    /// Descriptor 2 of a unit whose errors are shown on the console too.
    Stderr,
    /// `/dev/log`
    Syslog,
}

/// `LOG_INFO` of syslog(3).
fn usual() -> u8 {
    6
}

impl UnitRow {
    /// Fills in `relations` from a node of the graph.
    pub fn relate(&mut self, node: &Node) {
        let all = [
            ("after", &node.after),
            ("before", &node.before),
            ("requires", &node.requires),
            ("requisite", &node.requisite),
            ("wants", &node.wants),
            ("binds-to", &node.binds_to),
            ("conflicts", &node.conflicts),
            ("required-by", &node.required_by),
            ("bound-by", &node.bound_by),
            ("consists-of", &node.consists_of),
        ];
        let some = all.into_iter().filter(|(_, names)| !names.is_empty());
        self.relations = some.map(|(relation, names)| (relation.to_owned(), names.iter().cloned().collect())).collect();
    }
}

impl fmt::Display for SystemState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Degraded => "degraded",
            Self::Stopping => "stopping",
        })
    }
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
