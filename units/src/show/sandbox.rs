//! What restricts a service; systemd.exec(5), "Sandboxing" and "System call filtering".

use super::sheet::Sheet;
use crate::systemd::set::boolean;
use crate::unit::{Service, Unit};

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

pub(super) fn show(sheet: &mut Sheet, unit: &Unit, service: &Service) {
    let execution = &service.execution;
    let all = |name: &'static str| execution.hardening.iter().filter(move |h| h.directive == name).map(|h| h.value.as_str());
    sheet.flag("DynamicUser", execution.dynamic_user);
    for name in FLAGS {
        sheet.flag(name, all(name).last().and_then(boolean).unwrap_or(false));
    }
    for (name, absent) in WORDS {
        let word = all(name).last().unwrap_or(absent);
        sheet.put(name, boolean(word).map_or(word, |on| if on { "yes" } else { "no" }));
    }
    for name in LISTS {
        let words: Vec<String> = all(name).flat_map(|value| crate::systemd::words::split(value).unwrap_or_default()).collect();
        sheet.list(name, words.iter().map(String::as_str));
    }
    let _ = unit;
}
