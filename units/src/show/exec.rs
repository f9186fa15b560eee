//! How processes run and what they may use; systemd.exec(5), systemd.resource-control(5).

use super::sheet::Sheet;
use super::{log, sandbox, schedule};
use crate::unit::{
    Amount, ConsoleLevel, CpuPolicy, DeviceLimit, DirectoryKind, Input, IoClass, IoLimit, NumaPolicy, Output, Preserve, Resource,
    Resources, Service, Unit, UtmpMode,
};
use crate::value::{Limit, Mode};

pub(super) fn show(sheet: &mut Sheet, unit: &Unit, service: &Service) {
    sheet.put("Slice", unit.slice().as_str().to_owned());
    resources(sheet, &service.resources);
    environment(sheet, service);
    identity(sheet, service);
    limits(sheet, service);
    descriptors(sheet, service);
    log::show(sheet, &service.log);
    schedule::show(sheet, &service.execution);
    directories(sheet, service);
    sandbox::show(sheet, &service.execution);
    sandbox::restrictions(sheet, &service.sandbox);
    sandbox::root(sheet, service);
}

/// What of a group's limits is said in so many bytes, parts or weights; shares depend on the machine.
pub(super) fn resources(sheet: &mut Sheet, resources: &Resources) {
    sheet.flag("Delegate", resources.delegate);
    for (name, weight) in [("CPUWeight", resources.cpu_weight), ("IOWeight", resources.io_weight)] {
        sheet.put(name, weight.map_or_else(|| "[not set]".to_owned(), |weight| weight.get().to_string()));
    }
    // Hundredths of a second are 10,000 µs.
    let quota = resources.cpu_quota.and_then(Limit::at).map(|percent| u64::from(percent.hundredths()) * 100);
    sheet.span("CPUQuotaPerSecUSec", quota.map_or(Limit::Max, |micros| Limit::At(std::time::Duration::from_micros(micros))));
    sheet.span("CPUQuotaPeriodUSec", resources.cpu_quota_period.map_or(Limit::Max, Limit::At));
    for (name, amount, absent) in [
        ("MemoryMin", resources.memory_min, Limit::At(0)),
        ("MemoryLow", resources.memory_low, Limit::At(0)),
        ("MemoryHigh", resources.memory_high, Limit::Max),
        ("MemoryMax", resources.memory_max, Limit::Max),
        ("MemorySwapMax", resources.memory_swap_max, Limit::Max),
    ] {
        match amount {
            None => sheet.limit(name, absent),
            Some(Limit::Max) => sheet.limit(name, Limit::Max),
            Some(Limit::At(Amount::Bytes(bytes))) => sheet.limit(name, Limit::At(bytes.0)),
            Some(Limit::At(Amount::Share(_))) => {}
        }
    }
    if let Some(tasks) = resources.tasks_max {
        sheet.limit("TasksMax", tasks);
    }
    sheet.put("AllowedCPUs", schedule::ranges(&resources.cpus));
    sheet.put("AllowedMemoryNodes", schedule::ranges(&resources.memory_nodes));
    for DeviceLimit { path, limit } in &resources.io_limits {
        let (property, most) = match limit {
            IoLimit::Weight(weight) => ("IODeviceWeight", Limit::At(weight.get().into())),
            IoLimit::ReadBytes(most) => ("IOReadBandwidthMax", *most),
            IoLimit::WriteBytes(most) => ("IOWriteBandwidthMax", *most),
            IoLimit::Reads(most) => ("IOReadIOPSMax", *most),
            IoLimit::Writes(most) => ("IOWriteIOPSMax", *most),
        };
        if let Limit::At(most) = most {
            sheet.put(property, format!("{path} {most}"));
        }
    }
}

fn environment(sheet: &mut Sheet, service: &Service) {
    let environment = &service.environment;
    let set: Vec<String> = environment.set.iter().map(|(name, value)| format!("{name}={value}")).collect();
    sheet.list("Environment", set.iter().map(String::as_str));
    for file in &environment.files {
        let optional = if file.optional { "yes" } else { "no" };
        sheet.put("EnvironmentFiles", format!("{} (ignore_errors={optional})", file.path));
    }
    sheet.list("PassEnvironment", environment.inherit.iter().map(String::as_str));
    sheet.list("UnsetEnvironment", environment.unset.iter().map(String::as_str));
}

