use crate::UnitName;
use crate::value::{Bytes, Limit, Percent, Weight};

/// What a service may use: limits of its own cgroup, inside the container's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// `memory.max`: past it, processes are killed.
    pub memory_max: Option<Limit<Amount>>,
    /// `memory.high`: past it, processes are slowed and their memory reclaimed.
    pub memory_high: Option<Limit<Amount>>,
    /// `memory.min`: so much is never reclaimed.
    pub memory_min: Option<Limit<Amount>>,
    /// `memory.low`: so much is reclaimed last.
    pub memory_low: Option<Limit<Amount>>,
    /// `memory.swap.max`
    pub memory_swap_max: Option<Limit<Amount>>,
    /// `io.weight`
    pub io_weight: Option<Weight>,
    /// `pids.max`, as a share of what the container may have; where set, instead of `tasks_max`.
    pub tasks_share: Option<Percent>,
    /// The service makes groups beneath its own; nobody else does.
    pub delegate: bool,
    /// The slice its group lies in.
    pub slice: Option<UnitName>,
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
