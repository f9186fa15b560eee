//! Of which type each property is: what `show` says in text, as values.
//!
//! Where a text is no value of the property's type, the property is left out: a client that reads it finds none, as of an older systemd. Which types
//! there are is systemd's own word, by its Introspect. Test: `the_packaged_systemctl_lists_and_shows`.

mod reading;
mod value;

use units::control::UnitRow;

use super::object::job_path;
use super::wire::{Garbled, Reader, Writer};
use crate::systemctl::{environment, show};
use value::Value;

/// What is no text; a type, and its properties.
const TYPES: &[(&str, &str)] = &[
    (
        "b",
        "Accept AllowIsolate Broadcast CPUSchedulingResetOnFork CanIsolate CanReload CanStart CanStop DefaultDependencies \
         Delegate DynamicUser FixedRandomDelay FlushPending ForceUnmount FreeBind GuessMainPID IgnoreOnIsolate IgnoreSIGPIPE \
         KeepAlive LazyUnmount LockPersonality MakeDirectory MemoryDenyWriteExecute MountAPIVFS NeedDaemonReload NoDelay \
         NoNewPrivileges NonBlocking OnClockChange OnTimezoneChange PassCredentials PassPacketInfo PassSecurity Persistent \
         PrivateDevices PrivateIPC PrivateMounts PrivateNetwork PrivateTmp PrivateUsers ProtectClock ProtectControlGroups \
         ProtectHostname ProtectKernelLogs ProtectKernelModules ProtectKernelTunables ReadWriteOnly RefuseManualStart \
         RefuseManualStop RemainAfterElapse RemainAfterExit RemoveIPC RemoveOnStop RestrictRealtime RestrictSUIDSGID ReusePort \
         SendSIGHUP SendSIGKILL SloppyOptions StopWhenUnneeded SyslogLevelPrefix TTYReset TTYVHangup Transparent Writable",
    ),
    (
        "i",
        "CPUSchedulingPolicy CPUSchedulingPriority ExecMainCode ExecMainStatus FailureActionExitStatus FinalKillSignal \
         IOSchedulingClass IOSchedulingPriority IPTOS IPTTL KillSignal LogLevelMax Mark NUMAPolicy Nice OOMScoreAdjust Priority \
         ReloadSignal RestartKillSignal SecureBits SocketProtocol SuccessActionExitStatus SyslogFacility SyslogLevel \
         SyslogPriority SystemCallErrorNumber WatchdogSignal",
    ),
    (
        "t",
        "AccuracyUSec ActiveEnterTimestamp ActiveEnterTimestampMonotonic AmbientCapabilities CPUQuotaPerSecUSec \
         CPUQuotaPeriodUSec CPUUsageNSec CPUWeight CapabilityBoundingSet CoredumpFilter DeferAcceptUSec EffectiveTasksMax \
         FinishTimestamp FinishTimestampMonotonic IOReadBytes IOWeight IOWriteBytes InactiveEnterTimestamp \
         InactiveEnterTimestampMonotonic InactiveExitTimestamp InactiveExitTimestampMonotonic JobRunningTimeoutUSec \
         JobTimeoutUSec KeepAliveIntervalUSec KeepAliveTimeUSec LastTriggerUSec LastTriggerUSecMonotonic LimitAS LimitASSoft \
         LimitCORE LimitCORESoft LimitCPU LimitCPUSoft LimitDATA LimitDATASoft LimitFSIZE LimitFSIZESoft LimitLOCKS \
         LimitLOCKSSoft LimitMEMLOCK LimitMEMLOCKSoft LimitMSGQUEUE LimitMSGQUEUESoft LimitNICE LimitNICESoft LimitNOFILE \
         LimitNOFILESoft LimitNPROC LimitNPROCSoft LimitRSS LimitRSSSoft LimitRTPRIO LimitRTPRIOSoft LimitRTTIME LimitRTTIMESoft \
         LimitSIGPENDING LimitSIGPENDINGSoft LimitSTACK LimitSTACKSoft LogRateLimitIntervalUSec MemoryCurrent MemoryHigh \
         MemoryLow MemoryMax MemoryMin MemoryPeak MemorySwapCurrent MemorySwapMax MountFlags NextElapseUSecMonotonic \
         NextElapseUSecRealtime PipeSize RandomizedDelayUSec ReceiveBuffer RestartMaxDelayUSec RestartUSec RestrictNamespaces \
         RuntimeMaxUSec RuntimeRandomizedExtraUSec SendBuffer StartLimitIntervalUSec StateChangeTimestamp TasksCurrent TasksMax \
         TimeoutAbortUSec TimeoutStartUSec TimeoutStopUSec TimeoutUSec TimerSlackNSec TriggerLimitIntervalUSec UserspaceTimestamp \
         UserspaceTimestampMonotonic WatchdogUSec",
    ),
    (
        "u",
        "Backlog CacheDirectoryMode ConfigurationDirectoryMode DirectoryMode ExecMainPID FileDescriptorStoreMax KeepAliveProbes \
         LogRateLimitBurst LogsDirectoryMode MainPID MaxConnections MaxConnectionsPerSource NFailedUnits NJobs NNames NRestarts \
         RestartSteps RuntimeDirectoryMode SocketMode StartLimitBurst StateDirectoryMode TriggerLimitBurst UMask",
    ),
    ("x", "MessageQueueMaxMessages MessageQueueMessageSize"),
    (
        "as",
        "After Before BindsTo BoundBy CacheDirectory ConfigurationDirectory ConflictedBy Conflicts ConsistsOf Documentation \
         DropInPaths Environment ExecPaths InaccessiblePaths JoinsNamespaceOf LogsDirectory Names NoExecPaths OnFailure \
         OnFailureOf OnSuccess OnSuccessOf PartOf PassEnvironment PropagatesReloadTo PropagatesStopTo ReadOnlyPaths \
         ReadWritePaths ReloadPropagatedFrom RequiredBy Requires RequiresMountsFor Requisite RequisiteOf RuntimeDirectory \
         StateDirectory StopPropagatedFrom SupplementaryGroups Symlinks SystemCallArchitectures TriggeredBy Triggers UnitPath \
         UnsetEnvironment UpheldBy Upholds WantedBy Wants",
    ),
    ("ay", "AllowedCPUs AllowedMemoryNodes CPUAffinity InvocationID NUMAMask StandardInputData"),
    ("aay", "LogExtraFields"),
    ("(ss)", "LoadError"),
    ("(uo)", "Job"),
    ("(bas)", "RestrictAddressFamilies SystemCallFilter"),
    ("a(sb)", "EnvironmentFiles"),
    ("a(ss)", "Listen Paths TemporaryFileSystem"),
    ("a(st)", "IODeviceWeight IOReadBandwidthMax IOReadIOPSMax IOWriteBandwidthMax IOWriteIOPSMax"),
    ("(aiai)", "RestartForceExitStatus RestartPreventExitStatus SuccessExitStatus"),
    (
        "a(sst)",
        "CacheDirectorySymlink ConfigurationDirectorySymlink LogsDirectorySymlink RuntimeDirectorySymlink StateDirectorySymlink \
         TimersCalendar",
    ),
    ("a(stt)", "TimersMonotonic"),
    ("a(ssbt)", "BindPaths BindReadOnlyPaths"),
    ("a(sasbttttuii)", "ExecCondition ExecReload ExecStart ExecStartPost ExecStartPre ExecStop ExecStopPost ExecStopPre"),
    ("a(sasasttttuii)", "ExecConditionEx ExecReloadEx ExecStartEx ExecStartPostEx ExecStartPreEx ExecStopEx ExecStopPostEx"),
];