fn identity(sheet: &mut Sheet, service: &Service) {
    let run_as = &service.run_as;
    let execution = &service.execution;
    sheet.put("UMask", run_as.umask.to_string());
    let optional = if run_as.working_directory_optional { "!" } else { "" };
    sheet.put("WorkingDirectory", run_as.working_directory.as_ref().map_or_else(String::new, |path| format!("{optional}{path}")));
    sheet.number("OOMScoreAdjust", run_as.oom_score_adjust.unwrap_or(0));
    sheet.number("Nice", run_as.nice.unwrap_or(0));
    // What the kernel has for processes that nothing is said of: best effort, in the middle.
    sheet.number(
        "IOSchedulingClass",
        match execution.io_class {
            Some(IoClass::None) => 0,
            Some(IoClass::Realtime) => 1,
            Some(IoClass::BestEffort) | None => 2,
            Some(IoClass::Idle) => 3,
        },
    );
    sheet.number("IOSchedulingPriority", execution.io_priority.unwrap_or(4));
    sheet.number(
        "CPUSchedulingPolicy",
        match execution.cpu_policy {
            Some(CpuPolicy::Other) | None => 0,
            Some(CpuPolicy::Fifo) => 1,
            Some(CpuPolicy::Rr) => 2,
            Some(CpuPolicy::Batch) => 3,
            Some(CpuPolicy::Idle) => 5,
        },
    );
    sheet.number("CPUSchedulingPriority", execution.cpu_priority.unwrap_or(0));
    // What the kernel has where nothing is said; core(5).
    sheet.put("CoredumpFilter", format!("{:#x}", execution.coredump_filter.unwrap_or(0x33)));
    sheet.put(
        "NUMAPolicy",
        match execution.numa_policy {
            Some(NumaPolicy::Default) => "default",
            Some(NumaPolicy::Preferred) => "preferred",
            Some(NumaPolicy::Bind) => "bind",
            Some(NumaPolicy::Interleave) => "interleave",
            Some(NumaPolicy::Local) => "local",
            None => "n/a",
        },
    );
    sheet.put("NUMAMask", schedule::ranges(&execution.numa_mask));
    for (name, set) in [("CapabilityBoundingSet", sandbox::bounding(execution)), ("AmbientCapabilities", execution.ambient_capabilities)] {
        sheet.put(name, set.to_string().to_ascii_lowercase());
    }
    sheet.put("User", run_as.user.as_deref().unwrap_or_default());
    sheet.put("Group", run_as.group.as_deref().unwrap_or_default());
    sheet.list("SupplementaryGroups", run_as.groups.iter().map(String::as_str));
    sheet.put("UtmpIdentifier", execution.utmp_identifier.as_deref().unwrap_or_default());
    sheet.put(
        "UtmpMode",
        match execution.utmp_mode {
            UtmpMode::Init => "init",
            UtmpMode::Login => "login",
            UtmpMode::User => "user",
        },
    );
    sheet.number("SecureBits", execution.secure_bits);
    sheet.flag("IgnoreSIGPIPE", execution.ignore_sigpipe);
    sheet.flag("NoNewPrivileges", run_as.no_new_privileges || execution.dynamic_user);
}

const RLIMITS: [(Resource, [&str; 2]); 16] = [
    (Resource::Cpu, ["LimitCPU", "LimitCPUSoft"]),
    (Resource::Fsize, ["LimitFSIZE", "LimitFSIZESoft"]),
    (Resource::Data, ["LimitDATA", "LimitDATASoft"]),
    (Resource::Stack, ["LimitSTACK", "LimitSTACKSoft"]),
    (Resource::Core, ["LimitCORE", "LimitCORESoft"]),
    (Resource::Rss, ["LimitRSS", "LimitRSSSoft"]),
    (Resource::Nofile, ["LimitNOFILE", "LimitNOFILESoft"]),
    (Resource::As, ["LimitAS", "LimitASSoft"]),
    (Resource::Nproc, ["LimitNPROC", "LimitNPROCSoft"]),
    (Resource::Memlock, ["LimitMEMLOCK", "LimitMEMLOCKSoft"]),
    (Resource::Locks, ["LimitLOCKS", "LimitLOCKSSoft"]),
    (Resource::Sigpending, ["LimitSIGPENDING", "LimitSIGPENDINGSoft"]),
    (Resource::Msgqueue, ["LimitMSGQUEUE", "LimitMSGQUEUESoft"]),
    (Resource::Nice, ["LimitNICE", "LimitNICESoft"]),
    (Resource::Rtprio, ["LimitRTPRIO", "LimitRTPRIOSoft"]),
    (Resource::Rttime, ["LimitRTTIME", "LimitRTTIMESoft"]),
];

