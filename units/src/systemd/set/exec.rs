//! Setters of systemd.exec(5).

use super::{Assigned, Fault, output};
use crate::file::Draft;
use crate::systemd::paths::{absolute, simple};
use crate::systemd::words::Escapes;
use crate::unit::{ConsoleLevel, CpuPolicy, EnvironmentFile, Input, IoClass, Preserve, UtmpMode};
use crate::value::{CapabilitySet, base64};

type Done = Result<(), Fault>;

pub(crate) fn working_directory(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let text = a.text()?;
    let run_as = &mut draft.service.service.run_as;
    let bare = text.strip_prefix('-');
    let path = bare.unwrap_or(&text);
    let path = match (path, absolute(path)) {
        ("", _) => None,
        (_, Some(path)) => Some(path),
        (path, None) if path == "~" || a.scope.is_verbatim() => Some(path.to_owned()),
        (path, None) => return Err(Fault::Refused(format!("{path:?} is neither an absolute path nor \"~\""))),
    };
    run_as.working_directory = path;
    run_as.working_directory_optional = bare.is_some();
    Ok(())
}

pub(crate) fn nice(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.service.run_as.nice = a.or_reset(|a| a.number(-20, 19))?;
    Ok(())
}

pub(crate) fn oom_score(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.service.run_as.oom_score_adjust = a.or_reset(|a| a.number(-1000, 1000))?;
    Ok(())
}

pub(crate) fn environment(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let set = &mut draft.service.service.environment.set;
    if a.value.is_empty() {
        set.clear();
    }
    for word in a.words(Escapes::Strict) {
        match word.split_once('=') {
            Some((name, value)) if crate::unit::is_variable(name) => {
                set.insert(name.to_owned(), value.to_owned());
            }
            Some(_) | None => a.warn(format!("{word:?} is no assignment of a variable")),
        }
    }
    Ok(())
}

pub(crate) fn inherit(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    a.list(&mut draft.service.service.environment.inherit, Escapes::Bare, crate::unit::is_variable, "name of a variable");
    Ok(())
}

/// Names, or assignments that go only as they stand.
pub(crate) fn unset(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let fits = |word: &str| crate::unit::is_variable(word.split_once('=').map_or(word, |(name, _)| name));
    a.list(&mut draft.service.service.environment.unset, Escapes::Strict, fits, "name of a variable");
    Ok(())
}

pub(crate) fn environment_file(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let files = &mut draft.service.service.environment.files;
    let text = a.text()?;
    if text.is_empty() {
        files.clear();
        return Ok(());
    }
    let bare = text.strip_prefix('-');
    let path = bare.unwrap_or(&text);
    if absolute(path).is_none() && !a.scope.is_verbatim() {
        return Err(format!("{path:?} is no absolute path").into());
    }
    files.push(EnvironmentFile { path: simple(path), optional: bare.is_some() });
    Ok(())
}

pub(crate) fn preserve(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.service.runtime_preserve = match (a.value, super::boolean(a.value)) {
        ("restart", _) => Preserve::Restart,
        (_, Some(true)) => Preserve::Yes,
        (_, Some(false)) => Preserve::No,
        (other, None) => return Err(format!("{other:?} is none of yes, no, restart").into()),
    };
    Ok(())
}

/// `ID:PATH`, or `ID` alone for one that PID 1 was handed: it has none, and then systemd goes on too.
pub(crate) fn load_credential(_draft: &mut Draft, a: &Assigned<'_>) -> Done {
    match a.text()?.split_once(':') {
        Some((_, path)) if path.starts_with('/') => Err(Fault::Refused("credentials cannot be given yet".to_owned())),
        Some(_) | None => Ok(()),
    }
}

pub(crate) fn standard_input(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let text = a.text()?;
    draft.service.service.log.stdin = match text.as_str() {
        "null" => Input::Null,
        "tty" | "tty-force" | "tty-fail" => Input::Tty,
        "data" => match &draft.service.service.log.stdin {
            data @ Input::Data(_) => data.clone(),
            _ => Input::Data(Vec::new()),
        },
        "socket" => Input::Socket,
        "fd" => Input::Descriptor("stdin".to_owned()),
        other => match other.split_once(':') {
            Some(("file", path)) if path.starts_with('/') => Input::File(path.to_owned()),
            Some(("fd", name)) => Input::Descriptor(name.to_owned()),
            Some(_) | None => return Err(format!("{other:?} is no source of input").into()),
        },
    };
    Ok(())
}

pub(crate) fn input_text(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let line = if a.value.is_empty() { Vec::new() } else { (a.text()? + "\n").into_bytes() };
    more_input(draft, a, line);
    Ok(())
}

pub(crate) fn input_data(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let bytes = base64::read(a.value).ok_or("it takes bytes in base64 (RFC 4648)")?;
    more_input(draft, a, bytes);
    Ok(())
}

/// Texts and data add up in their order; an empty one takes all of it back.
fn more_input(draft: &mut Draft, a: &Assigned<'_>, bytes: Vec<u8>) {
    let stdin = &mut draft.service.service.log.stdin;
    match stdin {
        Input::Data(data) if !a.value.is_empty() => data.extend(bytes),
        _ => *stdin = Input::Data(bytes),
    }
}

pub(crate) fn standard_output(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let (output, console) = output(a, "stdout")?;
    draft.service.stdout = output;
    if console {
        draft.service.service.log.console = ConsoleLevel::All;
    }
    Ok(())
}

pub(crate) fn standard_error(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let (output, console) = output(a, "stderr")?;
    draft.service.service.log.stderr = output;
    if console && draft.service.service.log.console == ConsoleLevel::Off {
        draft.service.service.log.console = ConsoleLevel::Warning;
    }
    Ok(())
}

