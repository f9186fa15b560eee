//! What a process is born with besides what systemd.exec(5) says of its user and its limits.

use super::exec::processors;
use super::{Assigned, Fault, boolean};
use crate::file::Draft;
use crate::unit::{NumaPolicy, OpenFile, PressureWatch};
use std::time::Duration;

type Done = Result<(), Fault>;

pub(crate) fn open_file(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let files = &mut draft.service.service.open_files;
    match a.or_reset(|a| Ok(OpenFile::read(&a.text()?)?))? {
        Some(file) => files.push(file),
        None => files.clear(),
    }
    Ok(())
}

pub(crate) fn tty_size(field: &mut u16, a: &Assigned<'_>) -> Done {
    *field = a.or_reset(|a| a.number(0, u16::MAX.into()))?.unwrap_or(0);
    Ok(())
}

/// What of a process a core dump has, the lowest bit first; core(5).
const DUMPED: [&str; 9] = [
    "private-anonymous",
    "shared-anonymous",
    "private-file-backed",
    "shared-file-backed",
    "elf-headers",
    "private-huge",
    "shared-huge",
    "private-dax",
    "shared-dax",
];
/// The kernel's own: the first two, headers, and private huge pages.
const DUMPED_USUALLY: u64 = 0x33;

/// Names or numbers in base 16; assignments add up.
pub(crate) fn coredump_filter(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let field = &mut draft.service.service.execution.coredump_filter;
    let bits = |word: &str| match (word, DUMPED.iter().position(|name| *name == word)) {
        (_, Some(at)) => Some(1 << at),
        ("all", None) => Some(u64::MAX),
        ("default", None) => Some(DUMPED_USUALLY),
        (word, None) => u64::from_str_radix(word.strip_prefix("0x").unwrap_or(word), 16).ok(),
    };
    let mut set = 0;
    for word in a.value.split_whitespace() {
        set |= bits(word).ok_or_else(|| format!("{word:?} is no number in base 16 and none of {}, all, default", DUMPED.join(", ")))?;
    }
    *field = if a.value.is_empty() { None } else { Some(field.unwrap_or(0) | set) };
    Ok(())
}

pub(crate) fn numa_policy(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let words = [
        ("default", NumaPolicy::Default),
        ("preferred", NumaPolicy::Preferred),
        ("bind", NumaPolicy::Bind),
        ("interleave", NumaPolicy::Interleave),
        ("local", NumaPolicy::Local),
    ];
    draft.service.service.execution.numa_policy = a.or_reset(|a| a.word(&words))?;
    Ok(())
}

pub(crate) fn numa_mask(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let mask = &mut draft.service.service.execution.numa_mask;
    if a.value == "all" {
        // As many as kernels are usually made for; those that are not there do not count.
        *mask = vec![u64::MAX];
        return Ok(());
    }
    processors(mask, a)
}

pub(crate) fn memory_ksm(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.service.execution.memory_ksm = a.or_reset(Assigned::bool)?;
    Ok(())
}

pub(crate) fn login_environment(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.service.execution.login_environment = a.or_reset(Assigned::bool)?;
    Ok(())
}

/// What the kernel takes: a millisecond to a second.
pub(crate) fn cpu_quota_period(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let period = a.or_reset(Assigned::finite)?;
    draft.service.service.resources.cpu_quota_period = period.map(|span| span.clamp(Duration::from_millis(1), Duration::from_secs(1)));
    Ok(())
}

pub(crate) fn pressure_watch(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.service.resources.pressure_watch = match (a.value, boolean(a.value)) {
        ("" | "auto", _) => PressureWatch::Auto,
        ("skip", _) => PressureWatch::Skip,
        (_, Some(true)) => PressureWatch::On,
        (_, Some(false)) => PressureWatch::Off,
        (other, None) => return Err(format!("{other:?} is none of auto, on, off, skip").into()),
    };
    Ok(())
}

pub(crate) fn pressure_threshold(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.service.resources.pressure_threshold = a.or_reset(Assigned::finite)?;
    Ok(())
}
