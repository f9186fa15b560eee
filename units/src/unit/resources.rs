use crate::UnitName;
use crate::value::{Bytes, Limit, Percent, Weight};
use std::time::Duration;

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
    /// `cpuset.cpus`: the processors it may run on, a bit for each; all where empty.
    pub cpus: Vec<u64>,
    /// `cpuset.mems`: the memory nodes it may have memory of; all where empty.
    pub memory_nodes: Vec<u64>,
    /// `io.max` and `io.weight` of single devices.
    pub io_limits: Vec<DeviceLimit>,
    /// `pids.max`, as a share of what the container may have; where set, instead of `tasks_max`.
    pub tasks_share: Option<Percent>,
    /// The service makes groups beneath its own; nobody else does.
    pub delegate: bool,
    /// The slice its group lies in.
    pub slice: Option<UnitName>,
    /// `cpu.max`, in hundredths of one CPU.
    pub cpu_quota: Option<Limit<Percent>>,
    /// The period that the quota is a part of; 100 ms where nothing is said.
    pub cpu_quota_period: Option<Duration>,
    /// Whether it may watch for want of memory.
    pub pressure_watch: PressureWatch,
    /// How much delay there must be in two seconds for it to hear of that; 200 ms where nothing is said.
    pub pressure_threshold: Option<Duration>,
    /// `cpu.weight`
    pub cpu_weight: Option<Weight>,
    /// `pids.max`
    pub tasks_max: Option<Limit<u64>>,
    /// What follows when the kernel kills a process of it for want of memory.
    pub oom_policy: OomPolicy,
}

/// Whether a service is told how to watch for want of memory; systemd.resource-control(5), `MemoryPressureWatch=`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PressureWatch {
    /// Where there is something to watch.
    #[default]
    Auto,
    /// The same.
    On,
    /// It is told not to.
    Off,
    /// It is told nothing.
    Skip,
}

/// A limit on one block device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceLimit {
    /// The device, or any path on it.
    pub path: String,
    /// What is limited.
    pub limit: IoLimit,
}

/// What of a block device is limited; cgroup-v2.rst, "IO Interface Files".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoLimit {
    /// `rbps`: bytes read in a second.
    ReadBytes(Limit<u64>),
    /// `wbps`: bytes written in a second.
    WriteBytes(Limit<u64>),
    /// `riops`: reads in a second.
    Reads(Limit<u64>),
    /// `wiops`: writes in a second.
    Writes(Limit<u64>),
    /// `io.weight` on this device.
    Weight(Weight),
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
