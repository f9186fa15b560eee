use crate::file::body::{Kind, ServiceDraft};
use crate::file::draft::Draft;
use crate::file::section::{Found, Section};
use crate::systemd::directives;
use crate::unit::{
    Amount, ConsoleLevel, DirectoryKind, Environment, EnvironmentFile, Growth, Log, NotifyAccess, OomPolicy, Output, Reload, Resources,
    Restart, RestartMode, RestartPolicy, RunAs, Stop, StopMode,
};
use crate::value::{Bytes, Limit, Mode, Percent, Signal, Weight};

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// The sections in which our own short words stand.
pub(super) fn read(draft: &mut Draft, top: &mut Section<'_, '_>) {
    if let Some(mut section) = top.section("restart") {
        draft.service.restart_given = true;
        read_restart(&mut draft.service.service.restart, &mut section);
        section.finish();
    }
    if let Some(mut section) = top.section("stop") {
        read_stop(&mut draft.service.service.stop, &mut section);
        section.finish();
    }
    if let Some(mut section) = top.section("run-as") {
        read_run_as(&mut draft.service.service.run_as, &mut section);
        section.directives_of(draft, directives::EXEC);
        section.finish();
    }
    if let Some(mut section) = top.section("environment") {
        read_environment(&mut draft.service.service.environment, &mut section);
        section.directives_of(draft, directives::EXEC);
        section.finish();
    }
    if let Some(mut section) = top.section("directories") {
        read_directories(&mut draft.service, &mut section);
        section.directives_of(draft, directives::EXEC);
        section.finish();
    }
    if let Some(mut section) = top.section("log") {
        read_log(&mut draft.service.service.log, &mut section);
        section.directives_of(draft, directives::EXEC);
        section.finish();
    }
    if let Some(mut section) = top.section("resources") {
        read_resources(&mut draft.service.service.resources, &mut section);
        section.directives_of(draft, directives::CGROUP);
        section.finish();
    }
    if let Some(mut section) = top.section("sandbox") {
        set(&mut draft.service.service.sandbox.strict, section.bool("strict"));
        for group in [directives::EXEC, directives::CGROUP] {
            section.directives_of(draft, group);
        }
        section.finish();
    }
    if let Some(mut section) = top.section("tty") {
        draft.service.has_tty = true;
        set(&mut draft.service.tty.path, section.read("path", absolute));
        set(&mut draft.service.tty.reset, section.bool("reset"));
        set(&mut draft.service.tty.hang_up, section.bool("hang-up"));
        section.directives_of(draft, directives::EXEC);
        section.finish();
    }
}

/// The keys of [service] that mean more than systemd's directive of that name does.
pub(super) fn read_service(draft: &mut ServiceDraft, section: &mut Section<'_, '_>) {
    let kinds = [
        ("exec", Kind::Exec),
        ("simple", Kind::Simple),
        ("oneshot", Kind::Oneshot),
        ("notify", Kind::Notify),
        ("notify-fd", Kind::NotifyFd),
        ("forking", Kind::Forking),
        ("notify-reload", Kind::NotifyReload),
        ("idle", Kind::Idle),
        ("dbus", Kind::Dbus),
    ];
    if let Some(kind) = section.word("type", &kinds) {
        draft.kind = Some(kind);
    }
    let service = &mut draft.service;
    // A drop-in that gives the command again means another command, not one more.
    let start = section.command(&["command", "exec-start"]);
    if !start.is_empty() {
        service.start = start;
    }
    service.start_pre.extend(section.commands("exec-start-pre"));
    service.start_post.extend(section.commands("exec-start-post"));
    service.stop_commands.extend(section.commands("exec-stop"));
    service.stop_post.extend(section.commands("exec-stop-post"));
    if let Some(value) = section.take("exec-reload") {
        let signal = value.get_ref().as_str().and_then(|text| Signal::read(text).ok());
        service.reload = match signal {
            Some(signal) => Reload::Signal(signal),
            None => Reload::Commands(section.commands_of(value, "exec-reload")),
        };
    }
    let pid_file = section.read("pid-file", |text| if text.starts_with('/') { absolute(text) } else { absolute(&format!("/run/{text}")) });
    if let Some(path) = pid_file {
        draft.pid_file = Some(path);
    }
    set(&mut service.remain_after_exit, section.bool("remain-after-exit"));
    if let Some(span) = section.span(&["start-timeout", "timeout-start-sec"]) {
        // As of old with systemd, 0 is no limit.
        draft.start_timeout = Some(if span == Limit::At(std::time::Duration::ZERO) { Limit::Max } else { span });
    }
    if let Some(number) = section.number("notify-fd", 3, 255) {
        draft.notify_fd = u8::try_from(number).ok();
    }
    let access = [("none", NotifyAccess::None), ("main", NotifyAccess::Main), ("exec", NotifyAccess::Exec), ("all", NotifyAccess::All)];
    if let Some(access) = section.word("notify-access", &access) {
        draft.notify_access = Some(access);
    }
}