fn limits(sheet: &mut Sheet, service: &Service) {
    for (resource, [hard, soft]) in RLIMITS {
        if let Some(limit) = service.execution.limits.get(&resource) {
            sheet.limit(hard, limit.hard);
            sheet.limit(soft, limit.soft);
        }
    }
}

fn descriptors(sheet: &mut Sheet, service: &Service) {
    let log = &service.log;
    sheet.put(
        "StandardInput",
        match &log.stdin {
            Input::Null => "null",
            Input::Tty => "tty",
            Input::Data(_) => "data",
            Input::File(_) => "file",
            Input::Socket => "socket",
            Input::Descriptor(_) => "fd",
        },
    );
    let console = |shown: bool| if shown { "journal+console" } else { "journal" };
    sheet.put("StandardOutput", output(&log.stdout, console(log.console == ConsoleLevel::All)));
    let stderr = log.stderr.as_ref().map(|stderr| output(stderr, console(log.console != ConsoleLevel::Off)));
    sheet.put("StandardError", stderr.unwrap_or("inherit"));
    if let Some(tty) = &service.tty {
        sheet.put("TTYPath", tty.path.as_str());
        sheet.flag("TTYReset", tty.reset);
        sheet.flag("TTYVHangup", tty.hang_up);
    }
    let facility = log.facility.unwrap_or(3);
    sheet.number("SyslogPriority", facility << 3 | log.level.unwrap_or(6));
    sheet.number("SyslogFacility", facility);
    sheet.put("SyslogIdentifier", log.identifier.as_deref().unwrap_or_default());
}

fn output(output: &Output, log: &'static str) -> &'static str {
    match output {
        Output::Log => log,
        Output::Null => "null",
        Output::Tty => "tty",
        Output::Inherit => "inherit",
        Output::File(_) => "file",
        Output::Append(_) => "append",
        Output::Truncate(_) => "truncate",
        Output::Socket => "socket",
        Output::Descriptor(_) => "fd",
    }
}

fn directories(sheet: &mut Sheet, service: &Service) {
    sheet.put(
        "RuntimeDirectoryPreserve",
        match service.runtime_preserve {
            Preserve::No => "no",
            Preserve::Restart => "restart",
            Preserve::Yes => "yes",
        },
    );
    for (kind, list, mode, links) in [
        (DirectoryKind::Runtime, "RuntimeDirectory", "RuntimeDirectoryMode", "RuntimeDirectorySymlink"),
        (DirectoryKind::State, "StateDirectory", "StateDirectoryMode", "StateDirectorySymlink"),
        (DirectoryKind::Cache, "CacheDirectory", "CacheDirectoryMode", "CacheDirectorySymlink"),
        (DirectoryKind::Logs, "LogsDirectory", "LogsDirectoryMode", "LogsDirectorySymlink"),
        (DirectoryKind::Configuration, "ConfigurationDirectory", "ConfigurationDirectoryMode", "ConfigurationDirectorySymlink"),
    ] {
        let own = || service.directories.0.iter().filter(|directory| directory.kind == kind);
        sheet.list(list, own().map(|directory| directory.path.as_str()));
        for directory in own() {
            directory.links.iter().for_each(|link| sheet.put(links, format!("{}:{link}", directory.path)));
        }
        sheet.put(mode, own().next().map_or(Mode::DIRECTORY, |directory| directory.mode).to_string());
    }
}
