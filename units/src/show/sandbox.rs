//! What restricts a service; systemd.exec(5), "Sandboxing" and "System call filtering".

use super::sheet::Sheet;
use crate::systemd::calls;
use crate::systemd::paths::absolute;
use crate::systemd::set::boolean;
use crate::systemd::words::split;
use crate::unit::{CallArchitecture, CallRefusal, Execution, MountPropagation, Sandbox, Service};
use crate::value::CapabilitySet;

const FLAGS: [&str; 17] = [
    "PrivateTmp",
    "PrivateDevices",
    "ProtectClock",
    "ProtectKernelTunables",
    "ProtectKernelModules",
    "ProtectKernelLogs",
    "ProtectControlGroups",
    "PrivateNetwork",
    "PrivateUsers",
    "PrivateMounts",
    "PrivateIPC",
    "LockPersonality",
    "MemoryDenyWriteExecute",
    "RestrictRealtime",
    "RestrictSUIDSGID",
    "ProtectHostname",
    "RemoveIPC",
];

/// One of a few words, a truth value among them; the word where nothing is said.
const WORDS: [(&str, &str); 6] = [
    ("ProtectHome", "no"),
    ("ProtectSystem", "no"),
    ("ProtectProc", "default"),
    ("ProcSubset", "all"),
    ("KeyringMode", "private"),
    ("DevicePolicy", "auto"),
];

/// Assignments add up.
const LISTS: [&str; 5] = ["ReadWritePaths", "ReadOnlyPaths", "InaccessiblePaths", "ExecPaths", "NoExecPaths"];

/// Capabilities that a restriction takes away, as their numbers in capabilities(7).
const WITHOUT: [(&str, &[u32]); 4] =
    [("PrivateDevices", &[27, 17]), ("ProtectKernelModules", &[16]), ("ProtectKernelLogs", &[34]), ("ProtectClock", &[25, 35])];

pub(super) fn show(sheet: &mut Sheet, execution: &Execution) {
    let all = |name: &'static str| execution.hardening.iter().filter(move |h| h.directive == name).map(|h| h.value.as_str());
    sheet.flag("DynamicUser", execution.dynamic_user);
    for name in FLAGS {
        sheet.flag(name, execution.restricts(name));
    }
    for (name, absent) in WORDS {
        let word = all(name).next_back().map(|word| boolean(word).map_or(word, |on| if on { "yes" } else { "no" }));
        let implied = match name {
            "ProtectSystem" if execution.dynamic_user => "strict",
            "ProtectHome" if execution.dynamic_user => "read-only",
            "DevicePolicy" if execution.restricts("PrivateDevices") => "closed",
            _ => absent,
        };
        sheet.put(name, word.filter(|word| *word != absent).unwrap_or(implied));
    }
    for name in LISTS {
        let words: Vec<String> = all(name).flat_map(|value| split(value).unwrap_or_default()).filter_map(|word| path(&word)).collect();
        sheet.list(name, words.iter().map(String::as_str));
    }
}

/// As it is told, behind its signs; `None` for what was passed over.
fn path(word: &str) -> Option<String> {
    let bare = word.strip_prefix('-').unwrap_or(word);
    let bare = bare.strip_prefix('+').unwrap_or(bare);
    let signs = word.strip_suffix(bare)?;
    Some(format!("{signs}{}", absolute(bare)?))
}

