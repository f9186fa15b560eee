//! Every key of our own, by section, and guessing at one that is not.

use crate::systemd::directives;
use crate::unit::QUESTIONS;

/// Sections and their keys. Other spellings are accepted too: systemd's CamelCase, and where our
/// short form differs, systemd's name in kebab-case.
pub(super) const KEYS: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "description",
            "documentation",
            "after",
            "before",
            "requires",
            "requisite",
            "needs-once",
            "wants",
            "binds-to",
            "part-of",
            "conflicts",
            "default-dependencies",
            "condition",
            "assert",
            "reset",
            "defaults",
        ],
    ),
    (
        "service",
        &[
            "type",
            "command",
            "exec-start",
            "exec-start-pre",
            "exec-start-post",
            "exec-reload",
            "exec-stop",
            "exec-stop-post",
            "pid-file",
            "remain-after-exit",
            "start-timeout",
            "timeout-start-sec",
            "notify-access",
            "notify-fd",
        ],
    ),
    ("restart", &["policy", "delay", "backoff", "steps", "max-delay", "mode", "burst", "interval", "reset-after"]),
    ("stop", &["signal", "timeout", "mode", "final-signal", "send-hangup"]),
    ("run-as", &["user", "group", "groups", "umask", "working-directory", "nice", "oom-score-adjust", "no-new-privileges"]),
    ("environment", &["inherit", "files", "set"]),
    (
        "directories",
        &[
            "runtime",
            "runtime-mode",
            "state",
            "state-mode",
            "cache",
            "cache-mode",
            "logs",
            "logs-mode",
            "configuration",
            "configuration-mode",
        ],
    ),
    ("log", &["stdout", "stderr", "console", "keep"]),
    ("resources", &["memory-max", "memory-high", "cpu-quota", "cpu-weight", "tasks-max", "oom-policy"]),
    ("sandbox", &["strict"]),
    ("tty", &["path", "reset", "hang-up"]),
    ("install", &["wanted-by", "required-by"]),
    ("socket", &["listen", "name", "lazy"]),
    ("timer", &["command", "random-delay"]),
    ("path", &[]),
    ("mount", &[]),
    ("slice", &[]),
    // Last, since what can be asked about is also something to be set.
    ("condition", &CONDITIONS),
    ("assert", &CONDITIONS),
];

/// The section of systemd's files whose directives stand in ours of this name.
fn systemds(section: &str) -> &'static str {
    match section {
        "" | "unit" => "Unit",
        "service" | "run-as" | "environment" | "directories" | "log" | "resources" | "sandbox" | "tty" => "Service",
        "install" => "Install",
        "socket" => "Socket",
        "timer" => "Timer",
        "path" => "Path",
        "mount" => "Mount",
        "slice" => "Slice",
        _ => "",
    }
}

/// The words of all conditions.
#[allow(clippy::indexing_slicing, reason = "worked out by the compiler")]
const CONDITIONS: [&str; QUESTIONS.len()] = {
    let mut words = [""; QUESTIONS.len()];
    let mut at = 0;
    while at < words.len() {
        words[at] = QUESTIONS[at].1;
        at += 1;
    }
    words
};

/// The keys of a section.
pub(super) fn of(section: &str) -> &'static [&'static str] {
    // What stands before the first section may stand in [unit] as well.
    let section = if section == "unit" { "" } else { section };
    KEYS.iter().find(|(name, _)| *name == section).map_or(&[], |(_, keys)| keys)
}

/// What to say about a key that is not one of `section`.
pub(super) fn guess(section: &str, key: &str) -> Option<String> {
    let mut own: Vec<&str> = of(section).to_vec();
    if section.is_empty() {
        own.extend(KEYS.iter().map(|(name, _)| *name).filter(|name| !name.is_empty()));
    }
    // A word that there is, and that was not asked for here.
    if own.contains(&key) {
        return Some(match section {
            "" => format!("[{key}] is for a unit of that kind, whose file is named NAME.{key}.toml"),
            _ => format!("`{key}` stands in [[{section}]] of a service's own file"),
        });
    }
    let elsewhere = KEYS.iter().find(|(name, keys)| *name != section && keys.contains(&key));
    if let Some((name, _)) = elsewhere {
        return Some(match *name {
            "" => format!("`{key}` stands before the first section"),
            name => format!("`{key}` belongs to [{name}]"),
        });
    }
    let theirs: Vec<String> =
        directives::groups(systemds(section)).iter().flat_map(|group| group.iter()).map(|d| canonical(d.name)).collect();
    let all = own.iter().copied().chain(theirs.iter().map(String::as_str).filter(|key| !key.starts_with("x-")));
    nearest(key, all).map(|known| format!("did you mean `{known}`?"))
}

