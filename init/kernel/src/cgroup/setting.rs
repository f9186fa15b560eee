//! Limits, each as the generation at hand writes it.

use std::fs;
use std::io;
use std::path::Path;

use super::Generation;

/// One limit. `None` is "no limit" (`max`).
#[derive(Debug, Clone, PartialEq)]
pub enum Setting {
    /// `memory.max`, bytes: above it the group is OOM-killed. v1 `memory.limit_in_bytes`.
    MemoryMax(Option<u64>),
    /// `memory.high`, bytes: above it the group is throttled and reclaimed. v1 has none.
    MemoryHigh(Option<u64>),
    /// `memory.min`, bytes that are never reclaimed. v1 has none.
    MemoryMin(Option<u64>),
    /// `memory.low`, bytes that are reclaimed last. v1 has none.
    MemoryLow(Option<u64>),
    /// `io.weight`, 1 to 10000, 100 where not set. v1 `blkio.bfq.weight` or `blkio.weight`, 500 for 100.
    IoWeight(u64),
    /// `memory.swap.max`, bytes of swap. v1 counts memory and swap together (`memory.memsw.limit_in_bytes`), so the memory limit is given too.
    SwapMax {
        /// Bytes of swap.
        swap: Option<u64>,
        /// Bytes of memory, as in [`Setting::MemoryMax`].
        memory: Option<u64>,
    },
    /// `cpu.max`: so much CPU in each period, both in microseconds. v1 `cpu.cfs_quota_us`, `cpu.cfs_period_us`.
    CpuQuota {
        /// At least 1 ms.
        quota: Option<u64>,
        /// 1 ms to 1 s.
        period: u64,
    },
    /// `cpu.weight`, 1 to 10000, 100 where not set. v1 `cpu.shares`, 1024 for 100.
    CpuWeight(u64),
    /// `pids.max`: processes and threads.
    PidsMax(Option<u64>),
    /// `cpuset.cpus`, numbers and ranges of processors: `0-3,8`.
    Cpus(String),
    /// `cpuset.mems`, the same of memory nodes.
    MemoryNodes(String),
    /// `io.max` of one block device: how much in a second. v1 `blkio.throttle.*_device`, where writes that go through the page cache do not count.
    IoMax {
        /// Major and minor number of a whole disk.
        device: (u64, u64),
        /// Bytes or operations, read or written.
        what: Io,
        /// So much.
        most: Option<u64>,
    },
    /// `io.weight` of one block device. v1 as [`Setting::IoWeight`].
    IoDeviceWeight {
        /// Major and minor number of a whole disk.
        device: (u64, u64),
        /// 1 to 10000.
        weight: u64,
    },
    /// `memory.oom.group`: an OOM kill takes all processes of the group. v1 has none.
    OomGroup(bool),
}

/// What of a block device [`Setting::IoMax`] limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Io {
    /// Bytes read.
    ReadBytes,
    /// Bytes written.
    WriteBytes,
    /// Reads.
    Reads,
    /// Writes.
    Writes,
}

impl Io {
    /// The key in `io.max`, and the file of v1.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::ReadBytes => ("rbps", "blkio.throttle.read_bps_device"),
            Self::WriteBytes => ("wbps", "blkio.throttle.write_bps_device"),
            Self::Reads => ("riops", "blkio.throttle.read_iops_device"),
            Self::Writes => ("wiops", "blkio.throttle.write_iops_device"),
        }
    }
}

