//! The kernel's counters, as it writes them, on both generations of cgroups
//! (Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/).
//!
//! Which file holds a counter is said here; reading it is the caller's: [`Account::read`] asks for
//! files by name. On a hybrid machine every controller has a generation of its own.

mod text;

pub use text::{Pressure, Stall, field, limit, number};

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

/// A controller of cgroups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controller {
    /// `memory`
    Memory,
    /// `cpu`; the unified hierarchy counts CPU time even where it has no controller.
    Cpu,
    /// `cpuacct`, which only the first generation has.
    Cpuacct,
    /// `pids`
    Pids,
    /// `io`, once `blkio`.
    Io,
}

/// Which hierarchy a controller is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// A hierarchy of its own.
    V1,
    /// The unified one.
    V2,
}

/// v1 says "no limit" by a number near the largest, rounded to pages.
const NO_LIMIT_V1: u64 = 1 << 60;

impl Account {
    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Reads all counters. `generation` says where a controller is, if anywhere; `file` reads a
    /// file of the cgroup on that controller's hierarchy of that generation.
    pub fn read(
        generation: impl Fn(Controller) -> Option<Generation>,
        file: impl Fn(Controller, Generation, &str) -> Option<String>,
    ) -> Self {
        let mut account = Self::default();
        match generation(Controller::Memory) {
            Some(Generation::V2) => account.read_memory_v2(|name| file(Controller::Memory, Generation::V2, name)),
            Some(Generation::V1) => account.read_memory_v1(|name| file(Controller::Memory, Generation::V1, name)),
            None => {}
        }
        // cgroup2 keeps this file without any controller.
        if let Some(text) = file(Controller::Cpu, Generation::V2, "cpu.stat") {
            account.cpu_usage_us = field(&text, "usage_usec");
            account.cpu_user_us = field(&text, "user_usec");
            account.cpu_system_us = field(&text, "system_usec");
            account.cpu_throttled_us = field(&text, "throttled_usec");
        } else if let Some(text) = file(Controller::Cpuacct, Generation::V1, "cpuacct.usage") {
            account.cpu_usage_us = number(&text).map(|nanoseconds| nanoseconds / 1000);
        }
        if generation(Controller::Cpu) == Some(Generation::V1) {
            let text = file(Controller::Cpu, Generation::V1, "cpu.stat");
            account.cpu_throttled_us = text.and_then(|text| field(&text, "throttled_time")).map(|ns| ns / 1000);
        }
        if let Some(generation) = generation(Controller::Pids) {
            let pids = |name| file(Controller::Pids, generation, name);
            account.tasks_current = pids("pids.current").and_then(|text| number(&text));
            account.tasks_max = pids("pids.max").and_then(|text| limit(&text));
        }
        let moved = match generation(Controller::Io) {
            Some(Generation::V2) => file(Controller::Io, Generation::V2, "io.stat").map(|text| text::io_v2(&text)),
            Some(Generation::V1) => file(Controller::Io, Generation::V1, "blkio.throttle.io_service_bytes").map(|text| text::io_v1(&text)),
            None => None,
        };
        account.io_read = moved.map(|(read, _)| Bytes(read));
        account.io_written = moved.map(|(_, written)| Bytes(written));
        account
    }

    fn read_memory_v2(&mut self, file: impl Fn(&str) -> Option<String>) {
        let bytes = |name| file(name).and_then(|text| number(&text)).map(Bytes);
        self.memory_current = bytes("memory.current");
        self.memory_peak = bytes("memory.peak");
        self.swap_current = bytes("memory.swap.current");
        self.memory_max = file("memory.max").and_then(|text| limit(&text)).map(|max| match max {
            Limit::At(max) => Limit::At(Bytes(max)),
            Limit::Max => Limit::Max,
        });
        self.oom_kills = file("memory.events").and_then(|text| field(&text, "oom_kill"));
    }