/// Those of every unit, whatever its kind.
const OF_UNIT: &str = "ActiveEnterTimestamp ActiveEnterTimestampMonotonic ActiveState After AllowIsolate Before BindsTo BoundBy CanIsolate \
     CanReload CanStart CanStop ConflictedBy Conflicts ConsistsOf DefaultDependencies Description Documentation DropInPaths \
     FailureAction FailureActionExitStatus FragmentPath FreezerState Id IgnoreOnIsolate InactiveEnterTimestamp \
     InactiveEnterTimestampMonotonic InactiveExitTimestamp InactiveExitTimestampMonotonic InvocationID Job JobRunningTimeoutUSec \
     JobTimeoutAction JobTimeoutUSec JoinsNamespaceOf LoadError LoadState Names NeedDaemonReload OnFailure OnFailureOf \
     OnSuccess OnSuccessOf PartOf PropagatesReloadTo PropagatesStopTo RefuseManualStart RefuseManualStop ReloadPropagatedFrom \
     RequiredBy Requires RequiresMountsFor Requisite RequisiteOf SourcePath StartLimitAction StartLimitBurst \
     StartLimitIntervalUSec StateChangeTimestamp StateChangeTimestampMonotonic StopPropagatedFrom StopWhenUnneeded SubState \
     SuccessAction SuccessActionExitStatus TriggeredBy Triggers UnitFilePreset UnitFileState UpheldBy Upholds WantedBy Wants";

/// A property with its value.
#[derive(Debug)]
pub(super) struct Property {
    pub(super) name: String,
    signature: &'static str,
    value: Value,
}

impl Property {
    /// As a variant.
    pub(super) fn write(&self, out: &mut Writer) {
        out.signature(self.signature);
        self.value.write(out);
    }
}

fn is_in(list: &str, name: &str) -> bool {
    list.split_ascii_whitespace().any(|known| known == name)
}

/// Whether every unit has it.
pub(super) fn is_of_unit(name: &str) -> bool {
    is_in(OF_UNIT, name)
}

fn signature(name: &str) -> &'static str {
    TYPES.iter().find(|(_, names)| is_in(names, name)).map_or("s", |(signature, _)| signature)
}

