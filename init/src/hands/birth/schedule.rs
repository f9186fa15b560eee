//! How much and when: rlimits, niceness, schedules, processors. Best effort: what is not permitted is told.

use std::ffi::NulError;

use kernel::spawn::Step;
use nix::sys::resource::{Resource, getrlimit};
use units::unit::{self, CpuPolicy, Execution, IoClass, NumaPolicy, Rlimit, Service};
use units::value::Limit;

use super::course::{Course, c};

/// Descriptors a service may have until it asks for more: select(2) breaks beyond, and closing
/// "all" of a million takes long.
const SOFT_DESCRIPTORS: u64 = 1024;
/// `SCHED_RESET_ON_FORK`, sched(7).
const RESET_ON_FORK: i32 = 0x4000_0000;

/// The scheduler's part.
pub(super) fn schedule(course: &mut Course<'_>, service: &Service) -> Result<(), NulError> {
    let execution = &service.execution;
    if let Some(nice) = service.run_as.nice {
        course.asked("Nice", Step::Nice(nice.into()));
    }
    course.must(Step::OomScore(c(service.run_as.oom_score_adjust.unwrap_or(0).to_string())?));
    if execution.io_class.is_some() || execution.io_priority.is_some() {
        // ioprio_set(2): without a class, best effort; without a priority, the middle.
        let (class, fixed) = match execution.io_class.unwrap_or(IoClass::BestEffort) {
            IoClass::None => (0, Some(0)),
            IoClass::Realtime => (1, None),
            IoClass::BestEffort => (2, None),
            IoClass::Idle => (3, Some(0)),
        };
        let within = fixed.or(execution.io_priority).unwrap_or(4);
        course.asked("IOSchedulingClass", Step::IoPriority(class << 13 | u16::from(within)));
    }
    if let Some(policy) = execution.cpu_policy.or(execution.cpu_reset_on_fork.then_some(CpuPolicy::Other)) {
        let real_time = matches!(policy, CpuPolicy::Fifo | CpuPolicy::Rr);
        let priority = if real_time { i32::from(execution.cpu_priority.unwrap_or(1)) } else { 0 };
        let policy = match policy {
            CpuPolicy::Other => libc::SCHED_OTHER,
            CpuPolicy::Batch => libc::SCHED_BATCH,
            CpuPolicy::Idle => libc::SCHED_IDLE,
            CpuPolicy::Fifo => libc::SCHED_FIFO,
            CpuPolicy::Rr => libc::SCHED_RR,
        };
        let reset = if execution.cpu_reset_on_fork { RESET_ON_FORK } else { 0 };
        course.asked("CPUSchedulingPolicy", Step::Scheduler { policy: policy | reset, priority });
    }
    if !execution.cpu_affinity.is_empty() {
        course.asked("CPUAffinity", Step::Affinity(execution.cpu_affinity.clone()));
    }
    if let Some(span) = execution.timer_slack {
        course.asked("TimerSlackNSec", Step::TimerSlack(span));
    }
    memory(course, execution)
}

/// What becomes of its memory.
fn memory(course: &mut Course<'_>, execution: &Execution) -> Result<(), NulError> {
    if let Some(bits) = execution.coredump_filter {
        course.asked("CoredumpFilter", Step::CoredumpFilter(c(format!("{bits:#x}"))?));
    }
    if let Some(policy) = execution.numa_policy {
        // linux/mempolicy.h: the mode, and whether it is of nodes that must be named, may be, or are not.
        let (mode, of) = match policy {
            NumaPolicy::Default => (0, Nodes::None),
            NumaPolicy::Preferred => (1, Nodes::Any),
            NumaPolicy::Bind => (2, Nodes::Some),
            NumaPolicy::Interleave => (3, Nodes::Some),
            NumaPolicy::Local => (4, Nodes::None),
        };
        let nodes = match of {
            Nodes::None => Vec::new(),
            Nodes::Any | Nodes::Some => execution.numa_mask.clone(),
        };
        if of != Nodes::Some || !nodes.is_empty() {
            course.asked("NUMAPolicy", Step::MemoryPolicy { mode, nodes });
        }
    }
    if let Some(merged) = execution.memory_ksm {
        course.asked("MemoryKSM", Step::MergeMemory(merged));
    }
    Ok(())
}

/// Whether a policy of memory takes nodes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nodes {
    None,
    Any,
    Some,
}

/// Limits of the process itself. Cut to what is permitted first, so that one that may not be raised costs no more than that.
pub(super) fn limits(course: &mut Course<'_>, service: &Service) {
    let limits = &service.execution.limits;
    if !limits.contains_key(&unit::Resource::Nofile)
        && let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
    {
        course.must(Step::Limit(Resource::RLIMIT_NOFILE, SOFT_DESCRIPTORS.min(hard), hard));
    }
    for (resource, Rlimit { soft, hard }) in limits {
        let (directive, resource) = of(*resource);
        let [soft, hard] = [soft, hard].map(|limit| match limit {
            Limit::Max => libc::RLIM_INFINITY,
            Limit::At(number) => *number,
        });
        course.must(Step::Limit(resource, soft, hard));
        if getrlimit(resource).is_ok_and(|(_, own)| hard > own) {
            course.asked(directive, Step::LimitExactly(resource, soft, hard));
        }
    }
}

fn of(resource: unit::Resource) -> (&'static str, Resource) {
    match resource {
        unit::Resource::Cpu => ("LimitCPU", Resource::RLIMIT_CPU),
        unit::Resource::Fsize => ("LimitFSIZE", Resource::RLIMIT_FSIZE),
        unit::Resource::Data => ("LimitDATA", Resource::RLIMIT_DATA),
        unit::Resource::Stack => ("LimitSTACK", Resource::RLIMIT_STACK),
        unit::Resource::Core => ("LimitCORE", Resource::RLIMIT_CORE),
        unit::Resource::Rss => ("LimitRSS", Resource::RLIMIT_RSS),
        unit::Resource::Nofile => ("LimitNOFILE", Resource::RLIMIT_NOFILE),
        unit::Resource::As => ("LimitAS", Resource::RLIMIT_AS),
        unit::Resource::Nproc => ("LimitNPROC", Resource::RLIMIT_NPROC),
        unit::Resource::Memlock => ("LimitMEMLOCK", Resource::RLIMIT_MEMLOCK),
        unit::Resource::Locks => ("LimitLOCKS", Resource::RLIMIT_LOCKS),
        unit::Resource::Sigpending => ("LimitSIGPENDING", Resource::RLIMIT_SIGPENDING),
        unit::Resource::Msgqueue => ("LimitMSGQUEUE", Resource::RLIMIT_MSGQUEUE),
        unit::Resource::Nice => ("LimitNICE", Resource::RLIMIT_NICE),
        unit::Resource::Rtprio => ("LimitRTPRIO", Resource::RLIMIT_RTPRIO),
        unit::Resource::Rttime => ("LimitRTTIME", Resource::RLIMIT_RTTIME),
    }
}
