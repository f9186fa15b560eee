use super::draft::Defaults;
use crate::UnitName;
use crate::unit::{
    Command, Directories, Directory, DirectoryKind, EmergencyAction, ExitType, Growth, Input, NotifyAccess, OomPolicy, Output, Privileges,
    ProtectHome, ProtectSystem, Relations, Restart, RestartPolicy, Service, ServiceType, Tty, Usual,
};
use crate::value::{Limit, Mode};
use std::time::Duration;

/// A service being read.
pub(crate) struct ServiceDraft {
    /// What needs no deciding at the end.
    pub(crate) service: Service,
    defaults: Defaults,
    pub(crate) kind: Option<Kind>,
    pub(crate) pid_file: Option<String>,
    pub(crate) start_timeout: Option<Limit<Duration>>,
    pub(crate) notify_access: Option<NotifyAccess>,
    pub(crate) notify_fd: Option<u8>,
    pub(crate) restart_given: bool,
    pub(crate) oom_policy_given: bool,
    pub(crate) unlimited_starts: bool,
    /// As written: a path, and links to it behind colons.
    pub(crate) directories: Vec<(DirectoryKind, String)>,
    pub(crate) modes: Vec<(DirectoryKind, Mode)>,
    /// Where descriptor 1 leads, if that was said with systemd's word.
    pub(crate) stdout: Option<Output>,
    pub(crate) tty: Tty,
    pub(crate) has_tty: bool,
    /// Of old: commands but the main ones run as root.
    pub(crate) permissions_start_only: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Exec,
    Simple,
    Oneshot,
    Notify,
    NotifyReload,
    NotifyFd,
    Forking,
    Idle,
    Dbus,
}

impl ServiceDraft {
    pub(super) fn new(defaults: Defaults) -> Self {
        let mut service = Service::default();
        let mut tty = Tty { path: "/dev/console".to_owned(), reset: true, hang_up: true, rows: 0, columns: 0 };
        if defaults == Defaults::Systemd {
            service.restart =
                Restart { policy: RestartPolicy::No, growth: Growth::Times(1.0), max_delay: Limit::Max, ..Restart::default() }.into();
            service.stop.timeout = Limit::At(Duration::from_secs(90));
            service.execution.ignore_sigpipe = true;
            (tty.reset, tty.hang_up) = (false, false);
        }
        Self {
            service,
            defaults,
            kind: None,
            pid_file: None,
            start_timeout: None,
            notify_access: None,
            notify_fd: None,
            restart_given: false,
            oom_policy_given: false,
            unlimited_starts: false,
            directories: Vec::new(),
            modes: Vec::new(),
            stdout: None,
            tty,
            has_tty: false,
            permissions_start_only: false,
        }
    }

    pub(super) fn reset(&mut self, what: &str) -> bool {
        let service = &mut self.service;
        let directories = &mut self.directories;
        let mut drop_directories = |kind| directories.retain(|(k, _)| *k != kind);
        match what {
            "service.command" | "service.exec-start" => service.start.clear(),
            "service.exec-start-pre" => service.start_pre.clear(),
            "service.exec-start-post" => service.start_post.clear(),
            "service.exec-reload" => service.reload = crate::unit::Reload::Unsupported,
            "service.exec-stop" => service.stop_commands.clear(),
            "service.exec-stop-post" => service.stop_post.clear(),
            "service.success-exit-status" => service.success_codes.clear(),
            "service.pid-file" => self.pid_file = None,
            "run-as.user" => service.run_as.user = None,
            "run-as.group" => service.run_as.group = None,
            "run-as.groups" => service.run_as.groups.clear(),
            "environment.inherit" => service.environment.inherit.clear(),
            "environment.files" => service.environment.files.clear(),
            "environment.set" => service.environment.set.clear(),
            "directories.runtime" => drop_directories(DirectoryKind::Runtime),
            "directories.state" => drop_directories(DirectoryKind::State),
            "directories.cache" => drop_directories(DirectoryKind::Cache),
            "directories.logs" => drop_directories(DirectoryKind::Logs),
            "directories.configuration" => drop_directories(DirectoryKind::Configuration),
            "resources" => service.resources = Usual::default(),
            "tty" => self.has_tty = false,
            _ => return false,
        }
        true
    }

    /// What holds for processes that somebody else has begun.
    pub(super) fn finish_scope(self) -> Service {
        let mut service = self.service;
        service.kind = ServiceType::Simple;
        service.restart = Restart { policy: RestartPolicy::No, ..Restart::default() }.into();
        if service.resources.delegate && !self.oom_policy_given {
            service.resources.oom_policy = OomPolicy::Continue;
        }
        service
    }