/// A sheet of `show` as values, in its order; `known` are values that stand for what it says in text.
pub(super) fn typed(sheet: Vec<(String, String)>, known: Vec<Property>) -> Vec<Property> {
    let mut all: Vec<Property> = Vec::new();
    let mut rest = sheet.into_iter().peekable();
    while let Some((name, text)) = rest.next() {
        let mut texts = vec![text];
        while let Some((_, text)) = rest.next_if(|(next, _)| *next == name) {
            texts.push(text);
        }
        let signature = signature(&name);
        if !known.iter().any(|property| property.name == name)
            && let Some(value) = reading::read(signature, &name, &texts)
        {
            all.push(Property { name, signature, value });
        }
    }
    all.extend(known);
    all
}

/// What of a row is no text.
pub(super) fn of_row(row: &UnitRow) -> Vec<Property> {
    let moments = &row.moments;
    let changed = [moments.began_us, moments.up_us, moments.down_us].into_iter().flatten().max();
    let mut all = Vec::new();
    let mut put = |name: &str, signature, value| all.push(Property { name: name.to_owned(), signature, value });
    for (name, at) in [
        ("StateChangeTimestamp", changed),
        ("InactiveExitTimestamp", moments.began_us),
        ("ActiveEnterTimestamp", moments.up_us),
        ("InactiveEnterTimestamp", moments.down_us),
    ] {
        put(name, "t", Value::U64(at.map_or(0, show::realtime_us)));
    }
    put("StateChangeTimestampMonotonic", "t", Value::U64(changed.unwrap_or(0)));
    if row.name.kind() == units::UnitKind::Timer {
        // By which clock it was told, is not kept.
        put("NextElapseUSecRealtime", "t", Value::U64(row.next_us.map_or(0, show::realtime_us)));
        put("LastTriggerUSec", "t", Value::U64(row.last_us.map_or(0, show::realtime_us)));
    }
    let (id, path) = row.job.as_ref().map_or_else(|| (0, "/".to_owned()), |job| (job.number, job_path(job.number)));
    put("Job", "(uo)", Value::Structure(vec![Value::U32(id), Value::Text(path)]));
    all
}

/// What of PID 1 is no text.
pub(super) fn of_system(hello: &units::control::Hello) -> Vec<Property> {
    let moments = [("UserspaceTimestamp", hello.booted_us), ("FinishTimestamp", hello.finished_us)];
    let put = |(name, at): (&str, Option<u64>)| Property {
        name: name.to_owned(),
        signature: "t",
        value: Value::U64(at.map_or(0, show::realtime_us)),
    };
    // Who may not know has none.
    let environment = environment::given().unwrap_or_default();
    let environment = Value::texts(environment.iter().map(String::as_str));
    let environment = Property { name: "Environment".to_owned(), signature: "as", value: environment };
    moments.into_iter().map(put).chain([environment]).collect()
}

/// What PID 1 logs, which cannot be changed.
pub(super) fn of_log() -> Vec<Property> {
    let all = [("LogLevel", "info"), ("LogTarget", "journal-or-kmsg"), ("SyslogIdentifier", "systemd")];
    let put = |(name, text): (&str, &str)| Property { name: name.to_owned(), signature: "s", value: Value::text(text) };
    all.into_iter().map(put).collect()
}

/// A value that a property is to be given, as a unit file has it.
pub(super) fn assigned(values: &mut Reader<'_>) -> Result<Option<String>, Garbled> {
    let signature = values.signature()?;
    Ok(match signature {
        "s" => Some(values.string()?.to_owned()),
        "b" => Some(if values.boolean()? { "yes" } else { "no" }.to_owned()),
        "u" => Some(values.u32()?.to_string()),
        "i" => Some(values.i32()?.to_string()),
        "t" => Some(match values.u64()? {
            u64::MAX => "infinity".to_owned(),
            number => number.to_string(),
        }),
        "a(st)" => {
            let each = values.array(8, |values| Ok(format!("{} {}", values.string()?, values.u64()?)))?;
            if let [one] = each.as_slice() { Some(one.clone()) } else { None }
        }
        "ay" => {
            let bytes = values.array(1, Reader::byte)?;
            let bits =
                bytes.iter().zip(0..).flat_map(|(byte, at)| (0..8).filter(move |bit| byte & 1 << bit != 0).map(move |bit| at * 8 + bit));
            Some(bits.map(|bit: u32| bit.to_string()).collect::<Vec<_>>().join(" "))
        }
        other => {
            values.skip(other)?;
            None
        }
    })
}

/// Key and value of a unit file, for a property that is set.
pub(super) fn assignment(property: &str, value: Option<String>) -> Option<(String, String)> {
    let value = value?;
    Some(match property {
        // Of a second.
        "CPUQuotaPerSecUSec" => match value.parse::<u64>() {
            Ok(micros) => ("CPUQuota".to_owned(), format!("{}.{:02}%", micros / 10_000, micros % 10_000 / 100)),
            Err(_) => ("CPUQuota".to_owned(), String::new()),
        },
        // Of all there is, in parts of 2³².
        scaled if scaled.ends_with("Scale") => {
            let part = value.parse::<u64>().ok()?;
            (scaled.trim_end_matches("Scale").to_owned(), format!("{}%", (part.saturating_mul(100) + (1 << 31)) >> 32))
        }
        property => (property.to_owned(), value),
    })
}
