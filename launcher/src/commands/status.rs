//! What a container is and does, for `list` and `show`. The fields and their names are what `--json` promises.

use kernel::cgroup::{Group, Hierarchies};
use serde::Serialize;

use crate::config::Host;
use crate::error::Error;
use crate::store::record::{Observed, observe};
use crate::store::{ContainerConfig, ContainerName, Limits};

/// A container. What is not known, or does not exist in its state, is `null`.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Status {
    pub(super) name: String,
    /// stopped, starting, running, frozen, stopping, keeper-lost, stale, broken
    pub(super) state: &'static str,
    /// Why it is broken.
    pub(super) error: Option<String>,
    pub(super) ready: bool,
    /// What its init said last.
    pub(super) status: Option<String>,
    pub(super) uuid: Option<String>,
    pub(super) hostname: Option<String>,
    pub(super) template: Option<String>,
    pub(super) onboot: bool,
    pub(super) addresses: Vec<String>,
    pub(super) bridge: Option<String>,
    pub(super) host_link: Option<String>,
    pub(super) id_base: Option<u32>,
    /// Its init on the host.
    pub(super) pid: Option<i32>,
    pub(super) keeper_pid: Option<i32>,
    /// Which boot since it was started.
    pub(super) boot: Option<u32>,
    pub(super) uptime_seconds: Option<u64>,
    pub(super) memory: Counted,
    pub(super) swap: Counted,
    pub(super) procs: Counted,
    pub(super) cpu_usage_us: Option<u64>,
    pub(super) cpu_throttled_us: Option<u64>,
    pub(super) cpus_limit: Option<f64>,
    pub(super) cpu_weight: Option<u16>,
    pub(super) oom_kills: Option<u64>,
}

/// Something counted and limited: bytes, processes.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Counted {
    pub(super) current: Option<u64>,
    pub(super) peak: Option<u64>,
    pub(super) limit: Option<u64>,
}

/// What `name` is and does now.
pub(super) fn of(host: &Host, name: &ContainerName, config: Result<ContainerConfig, Error>) -> Result<Status, Error> {
    let observed = observe(host, name)?;
    let mut status = Status { name: name.to_string(), state: observed.word(), ..Status::default() };
    match config {
        Ok(config) => describe(&mut status, &config),
        Err(error) => {
            status.error = Some(error.line());
            if !observed.is_alive() {
                status.state = "broken";
            }
        }
    }
    if let Some(record) = observed.record().filter(|_| observed.is_alive()) {
        status.ready = record.ready;
        // The guest's words: a line of text, whatever it sent.
        let words: String = record.status.chars().filter(|c| !c.is_control()).take(200).collect();
        status.status = Some(words).filter(|text| !text.is_empty());
        status.pid = record.init.map(|init| init.pid);
        status.keeper_pid = record.keeper.filter(|keeper| keeper.is_alive()).map(|keeper| keeper.pid);
        status.boot = Some(record.boot);
        status.uptime_seconds = (record.started_at > 0).then(|| record.uptime().as_secs());
        if let Ok(hierarchies) = Hierarchies::detect() {
            let group = hierarchies.group(&host.config.cgroup).child(name.as_str()).child("limit");
            count(&mut status, &group);
            let frozen = group.is_frozen() || group.child("guest").is_frozen();
            if frozen && matches!(observed, Observed::Running(_) | Observed::Starting(_)) {
                status.state = "frozen";
            }
        }
    }
    Ok(status)
}

fn describe(status: &mut Status, config: &ContainerConfig) {
    let Limits { memory, swap, cpus, cpu_weight, procs } = config.limits;
    status.uuid = Some(config.uuid.clone());
    status.hostname = Some(config.hostname.to_string());
    status.template = Some(config.template.to_string());
    status.onboot = config.onboot;
    status.addresses = config.addresses().map(|cidr| cidr.to_string()).collect();
    status.bridge = config.links.first().map(|link| link.bridge.clone());
    status.host_link = config.links.first().map(|link| link.host_link.clone());
    status.id_base = Some(config.ids.base);
    status.memory.limit = memory.map(crate::store::Bytes::get);
    status.swap.limit = swap.map(crate::store::Bytes::get);
    status.procs.limit = procs.map(|procs| procs.get().into());
    status.cpus_limit = cpus.map(|cpus| f64::from(cpus.thousandths()) / 1000.0);
    status.cpu_weight = cpu_weight.map(crate::store::CpuWeight::get);
}