/// Calls, families and namespaces, binds.
pub(super) fn restrictions(sheet: &mut Sheet, sandbox: &Sandbox) {
    let calls = sandbox.calls.iter().flat_map(|filter| &filter.calls).map(|(call, refusal)| match refusal {
        Some(CallRefusal::Errno(number)) => {
            format!("{call}:{}", calls::error_name(*number).map_or_else(|| number.to_string(), ToOwned::to_owned))
        }
        Some(CallRefusal::Kill) => format!("{call}:kill"),
        None => call.clone(),
    });
    sheet.put("SystemCallFilter", chosen(sandbox.calls.as_ref().is_some_and(|filter| filter.allows), calls.collect()));
    sheet.number(
        "SystemCallErrorNumber",
        match sandbox.call_error {
            Some(CallRefusal::Errno(number)) => i32::from(number),
            // systemd's number for being killed.
            Some(CallRefusal::Kill) | None => i32::MAX - 1,
        },
    );
    let mut architectures: Vec<&str> = sandbox.architectures.iter().map(|architecture| architecture_name(*architecture)).collect();
    crate::order::by(&mut architectures, Ord::cmp);
    architectures.dedup();
    sheet.list("SystemCallArchitectures", architectures);
    let names = sandbox.families.iter().flat_map(|families| &families.list);
    let names = names.map(|number| calls::family_name(*number).map_or_else(|| number.to_string(), |name| format!("AF_{name}")));
    sheet.put("RestrictAddressFamilies", chosen(sandbox.families.as_ref().is_some_and(|families| families.allows), names.collect()));
    let of = |bits: u32| NAMESPACES.iter().filter(move |(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect::<Vec<_>>();
    sheet.put(
        "RestrictNamespaces",
        match sandbox.namespaces {
            None => "no".to_owned(),
            Some(0) => "yes".to_owned(),
            Some(bits) if of(bits).len() == NAMESPACES.len() => "no".to_owned(),
            Some(bits) => of(bits).join(" "),
        },
    );
    for (name, read_only) in [("BindPaths", false), ("BindReadOnlyPaths", true)] {
        let binds = sandbox.binds.iter().filter(|bind| bind.read_only == read_only);
        let binds: Vec<String> = binds
            .map(|bind| {
                let (optional, how) = (if bind.optional { "-" } else { "" }, if bind.recursive { ":rbind" } else { "" });
                format!("{optional}{}:{}{how}", bind.from, bind.to)
            })
            .collect();
        sheet.put(name, binds.join(" "));
    }
    let temporary = sandbox.temporary.iter().map(|(path, options)| match options.as_str() {
        "" => path.clone(),
        options => format!("{path}:{options}"),
    });
    sheet.put("TemporaryFileSystem", temporary.collect::<Vec<_>>().join(" "));
    sheet.put(
        "MountFlags",
        match sandbox.propagation {
            None => "",
            Some(MountPropagation::Shared) => "shared",
            Some(MountPropagation::Slave) => "slave",
            Some(MountPropagation::Private) => "private",
        },
    );
    for (name, path) in [("NetworkNamespacePath", &sandbox.network_path), ("IPCNamespacePath", &sandbox.ipc_path)] {
        sheet.put(name, path.as_deref().unwrap_or_default());
    }
    let words = if cfg!(target_arch = "aarch64") { ["arm64", "arm"] } else { ["x86-64", "x86"] };
    let [native, small] = words;
    sheet.put("Personality", sandbox.personality.map_or("", |number| if number == 0 { native } else { small }));
}

/// A root of its own, and whether what the kernel mounts is in it.
pub(super) fn root(sheet: &mut Sheet, service: &Service) {
    sheet.put("RootDirectory", service.execution.root_directory.as_deref().unwrap_or_default());
    sheet.flag("MountAPIVFS", service.mounts_api());
}

/// `CLONE_NEW*`, in the order of their names; clone(2).
const NAMESPACES: [(u32, &str); 7] = [
    (0x0200_0000, "cgroup"),
    (0x0800_0000, "ipc"),
    (0x4000_0000, "net"),
    (0x0002_0000, "mnt"),
    (0x2000_0000, "pid"),
    (0x1000_0000, "user"),
    (0x0400_0000, "uts"),
];

/// Names that alone are allowed, or behind a `~` that alone are not.
fn chosen(allows: bool, mut names: Vec<String>) -> String {
    crate::order::by(&mut names, Ord::cmp);
    format!("{}{}", if allows { "" } else { "~" }, names.join(" "))
}

fn architecture_name(architecture: CallArchitecture) -> &'static str {
    match architecture {
        CallArchitecture::Native => "native",
        CallArchitecture::X86 => "x86",
        CallArchitecture::X86_64 => "x86-64",
        CallArchitecture::X32 => "x32",
        CallArchitecture::Arm => "arm",
        CallArchitecture::Arm64 => "arm64",
        CallArchitecture::Other => "other",
    }
}

/// What remains of the bounding set.
pub(super) fn bounding(execution: &Execution) -> CapabilitySet {
    let taken = WITHOUT.iter().filter(|(name, _)| execution.restricts(name)).flat_map(|(_, bits)| bits.iter());
    let mask = taken.fold(0, |mask, bit| mask | 1 << bit);
    CapabilitySet(execution.capability_bounding_set.unwrap_or(CapabilitySet::ALL).0 & !mask)
}
