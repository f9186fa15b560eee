use super::section::{Found, Section};
use crate::unit::{
    Amount, Command, ConsoleLevel, Directories, Directory, DirectoryKind, Environment, EnvironmentFile, Log, NotifyAccess, OomPolicy,
    Output, Reload, Resources, Restart, RestartPolicy, RunAs, Service, ServiceType, Stop, StopMode, Tty,
};
use crate::value::{Bytes, Limit, Mode, Percent, Signal, Weight};
use std::time::Duration;

/// A service being read.
#[derive(Default)]
pub(super) struct ServiceDraft {
    kind: Kind,
    pid_file: Option<String>,
    start: Vec<Command>,
    start_pre: Vec<Command>,
    start_post: Vec<Command>,
    reload: Reload,
    stop_commands: Vec<Command>,
    stop_post: Vec<Command>,
    remain_after_exit: bool,
    success_codes: Vec<u8>,
    start_timeout: Option<Limit<Duration>>,
    notify_access: Option<NotifyAccess>,
    restart: Restart,
    stop: Stop,
    run_as: RunAs,
    environment: Environment,
    directories: Vec<(DirectoryKind, String)>,
    modes: Vec<(DirectoryKind, Mode)>,
    log: Log,
    resources: Resources,
    tty: Option<Tty>,
    restart_given: bool,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Kind {
    #[default]
    Exec,
    Simple,
    Oneshot,
    Notify,
    Forking,
}

/// As systemd: what takes longer to start than this never will.
const START_TIMEOUT: Duration = Duration::from_secs(90);

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

impl ServiceDraft {
    pub(super) fn read(&mut self, top: &mut Section<'_, '_>) {
        if let Some(mut section) = top.section("service") {
            self.read_service(&mut section);
            section.finish();
        }
        if let Some(mut section) = top.section("restart") {
            self.restart_given = true;
            read_restart(&mut self.restart, &mut section);
            section.finish();
        }
        if let Some(mut section) = top.section("stop") {
            read_stop(&mut self.stop, &mut section);
            section.finish();
        }
        if let Some(mut section) = top.section("run-as") {
            read_run_as(&mut self.run_as, &mut section);
            section.finish();
        }
        if let Some(mut section) = top.section("environment") {
            read_environment(&mut self.environment, &mut section);
            section.finish();
        }
        if let Some(mut section) = top.section("directories") {
            self.read_directories(&mut section);
            section.finish();
        }
        if let Some(mut section) = top.section("log") {
            read_log(&mut self.log, &mut section);
            section.finish();
        }
        if let Some(mut section) = top.section("resources") {
            read_resources(&mut self.resources, &mut section);
            section.finish();
        }
        if let Some(mut section) = top.section("tty") {
            let tty = self.tty.get_or_insert_with(|| Tty { path: "/dev/console".to_owned(), reset: true, hang_up: true });
            set(&mut tty.path, section.read("path", absolute));
            set(&mut tty.reset, section.bool("reset"));
            set(&mut tty.hang_up, section.bool("hang-up"));
            section.finish();
        }
    }

