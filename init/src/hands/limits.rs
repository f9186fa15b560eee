//! A unit's limits, as settings of its control group.

use std::fs;

use kernel::cgroup::{Group, NotSet, Setting};
use units::unit::{Amount, OomPolicy, Resources};
use units::value::Limit;

use crate::say;

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
        settings.push(Setting::cpus(cores));
    }
    if let Some(weight) = resources.cpu_weight {
        settings.push(Setting::CpuWeight(weight.get().into()));
    }
    match (resources.tasks_share, resources.tasks_max) {
        (Some(share), _) => settings.push(Setting::PidsMax(whole_tasks().map(|whole| share.of(whole).max(1)))),
        (None, Some(limit)) => settings.push(Setting::PidsMax(limit.at())),
        (None, None) => {}
    }
    settings.iter().filter_map(|setting| not_set(group, setting)).collect()
}

/// What follows when the kernel kills a process of a unit for want of memory. Not of a slice: its units are each other's neighbours.
pub(super) fn on_oom(group: &Group, policy: OomPolicy) -> Option<String> {
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