    /// Decides what follows from several keys, and checks what they come to together.
    pub(super) fn finish(self, name: &UnitName, relations: &mut Relations, at_success: EmergencyAction) -> Result<Service, String> {
        let mut service = self.service;
        let imported = self.defaults == Defaults::Systemd;
        let kind = self.kind.unwrap_or(match (imported, &service.bus_name, service.start.is_empty()) {
            (true, Some(_), _) => Kind::Dbus,
            (true, None, false) => Kind::Simple,
            (true, None, true) => Kind::Oneshot,
            (false, _, _) if self.notify_fd.is_some() => Kind::NotifyFd,
            (false, _, _) => Kind::Exec,
        });
        let kind = match (kind, self.notify_fd) {
            (Kind::Notify, Some(_)) => Kind::NotifyFd,
            (Kind::NotifyFd, _) | (_, None) => kind,
            (_, Some(_)) => return Err("`notify-fd` is for services of type \"notify-fd\"".to_owned()),
        };
        service.kind = match kind {
            Kind::Exec => ServiceType::Exec,
            Kind::Simple => ServiceType::Simple,
            Kind::Oneshot => ServiceType::Oneshot,
            Kind::Notify | Kind::NotifyFd => ServiceType::Notify,
            Kind::NotifyReload => ServiceType::NotifyReload,
            Kind::Forking => ServiceType::Forking { pid_file: self.pid_file },
            Kind::Idle => ServiceType::Idle,
            Kind::Dbus => ServiceType::Dbus,
        };
        match (service.start.len(), kind) {
            (1, _) => {}
            // What follows is all that it is for.
            (0, Kind::Oneshot) if imported && at_success != EmergencyAction::None => {}
            (0, Kind::Oneshot) if imported && service.stop_commands.is_empty() => {
                return Err("a service needs a command: neither ExecStart nor ExecStop is there".to_owned());
            }
            (0, Kind::Oneshot) if imported && !service.remain_after_exit => {
                return Err("without a command to start, a service needs RemainAfterExit=yes".to_owned());
            }
            (_, Kind::Oneshot) => {}
            (0, _) => return Err("a service needs a `command` in [service]".to_owned()),
            (_, _) => return Err("only services of type \"oneshot\" may have several commands".to_owned()),
        }
        if kind == Kind::Dbus && service.bus_name.is_none() {
            return Err("a service of type \"dbus\" needs a name on the bus".to_owned());
        }
        if kind == Kind::Oneshot && service.exit == ExitType::Cgroup {
            return Err("a oneshot has ended when its command has: ExitType=cgroup is for what stays".to_owned());
        }
        if kind == Kind::Oneshot {
            match service.restart.policy {
                RestartPolicy::Always | RestartPolicy::OnSuccess => {
                    return Err("a oneshot that is restarted after success would run for ever".to_owned());
                }
                // What runs once is not tried again unless somebody says so.
                RestartPolicy::OnFailure if !self.restart_given => service.restart.policy = RestartPolicy::No,
                RestartPolicy::No
                | RestartPolicy::OnFailure
                | RestartPolicy::OnAbnormal
                | RestartPolicy::OnAbort
                | RestartPolicy::OnWatchdog => {}
            }
        }
        if kind == Kind::NotifyFd {
            service.notify_descriptor = Some(self.notify_fd.unwrap_or(3));
        }
        if kind == Kind::Dbus
            && imported
            && let Ok(bus) = UnitName::new("dbus.socket")
        {
            relations.requires.insert(bus.clone());
            relations.after.insert(bus);
        }
        if imported && service.resources.delegate && !self.oom_policy_given {
            // What lies in groups of its own is its own to stop.
            service.resources.oom_policy = OomPolicy::Continue;
        }
        if self.unlimited_starts {
            service.restart.burst = Limit::Max;
        }
        if let Some(timeout) = self.start_timeout {
            service.start_timeout = timeout;
        } else if kind == Kind::Oneshot {
            service.start_timeout = Limit::Max;
        }
        let notifies = matches!(kind, Kind::Notify | Kind::NotifyReload) || service.watchdog.is_some() || service.fd_store_max > 0;
        service.notify_access = match (self.notify_access, notifies) {
            (Some(NotifyAccess::None) | None, true) => NotifyAccess::Main,
            (Some(access), _) => access,
            (None, false) => NotifyAccess::None,
        };
        if service.execution.dynamic_user && service.run_as.user.is_none() {
            service.run_as.user = Some(name.prefix().to_owned());
        }
        if service.execution.dynamic_user {
            // Who comes after it with the same number must find nothing of it; systemd.exec(5), `DynamicUser=`.
            let sandbox = &mut service.sandbox;
            sandbox.protect_system = ProtectSystem::Strict;
            if sandbox.protect_home == ProtectHome::No {
                sandbox.protect_home = ProtectHome::ReadOnly;
            }
            (sandbox.private_tmp, sandbox.no_suid, service.run_as.no_new_privileges) = (true, true, true);
        }
        if self.permissions_start_only {
            let helpers = [&mut service.start_conditions, &mut service.start_pre, &mut service.start_post, &mut service.stop_commands];
            for command in helpers.into_iter().chain([&mut service.stop_post]).flatten() {
                raise(command);
            }
            if let crate::unit::Reload::Commands(commands) = &mut service.reload {
                commands.iter_mut().for_each(raise);
            }
        }
        if self.has_tty && service.log.stdin == Input::Null {
            service.log.stdin = Input::Tty;
        }
        let on_terminal = service.log.stdin == Input::Tty;
        match (self.stdout, &service.log.stdin) {
            (Some(output), _) => service.log.stdout = output,
            (None, Input::Tty) if service.log.stdout == Output::Log => service.log.stdout = Output::Tty,
            (None, Input::Socket) if service.log.stdout == Output::Log => service.log.stdout = Output::Socket,
            (None, _) => {}
        }
        service.tty = (self.has_tty || on_terminal).then_some(self.tty);
        let modes = self.modes;
        let mode = |kind| modes.iter().rev().find(|(k, _)| *k == kind).map_or(Mode::DIRECTORY, |(_, mode)| *mode);
        let directories = self.directories.into_iter().map(|(kind, word)| {
            let mut names = word.split(':').map(str::to_owned);
            Directory { kind, path: names.next().unwrap_or_default(), links: names.collect(), mode: mode(kind) }
        });
        service.directories = Directories(directories.collect());
        Ok(service)
    }
}

fn raise(command: &mut Command) {
    if command.privileges == Privileges::Unit {
        command.privileges = Privileges::Full;
    }
}
