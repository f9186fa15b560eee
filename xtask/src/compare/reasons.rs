//! Why the two may differ: data, one line for each kind of difference.

mod not_ours;

use super::judge::Difference;
use super::record::Properties;

pub(crate) use not_ours::{NOT_OURS, not_ours};

/// A kind of difference that is meant.
pub(crate) struct Reason {
    /// The units it is about.
    units: Says,
    /// The properties it is about.
    properties: &'static [&'static str],
    /// What systemd says, or the item that only it has.
    theirs: Says,
    /// What we say.
    ours: Says,
    /// Why, for the reader of the document.
    pub(crate) why: &'static str,
}

/// A pattern.
enum Says {
    Anything,
    Nothing,
    One(&'static [&'static str]),
    Begins(&'static [&'static str]),
    Ends(&'static [&'static str]),
    Holds(&'static [&'static str]),
}

use Says::{Anything, Begins, Ends, Holds, Nothing, One};

impl Says {
    fn fits(&self, said: Option<&str>) -> bool {
        match (self, said) {
            (Anything, _) | (Nothing, None) => true,
            (Nothing, Some(_)) | (One(_) | Begins(_) | Ends(_) | Holds(_), None) => false,
            (One(all), Some(said)) => all.contains(&said),
            (Begins(all), Some(said)) => all.iter().any(|start| said.starts_with(start)),
            (Holds(all), Some(said)) => all.iter().any(|part| said.contains(part)),
            (Ends(all), Some(said)) => all.iter().any(|end| said.ends_with(end)),
        }
    }
}

const DEPENDS: &[&str] = &["After", "Requires", "Wants", "BindsTo"];
const DEPENDED_OR_DEPENDS: &[&str] = &["After", "TriggeredBy"];
const EARLY: &[&str] = &["systemd-tmpfiles-setup.service", "tmp.mount", "systemd-remount-fs.service"];
const SHUTDOWN: &[&str] = &["shutdown.target", "umount.target"];

const fn reason(units: Says, properties: &'static [&'static str], theirs: Says, ours: Says, why: &'static str) -> Reason {
    Reason { units, properties, theirs, ours, why }
}