    fn read_service(&mut self, section: &mut Section<'_, '_>) {
        let kinds = [
            ("exec", Kind::Exec),
            ("simple", Kind::Simple),
            ("oneshot", Kind::Oneshot),
            ("notify", Kind::Notify),
            ("forking", Kind::Forking),
        ];
        set(&mut self.kind, section.word("type", &kinds));
        // A drop-in that gives the command again means another command, not one more.
        let start = section.command(&["command", "exec-start"]);
        if !start.is_empty() {
            self.start = start;
        }
        self.start_pre.extend(section.commands("exec-start-pre"));
        self.start_post.extend(section.commands("exec-start-post"));
        self.stop_commands.extend(section.commands("exec-stop"));
        self.stop_post.extend(section.commands("exec-stop-post"));
        if let Some(value) = section.take("exec-reload") {
            let signal = value.get_ref().as_str().and_then(|text| Signal::read(text).ok());
            self.reload = match signal {
                Some(signal) => Reload::Signal(signal),
                None => Reload::Commands(section.commands_of(value, "exec-reload")),
            };
        }
        if let Some(path) =
            section.read("pid-file", |text| if text.starts_with('/') { absolute(text) } else { absolute(&format!("/run/{text}")) })
        {
            self.pid_file = Some(path);
        }
        set(&mut self.remain_after_exit, section.bool("remain-after-exit"));
        for Found { value, span } in section.texts("success-exit-status") {
            match value.parse() {
                Ok(code) => self.success_codes.push(code),
                Err(_) => section.wrong_at(span, "`success-exit-status` takes codes such as \"143\"".to_owned()),
            }
        }
        if let Some(span) = section.span(&["start-timeout", "timeout-start-sec"]) {
            self.start_timeout = Some(span);
        }
        let access = [("none", NotifyAccess::None), ("main", NotifyAccess::Main), ("all", NotifyAccess::All)];
        if let Some(access) = section.word("notify-access", &access) {
            self.notify_access = Some(access);
        }
    }

    fn read_directories(&mut self, section: &mut Section<'_, '_>) {
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
                    self.directories.push((kind, value));
                } else {
                    section.wrong_at(span, format!("`{key}` takes paths beneath {}, without `..`", kind.root()));
                }
            }
            if let Some(mode) = section.read(mode_key, Mode::read) {
                self.modes.push((kind, mode));
            }
        }
    }

    pub(super) fn reset(&mut self, what: &str) -> bool {
        let drop_directories = |draft: &mut Self, kind| draft.directories.retain(|(k, _)| *k != kind);
        match what {
            "service.command" | "service.exec-start" => self.start.clear(),
            "service.exec-start-pre" => self.start_pre.clear(),
            "service.exec-start-post" => self.start_post.clear(),
            "service.exec-reload" => self.reload = Reload::Unsupported,
            "service.exec-stop" => self.stop_commands.clear(),
            "service.exec-stop-post" => self.stop_post.clear(),
            "service.success-exit-status" => self.success_codes.clear(),
            "service.pid-file" => self.pid_file = None,
            "run-as.user" => self.run_as.user = None,
            "run-as.group" => self.run_as.group = None,
            "run-as.groups" => self.run_as.groups.clear(),
            "environment.inherit" => self.environment.inherit.clear(),
            "environment.files" => self.environment.files.clear(),
            "environment.set" => self.environment.set.clear(),
            "directories.runtime" => drop_directories(self, DirectoryKind::Runtime),
            "directories.state" => drop_directories(self, DirectoryKind::State),
            "directories.cache" => drop_directories(self, DirectoryKind::Cache),
            "directories.logs" => drop_directories(self, DirectoryKind::Logs),
            "directories.configuration" => drop_directories(self, DirectoryKind::Configuration),
            "resources" => self.resources = Resources::default(),
            "tty" => self.tty = None,
            _ => return false,
        }
        true
    }

    pub(super) fn finish(self) -> Result<Service, String> {
        let kind = match self.kind {
            Kind::Exec => ServiceType::Exec,
            Kind::Simple => ServiceType::Simple,
            Kind::Oneshot => ServiceType::Oneshot,
            Kind::Notify => ServiceType::Notify,
            Kind::Forking => ServiceType::Forking { pid_file: self.pid_file },
        };
        match (self.start.len(), &kind) {
            (1, _) | (_, ServiceType::Oneshot) => {}
            (0, _) => return Err("a service needs a `command` in [service]".to_owned()),
            (_, _) => return Err("only services of type \"oneshot\" may have several commands".to_owned()),
        }
        let mut restart = self.restart;
        if kind == ServiceType::Oneshot {
            match restart.policy {
                RestartPolicy::Always | RestartPolicy::OnSuccess => {
                    return Err("a oneshot that is restarted after success would run for ever".to_owned());
                }
                // What runs once is not tried again unless somebody says so.
                RestartPolicy::OnFailure if !self.restart_given => restart.policy = RestartPolicy::No,
                RestartPolicy::No | RestartPolicy::OnFailure | RestartPolicy::OnAbnormal | RestartPolicy::OnAbort => {}
            }
        }
        let modes = self.modes;
        let mode = |kind| modes.iter().rev().find(|(k, _)| *k == kind).map_or(Mode::DIRECTORY, |(_, mode)| *mode);
        let directories = self.directories.into_iter().map(|(kind, path)| Directory { kind, path, mode: mode(kind) }).collect();
        let start_timeout = self.start_timeout.unwrap_or(match kind {
            ServiceType::Oneshot => Limit::Max,
            ServiceType::Exec | ServiceType::Simple | ServiceType::Notify | ServiceType::Forking { .. } => Limit::At(START_TIMEOUT),
        });
        let notify_access = self.notify_access.unwrap_or(match kind {
            ServiceType::Notify => NotifyAccess::Main,
            ServiceType::Exec | ServiceType::Simple | ServiceType::Oneshot | ServiceType::Forking { .. } => NotifyAccess::None,
        });
        Ok(Service {
            kind,
            start: self.start,
            start_pre: self.start_pre,
            start_post: self.start_post,
            reload: self.reload,
            stop_commands: self.stop_commands,
            stop_post: self.stop_post,
            remain_after_exit: self.remain_after_exit,
            success_codes: self.success_codes,
            start_timeout,
            notify_access,
            restart,
            stop: self.stop,
            run_as: self.run_as,
            environment: self.environment,
            directories: Directories(directories),
            log: self.log,
            resources: self.resources,
            tty: self.tty,
        })
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
    ];
    set(&mut restart.policy, section.word("policy", &policies));
    set(&mut restart.delay, section.finite_span("delay"));
    let backoff = section.read("backoff", |text| match text.parse::<f64>() {
        Ok(factor) if (1.0..=100.0).contains(&factor) => Ok(factor),
        Ok(_) | Err(_) => Err("`backoff` takes a factor from 1 to 100"),
    });
    set(&mut restart.backoff, backoff);
    set(&mut restart.max_delay, section.finite_span("max-delay"));
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

