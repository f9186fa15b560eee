//! The kernel's counters, as it writes them, on both generations of cgroups.

use crate::value::{Bytes, Limit};
use serde::{Deserialize, Serialize};

/// What a cgroup has used and may use. What the kernel does not tell is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Account {
    /// Memory in use.
    pub memory_current: Option<Bytes>,
    /// The most memory ever in use.
    pub memory_peak: Option<Bytes>,
    /// The limit of memory.
    pub memory_max: Option<Limit<Bytes>>,
    /// Swap in use.
    pub swap_current: Option<Bytes>,
    /// How many processes the kernel killed for want of memory.
    pub oom_kills: Option<u64>,
    /// CPU time used, in microseconds.
    pub cpu_usage_us: Option<u64>,
    /// CPU time used in user mode, in microseconds.
    pub cpu_user_us: Option<u64>,
    /// CPU time used in the kernel, in microseconds.
    pub cpu_system_us: Option<u64>,
    /// Time spent held back by the CPU limit, in microseconds.
    pub cpu_throttled_us: Option<u64>,
    /// Threads.
    pub tasks_current: Option<u64>,
    /// The limit of threads.
    pub tasks_max: Option<Limit<u64>>,
    /// Bytes read from block devices.
    pub io_read: Option<Bytes>,
    /// Bytes written to block devices.
    pub io_written: Option<Bytes>,
}
