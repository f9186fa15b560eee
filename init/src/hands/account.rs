//! The counters of one control group: [`units::accounting`] knows the files, the group reads them.

use kernel::cgroup::Group;
use units::accounting::{self, Account, Controller, Generation};

/// Read what there is; a counter the kernel does not keep stays absent.
pub(crate) fn read(group: &Group) -> Account {
    Account::read(
        |controller| generation(group, controller),
        |controller, of, name| match (controller, of) {
            (Controller::Cpu, Generation::V2) => group.read_unified(name),
            (_, Generation::V2) => group.read(word(controller, of), name, ""),
            (_, Generation::V1) => group.read(word(controller, of), "", name),
        },
    )
}

/// How many processes of the group the kernel has killed for want of memory.
pub(crate) fn oom_kills(group: &Group) -> Option<u64> {
    let text = group.read("memory", "memory.events", "memory.oom_control")?;
    accounting::field(&text, "oom_kill")
}

fn generation(group: &Group, controller: Controller) -> Option<Generation> {
    let found = |of| group.generation(word(controller, of)).map(ours);
    // One of them is called differently by generation.
    [Generation::V2, Generation::V1].into_iter().find(|of| found(*of) == Some(*of))
}

fn ours(generation: kernel::cgroup::Generation) -> Generation {
    match generation {
        kernel::cgroup::Generation::V1 => Generation::V1,
        kernel::cgroup::Generation::V2 => Generation::V2,
    }
}

fn word(controller: Controller, generation: Generation) -> &'static str {
    match (controller, generation) {
        (Controller::Memory, _) => "memory",
        (Controller::Cpu, _) => "cpu",
        (Controller::Cpuacct, _) => "cpuacct",
        (Controller::Pids, _) => "pids",
        (Controller::Io, Generation::V2) => "io",
        (Controller::Io, Generation::V1) => "blkio",
    }
}