pub(crate) fn tty_path(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.tty.path = a.text()?;
    Ok(())
}

pub(crate) fn tty_reset(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.tty.reset = a.bool()?;
    Ok(())
}

pub(crate) fn tty_hang_up(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.tty.hang_up = a.bool()?;
    Ok(())
}

/// What a list of capabilities makes of what there was: it grows, or with `~` shrinks.
fn capabilities(before: Option<CapabilitySet>, a: &Assigned<'_>) -> CapabilitySet {
    let (inverted, list) = match a.value.strip_prefix('~') {
        Some(list) => (true, list),
        None => (false, a.value),
    };
    let mut set = CapabilitySet::default();
    for word in list.split_whitespace() {
        match CapabilitySet::read(word) {
            Ok(more) => set.0 |= more.0,
            Err(error) => a.warn(error.0),
        }
    }
    // None at all, or all but none: what there was before does not count.
    let before = before.filter(|_| set != CapabilitySet::default());
    match inverted {
        true => CapabilitySet(before.unwrap_or(CapabilitySet::ALL).0 & !set.0),
        false => CapabilitySet(before.unwrap_or_default().0 | set.0),
    }
}

pub(crate) fn bounding(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let field = &mut draft.service.service.execution.capability_bounding_set;
    // Of all, each that is named takes the place of them.
    *field = Some(capabilities(field.filter(|set| *set != CapabilitySet::ALL), a));
    Ok(())
}

pub(crate) fn ambient(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let field = &mut draft.service.service.execution.ambient_capabilities;
    let before = Some(*field).filter(|set| *set != CapabilitySet::default());
    *field = capabilities(before, a);
    Ok(())
}

/// `SECBIT_*` by systemd's names; include/uapi/linux/securebits.h.
const SECURE_BITS: [(&str, u32); 6] = [
    ("noroot", 1 << 0),
    ("noroot-locked", 1 << 1),
    ("no-setuid-fixup", 1 << 2),
    ("no-setuid-fixup-locked", 1 << 3),
    ("keep-caps", 1 << 4),
    ("keep-caps-locked", 1 << 5),
];

/// The last assignment counts.
pub(crate) fn secure_bits(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let mut bits = 0;
    for word in a.words(Escapes::Bare) {
        match SECURE_BITS.iter().find(|(name, _)| *name == word) {
            Some((_, bit)) => bits |= bit,
            None => a.warn(format!("{word:?} is none of {}", SECURE_BITS.map(|(name, _)| name).join(", "))),
        }
    }
    draft.service.service.execution.secure_bits = bits;
    Ok(())
}

pub(crate) fn io_class(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let words = [
        ("none", IoClass::None),
        ("realtime", IoClass::Realtime),
        ("best-effort", IoClass::BestEffort),
        ("idle", IoClass::Idle),
        ("0", IoClass::None),
        ("1", IoClass::Realtime),
        ("2", IoClass::BestEffort),
        ("3", IoClass::Idle),
    ];
    let execution = &mut draft.service.service.execution;
    execution.io_class = a.or_reset(|a| a.word(&words))?;
    if a.value.is_empty() {
        execution.io_priority = None;
    }
    Ok(())
}

pub(crate) fn io_priority(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let execution = &mut draft.service.service.execution;
    execution.io_priority = a.or_reset(|a| a.number(0, 7))?;
    if a.value.is_empty() {
        execution.io_class = None;
    }
    Ok(())
}

pub(crate) fn utmp_mode(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let words = [("init", UtmpMode::Init), ("login", UtmpMode::Login), ("user", UtmpMode::User)];
    draft.service.service.execution.utmp_mode = if a.value.is_empty() { UtmpMode::Init } else { a.word(&words)? };
    Ok(())
}

pub(crate) fn cpu_policy(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let words = [
        ("other", CpuPolicy::Other),
        ("batch", CpuPolicy::Batch),
        ("idle", CpuPolicy::Idle),
        ("fifo", CpuPolicy::Fifo),
        ("rr", CpuPolicy::Rr),
    ];
    let execution = &mut draft.service.service.execution;
    execution.cpu_policy = a.or_reset(|a| a.word(&words))?;
    if a.value.is_empty() {
        execution.cpu_priority = None;
    }
    Ok(())
}

pub(crate) fn cpu_priority(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.service.execution.cpu_priority = Some(a.number(1, 99)?);
    Ok(())
}

/// Processors by number, `0-3 5`; a bit for each.
pub(crate) fn processors(mask: &mut Vec<u64>, a: &Assigned<'_>) -> Done {
    /// More than any machine has.
    const MOST: usize = 8192;
    if a.value.is_empty() {
        mask.clear();
    }
    for word in a.value.split([' ', '\t', ',']).filter(|word| !word.is_empty()) {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let range = first.parse::<usize>().ok().zip(last.parse::<usize>().ok()).filter(|(first, last)| first <= last && *last < MOST);
        let (first, last) = range.ok_or_else(|| format!("{word:?} is no processor and no range of them, such as \"0-3\""))?;
        mask.resize(mask.len().max(last / 64 + 1), 0);
        for at in first..=last {
            if let Some(bits) = mask.get_mut(at / 64) {
                *bits |= 1 << (at % 64);
            }
        }
    }
    Ok(())
}

pub(crate) fn affinity(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    processors(&mut draft.service.service.execution.cpu_affinity, a)
}

pub(crate) fn timer_slack(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let nanoseconds = match a.value.parse::<u64>() {
        _ if a.value.is_empty() => None,
        Ok(nanoseconds) => Some(nanoseconds),
        Err(_) => Some(u64::try_from(a.finite()?.as_nanos()).unwrap_or(u64::MAX)),
    };
    draft.service.service.execution.timer_slack = nanoseconds;
    Ok(())
}
