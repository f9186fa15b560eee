//! Units of every kind, made up by chance.

use super::dice::Dice;
use std::fmt::Write;

/// The last stands in no file: it comes with a request.
pub const NAMES: [&str; 15] = [
    "u0", "u1", "u2", "u3", "u4", "u5", "s.socket", "c.socket", "t.timer", "p.path", "m.mount", "l.slice", "g.target", "h.target",
    "x.scope",
];

/// The files of all units; see [`super::files`].
pub fn units(seed: u64) -> String {
    let mut dice = Dice(seed);
    let mut text = String::from("-- default.target\nwants = [");
    for name in NAMES {
        if dice.once_in(2) {
            write!(text, "'{name}', ").unwrap();
        }
    }
    text.push_str("]\n");
    for name in NAMES {
        if dice.once_in(25) || name.ends_with(".scope") {
            // There is none.
            continue;
        }
        writeln!(text, "-- {name}").unwrap();
        if dice.once_in(60) {
            text.push_str("nonsense = 1\n");
        }
        relations(&mut dice, name, &mut text);
        match name {
            "s.socket" => {
                text.push_str("[socket]\nlisten-stream = '/run/s'\nservice = 'u0'\n");
                some_of(&mut dice, &mut text, 2, &["exec-start-pre = '/bin/a'", "exec-stop-post = '/bin/b'", "flush-pending = true"]);
                trigger_limit(&mut dice, &mut text);
            }
            "c.socket" => {
                text.push_str("[socket]\nlisten-stream = '80'\naccept = true\nmax-connections = 3\n");
                trigger_limit(&mut dice, &mut text);
            }
            "t.timer" => {
                text.push_str("[timer]\nunit = 'u1'\non-unit-active-sec = '20s'\n");
                let lines = ["on-calendar = 'daily'", "on-active-sec = '5s'", "on-unit-inactive-sec = '1s'", "on-boot-sec = '1min'"];
                some_of(&mut dice, &mut text, 2, &lines);
                some_of(&mut dice, &mut text, 2, &["remain-after-elapse = false", "randomized-delay-sec = '3s'"]);
            }
            "p.path" => {
                text.push_str("[path]\npath-exists = '/x'\nunit = 'u2'\n");
                trigger_limit(&mut dice, &mut text);
            }
            "m.mount" => text.push_str("[mount]\nwhat = '/dev/x'\nwhere = '/m'\ntimeout-sec = '9s'\n"),
            "l.slice" => text.push_str("[slice]\n"),
            "g.target" | "h.target" => text.push_str("allow-isolate = true\n"),
            _ => service(&mut dice, &mut text),
        }
    }
    text.push_str("-- reboot.target\n-- c@\n[service]\ncommand = '/bin/c'\n[restart]\npolicy = 'no'\n");
    text
}

fn some_of(dice: &mut Dice, text: &mut String, one_in: usize, lines: &[&str]) {
    for line in lines {
        if dice.once_in(one_in) {
            writeln!(text, "{line}").unwrap();
        }
    }
}

fn trigger_limit(dice: &mut Dice, text: &mut String) {
    some_of(dice, text, 4, &["trigger-limit-burst = 2", "trigger-limit-interval-sec = '1min'"]);
}