/// The word nearest to `word`, if it is near enough.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 64 {
        return None;
    }
    let allowed = (word.chars().count() / 3).max(1);
    // Of another length by more than that none is near.
    let near = known.filter(|k| k.chars().count().abs_diff(word.chars().count()) <= allowed);
    near.map(|k| (distance(word, k), k)).filter(|(d, _)| *d <= allowed).min().map(|(_, k)| k)
}

/// Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let (mut before, mut row) = (last.clone(), Vec::new());
    for (i, ca) in a.iter().enumerate() {
        row.clear();
        row.push(i + 1);
        for (j, cb) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX / 2);
            let mut cost = (at(&last, j) + usize::from(ca != cb)).min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(cb) && b.get(j - 1) == Some(ca);
            if swapped {
                cost = cost.min(at(&before, j - 1) + 1);
            }
            row.push(cost);
        }
        std::mem::swap(&mut before, &mut last);
        std::mem::swap(&mut last, &mut row);
    }
    last.last().copied().unwrap_or(usize::MAX)
}

/// Names whose capitals do not say where their words begin.
const IRREGULAR: [(&str, &str); 18] = [
    ("UMask", "umask"),
    ("BindIPv6Only", "bind-ipv6-only"),
    ("TTYVHangup", "tty-vhangup"),
    ("TTYVTDisallocate", "tty-vt-disallocate"),
    ("SELinuxContext", "selinux-context"),
    ("SELinuxContextFromNet", "selinux-context-from-net"),
    ("CPUs", "cpus"),
    ("ConditionCPUs", "condition-cpus"),
    ("AssertCPUs", "assert-cpus"),
    ("AllowedCPUs", "allowed-cpus"),
    ("StartupAllowedCPUs", "startup-allowed-cpus"),
    ("PrivatePIDs", "private-pids"),
    ("TimerSlackNSec", "timer-slack-nsec"),
    ("RestrictSUIDSGID", "restrict-suid-sgid"),
    ("MountAPIVFS", "mount-api-vfs"),
    ("IPTOS", "ip-tos"),
    ("IPTTL", "ip-ttl"),
    ("SysVStartPriority", "sysv-start-priority"),
];

/// The kebab-case form of a key: a word begins with a capital, or with the last of several before a small letter, so that `PIDFile` becomes
/// `pid-file`; the exceptions are [`IRREGULAR`]. Kebab-case stays as it is.
#[must_use]
pub fn canonical(key: &str) -> String {
    if let Some((_, ours)) = IRREGULAR.iter().find(|(theirs, _)| *theirs == key) {
        return (*ours).to_owned();
    }
    let chars: Vec<char> = key.chars().collect();
    let mut out = String::with_capacity(key.len() + 4);
    for (at, c) in chars.iter().enumerate() {
        if !c.is_ascii_uppercase() {
            out.push(*c);
            continue;
        }
        let after_lower = at > 0 && chars.get(at - 1).is_some_and(|p| p.is_ascii_lowercase());
        let before_lower = at > 0 && chars.get(at + 1).is_some_and(|n| n.is_ascii_lowercase());
        let after_dash = at > 0 && chars.get(at - 1) == Some(&'-');
        if (after_lower || before_lower) && !after_dash {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systemds_spelling_becomes_ours() {
        for (camel, kebab) in [
            ("ExecStartPre", "exec-start-pre"),
            ("PIDFile", "pid-file"),
            ("OOMScoreAdjust", "oom-score-adjust"),
            ("CPUQuota", "cpu-quota"),
            ("UMask", "umask"),
            ("WantedBy", "wanted-by"),
            ("Service", "service"),
            ("pid-file", "pid-file"),
            ("RestrictSUIDSGID", "restrict-suid-sgid"),
            ("AllowedCPUs", "allowed-cpus"),
            ("IOReadIOPSMax", "io-read-iops-max"),
        ] {
            assert_eq!(canonical(camel), kebab);
        }
    }

    #[test]
    fn slips_are_recognised() {
        assert_eq!(guess("service", "comand").as_deref(), Some("did you mean `command`?"));
        assert_eq!(guess("", "atfer").as_deref(), Some("did you mean `after`?"));
        assert_eq!(guess("service", "user").as_deref(), Some("`user` belongs to [run-as]"));
        assert_eq!(guess("", "srevice").as_deref(), Some("did you mean `service`?"));
        assert_eq!(guess("", "frobnicate"), None);
    }
}
