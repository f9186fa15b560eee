use crate::value::{Bytes, Limit, Percent, Weight};

/// What a service may use: limits of its own cgroup, inside the container's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// `memory.max`: past it, processes are killed.
    pub memory_max: Option<Limit<Amount>>,
    /// `memory.high`: past it, processes are slowed and their memory reclaimed.
    pub memory_high: Option<Limit<Amount>>,
    /// `cpu.max`, in hundredths of one CPU.
    pub cpu_quota: Option<Limit<Percent>>,
    /// `cpu.weight`
    pub cpu_weight: Option<Weight>,
    /// `pids.max`
    pub tasks_max: Option<Limit<u64>>,
    /// What follows when the kernel kills a process of it for want of memory.
    pub oom_policy: OomPolicy,
}

/// An amount of memory, or a share of what the container has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// So many bytes.
    Bytes(Bytes),
    /// So much of the container's limit, or of the machine's memory.
    Share(Percent),
}

/// What follows when the kernel kills a process of a unit for want of memory; systemd.service(5),
/// `OOMPolicy=`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OomPolicy {
    /// The unit is stopped in order, and has failed.
    #[default]
    Stop,
    /// Only a message.
    Continue,
    /// The kernel kills all of it (`memory.oom.group`).
    Kill,
}