fn read_directories(draft: &mut ServiceDraft, section: &mut Section<'_, '_>) {
    let kinds = [
        (DirectoryKind::Runtime, "runtime", "runtime-mode"),
        (DirectoryKind::State, "state", "state-mode"),
        (DirectoryKind::Cache, "cache", "cache-mode"),
        (DirectoryKind::Logs, "logs", "logs-mode"),
        (DirectoryKind::Configuration, "configuration", "configuration-mode"),
    ];
    for (kind, key, mode_key) in kinds {
        for Found { value, span } in section.texts(key) {
            let ordinary = |part: &str| !part.is_empty() && part != "." && part != "..";
            if value.split('/').all(ordinary) {
                draft.directories.push((kind, value));
            } else {
                section.wrong_at(span, format!("`{key}` takes paths beneath {}, without `..`", kind.root()));
            }
        }
        if let Some(mode) = section.read(mode_key, Mode::read) {
            draft.modes.push((kind, mode));
        }
    }
}

fn absolute(path: &str) -> Result<String, String> {
    if path.starts_with('/') { Ok(path.to_owned()) } else { Err(format!("{path:?} is no absolute path")) }
}

fn read_restart(restart: &mut Restart, section: &mut Section<'_, '_>) {
    let policies = [
        ("no", RestartPolicy::No),
        ("always", RestartPolicy::Always),
        ("on-success", RestartPolicy::OnSuccess),
        ("on-failure", RestartPolicy::OnFailure),
        ("on-abnormal", RestartPolicy::OnAbnormal),
        ("on-abort", RestartPolicy::OnAbort),
        ("on-watchdog", RestartPolicy::OnWatchdog),
    ];
    set(&mut restart.policy, section.word("policy", &policies));
    set(&mut restart.delay, section.finite_span("delay"));
    let backoff = section.read("backoff", |text| match text.parse::<f64>() {
        Ok(factor) if (1.0..=100.0).contains(&factor) => Ok(factor),
        Ok(_) | Err(_) => Err("`backoff` takes a factor from 1 to 100"),
    });
    set(&mut restart.growth, backoff.map(Growth::Times));
    set(&mut restart.growth, section.read("steps", |text| text.parse().map(Growth::of_steps).map_err(|_| "`steps` takes a number")));
    set(&mut restart.max_delay, section.span(&["max-delay"]));
    set(&mut restart.mode, section.word("mode", &RestartMode::WORDS));
    let burst = section.read("burst", |text| match text {
        "max" | "infinity" => Ok(Limit::Max),
        digits => digits.parse().map(Limit::At).map_err(|_| "`burst` takes a number or \"max\""),
    });
    set(&mut restart.burst, burst);
    set(&mut restart.interval, section.finite_span("interval"));
    set(&mut restart.reset_after, section.finite_span("reset-after"));
}

fn read_stop(stop: &mut Stop, section: &mut Section<'_, '_>) {
    set(&mut stop.signal, section.read("signal", Signal::read));
    set(&mut stop.final_signal, section.read("final-signal", Signal::read));
    set(&mut stop.timeout, section.span(&["timeout"]));
    let modes =
        [("control-group", StopMode::ControlGroup), ("mixed", StopMode::Mixed), ("process", StopMode::Process), ("none", StopMode::None)];
    set(&mut stop.mode, section.word("mode", &modes));
    set(&mut stop.send_hangup, section.bool("send-hangup"));
}

fn read_run_as(run_as: &mut RunAs, section: &mut Section<'_, '_>) {
    if let Some(user) = section.scalar("user") {
        run_as.user = Some(user.value);
    }
    if let Some(group) = section.scalar("group") {
        run_as.group = Some(group.value);
    }
    run_as.groups.extend(section.texts("groups").into_iter().map(|f| f.value));
    set(&mut run_as.umask, section.read("umask", Mode::read));
    if let Some(Found { value, span }) = section.text("working-directory") {
        let bare = value.strip_prefix('-');
        let path = bare.unwrap_or(&value);
        if path == "~" || path.starts_with('/') {
            run_as.working_directory = Some(path.to_owned());
            run_as.working_directory_optional = bare.is_some();
        } else {
            section.wrong_at(span, "`working-directory` takes an absolute path or \"~\"".to_owned());
        }
    }
    if let Some(nice) = section.number("nice", -20, 19) {
        run_as.nice = i8::try_from(nice).ok();
    }
    if let Some(adjust) = section.number("oom-score-adjust", -1000, 1000) {
        run_as.oom_score_adjust = i16::try_from(adjust).ok();
    }
    set(&mut run_as.no_new_privileges, section.bool("no-new-privileges"));
}