/// The kernel's counters of the group that has the limits. The one place that reads them.
fn count(status: &mut Status, group: &Group) {
    let number = |text: Option<String>| text.and_then(|text| text.trim().parse::<u64>().ok());
    let memory = |v2: &str, v1: &str| number(group.read("memory", v2, v1));
    status.memory.current = memory("memory.current", "memory.usage_in_bytes");
    status.memory.peak = memory("memory.peak", "memory.max_usage_in_bytes");
    // v1 counts memory and swap together.
    let together = memory("memory.swap.current", "memory.memsw.usage_in_bytes");
    status.swap.current = match group.generation("memory") {
        Some(kernel::cgroup::Generation::V1) => together.zip(status.memory.current).map(|(both, memory)| both.saturating_sub(memory)),
        _ => together,
    };
    status.procs.current = number(group.read("pids", "pids.current", "pids.current"));
    status.procs.peak = number(group.read("pids", "pids.peak", "pids.peak"));
    let keyed = |text: Option<String>, key: &str| text.and_then(|text| value(&text, key));
    status.cpu_usage_us = keyed(group.read_unified("cpu.stat"), "usage_usec")
        .or_else(|| number(group.read("cpuacct", "cpuacct.usage", "cpuacct.usage")).map(|nanoseconds| nanoseconds / 1000));
    let throttled = group.read("cpu", "cpu.stat", "cpu.stat");
    status.cpu_throttled_us =
        keyed(throttled.clone(), "throttled_usec").or_else(|| keyed(throttled, "throttled_time").map(|nanoseconds| nanoseconds / 1000));
    status.oom_kills = keyed(group.read("memory", "memory.events", "memory.oom_control"), "oom_kill");
}

/// The number after `key` in a flat keyed file.
fn value(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

/// Bytes for people: `52.1M`, units of 1024.
pub(super) fn bytes(count: u64) -> String {
    let units = [(1u64 << 40, "T"), (1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")];
    match units.iter().find(|(size, _)| count >= *size) {
        Some((size, unit)) => {
            let tenths = u128::from(count) * 10 / u128::from(*size);
            match tenths % 10 {
                0 => format!("{}{unit}", tenths / 10),
                tenth => format!("{}.{tenth}{unit}", tenths / 10),
            }
        }
        None => format!("{count}B"),
    }
}

/// `current/limit` as far as they are known.
pub(super) fn of_limit(counted: Counted, show: impl Fn(u64) -> String) -> String {
    match (counted.current, counted.limit) {
        (Some(current), Some(limit)) => format!("{}/{}", show(current), show(limit)),
        (Some(current), None) => show(current),
        (None, Some(limit)) => format!("-/{}", show(limit)),
        (None, None) => String::new(),
    }
}

/// A time for people, two units at most: `3d4h`, `5m12s`.
pub(super) fn time(seconds: u64) -> String {
    let parts = [(86_400, "d"), (3600, "h"), (60, "m"), (1, "s")];
    let mut rest = seconds;
    let mut text = String::new();
    let mut shown = 0;
    for (size, unit) in parts {
        if (rest >= size || (size == 1 && text.is_empty())) && shown < 2 {
            text.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
            shown += 1;
        } else if shown > 0 {
            shown += 1;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!((bytes(0), bytes(1023), bytes(1536)), ("0B".into(), "1023B".into(), "1.5K".into()));
        assert_eq!((bytes(512 << 20), bytes(u64::MAX)), ("512M".into(), "16777215.9T".into()));
        assert_eq!((time(0), time(59), time(61)), ("0s".into(), "59s".into(), "1m1s".into()));
        assert_eq!((time(86_400), time(90_000), time(86_461)), ("1d".into(), "1d1h".into(), "1d".into()));
        let counted = Counted { current: Some(1 << 20), limit: Some(2 << 20), peak: None };
        assert_eq!(of_limit(counted, bytes), "1M/2M");
        assert_eq!(of_limit(Counted { limit: None, ..counted }, bytes), "1M");
    }

    #[test]
    fn flat_keyed_files() {
        assert_eq!(value("usage_usec 12\nuser_usec 3\n", "usage_usec"), Some(12));
        assert_eq!(value("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n", "oom_kill"), Some(2));
        assert_eq!(value("", "x"), None);
    }
}
