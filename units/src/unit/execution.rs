use crate::Map;
use crate::value::{CapabilitySet, Limit};

/// What the kernel lets the processes of a service do, and how it schedules them; systemd.exec(5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Execution {
    /// A user made up for the time it runs.
    pub dynamic_user: bool,
    /// What remains of the bounding set; all of PID 1's own when absent.
    pub capability_bounding_set: Option<CapabilitySet>,
    /// What a user other than root keeps.
    pub ambient_capabilities: CapabilitySet,
    /// `prlimit(2)`, by name.
    pub limits: Map<Resource, Rlimit>,
    /// `PR_SET_SECUREBITS`: `SECBIT_*`, capabilities(7).
    pub secure_bits: u32,
    /// `ioprio_set(2)`: class and priority within it.
    pub io_class: Option<IoClass>,
    /// 0 (first) to 7 (last).
    pub io_priority: Option<u8>,
    /// `sched_setscheduler(2)`
    pub cpu_policy: Option<CpuPolicy>,
    /// 1 to 99, for `fifo` and `rr`.
    pub cpu_priority: Option<u8>,
    /// Children begin with an ordinary schedule.
    pub cpu_reset_on_fork: bool,
    /// The processors it may run on, a bit for each, the first lowest; all when empty.
    pub cpu_affinity: Vec<u64>,
    /// `PR_SET_TIMERSLACK`, nanoseconds.
    pub timer_slack: Option<u64>,
    /// `/proc/PID/coredump_filter`
    pub coredump_filter: Option<u64>,
    /// `set_mempolicy(2)`
    pub numa_policy: Option<NumaPolicy>,
    /// The memory nodes of that, a bit for each.
    pub numa_mask: Vec<u64>,
    /// `PR_SET_MEMORY_MERGE`
    pub memory_ksm: Option<bool>,
    /// Whether it is told who its user is; where nothing is said, if it has one.
    pub login_environment: Option<bool>,
    /// The directory that is its root.
    pub root_directory: Option<String>,
    /// `SIGPIPE` is ignored, as systemd has it; a native unit begins with it at its default.
    pub ignore_sigpipe: bool,
    /// What is written to utmp, and under which kind of entry.
    pub utmp_identifier: Option<String>,
    /// How far that entry is.
    pub utmp_mode: UtmpMode,
    /// Restrictions as they are written: those of [`super::Sandbox`], and those that are passed over.
    pub hardening: Vec<Hardening>,
}

impl Execution {
    /// Whether the last assignment of a restriction that is on or off says that it is on. Who runs as a user made
    /// up for the time has no file of others' to leave behind.
    #[must_use]
    pub fn restricts(&self, directive: &str) -> bool {
        let written = self.hardening.iter().rev().find(|hardening| hardening.directive == directive);
        let made_up = self.dynamic_user && ["PrivateTmp", "RemoveIPC", "RestrictSUIDSGID"].contains(&directive);
        made_up || written.and_then(|hardening| crate::systemd::set::boolean(&hardening.value)).unwrap_or(false)
    }
}

/// Where memory comes from; systemd.exec(5), `NUMAPolicy=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumaPolicy {
    /// The system's way.
    Default,
    /// These nodes, if they have any.
    Preferred,
    /// These nodes only.
    Bind,
    /// All of these in turn.
    Interleave,
    /// The node it runs on.
    Local,
}

/// What is written to utmp of a process; systemd.exec(5), `UtmpMode=`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UtmpMode {
    /// It is there, as a getty is, which writes the rest itself.
    #[default]
    Init,
    /// It lets somebody log in.
    Login,
    /// It is somebody's session.
    User,
}

/// One hardening directive, as written, specifiers replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hardening {
    /// systemd's name of it.
    pub directive: &'static str,
    /// What stands behind the `=`; never empty.
    pub value: String,
}

/// What `prlimit(2)` limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are those of prlimit(2)")]
pub enum Resource {
    Cpu,
    Fsize,
    Data,
    Stack,
    Core,
    Rss,
    Nofile,
    As,
    Nproc,
    Memlock,
    Locks,
    Sigpending,
    Msgqueue,
    Nice,
    Rtprio,
    Rttime,
}

/// A soft and a hard limit, in `prlimit(2)`'s units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rlimit {
    /// What holds.
    pub soft: Limit<u64>,
    /// How far the process itself may raise it.
    pub hard: Limit<u64>,
}

/// Classes of `ioprio_set(2)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of ioprio_set(2)")]
pub enum IoClass {
    None,
    Realtime,
    BestEffort,
    Idle,
}

/// Policies of `sched(7)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of sched(7)")]
pub enum CpuPolicy {
    Other,
    Batch,
    Idle,
    Fifo,
    Rr,
}
