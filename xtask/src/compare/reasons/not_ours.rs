//! Why we do not show all that systemd shows: data.

/// Why we do not show what systemd shows: by group, properties or what they begin with (`…*`).
pub(crate) const NOT_OURS: &[(&str, &[&str])] = &[
    (
        "of what is so at run time, which `fiefctl show` adds",
        &[
            "ActiveEnterTimestampMonotonic",
            "ActiveState",
            "CPUUsageNSec",
            "ControlGroup",
            "FreezerState",
            "IOReadBytes",
            "IOWriteBytes",
            "InactiveEnterTimestampMonotonic",
            "InactiveExitTimestampMonotonic",
            "Job",
            "LastTriggerUSecMonotonic",
            "MainPID",
            "MemoryCurrent",
            "NRestarts",
            "NeedDaemonReload",
            "NextElapseUSecMonotonic",
            "StatusText",
            "SubState",
            "TasksCurrent",
        ],
    ),
    (
        "of what is so at run time, and not told in this form: `fiefctl status` has words for results, ends and sources of a start",
        &[
            "ActivationDetails",
            "ActiveEnterTimestamp",
            "ActiveExitTimestamp*",
            "AssertResult",
            "AssertTimestamp*",
            "ConditionResult",
            "ConditionTimestamp*",
            "ControlPID",
            "ExecMain*",
            "GID",
            "InactiveEnterTimestamp",
            "InactiveExitTimestamp",
            "InvocationID",
            "LastTriggerUSec",
            "LoadError",
            "NAccepted",
            "NConnections",
            "NFileDescriptorStore",
            "NRefused",
            "NextElapseUSecRealtime",
            "ReloadResult",
            "Result",
            "StateChangeTimestamp*",
            "StatusErrno",
            "UID",
            "UnitFilePreset",
            "UnitFileState",
            "WatchdogTimestamp*",
        ],
    ),
    (
        "of what is so at run time, and not counted or not there: units are neither cleaned, marked, made on the fly nor counted by who refers to them",
        &[
            "CanClean",
            "CanFreeze",
            "CleanResult",
            "ControlGroupId",
            "EffectiveCPUs",
            "EffectiveMemoryNodes",
            "Following",
            "IOReadOperations",
            "IOWriteOperations",
            "IPEgressBytes",
            "IPEgressPackets",
            "IPIngressBytes",
            "IPIngressPackets",
            "Markers",
            "MemoryAvailable",
            "Perpetual",
            "Refs",
            "SliceOf",
            "Transient",
        ],
    ),
    ("a default of the machine's, shown by us only where the unit says it", &["Limit*", "TasksMax", "TTYPath", "TTYReset", "TTYVHangup"]),
    ("shown of services, whose starts are what is counted", &["StartLimitIntervalUSec", "StartLimitBurst"]),
    (
        "a share, which is bytes only where there is a container to take it of",
        &["MemoryHigh", "MemoryLow", "MemoryMax", "MemoryMin", "MemorySwapMax"],
    ),
    ("systemctl cannot print it either", &["Conditions", "Asserts", "LoadCredential*", "SetCredential*", "TTYRows", "TTYColumns"]),
    (
        "accounting is always on",
        &["BlockIOAccounting", "CPUAccounting", "IOAccounting", "IPAccounting", "MemoryAccounting", "TasksAccounting"],
    ),
    (
        "an old name beside the one that counts, which is shown",
        &["BlockIO*", "CPUShares", "MemoryLimit", "StartupBlockIOWeight", "StartupCPUShares"],
    ),
    (
        "of control groups, and passed over: other limits during boot, protection by the group above, delegation of single controllers, a \
         killer of its own, latency of devices",
        &[
            "DefaultMemory*",
            "DelegateControllers",
            "DisableControllers",
            "IODeviceLatency*",
            "ManagedOOM*",
            "StartupAllowed*",
            "StartupCPUWeight",
            "StartupIOWeight",
        ],
    ),
    ("a restriction that is not put in force, see docs/sandbox.md", &["DeviceAllow", "DevicePolicy", "SystemCallLog"]),
    (
        "needs the kernel's BPF, security modules or images, which a user namespace has no right to",
        &[
            "AccessSELinuxContext",
            "AppArmorProfile",
            "BPFProgram",
            "Extension*",
            "IPAddress*",
            "IPEgressFilterPath",
            "IPIngressFilterPath",
            "MountImages",
            "RestrictFileSystems",
            "RestrictNetworkInterfaces",
            "RootHash*",
            "RootImage*",
            "RootVerity",
            "SELinuxContext",
            "SmackProcessLabel",
            "SocketBind*",
        ],
    ),
    ("a unit that says so is refused", &["RootDirectoryStartOnly", "USBFunction*"]),
    ("not read yet", &["ExecSearchPath"]),
    (
        "of jobs that PID 1 has not: how what follows a failure replaces what is under way",
        &["JobRunningTimeoutUSec", "JobTimeout*", "OnFailureJobMode", "OnSuccessJobMode"],
    ),
    ("nothing is forgotten before the units are read again, and nothing is cleaned", &["CollectMode", "TimeoutCleanUSec"]),
    (
        "of the ends of the system: the status that PID 1 ends with, and what a firmware is told",
        &["FailureActionExitStatus", "RebootArgument", "SuccessActionExitStatus"],
    ),
    (
        "there is one log, no PAM in a static program, no virtual console, and no clock of the machine's that could wake it",
        &["LogNamespace", "PAMName", "TTYVTDisallocate", "WakeSystem"],
    ),
    ("set by systemd alone, or an effect of another property", &["CPUAffinityFromNUMA", "SameProcessGroup"]),
    // Of units other than services.
    (
        "systemd runs mount(8) for a mount and waits for commands of a socket so long; PID 1 mounts and binds itself",
        &["ExecMount*", "ExecRemount*", "ExecUnmount*", "TimeoutUSec"],
    ),
];

/// The group of a property that only systemd shows, of this unit.
pub(crate) fn not_ours(id: &str, property: &str) -> Option<usize> {
    let fits = |pattern: &&str| match pattern.strip_suffix('*') {
        Some(start) => property.starts_with(start),
        None => property == *pattern,
    };
    let last = NOT_OURS.len() - 1;
    let group = NOT_OURS.iter().position(|(_, patterns)| patterns.iter().any(fits));
    group.filter(|group| *group != last || !id.ends_with(".service"))
}
