//! Conditions on the system, asked by a PID 1 that runs on it.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

#[path = "support/guest.rs"]
mod guest;

use guest::{POWERED_OFF, boot, script};

/// Conditions in our words, and whether they hold in any guest of any machine.
const ROWS: &[(&str, bool)] = &[
    ("architecture = \"native\"", true),
    ("not-architecture = \"tilegx\"", true),
    ("kernel-version = \">=4.0\"", true),
    ("kernel-version = \"<4.0\"", false),
    ("version = \"kernel >= 4\"", true),
    ("host = \"*\"", true),
    ("memory = \">1M\"", true),
    ("memory = \"!>1M\"", false),
    ("cpus = \"1\"", true),
    ("cpus = \">100000\"", false),
    ("user = \"root\", group = \"root\"", true),
    ("not-user = \"@system\"", false),
    ("environment = \"container=fief\"", true),
    ("environment = \"container=other\"", false),
    ("kernel-command-line = \"--bare\"", true),
    ("not-kernel-command-line = \"--bare\"", false),
    // Whether on cgroup2 or beside it: these can be limited on both.
    ("control-group-controller = \"memory pids\"", true),
    ("control-group-controller = [\"|v1\", \"|v2\"]", true),
    ("control-group-controller = [\"v1\", \"v2\"]", false),
    ("memory-pressure = \"100%\"", true),
    ("memory-pressure = \"system.slice:100%/10sec\"", true),
    ("not-kernel-module-loaded = \"no_such_module\"", true),
    ("not-credential = \"no-such-credential\"", true),
    ("null = true", true),
    ("null = false", false),
    ("security = \"apparmor\"", false),
];

#[test]
#[ignore = "needs root"]
fn conditions_are_asked_of_the_system() {
    let named: Vec<(String, String)> = ROWS
        .iter()
        .enumerate()
        .map(|(row, (condition, _))| (format!("row-{row}"), format!("condition = {{ {condition} }}\n{}", script("", "echo started"))))
        .collect();
    let after = named.iter().map(|(name, _)| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let mut files: Vec<(String, String)> = named.into_iter().map(|(name, text)| (format!("{name}.toml"), text)).collect();
    // The same words in capitals, with what systemd makes of a value that is none: the condition holds neither way.
    let theirs = "ConditionKernelVersion=>= 4.0\nConditionCPUs=>=1\nConditionMemory=!much\n";
    let theirs = format!("[Unit]\n{theirs}[Service]\nType=oneshot\nExecStart=/bin/echo started\n[Install]\nWantedBy=multi-user.target\n");
    files.push(("odd.service".to_owned(), theirs));
    files.push(("off.toml".to_owned(), script(&format!("{after}, \"odd.service\""), "ctl status odd.service; ctl poweroff")));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let boot = boot(&files);
    boot.ended(POWERED_OFF);
    let said = |row: usize| boot.console.lines().any(|line| line.ends_with(&format!("row-{row}: started")));
    let wrong: Vec<_> = ROWS.iter().enumerate().filter(|(row, (_, holds))| said(*row) != *holds).map(|(_, row)| row).collect();
    assert!(wrong.is_empty(), "{wrong:?}\n{}", boot.console);
    boot.shows("odd.service:4:17: warning").does_not_show("odd: started");
}
