//! What restricts a service; systemd.exec(5), "Sandboxing" and "System call filtering".

use super::sheet::Sheet;
use crate::systemd::set::boolean;
use crate::systemd::words::split;
use crate::unit::Execution;
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
        let words: Vec<String> = all(name).flat_map(|value| split(value).unwrap_or_default()).collect();
        sheet.list(name, words.iter().map(|word| if word.len() > 1 { word.trim_end_matches('/') } else { word }));
    }
}

/// What remains of the bounding set.
pub(super) fn bounding(execution: &Execution) -> CapabilitySet {
    let taken = WITHOUT.iter().filter(|(name, _)| execution.restricts(name)).flat_map(|(_, bits)| bits.iter());
    let mask = taken.fold(0, |mask, bit| mask | 1 << bit);
    CapabilitySet(execution.capability_bounding_set.unwrap_or(CapabilitySet::ALL).0 & !mask)
}