pub(crate) const REASONS: &[Reason] = &[
    reason(Anything, &["Before"], One(&["fief-compare.target"]), Nothing, "the target that keeps units loaded while they are asked for"),
    reason(
        Anything,
        &["Conflicts", "Before"],
        One(SHUTDOWN),
        Nothing,
        "what goes down in which order is the supervisor's own rule, no conflict with a target",
    ),
    reason(Anything, DEPENDS, Ends(&[".slice"]), Nothing, "a slice's group is made with the first unit in it; nothing waits for one"),
    reason(Anything, &["Wants"], Nothing, Ends(&[".slice"]), "the slice it is put in is wanted, not required"),
    reason(Anything, DEPENDS, One(&["-.mount"]), Nothing, "the root is mounted before PID 1 runs"),
    reason(Anything, DEPENDS, One(&["systemd-journald.socket"]), Nothing, "the log is PID 1's own: nothing has to be there first"),
    reason(Anything, DEPENDS, One(EARLY), Nothing, "what systemd has an early unit for is done before the first service is started"),
    reason(Anything, &["WatchdogUSec"], One(&["infinity"]), Anything, "systemd shows what is in force, which is nothing before it runs"),
    reason(
        One(&["freeradius.service"]),
        &["MemoryMax"],
        One(&["infinity"]),
        Anything,
        "the old MemoryLimit= is a property of its own there; here it is MemoryMax=",
    ),
    reason(
        Anything,
        &["StandardOutput"],
        One(&["inherit"]),
        One(&["tty", "socket"]),
        "the terminal or socket it inherits from its standard input",
    ),
    reason(Anything, &["StandardInput"], One(&["tty-force", "tty-fail"]), One(&["tty"]), "the terminal is taken in one way"),
    reason(Anything, &["TTYPath"], One(&[""]), One(&["/dev/console"]), "the default is shown"),
    reason(
        Anything,
        &["Group"],
        One(&["chrony-wait", "own-resolver"]),
        One(&[""]),
        "the group of a user made up for the time goes with the user",
    ),
    reason(
        Anything,
        &["Names"],
        Begins(&["autovt@"]),
        Nothing,
        "another name of a template is known of its instances when they are asked for by it",
    ),
    reason(
        Anything,
        &["ExecStartPreEx", "ExecStartPostEx", "ExecReloadEx", "ExecStopEx", "ExecStopPostEx"],
        Anything,
        Holds(&["flags=privileged", "flags=ignore-failure privileged"]),
        "the old PermissionsStartOnly= is read as a + before each command, which is what it does",
    ),
    reason(
        Anything,
        &["SuccessAction", "FailureAction", "StartLimitAction", "JobTimeoutAction"],
        One(&["exit-force", "reboot-force", "poweroff-force"]),
        One(&["exit", "reboot", "poweroff"]),
        "with force or without: the difference is for machines",
    ),
    reason(
        Anything,
        &["DropInPaths"],
        Holds(&["/usr/lib/systemd/system/"]),
        Holds(&["/lib/systemd/system/"]),
        "/lib is a link to /usr/lib: one folder, two names",
    ),
    reason(Anything, DEPENDED_OR_DEPENDS, Ends(&[".automount"]), Nothing, "mounts at first touch are a kind of unit that there is not"),
    reason(Anything, DEPENDS, Ends(&[".device"]), Nothing, "a container has no devices to wait for"),
    reason(Ends(&[".mount"]), &["After"], One(&["swap.target"]), Nothing, "a container has no swap of its own to wait for"),
    reason(
        One(&["own-far.mount"]),
        &["After", "Before", "Wants"],
        One(&["network-online.target", "network.target", "remote-fs-pre.target", "remote-fs.target"]),
        Nothing,
        "a user namespace may mount nothing over the network: such a mount is ordered as any other",
    ),
    reason(
        One(&["own-far.mount"]),
        &["After", "Before"],
        Nothing,
        One(&["local-fs-pre.target", "local-fs.target"]),
        "a user namespace may mount nothing over the network: such a mount is ordered as any other",
    ),
    reason(
        One(&["own-chat.socket"]),
        &["LoadState", "CanStart"],
        One(&["bad-setting", "no"]),
        One(&["loaded", "yes"]),
        "links to several sockets: systemd refuses them, here they lead to the first",
    ),
    reason(Anything, &["CPUWeight"], One(&["idle"]), One(&["1"]), "the least weight there is"),
    reason(
        One(&["own-old.service"]),
        &["CPUWeight"],
        One(&["[not set]"]),
        One(&["50"]),
        "the old CPUShares= is a property of its own there; here it is CPUWeight=",
    ),
    reason(
        Anything,
        &["LoadState"],
        One(&["error"]),
        One(&["bad-setting"]),
        "one word for a unit that is refused, whether by its syntax or by what it says",
    ),
    reason(
        One(&["own-bad-bind.service", "own-bad-tmpfs.service", "own-bad-type.service"]),
        &["LoadState"],
        One(&["loaded"]),
        One(&["bad-setting"]),
        "systemd starts it without what it cannot read; here it is not started as something else than was written",
    ),
    reason(
        Anything,
        &["After", "Before", "Requires", "RequiredBy", "Triggers", "TriggeredBy"],
        Begins(&["own-bad-"]),
        Nothing,
        "what a unit says of others counts for nothing here when it is refused",
    ),
    reason(
        Anything,
        &["After", "Before", "RequiredBy"],
        Nothing,
        Begins(&["own-bad-"]),
        "what a unit says of others counts for nothing here when it is refused",
    ),
    reason(
        Anything,
        &["RestartUSec", "RandomizedDelayUSec", "TimersMonotonic"],
        Holds(&["infinity"]),
        Anything,
        "a pause without an end is passed over",
    ),
    reason(
        One(&["own-odd-times2.service"]),
        &["NotifyAccess"],
        One(&["main"]),
        One(&["none"]),
        "a watchdog that never bites asks for no messages",
    ),
    reason(
        One(&["own-odd-std.service"]),
        &["StandardError"],
        One(&["kmsg"]),
        One(&["journal+console"]),
        "the kernel's log is not the container's: its lines go to the log of the unit, and to the console if any do",
    ),
    reason(
        Anything,
        &["SystemCallFilter"],
        Nothing,
        One(&["riscv_hwprobe", "uretprobe"]),
        "calls younger than the library that systemd 252 asks for their numbers",
    ),
    reason(
        Anything,
        &["SystemCallFilter"],
        Nothing,
        One(&["sys_debug_setcontext"]),
        "calls of other processors, in one of the two lists only",
    ),
    reason(Anything, &["SystemCallFilter"], One(&["switch_endian"]), Nothing, "calls of other processors, in one of the two lists only"),
    reason(Ends(&[".mount"]), &["Slice"], One(&["-.slice"]), One(&["system.slice"]), "nothing runs for a mount: its slice has no effect"),
    reason(
        Anything,
        &["PIDFile"],
        Begins(&["/"]),
        One(&[""]),
        "of a service that does not fork (`Type=forking`) the main process is known, and its PID file says nothing",
    ),
    reason(
        One(&["own-data.service"]),
        &["LogRateLimitBurst"],
        One(&["0"]),
        One(&["10000"]),
        "of interval and number one is said: the other is shown as journald has it by default",
    ),
    reason(Nothing, &[], Nothing, Nothing, "the other side of one of these"),
];

