//! `[Service]`; systemd.service(5), and the signals of systemd.kill(5).

use super::sheet::Sheet;
use super::words;
use crate::unit::{
    Command, ExitType, Growth, NotifyAccess, OomPolicy, Reload, RestartMode, RestartPolicy, Service, ServiceType, Statuses, Stop, StopMode,
    Strike,
};
use crate::value::{Limit, Signal};
use std::time::Duration;

pub(super) fn show(sheet: &mut Sheet, service: &Service) {
    sheet.put("Type", kind(&service.kind));
    sheet.word("ExitType", &ExitType::WORDS, service.exit);
    sheet.put("Restart", policy(service.restart.policy));
    let pid_file = if let ServiceType::Forking { pid_file } = &service.kind { pid_file.as_deref() } else { None };
    sheet.put("PIDFile", pid_file.unwrap_or_default());
    sheet.put("NotifyAccess", access(service.notify_access));
    sheet.span("RestartUSec", Limit::At(service.restart.delay));
    let steps = if let Growth::Steps(steps) = service.restart.growth { steps.get() } else { 0 };
    sheet.number("RestartSteps", steps);
    sheet.span("RestartMaxDelayUSec", service.restart.max_delay);
    sheet.word("RestartMode", &RestartMode::WORDS, service.restart.mode);
    sheet.span("TimeoutStartUSec", service.start_timeout);
    sheet.span("TimeoutStopUSec", service.stop.timeout);
    sheet.span("TimeoutAbortUSec", service.stop.abort_timeout.unwrap_or(service.stop.timeout));
    sheet.word("TimeoutStartFailureMode", &Strike::WORDS, service.stop.start_failure);
    sheet.word("TimeoutStopFailureMode", &Strike::WORDS, service.stop.stop_failure);
    sheet.span("RuntimeMaxUSec", service.runtime_max);
    sheet.span("RuntimeRandomizedExtraUSec", Limit::At(service.runtime_extra));
    sheet.span("WatchdogUSec", service.watchdog.map_or(Limit::Max, Limit::At));
    sheet.flag("RemainAfterExit", service.remain_after_exit);
    sheet.flag("GuessMainPID", service.guess_main_pid);
    statuses(sheet, "RestartPreventExitStatus", &service.restart.prevent.codes, &service.restart.prevent.signals);
    let Statuses { codes, signals } = &service.restart.force;
    statuses(sheet, "RestartForceExitStatus", codes, signals);
    statuses(sheet, "SuccessExitStatus", &service.success_codes, &service.success_signals);
    sheet.put("BusName", service.bus_name.as_deref().unwrap_or_default());
    sheet.number("FileDescriptorStoreMax", service.fd_store_max);
    service.open_files.iter().for_each(|file| sheet.put("OpenFile", file.to_string()));
    sheet.put("OOMPolicy", oom_policy(service));
    commands(sheet, &["ExecCondition", "ExecConditionEx"], &service.start_conditions);
    commands(sheet, &["ExecStartPre", "ExecStartPreEx"], &service.start_pre);
    commands(sheet, &["ExecStart", "ExecStartEx"], &service.start);
    commands(sheet, &["ExecStartPost", "ExecStartPostEx"], &service.start_post);
    if let Reload::Commands(list) = &service.reload {
        commands(sheet, &["ExecReload", "ExecReloadEx"], list);
    }
    commands(sheet, &["ExecStop", "ExecStopEx"], &service.stop_commands);
    commands(sheet, &["ExecStopPost", "ExecStopPostEx"], &service.stop_post);
    sheet.flag("NonBlocking", service.non_blocking);
    match service.restart.burst {
        Limit::At(burst) => {
            sheet.span("StartLimitIntervalUSec", Limit::At(service.restart.interval));
            sheet.number("StartLimitBurst", burst);
        }
        // Without an interval, how many is not known any more.
        Limit::Max if service.restart.interval == Duration::ZERO => sheet.span("StartLimitIntervalUSec", Limit::At(Duration::ZERO)),
        Limit::Max => {
            sheet.span("StartLimitIntervalUSec", Limit::At(service.restart.interval));
            sheet.number("StartLimitBurst", 0);
        }
    }
    stop(sheet, &service.stop);
    sheet.number("WatchdogSignal", service.watchdog_signal.number());
    sheet.number("ReloadSignal", service.reload_signal.number());
}