/// Why a limit is not in force.
#[derive(Debug, thiserror::Error)]
pub enum NotSet {
    /// No hierarchy has the controller, or it is not enabled above this group.
    #[error("no {0} controller here")]
    NoController(&'static str),
    /// The generation has no such limit.
    #[error("cgroup v1 has no {0}")]
    NotInV1(&'static str),
    /// The kernel refused it.
    #[error("cannot write {file}")]
    Write {
        /// The file's name.
        file: &'static str,
        /// Why.
        source: io::Error,
    },
}

const PERIOD_US: u64 = 100_000;

impl Setting {
    /// The controller it belongs to.
    pub fn controller(&self) -> &'static str {
        match self {
            Self::MemoryMax(_)
            | Self::MemoryHigh(_)
            | Self::MemoryMin(_)
            | Self::MemoryLow(_)
            | Self::SwapMax { .. }
            | Self::OomGroup(_) => "memory",
            Self::IoWeight(_) | Self::IoMax { .. } | Self::IoDeviceWeight { .. } => "io",
            Self::Cpus(_) | Self::MemoryNodes(_) => "cpuset",
            Self::CpuQuota { .. } | Self::CpuWeight(_) => "cpu",
            Self::PidsMax(_) => "pids",
        }
    }

    /// The period that [`Setting::CpuQuota`] is a part of, in microseconds: the kernel's default.
    pub const CPU_PERIOD_US: u64 = PERIOD_US;

    /// `cpus` cores as a quota of a period in microseconds; 1.5 is 150 ms in each 100 ms. Where that is less than a millisecond, the kernel's
    /// least, the period is longer.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)] // clamped to the range before
    pub fn cpus(cpus: Option<f64>, period: u64) -> Self {
        const LEAST: f64 = 1000.0;
        let cpus = cpus.map(|c| c.clamp(0.001, 1_000_000.0));
        let long_enough = cpus.map_or(0, |c| (LEAST / c).ceil() as u64);
        let period = period.max(long_enough).clamp(1000, 1_000_000);
        Self::CpuQuota { quota: cpus.map(|c| (c * period as f64).round().max(LEAST) as u64), period }
    }

    pub(super) fn write(&self, generation: Generation, dir: &Path) -> Result<(), NotSet> {
        match generation {
            Generation::V2 => self.write_v2(dir),
            Generation::V1 => self.write_v1(dir),
        }
    }

    fn write_v2(&self, dir: &Path) -> Result<(), NotSet> {
        match *self {
            Self::MemoryMax(n) => put(dir, "memory.max", &or_max(n)),
            Self::MemoryHigh(n) => put(dir, "memory.high", &or_max(n)),
            Self::MemoryMin(n) => put(dir, "memory.min", &or_max(n)),
            Self::MemoryLow(n) => put(dir, "memory.low", &or_max(n)),
            Self::IoWeight(n) => put(dir, "io.weight", &n.to_string()),
            Self::SwapMax { swap, .. } => put(dir, "memory.swap.max", &or_max(swap)),
            Self::CpuQuota { quota, period } => put(dir, "cpu.max", &format!("{} {period}", or_max(quota))),
            Self::CpuWeight(n) => put(dir, "cpu.weight", &n.to_string()),
            Self::PidsMax(n) => put(dir, "pids.max", &or_max(n)),
            Self::Cpus(ref list) => put(dir, "cpuset.cpus", list),
            Self::MemoryNodes(ref list) => put(dir, "cpuset.mems", list),
            Self::IoMax { device: (major, minor), what, most } => {
                put(dir, "io.max", &format!("{major}:{minor} {}={}", what.names().0, or_max(most)))
            }
            Self::IoDeviceWeight { device: (major, minor), weight } => put(dir, "io.weight", &format!("{major}:{minor} {weight}")),
            Self::OomGroup(on) => put(dir, "memory.oom.group", if on { "1" } else { "0" }),
        }
    }

    fn write_v1(&self, dir: &Path) -> Result<(), NotSet> {
        match *self {
            Self::MemoryMax(n) => {
                // memory may not exceed memory+swap, so a limit that rises must wait for that one and one that falls goes first: take it off.
                let _ = put(dir, "memory.memsw.limit_in_bytes", "-1");
                put(dir, "memory.limit_in_bytes", &or_minus_one(n))
            }
            Self::SwapMax { swap, memory } => {
                put(dir, "memory.memsw.limit_in_bytes", &or_minus_one(swap.zip(memory).map(|(s, m)| s.saturating_add(m))))
            }
            Self::CpuQuota { quota, period } => {
                // What was there of one with what will be of the other may be more than the group above has.
                let _ = put(dir, "cpu.cfs_quota_us", "-1");
                put(dir, "cpu.cfs_period_us", &period.to_string())?;
                put(dir, "cpu.cfs_quota_us", &or_minus_one(quota))
            }
            // As systemd and runc convert: 100 is 1024, the kernel's least is 2.
            Self::CpuWeight(n) => put(dir, "cpu.shares", &(n.saturating_mul(1024) / 100).clamp(2, 262_144).to_string()),
            Self::PidsMax(n) => put(dir, "pids.max", &or_max(n)),
            Self::MemoryHigh(_) => Err(NotSet::NotInV1("memory.high")),
            Self::MemoryMin(_) => Err(NotSet::NotInV1("memory.min")),
            Self::MemoryLow(_) => Err(NotSet::NotInV1("memory.low")),
            // Which file there is, the scheduler of the disks decides.
            Self::IoWeight(n) => {
                let weight = blkio_weight(n).to_string();
                put(dir, "blkio.bfq.weight", &weight).or_else(|_| put(dir, "blkio.weight", &weight))
            }
            Self::IoDeviceWeight { device: (major, minor), weight } => {
                let line = format!("{major}:{minor} {}", blkio_weight(weight));
                put(dir, "blkio.bfq.weight_device", &line).or_else(|_| put(dir, "blkio.weight_device", &line))
            }
            // 0 is no limit there.
            Self::IoMax { device: (major, minor), what, most } => {
                put(dir, what.names().1, &format!("{major}:{minor} {}", most.unwrap_or(0)))
            }
            Self::Cpus(ref list) => put(dir, "cpuset.cpus", list),
            Self::MemoryNodes(ref list) => put(dir, "cpuset.mems", list),
            Self::OomGroup(_) => Err(NotSet::NotInV1("memory.oom.group")),
        }
    }
}

/// As systemd converts: 100 is 500, the kernel takes 10 to 1000.
fn blkio_weight(n: u64) -> u64 {
    n.saturating_mul(5).clamp(10, 1000)
}

fn or_max(n: Option<u64>) -> String {
    n.map_or_else(|| "max".to_owned(), |n| n.to_string())
}

fn or_minus_one(n: Option<u64>) -> String {
    n.map_or_else(|| "-1".to_owned(), |n| n.to_string())
}

fn put(dir: &Path, file: &'static str, text: &str) -> Result<(), NotSet> {
    fs::write(dir.join(file), text).map_err(|source| NotSet::Write { file, source })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::cgroup::Hierarchies;

    /// The numbers of a disk of this machine.
    fn disk() -> (u64, u64) {
        let disks = fs::read_dir("/sys/block").unwrap().flatten().filter(|disk| {
            let name = disk.file_name();
            ["vd", "sd", "nvme", "xvd"].iter().any(|kind| name.to_string_lossy().starts_with(kind))
        });
        let text = disks.map(|disk| fs::read_to_string(disk.path().join("dev")).unwrap()).next().unwrap();
        let (major, minor) = text.trim().split_once(':').unwrap();
        (major.parse().unwrap(), minor.parse().unwrap())
    }

    #[test]
    #[ignore = "needs root"]
    fn limits_of_a_disk_are_the_kernel_s() {
        let group = Hierarchies::detect().unwrap().group(format!("fief-test-setting-{}", std::process::id()));
        group.create().unwrap();
        let device = disk();
        let (set, all): (Vec<_>, Vec<_>) = [(Io::ReadBytes, 10_000_000), (Io::WriteBytes, 20_000_000), (Io::Reads, 100), (Io::Writes, 200)]
            .into_iter()
            .map(|(what, most)| (group.set(&Setting::IoMax { device, what, most: Some(most) }), (what, most)))
            .unzip();
        let read: Vec<_> = all
            .iter()
            .map(|(what, most)| (group.read("io", "io.max", "").or_else(|| group.read("blkio", "", what.names().1)), *what, *most))
            .collect();
        let taken = group.set(&Setting::IoMax { device, what: Io::Reads, most: None });
        let left = group.read("io", "io.max", "").or_else(|| group.read("blkio", "", Io::Reads.names().1)).unwrap();
        group.remove().unwrap();
        assert!(set.iter().all(Result::is_ok) && taken.is_ok(), "{set:?} {taken:?}");
        for (text, what, most) in read {
            let text = text.unwrap();
            let line = format!("{}:{} ", device.0, device.1);
            assert!(text.starts_with(&line), "{text}");
            assert!(text.contains(&format!("{}={most}", what.names().0)) || text.trim() == format!("{line}{most}"), "{what:?} {text}");
        }
        assert!(!left.contains("riops=100") && !left.trim().ends_with(" 100"), "{left}");
    }
}
