//! A unit's limits, as settings of its control group.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use kernel::cgroup::{Group, Io, NotSet, Setting};
use units::unit::{Amount, IoLimit, OomPolicy, Resources, Service};
use units::value::Limit;

use crate::say;

/// Put what a service says in force: its limits, and what is to happen when its memory has run out.
pub(super) fn of_service(group: &Group, service: &Service) -> Vec<String> {
    let mut remarks = apply(group, &service.resources);
    remarks.extend(on_oom(group, service.resources.oom_policy));
    remarks
}

/// Put them in force, as far as the kernel has such limits here; what it has not is told, and
/// does not keep the unit from starting.
pub(super) fn apply(group: &Group, resources: &Resources) -> Vec<String> {
    let mut settings = Vec::new();
    if let Some(limit) = resources.memory_max {
        settings.push(Setting::MemoryMax(bytes(limit)));
    }
    if let Some(limit) = resources.memory_high {
        settings.push(Setting::MemoryHigh(bytes(limit)));
    }
    if let Some(limit) = resources.memory_min {
        settings.push(Setting::MemoryMin(bytes(limit)));
    }
    if let Some(limit) = resources.memory_low {
        settings.push(Setting::MemoryLow(bytes(limit)));
    }
    if let Some(limit) = resources.memory_swap_max {
        settings.push(Setting::SwapMax { swap: bytes(limit), memory: resources.memory_max.and_then(bytes) });
    }
    if let Some(weight) = resources.io_weight {
        settings.push(Setting::IoWeight(weight.get().into()));
    }
    if let Some(limit) = resources.cpu_quota {
        let cores = limit.at().map(|percent| f64::from(percent.hundredths()) / 10_000.0);
        let period = resources.cpu_quota_period.and_then(|period| u64::try_from(period.as_micros()).ok());
        settings.push(Setting::cpus(cores, period.unwrap_or(Setting::CPU_PERIOD_US)));
    }
    if let Some(weight) = resources.cpu_weight {
        settings.push(Setting::CpuWeight(weight.get().into()));
    }
    if let Some(list) = list(&resources.cpus) {
        settings.push(Setting::Cpus(list));
    }
    if let Some(list) = list(&resources.memory_nodes) {
        settings.push(Setting::MemoryNodes(list));
    }
    let mut remarks = Vec::new();
    for device in &resources.io_limits {
        match disk(&device.path) {
            Ok(disk) => settings.push(of_device(disk, device.limit)),
            Err(why) => remarks.push(format!("limit not in force: {}: {why}", device.path)),
        }
    }
    match (resources.tasks_share, resources.tasks_max) {
        (Some(share), _) => settings.push(Setting::PidsMax(whole_tasks().map(|whole| share.of(whole).max(1)))),
        (None, Some(limit)) => settings.push(Setting::PidsMax(limit.at())),
        (None, None) => {}
    }
    remarks.extend(settings.iter().filter_map(|setting| not_set(group, setting)));
    remarks
}

/// What follows when the kernel kills a process of a unit for want of memory. Not of a slice: its units are each other's neighbours.
fn on_oom(group: &Group, policy: OomPolicy) -> Option<String> {
    match policy {
        // A unit that is stopped for it anyway goes as a whole and at once, instead of limping on
        // until init hears of it. Where the kernel cannot (cgroup v1) it is still stopped.
        OomPolicy::Stop => {
            drop(group.set(&Setting::OomGroup(true)));
            None
        }
        OomPolicy::Kill => not_set(group, &Setting::OomGroup(true)),
        OomPolicy::Continue => None,
    }
}

fn not_set(group: &Group, setting: &Setting) -> Option<String> {
    group.set(setting).err().map(|why: NotSet| format!("limit not in force: {}", say::chain(&why)))
}

fn of_device(device: (u64, u64), limit: IoLimit) -> Setting {
    let (what, most) = match limit {
        IoLimit::ReadBytes(most) => (Io::ReadBytes, most),
        IoLimit::WriteBytes(most) => (Io::WriteBytes, most),
        IoLimit::Reads(most) => (Io::Reads, most),
        IoLimit::Writes(most) => (Io::Writes, most),
        IoLimit::Weight(weight) => return Setting::IoDeviceWeight { device, weight: weight.get().into() },
    };
    Setting::IoMax { device, what, most: most.at() }
}

/// The numbers of the disk that a path is or lies on: limits are a whole disk's, never a partition's.
fn disk(path: &str) -> io::Result<(u64, u64)> {
    let about = fs::metadata(path)?;
    let number = if about.file_type().is_block_device() { about.rdev() } else { about.dev() };
    let (major, minor) = (nix::sys::stat::major(number), nix::sys::stat::minor(number));
    if major == 0 {
        return Err(io::Error::other("its file system is on no block device of its own"));
    }
    let place = format!("/sys/dev/block/{major}:{minor}");
    // A partition's directory lies in its disk's; Documentation/ABI/stable/sysfs-block.
    if fs::exists(format!("{place}/partition")).unwrap_or(false) {
        let text = fs::read_to_string(format!("{place}/../dev"))?;
        let whole = text.trim().split_once(':').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        return whole.ok_or_else(|| io::Error::other("its disk is not known"));
    }
    Ok((major, minor))
}

/// The bits of a set by number, as cpuset(7) has lists; `None` where nothing is said.
fn list(mask: &[u64]) -> Option<String> {
    let numbers =
        mask.iter().enumerate().flat_map(|(at, bits)| (0..64).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| at * 64 + bit));
    let words: Vec<String> = numbers.map(|number| number.to_string()).collect();
    (!words.is_empty()).then(|| words.join(","))
}

fn bytes(limit: Limit<Amount>) -> Option<u64> {
    match limit.at()? {
        Amount::Bytes(bytes) => Some(bytes.0),
        Amount::Share(percent) => Some(percent.of(whole_memory()?)),
    }
}

/// How many processes the container may have: what limits it is out of its sight, and pid_max is what is left to go by.
fn whole_tasks() -> Option<u64> {
    let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    number("/proc/sys/kernel/pid_max").into_iter().chain(number("/proc/sys/kernel/threads-max")).min()
}

/// What the container has: /proc/meminfo tells the container's own truth where the launcher
/// provides it, else the machine's.
fn whole_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kilobytes.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_lists() {
        assert_eq!(list(&[0b1011, 1]), Some("0,1,3,64".to_owned()));
        assert_eq!(list(&[0]), None);
    }
}