/// Properties of systemds younger than 252, whose directives PID 1 does.
pub(crate) const NEWER: &[&str] = &[
    "RestartSteps",
    "RestartMode",
    "RestartMaxDelayUSec",
    "ReloadSignal",
    "MemoryKSM",
    "MemoryPressureWatch",
    "MemoryPressureThresholdUSec",
    "OpenFile",
    "MemoryZSwapMax",
];

/// Relations and their other sides.
const SIDES: &[(&str, &str)] = &[
    ("ConflictedBy", "Conflicts"),
    ("After", "Before"),
    ("Before", "After"),
    ("RequiredBy", "Requires"),
    ("WantedBy", "Wants"),
    ("BoundBy", "BindsTo"),
];

/// The first reason that fits; of a relation also what fits its other side.
pub(crate) fn find(id: &str, property: &str, difference: &Difference) -> Option<usize> {
    let other_side = || {
        let (_, opposite) = SIDES.iter().find(|(side, _)| *side == property)?;
        let own = |said: &Option<String>| said.as_ref().map(|_| id.to_owned());
        let mirrored = Difference { theirs: own(&difference.theirs), ours: own(&difference.ours) };
        let other = difference.theirs.as_deref().or(difference.ours.as_deref())?;
        one_sided(other, opposite, &mirrored).map(|_| REASONS.len() - 1)
    };
    one_sided(id, property, difference).or_else(other_side)
}

fn one_sided(id: &str, property: &str, difference: &Difference) -> Option<usize> {
    REASONS.iter().position(|reason| {
        reason.units.fits(Some(id))
            && reason.properties.contains(&property)
            && reason.theirs.fits(difference.theirs.as_deref())
            && reason.ours.fits(difference.ours.as_deref())
    })
}

/// Why a unit is not compared at all.
pub(crate) fn of_unit(id: &str, theirs: &Properties) -> Option<&'static str> {
    let is_masked = theirs.get("LoadState").is_some_and(|values| values.iter().any(|value| value == "masked"));
    match theirs.get("FragmentPath").and_then(|values| values.first()).map(String::as_str) {
        Some("") | None if !is_masked => Some("systemd makes it without a file"),
        _ if id == "dev-mqueue.mount" => Some("it is mounted already, and systemd shows what the kernel says of it"),
        Some(_) | None => None,
    }
}

/// Properties with one line for each of their values.
pub(crate) fn is_repeated(property: &str) -> bool {
    property.starts_with("Exec") && !property.contains("Main") && property != "ExecSearchPath" && !property.ends_with("Paths")
        || property.starts_with("IOReadIOPS")
        || property.starts_with("IOWriteIOPS")
        || [
            "EnvironmentFiles",
            "IODeviceWeight",
            "IOReadBandwidthMax",
            "IOWriteBandwidthMax",
            "Listen",
            "TimersCalendar",
            "TimersMonotonic",
            "Paths",
        ]
        .contains(&property)
}

/// Properties whose value is a set of words.
pub(crate) fn is_list(property: &str) -> bool {
    const LISTS: &[&str] = &[
        "After",
        "Before",
        "BindsTo",
        "BoundBy",
        "Conflicts",
        "ConflictedBy",
        "ConsistsOf",
        "Names",
        "OnFailure",
        "OnFailureOf",
        "OnSuccess",
        "OnSuccessOf",
        "PartOf",
        "PropagatesReloadTo",
        "PropagatesStopTo",
        "ReloadPropagatedFrom",
        "RequiredBy",
        "Requires",
        "RequiresMountsFor",
        "Requisite",
        "RequisiteOf",
        "StopPropagatedFrom",
        "TriggeredBy",
        "Triggers",
        "UpheldBy",
        "Upholds",
        "WantedBy",
        "Wants",
        "Environment",
        "RuntimeDirectory",
        "StateDirectory",
        "CacheDirectory",
        "LogsDirectory",
        "ConfigurationDirectory",
        "SystemCallFilter",
        "RestrictAddressFamilies",
        "RestrictNamespaces",
        "Documentation",
    ];
    LISTS.contains(&property)
}