/// `[Scope]`; systemd.scope(5).
pub(super) fn scope(sheet: &mut Sheet, scope: &Service) {
    sheet.span("TimeoutStopUSec", scope.stop.timeout);
    sheet.span("RuntimeMaxUSec", scope.runtime_max);
    sheet.span("RuntimeRandomizedExtraUSec", Limit::At(scope.runtime_extra));
    sheet.put("OOMPolicy", oom_policy(scope));
    stop(sheet, &scope.stop);
    sheet.number("WatchdogSignal", scope.watchdog_signal.number());
}

fn oom_policy(service: &Service) -> &'static str {
    match service.resources.oom_policy {
        OomPolicy::Stop => "stop",
        OomPolicy::Continue => "continue",
        OomPolicy::Kill => "kill",
    }
}

/// How whatever runs is ended; systemd.kill(5).
pub(super) fn stop(sheet: &mut Sheet, stop: &Stop) {
    sheet.put(
        "KillMode",
        match stop.mode {
            StopMode::ControlGroup => "control-group",
            StopMode::Mixed => "mixed",
            StopMode::Process => "process",
            StopMode::None => "none",
        },
    );
    sheet.number("KillSignal", stop.signal.number());
    sheet.number("RestartKillSignal", stop.restart_signal.unwrap_or(stop.signal).number());
    sheet.number("FinalKillSignal", stop.final_signal.number());
    sheet.flag("SendSIGKILL", stop.send_kill);
    sheet.flag("SendSIGHUP", stop.send_hangup);
}

pub(super) fn commands(sheet: &mut Sheet, names: &[&'static str], list: &[Command]) {
    let shown: Vec<[String; 2]> = list.iter().map(words::command).collect();
    for (at, name) in names.iter().enumerate() {
        for pair in &shown {
            sheet.put(name, pair.get(at).map_or("", String::as_str));
        }
    }
}

fn statuses(sheet: &mut Sheet, name: &'static str, codes: &[u8], signals: &[Signal]) {
    let mut numbers: Vec<i32> = codes.iter().map(|code| i32::from(*code)).collect();
    crate::order::by(&mut numbers, Ord::cmp);
    let mut others: Vec<Signal> = signals.to_vec();
    crate::order::by_key(&mut others, |signal| signal.number());
    let numbers = numbers.iter().map(ToString::to_string);
    let others = others.iter().map(|signal| signal.to_string().trim_start_matches("SIG").to_owned());
    sheet.put(name, numbers.chain(others).collect::<Vec<_>>().join(" "));
}

fn kind(kind: &ServiceType) -> &'static str {
    match kind {
        ServiceType::Exec => "exec",
        ServiceType::Simple => "simple",
        ServiceType::Idle => "idle",
        ServiceType::Dbus => "dbus",
        ServiceType::Oneshot => "oneshot",
        ServiceType::Notify => "notify",
        ServiceType::NotifyReload => "notify-reload",
        ServiceType::Forking { .. } => "forking",
    }
}

fn policy(policy: RestartPolicy) -> &'static str {
    match policy {
        RestartPolicy::No => "no",
        RestartPolicy::Always => "always",
        RestartPolicy::OnSuccess => "on-success",
        RestartPolicy::OnFailure => "on-failure",
        RestartPolicy::OnAbnormal => "on-abnormal",
        RestartPolicy::OnAbort => "on-abort",
        RestartPolicy::OnWatchdog => "on-watchdog",
    }
}

fn access(access: NotifyAccess) -> &'static str {
    match access {
        NotifyAccess::None => "none",
        NotifyAccess::Main => "main",
        NotifyAccess::Exec => "exec",
        NotifyAccess::All => "all",
    }
}