fn read_environment(environment: &mut Environment, section: &mut Section<'_, '_>) {
    environment.inherit.extend(section.texts("inherit").into_iter().map(|f| f.value));
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
                table.wrong_at(span, "the name of a variable has letters, digits and `_`".to_owned());
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
            Some(("append", path)) => Output::Append(absolute(path)?),
            Some(("truncate", path)) => Output::Truncate(absolute(path)?),
            Some(_) | None => {
                return Err(format!("{text:?} is none of \"log\", \"null\", \"tty\", \"inherit\", \"append:/FILE\", \"truncate:/FILE\""));
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
    let tasks = |text: &str| text.parse().map_err(|_| format!("{text:?} is no number of tasks"));
    if let Some(tasks) = section.read("tasks-max", |text| limit(text, tasks)) {
        resources.tasks_max = Some(tasks);
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

fn amount(text: &str) -> Result<Amount, String> {
    if text.ends_with('%') {
        return match Percent::read(text) {
            Ok(Percent(share @ 1..=100)) => Ok(Amount::Share(Percent(share))),
            Ok(_) | Err(_) => Err(format!("{text:?} is no share from \"1%\" to \"100%\"")),
        };
    }
    Bytes::read(text).map(Amount::Bytes).map_err(|error| error.to_string())
}

fn quota(text: &str) -> Result<Percent, String> {
    match Percent::read(text) {
        Ok(Percent(0)) => Err("a quota of \"0%\" would let nothing run".to_owned()),
        Ok(percent) => Ok(percent),
        Err(error) => Err(error.to_string()),
    }
}