const NO_VARIABLE: &str = "the name of a variable has letters, digits and `_`";

fn read_environment(environment: &mut Environment, section: &mut Section<'_, '_>) {
    for Found { value, span } in section.texts("inherit") {
        if crate::unit::is_variable(&value) {
            environment.inherit.push(value);
        } else {
            section.wrong_at(span, NO_VARIABLE.to_owned());
        }
    }
    for Found { value, span } in section.texts("files") {
        let bare = value.strip_prefix('-');
        let path = bare.unwrap_or(&value).to_owned();
        if path.starts_with('/') {
            environment.files.push(EnvironmentFile { path, optional: bare.is_some() });
        } else {
            section.wrong_at(span, "`files` takes absolute paths".to_owned());
        }
    }
    if let Some(mut table) = section.section("set") {
        for (key, span, value) in table.take_all() {
            if !crate::unit::is_variable(&key) {
                table.wrong_at(span, NO_VARIABLE.to_owned());
            } else if let Some(found) = value {
                environment.set.insert(key, found.value);
            }
        }
    }
}

fn read_log(log: &mut Log, section: &mut Section<'_, '_>) {
    set(&mut log.stdout, section.read("stdout", output));
    if let Some(stderr) = section.read("stderr", output) {
        log.stderr = Some(stderr);
    }
    let levels = [("off", ConsoleLevel::Off), ("none", ConsoleLevel::Off), ("warning", ConsoleLevel::Warning), ("all", ConsoleLevel::All)];
    set(&mut log.console, section.word("console", &levels));
    if let Some(keep) = section.read("keep", Bytes::read) {
        log.keep = Some(keep);
    }
}

fn output(text: &str) -> Result<Output, String> {
    Ok(match text {
        "log" | "journal" => Output::Log,
        "null" => Output::Null,
        "tty" => Output::Tty,
        "inherit" => Output::Inherit,
        _ => match text.split_once(':') {
            Some(("file", path)) => Output::File(absolute(path)?),
            Some(("append", path)) => Output::Append(absolute(path)?),
            Some(("truncate", path)) => Output::Truncate(absolute(path)?),
            Some(_) | None => {
                return Err(format!(
                    "{text:?} is none of \"log\", \"null\", \"tty\", \"inherit\", \"file:/FILE\", \"append:/FILE\", \"truncate:/FILE\""
                ));
            }
        },
    })
}

fn read_resources(resources: &mut Resources, section: &mut Section<'_, '_>) {
    if let Some(amount) = section.read("memory-max", |text| limit(text, amount)) {
        resources.memory_max = Some(amount);
    }
    if let Some(amount) = section.read("memory-high", |text| limit(text, amount)) {
        resources.memory_high = Some(amount);
    }
    if let Some(quota) = section.read("cpu-quota", |text| limit(text, quota)) {
        resources.cpu_quota = Some(quota);
    }
    if let Some(weight) = section.number("cpu-weight", 1, 10_000) {
        resources.cpu_weight = u16::try_from(weight).ok().and_then(Weight::new);
    }
    if let Some(tasks) = section.read("tasks-max", tasks) {
        (resources.tasks_max, resources.tasks_share) = tasks;
    }
    let policies = [("stop", OomPolicy::Stop), ("continue", OomPolicy::Continue), ("kill", OomPolicy::Kill)];
    set(&mut resources.oom_policy, section.word("oom-policy", &policies));
}

fn limit<T>(text: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Result<Limit<T>, String> {
    match text {
        "max" | "infinity" => Ok(Limit::Max),
        text => read(text).map(Limit::At),
    }
}

/// A number of tasks, or a share of what the container may have.
fn tasks(text: &str) -> Result<(Option<Limit<u64>>, Option<Percent>), String> {
    if text.ends_with('%') {
        return match Percent::read(text) {
            Ok(share) => Ok((None, Some(share))),
            Err(_) => Err(format!("{text:?} is no share of the container's tasks")),
        };
    }
    let number = |text: &str| text.parse().map_err(|_| format!("{text:?} is no number of tasks"));
    limit(text, number).map(|most| (Some(most), None))
}

fn amount(text: &str) -> Result<Amount, String> {
    if text.ends_with('%') {
        return match Percent::read(text) {
            Ok(share) if share.hundredths() >= 100 && share <= Percent::WHOLE => Ok(Amount::Share(share)),
            Ok(_) | Err(_) => Err(format!("{text:?} is no share from \"1%\" to \"100%\"")),
        };
    }
    Bytes::read(text).map(Amount::Bytes).map_err(|error| error.to_string())
}

fn quota(text: &str) -> Result<Percent, String> {
    match Percent::read(text) {
        Ok(share) if share.hundredths() == 0 => Err("a quota of \"0%\" would let nothing run".to_owned()),
        Ok(percent) => Ok(percent),
        Err(error) => Err(error.to_string()),
    }
}
