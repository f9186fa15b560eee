//! Setters of `[Service]` and `[Unit]`.

use super::{Assigned, Fault, boolean, commands};
use crate::file::{Draft, Kind};
use crate::systemd::paths::{absolute, simple};
use crate::systemd::words::Escapes;
use crate::unit::{ExitType, Growth, NotifyAccess, OomPolicy, Output, Reload, RestartMode, RestartPolicy, Statuses, StopMode, Strike};
use crate::value::{Bytes, Limit, Percent, Signal, Weight};
use std::time::Duration;

type Done = Result<(), Fault>;

pub(crate) fn description(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.description = a.text()?;
    Ok(())
}

pub(crate) fn documentation(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    const SCHEMES: [&str; 5] = ["http://", "https://", "file:/", "info:", "man:"];
    let fits = |address: &str| SCHEMES.iter().any(|scheme| address.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
    a.list(&mut draft.documentation, Escapes::Kept, fits, "address such as \"man:ls(1)\"");
    Ok(())
}

pub(crate) fn source_path(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let text = a.text()?;
    if !a.value.is_empty() && absolute(&text).is_none() {
        return Err(format!("{text:?} is no absolute path").into());
    }
    draft.manner.source_path = a.or_reset(|_| Ok(simple(&text)))?;
    Ok(())
}

/// The code with which PID 1 is to end; nothing for that of the unit.
pub(crate) fn exit_status(field: &mut Option<u8>, a: &Assigned<'_>) -> Done {
    *field = a.or_reset(|a| a.number(0, 255))?;
    Ok(())
}

pub(crate) fn job_timeout(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.manner.job_timeout = a.span_or_none()?.at();
    Ok(())
}

pub(crate) fn job_running_timeout(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.manner.job_running_timeout = Some(a.span_or_none()?);
    Ok(())
}

/// An empty assignment takes nothing back, as of all dependencies.
pub(crate) fn mounts_for(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    for word in a.words(Escapes::Bare) {
        match absolute(&word) {
            Some(path) => draft.requires_mounts_for.push(path),
            None if a.scope.is_verbatim() => draft.requires_mounts_for.push(word),
            None => a.warn(format!("{word:?} is no absolute path")),
        }
    }
    Ok(())
}

/// The name of a user or group, or a number; systemd.exec(5), "User/Group Identity".
pub(crate) fn account(field: &mut Option<String>, a: &Assigned<'_>) -> Done {
    let name = a.or_reset(Assigned::text)?;
    let odd = |name: &String| {
        name.trim() != name || name.contains(|c: char| c.is_control() || c == ':' || c == '/') || [".", ".."].contains(&name.as_str())
    };
    if let Some(name) = name.as_ref().filter(|name| odd(name) || name.is_empty()) {
        return Err(Fault::Refused(format!("{name:?} is no name of a user or group")));
    }
    *field = name;
    Ok(())
}

/// Two words at least, with dots between them.
pub(crate) fn bus_name(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let name = a.or_reset(Assigned::text)?;
    let ordinary = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    let element = |part: &str| !part.is_empty() && part.chars().all(ordinary) && !part.starts_with(|c: char| c.is_ascii_digit());
    let fits = |name: &String| name.len() < 256 && name.contains('.') && name.split('.').all(element);
    if let Some(odd) = name.as_ref().filter(|name| !fits(name) && !a.scope.is_verbatim()) {
        return Err(format!("{odd:?} is no name on the bus such as \"org.example.Shop\"").into());
    }
    draft.service.service.bus_name = name;
    Ok(())
}

pub(crate) fn service_type(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let kinds = [
        ("simple", Kind::Simple),
        ("exec", Kind::Exec),
        ("forking", Kind::Forking),
        ("oneshot", Kind::Oneshot),
        ("notify", Kind::Notify),
        ("notify-reload", Kind::NotifyReload),
        ("dbus", Kind::Dbus),
        ("idle", Kind::Idle),
    ];
    // Started as another type it would never be up, or be so too early.
    let kind = a.word(&kinds).map_err(|fault| match fault {
        _ if a.value.is_empty() => fault,
        Fault::Passed(message) | Fault::Refused(message) => Fault::Refused(message),
    })?;
    draft.service.kind = Some(kind);
    Ok(())
}

pub(crate) fn reload(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let more = commands(a)?;
    let reload = &mut draft.service.service.reload;
    match reload {
        Reload::Commands(commands) if !a.value.is_empty() => commands.extend(more),
        Reload::Commands(_) | Reload::Unsupported | Reload::Signal(_) => {
            *reload = if more.is_empty() { Reload::Unsupported } else { Reload::Commands(more) };
        }
    }
    Ok(())
}

pub(crate) fn reload_signal(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.service.reload = Reload::Signal(Signal::read(a.value)?);
    Ok(())
}

pub(crate) fn pid_file(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let text = a.text()?;
    let path = if text.starts_with('/') { text } else { format!("/run/{text}") };
    draft.service.pid_file = match absolute(&path) {
        _ if a.value.is_empty() => None,
        Some(path) => Some(beneath_run(&path)),
        None => return Err(Fault::Refused(format!("{path:?} leads up: it is no path of a PID file"))),
    };
    Ok(())
}

/// `/var/run` is a link to `/run`, and the one that is there early.
pub(crate) fn beneath_run(path: &str) -> String {
    path.strip_prefix("/var/run/").map_or_else(|| path.to_owned(), |rest| format!("/run/{rest}"))
}

pub(crate) fn restart(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let policies = [
        ("no", RestartPolicy::No),
        ("always", RestartPolicy::Always),
        ("on-success", RestartPolicy::OnSuccess),
        ("on-failure", RestartPolicy::OnFailure),
        ("on-abnormal", RestartPolicy::OnAbnormal),
        ("on-abort", RestartPolicy::OnAbort),
        ("on-watchdog", RestartPolicy::OnWatchdog),
    ];
    draft.service.service.restart.policy = a.word(&policies)?;
    draft.service.restart_given = true;
    Ok(())
}

pub(crate) fn timeout(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    timeout_start(draft, a)?;
    timeout_stop(draft, a)
}

pub(crate) fn timeout_start(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.start_timeout = Some(a.span_or_none()?);
    Ok(())
}

pub(crate) fn timeout_stop(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.service.stop.timeout = a.span_or_none()?;
    Ok(())
}

pub(crate) fn timeout_abort(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    // Nothing: as long as any other stop.
    draft.service.service.stop.abort_timeout = a.or_reset(Assigned::span_or_none)?;
    Ok(())
}

pub(crate) fn strike(field: &mut Strike, a: &Assigned<'_>) -> Done {
    *field = a.word(&Strike::WORDS)?;
    Ok(())
}

pub(crate) fn watchdog(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.service.watchdog = a.span_or_none()?.at();
    Ok(())
}

pub(crate) fn fd_store(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.service.fd_store_max = a.number(0, i64::from(u32::MAX))?;
    Ok(())
}

pub(crate) fn notify_access(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let words = [("none", NotifyAccess::None), ("main", NotifyAccess::Main), ("exec", NotifyAccess::Exec), ("all", NotifyAccess::All)];
    draft.service.notify_access = Some(a.word(&words)?);
    Ok(())
}

pub(crate) fn oom_policy(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let words = [("stop", OomPolicy::Stop), ("continue", OomPolicy::Continue), ("kill", OomPolicy::Kill)];
    draft.service.service.resources.oom_policy = a.word(&words)?;
    draft.service.oom_policy_given = true;
    Ok(())
}

pub(crate) fn start_limit_interval(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let interval = a.span()?.at().unwrap_or(FOR_EVER);
    draft.service.unlimited_starts = interval == Duration::ZERO;
    draft.service.service.restart.interval = interval;
    Ok(())
}

/// Longer than anything runs; systemd's `USEC_INFINITY`.
const FOR_EVER: Duration = Duration::from_micros(u64::MAX);

pub(crate) fn start_limit_burst(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let burst: u32 = a.number(0, i64::from(u32::MAX))?;
    draft.service.service.restart.burst = if burst == 0 { Limit::Max } else { Limit::At(burst) };
    Ok(())
}

pub(crate) fn statuses(list: &mut Statuses, a: &Assigned<'_>) -> Done {
    if a.value.is_empty() {
        *list = Statuses::default();
    }
    // Quotes mean nothing here.
    for word in a.value.split_whitespace() {
        let word = a.scope.expand(word)?;
        let code = word.parse::<u8>().ok().or_else(|| EXIT_CODES.iter().find(|(name, _)| *name == word).map(|(_, code)| *code));
        // A number is an exit code here, never a signal.
        match (code, Signal::read(&word)) {
            (Some(code), _) => list.codes.push(code),
            (None, Ok(signal)) => list.signals.push(signal),
            (None, Err(_)) => a.warn(format!("{word:?} is neither an exit code nor a signal")),
        }
    }
    Ok(())
}

/// systemd.exec(5), "Process exit codes": those of libc, LSB and BSD.
const EXIT_CODES: [(&str, u8); 23] = [
    ("SUCCESS", 0),
    ("FAILURE", 1),
    ("INVALIDARGUMENT", 2),
    ("NOTIMPLEMENTED", 3),
    ("NOPERMISSION", 4),
    ("NOTINSTALLED", 5),
    ("NOTCONFIGURED", 6),
    ("NOTRUNNING", 7),
    ("USAGE", 64),
    ("DATAERR", 65),
    ("NOINPUT", 66),
    ("NOUSER", 67),
    ("NOHOST", 68),
    ("UNAVAILABLE", 69),
    ("SOFTWARE", 70),
    ("OSERR", 71),
    ("OSFILE", 72),
    ("CANTCREAT", 73),
    ("IOERR", 74),
    ("TEMPFAIL", 75),
    ("PROTOCOL", 76),
    ("NOPERM", 77),
    ("CONFIG", 78),
];

pub(crate) fn success(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let service = &mut draft.service.service;
    let mut list = Statuses { codes: std::mem::take(&mut service.success_codes), signals: std::mem::take(&mut service.success_signals) };
    let done = statuses(&mut list, a);
    (service.success_codes, service.success_signals) = (list.codes, list.signals);
    done
}

pub(crate) fn kill_mode(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let words =
        [("control-group", StopMode::ControlGroup), ("mixed", StopMode::Mixed), ("process", StopMode::Process), ("none", StopMode::None)];
    draft.service.service.stop.mode = a.word(&words)?;
    Ok(())
}

pub(crate) fn restart_signal(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.service.stop.restart_signal = Some(Signal::read(a.value)?);
    Ok(())
}

pub(crate) fn cpu_quota(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.service.resources.cpu_quota = match a.value {
        "" | "infinity" => None,
        value => match Percent::read(value)? {
            share if share.hundredths() == 0 => return Err("a quota of \"0%\" would let nothing run".into()),
            percent => Some(Limit::At(percent)),
        },
    };
    Ok(())
}

fn weight(a: &Assigned<'_>) -> Result<Option<Weight>, Fault> {
    match a.value {
        "" => Ok(None),
        "idle" => Ok(Weight::new(1)),
        _ => Ok(Weight::new(a.number(1, 10_000)?)),
    }
}

pub(crate) fn cpu_weight(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.service.resources.cpu_weight = weight(a)?;
    Ok(())
}

pub(crate) fn cpu_shares(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let shares: u32 = a.number(2, 262_144)?;
    let weight = u16::try_from((shares * 100 / 1024).clamp(1, 10_000)).ok();
    draft.service.service.resources.cpu_weight = weight.and_then(Weight::new);
    Ok(())
}

pub(crate) fn io_weight(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.service.resources.io_weight = weight(a)?;
    Ok(())
}

pub(crate) fn tasks_max(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let resources = &mut draft.service.service.resources;
    (resources.tasks_max, resources.tasks_share) = match a.value {
        "" => (None, None),
        "infinity" => (Some(Limit::Max), None),
        share if share.ends_with('%') => (None, Some(Percent::read(share)?)),
        _ => (Some(Limit::At(a.number(1, i64::MAX)?)), None),
    };
    Ok(())
}

pub(crate) fn delegate(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    // A list of controllers delegates too, and so does an empty one.
    draft.service.service.resources.delegate = boolean(a.value).unwrap_or(true);
    Ok(())
}

pub(crate) fn backoff(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let factor = a.value.parse::<f64>().ok().filter(|factor| (1.0..=100.0).contains(factor));
    draft.service.service.restart.growth = Growth::Times(factor.ok_or("it takes a factor from 1 to 100")?);
    Ok(())
}

pub(crate) fn restart_steps(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.service.restart.growth = Growth::of_steps(a.number(0, i64::from(u32::MAX))?);
    Ok(())
}

pub(crate) fn restart_mode(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.service.restart.mode = a.word(&RestartMode::WORDS)?;
    Ok(())
}

pub(crate) fn exit_type(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.service.exit = a.word(&ExitType::WORDS)?;
    Ok(())
}

pub(crate) fn notify_fd(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.notify_fd = Some(a.number(3, 255)?);
    Ok(())
}

pub(crate) fn console(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    use crate::unit::ConsoleLevel;
    let words = [("off", ConsoleLevel::Off), ("none", ConsoleLevel::Off), ("warning", ConsoleLevel::Warning), ("all", ConsoleLevel::All)];
    draft.service.service.log.console = a.word(&words)?;
    Ok(())
}

pub(crate) fn keep(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.service.log.keep = Some(Bytes::read(a.value)?);
    Ok(())
}

/// Where a descriptor leads, and whether the console shows it too. One that is handed over is called `usual` where nothing else is said.
pub(crate) fn output(a: &Assigned<'_>, usual: &str) -> Result<(Option<Output>, bool), Fault> {
    let text = a.text()?;
    let file = |path: &str| absolute(path).ok_or_else(|| Fault::from(format!("{path:?} is no absolute path")));
    Ok(match text.as_str() {
        "inherit" => (None, false),
        "journal" | "log" | "syslog" | "kmsg" => (Some(Output::Log), false),
        "journal+console" | "syslog+console" | "kmsg+console" => (Some(Output::Log), true),
        "null" => (Some(Output::Null), false),
        "tty" => (Some(Output::Tty), false),
        "socket" => (Some(Output::Socket), false),
        "fd" => (Some(Output::Descriptor(usual.to_owned())), false),
        other => match other.split_once(':') {
            Some(("append", path)) => (Some(Output::Append(file(path)?)), false),
            Some(("file", path)) => (Some(Output::File(file(path)?)), false),
            Some(("truncate", path)) => (Some(Output::Truncate(file(path)?)), false),
            Some(("fd", name)) => (Some(Output::Descriptor(name.to_owned())), false),
            Some(_) | None => return Err(format!("{other:?} is no place for output").into()),
        },
    })
}