fn relations(dice: &mut Dice, own: &str, text: &mut String) {
    let relations = [
        ("after", 2),
        ("before", 5),
        ("wants", 3),
        ("requires", 4),
        ("binds-to", 9),
        ("part-of", 9),
        ("conflicts", 7),
        ("requisite", 12),
        ("needs-once", 12),
        ("upholds", 12),
        ("on-failure", 12),
        ("on-success", 12),
        ("propagates-reload-to", 12),
        ("reload-propagated-from", 12),
        ("propagates-stop-to", 12),
        ("stop-propagated-from", 12),
    ];
    for (key, one_in) in relations {
        if dice.once_in(one_in) {
            let others: Vec<String> =
                (0..=dice.roll(3)).map(|_| dice.one_of(&NAMES)).filter(|other| *other != own).map(|other| format!("'{other}'")).collect();
            writeln!(text, "{key} = [{}]", others.join(", ")).unwrap();
        }
    }
    // It is the end of the system.
    some_of(dice, text, 80, &["on-failure = 'reboot.target'"]);
    let manners = ["stop-when-unneeded = true", "ignore-on-isolate = true", "refuse-manual-stop = true", "refuse-manual-start = true"];
    some_of(dice, text, 14, &manners);
    some_of(dice, text, 14, &["job-timeout-sec = '8s'", "job-running-timeout-sec = '4s'"]);
    some_of(dice, text, 5, &["condition = { path-exists = '/x' }"]);
}

/// A scope, as it comes with a request.
pub fn scope(dice: &mut Dice) -> String {
    let mut text = format!("[Scope]\nTimeoutStopSec=7\nKillMode={}\n", dice.one_of(&["control-group", "mixed"]));
    some_of(dice, &mut text, 4, &["Slice=l.slice", "RuntimeMaxSec=20", "OOMPolicy=continue", "SendSIGHUP=yes"]);
    text.push_str("[Unit]\n");
    some_of(
        dice,
        &mut text,
        5,
        &["After=u0.service", "Requires=u1.service", "PartOf=g.target", "OnFailure=u2.service", "Conflicts=u3.service"],
    );
    text
}

fn service(dice: &mut Dice, text: &mut String) {
    let kind = dice.one_of(&["exec", "simple", "oneshot", "notify", "notify-reload", "forking", "idle", "dbus"]);
    writeln!(text, "[service]\ntype = '{kind}'\ncommand = '/bin/x'\nremain-after-exit = {}", dice.once_in(3)).unwrap();
    if kind == "dbus" {
        text.push_str("bus-name = 'org.x'\n");
    }
    for key in ["exec-condition", "exec-start-pre", "exec-start-post", "exec-stop", "exec-stop-post", "exec-reload"] {
        if dice.once_in(4) {
            writeln!(text, "{key} = ['/bin/a', '-/bin/b']").unwrap();
        }
    }
    let others = [
        "watchdog-sec = '10s'",
        "runtime-max-sec = '1min'",
        "start-timeout = '20s'",
        "timeout-abort-sec = '3s'",
        "reload-signal = 'SIGUSR1'",
        "guess-main-pid = false",
        "success-exit-status = '1'",
        "restart-prevent-exit-status = '1'",
        "restart-force-exit-status = '0'",
        "send-sigkill = false",
        "oom-policy = 'continue'",
        "slice = 'l.slice'",
        "sockets = 's.socket'",
        "pid-file = '/run/x'",
        "runtime-randomized-extra-sec = '30s'",
    ];
    some_of(dice, text, 6, &others);
    for key in ["timeout-start-failure-mode", "timeout-stop-failure-mode"] {
        if dice.once_in(4) {
            writeln!(text, "{key} = '{}'", dice.one_of(&["abort", "kill"])).unwrap();
        }
    }
    if kind != "oneshot" {
        some_of(dice, text, 5, &["exit-type = 'cgroup'"]);
    }
    writeln!(text, "[stop]\nmode = '{}'\ntimeout = '7s'", dice.one_of(&["control-group", "mixed", "process", "none"])).unwrap();
    let policies: &[&str] = match kind {
        "oneshot" => &["no", "on-failure", "on-abnormal"],
        _ => &["no", "always", "on-success", "on-failure", "on-abnormal", "on-abort", "on-watchdog"],
    };
    writeln!(text, "[restart]\npolicy = '{}'\nburst = {}", dice.one_of(policies), 2 + dice.roll(20)).unwrap();
    some_of(dice, text, 5, &["mode = 'direct'", "steps = 3\nmax-delay = '8s'"]);
}
