//! The kernel's counters of one control group, as an account. cgroup-v2.rst, cgroup-v1/*.rst.

use kernel::cgroup::{Generation, Group};
use units::accounting::Account;
use units::value::{Bytes, Limit};

/// v1 says "no limit" by a number near the largest.
const NO_LIMIT_V1: u64 = 1 << 60;

/// Read what there is; a counter the kernel does not keep stays absent.
pub(crate) fn read(group: &Group) -> Account {
    let memory = |v2: &str, v1: &str| group.read("memory", v2, v1);
    let cpu = group.read_unified("cpu.stat").unwrap_or_default();
    let swap = match group.generation("memory") {
        Some(Generation::V1) => number(memory("", "memory.memsw.usage_in_bytes"))
            .zip(number(memory("", "memory.usage_in_bytes")))
            .map(|(both, memory)| both.saturating_sub(memory)),
        _ => number(memory("memory.swap.current", "")),
    };
    let (io_read, io_written) = io(group);
    Account {
        memory_current: number(memory("memory.current", "memory.usage_in_bytes")).map(Bytes),
        memory_peak: number(memory("memory.peak", "memory.max_usage_in_bytes")).map(Bytes),
        memory_max: limit(memory("memory.max", "memory.limit_in_bytes")).map(|limit| match limit {
            Limit::At(bytes) if bytes < NO_LIMIT_V1 => Limit::At(Bytes(bytes)),
            _ => Limit::Max,
        }),
        swap_current: swap.map(Bytes),
        oom_kills: oom_kills(group),
        cpu_usage_us: field(&cpu, "usage_usec"),
        cpu_user_us: field(&cpu, "user_usec"),
        cpu_system_us: field(&cpu, "system_usec"),
        cpu_throttled_us: match group.generation("cpu") {
            Some(Generation::V1) => group
                .read("cpu", "", "cpu.stat")
                .and_then(|text| field(&text, "throttled_time"))
                .map(|nanoseconds| nanoseconds / 1000),
            _ => field(&cpu, "throttled_usec"),
        },
        tasks_current: number(group.read("pids", "pids.current", "pids.current")),
        tasks_max: limit(group.read("pids", "pids.max", "pids.max")),
        io_read: io_read.map(Bytes),
        io_written: io_written.map(Bytes),
    }
}

/// How many processes of the group the kernel has killed for want of memory.
pub(crate) fn oom_kills(group: &Group) -> Option<u64> {
    let text = group.read("memory", "memory.events", "memory.oom_control")?;
    field(&text, "oom_kill")
}

fn io(group: &Group) -> (Option<u64>, Option<u64>) {
    let sum = |text: &str, key: &str| -> Option<u64> {
        Some(text.split_whitespace().filter_map(|word| word.strip_prefix(key)?.parse::<u64>().ok()).sum())
    };
    match group.generation("blkio") {
        Some(Generation::V1) => {
            let text = group.read("blkio", "", "blkio.throttle.io_service_bytes").unwrap_or_default();
            // "254:0 Read 4096"
            let total = |word: &str| {
                let lines = text.lines().filter_map(|line| {
                    let mut words = line.split(' ').skip(1);
                    (words.next() == Some(word)).then(|| words.next()?.parse::<u64>().ok())?
                });
                (!text.is_empty()).then(|| lines.sum())
            };
            (total("Read"), total("Write"))
        }
        _ => match group.read("io", "io.stat", "") {
            Some(text) => (sum(&text, "rbytes="), sum(&text, "wbytes=")),
            None => (None, None),
        },
    }
}

fn number(text: Option<String>) -> Option<u64> {
    text?.trim().parse().ok()
}

fn limit(text: Option<String>) -> Option<Limit<u64>> {
    match text?.trim() {
        "max" => Some(Limit::Max),
        digits => digits.parse().ok().map(Limit::At),
    }
}

fn field(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_a_whole_word() {
        let text = "oom 3\noom_kill 2\noom_group_kill 1\n";
        assert_eq!(field(text, "oom_kill"), Some(2));
        assert_eq!(field(text, "oom"), Some(3));
        assert_eq!(field(text, "none"), None);
    }
}