    fn read_memory_v1(&mut self, file: impl Fn(&str) -> Option<String>) {
        let count = |name| file(name).and_then(|text| number(&text));
        let memory = count("memory.usage_in_bytes");
        self.memory_current = memory.map(Bytes);
        self.memory_peak = count("memory.max_usage_in_bytes").map(Bytes);
        self.memory_max = count("memory.limit_in_bytes").map(|max| match max {
            NO_LIMIT_V1.. => Limit::Max,
            max => Limit::At(Bytes(max)),
        });
        // memsw counts both together.
        let both = count("memory.memsw.usage_in_bytes");
        self.swap_current = both.zip(memory).map(|(both, memory)| Bytes(both.saturating_sub(memory)));
        self.oom_kills = file("memory.oom_control").and_then(|text| field(&text, "oom_kill"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pure_machine_is_read() {
        let account = Account::read(
            |controller| (controller != Controller::Cpuacct).then_some(Generation::V2),
            |_, generation, name| {
                (generation == Generation::V2).then_some(())?;
                Some(
                    match name {
                        "memory.current" => "1048576\n",
                        "memory.peak" => "2097152\n",
                        "memory.max" => "max\n",
                        "memory.swap.current" => "0\n",
                        "memory.events" => "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n",
                        "cpu.stat" => "usage_usec 500\nuser_usec 300\nsystem_usec 200\nnr_periods 0\nthrottled_usec 7\n",
                        "pids.current" => "5\n",
                        "pids.max" => "256\n",
                        "io.stat" => "254:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n8:0 rbytes=1 wbytes=2\n",
                        _ => return None,
                    }
                    .to_owned(),
                )
            },
        );
        let wanted = Account {
            memory_current: Some(Bytes(1 << 20)),
            memory_peak: Some(Bytes(2 << 20)),
            memory_max: Some(Limit::Max),
            swap_current: Some(Bytes(0)),
            oom_kills: Some(2),
            cpu_usage_us: Some(500),
            cpu_user_us: Some(300),
            cpu_system_us: Some(200),
            cpu_throttled_us: Some(7),
            tasks_current: Some(5),
            tasks_max: Some(Limit::At(256)),
            io_read: Some(Bytes(4097)),
            io_written: Some(Bytes(2)),
        };
        assert_eq!(account, wanted);
    }

    #[test]
    fn a_hybrid_machine_is_read() {
        let account = Account::read(
            |_| Some(Generation::V1),
            |controller, generation, name| {
                let text = match (controller, generation, name) {
                    (Controller::Memory, Generation::V1, "memory.usage_in_bytes") => "4096\n",
                    (Controller::Memory, Generation::V1, "memory.limit_in_bytes") => "9223372036854771712\n",
                    (Controller::Memory, Generation::V1, "memory.memsw.usage_in_bytes") => "8192\n",
                    (Controller::Memory, Generation::V1, "memory.oom_control") => "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n",
                    (Controller::Cpu, Generation::V2, "cpu.stat") => "usage_usec 9\nuser_usec 4\nsystem_usec 5\n",
                    (Controller::Cpu, Generation::V1, "cpu.stat") => "nr_periods 1\nthrottled_time 5000\n",
                    (Controller::Pids, Generation::V1, "pids.current") => "2\n",
                    (Controller::Io, Generation::V1, _) => "8:0 Read 10\n8:0 Write 20\n8:0 Total 30\nTotal 30\n",
                    _ => return None,
                };
                Some(text.to_owned())
            },
        );
        assert_eq!(account.memory_max, Some(Limit::Max));
        assert_eq!(account.swap_current, Some(Bytes(4096)));
        assert_eq!(account.oom_kills, Some(4));
        assert_eq!((account.cpu_usage_us, account.cpu_throttled_us), (Some(9), Some(5)));
        assert_eq!((account.tasks_current, account.tasks_max), (Some(2), None));
        assert_eq!((account.io_read, account.io_written), (Some(Bytes(10)), Some(Bytes(20))));
    }

    #[test]
    fn nothing_there_is_nothing_told() {
        assert_eq!(Account::read(|_| None, |_, _, _| None), Account::default());
        assert_eq!(Account::read(|_| Some(Generation::V2), |_, _, _| Some("junk -1 \0".into())).memory_current, None);
    }
}
