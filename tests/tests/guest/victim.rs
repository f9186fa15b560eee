//! A daemon that does everything wrong, run as every type of service, under every restart policy and every kill mode.
//!
//! The table is [`TYPES`]: a row is a type of service, a manner of getting ready (`tests/src/bin/victim.rs` says what a victim of that
//! manner does), the kill modes it is tried under, and the ends that it can come to. Each row is multiplied by [`POLICIES`], its modes and
//! its ends; every product is a unit of its own, called `v-TYPE-MANNER-POLICY-MODE-END`, and all of them run at once in one guest, those of
//! [`MOURNED`] in another. What must come of a unit is [`Case::fate`] (its state, a word of the reason, how often it was started) and
//! [`Case::left`] (processes in its group when it is down), computed from these rules alone:
//!
//! - systemd.service(5), the table under `Restart=`: after which ends which policy starts a service again ([`Case::starts_again`]).
//! - systemd.kill(5), `KillMode=`: who is left when a service is down. `control-group` and `mixed` leave nobody; `process` leaves
//!   everybody but the main process; `none` leaves all. It is the same whether a service is stopped or its main process has ended.
//! - systemd.service(5), `ExecStopPost=`: it runs after every life, whether that was stopped, fell, or never got ready. The units with
//!   one are rows of [`MOURNED`]: what a victim leaves in its group ends by SIGKILL only, so that under `control-group` and `mixed`
//!   the command runs in a group that was just killed.
//! - A victim that may start again falls twice and then stays. One that never gets ready does so every time, until it has been
//!   started as often as `burst` allows.
//!
//! Nothing depends on timing: the test waits until all are as they must be, and then shows that nothing more happens by stopping
//! all of them and counting lives and processes.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use serde_json::Value;
use tests::{Host, program, until};

const POLICIES: [&str; 7] = ["no", "always", "on-success", "on-failure", "on-abnormal", "on-abort", "on-watchdog"];
const MODES: [&str; 4] = ["control-group", "mixed", "process", "none"];

const TWO_MODES: [&str; 2] = ["control-group", "none"];

/// Type, how the victim gets ready, the kill modes it is tried under, and the ends that it can come to.
type Row = (&'static str, &'static str, &'static [&'static str], &'static [End]);

const TYPES: [Row; 17] = [
    ("exec", "plain", &MODES, &[End::Stays, End::Clean, End::Code, End::Signal]),
    ("simple", "plain", &MODES, &[End::Stays, End::Clean, End::Code, End::Signal]),
    ("idle", "plain", &MODES, &[End::Stays, End::Clean, End::Code, End::Signal]),
    ("oneshot", "once", &MODES, &[End::Clean, End::Code, End::Signal, End::Never]),
    ("notify", "notify", &MODES, &[End::Stays, End::Clean, End::Code, End::Signal, End::Never, End::Unwell]),
    ("notify-reload", "notify", &MODES, &[End::Stays, End::Clean, End::Code, End::Signal, End::Never]),
    ("forking", "lone", &MODES, &[End::Stays, End::Clean, End::Code, End::Signal, End::Never]),
    ("forking", "pid-file", &MODES, &[End::Stays, End::Clean, End::Code, End::Signal, End::Never]),
    ("forking", "wrong-pid", &MODES, &[End::Never]),
    // There is no bus here: it is up when its program runs, with a word.
    ("dbus", "plain", &MODES, &[End::Stays, End::Clean, End::Code, End::Signal]),
    ("notify-fd", "newline", &MODES, &[End::Stays, End::Clean, End::Code, End::Signal, End::Never]),
    ("notify", "late", &TWO_MODES, &[End::Stays, End::Code]),
    ("notify", "child", &TWO_MODES, &[End::Stays, End::Code]),
    ("notify", "unheard", &TWO_MODES, &[End::Never]),
    ("exec", "flood", &TWO_MODES, &[End::Stays, End::Code]),
    ("exec", "socket", &TWO_MODES, &[End::Stays, End::Code]),
    ("notify", "socket", &TWO_MODES, &[End::Never]),
];

/// Those with a command after each life.
const MOURNED: [Row; 5] = [
    ("exec", "plain", &MODES, &[End::Stays, End::Code, End::Signal]),
    ("oneshot", "once", &MODES, &[End::Clean, End::Code]),
    ("notify", "notify", &MODES, &[End::Stays, End::Code, End::Never, End::Unwell]),
    ("forking", "lone", &MODES, &[End::Stays, End::Signal]),
    ("forking", "pid-file", &MODES, &[End::Stays, End::Code]),
];
/// The policies of those: one that never starts again, one that does after what is not clean.
const TWO_POLICIES: [&str; 2] = ["no", "on-failure"];

/// How each of a victim's first lives ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It does not.
    Stays,
    /// Exit code 0.
    Clean,
    /// Exit code 3.
    Code,
    /// SIGUSR1.
    Signal,
    /// It never gets ready, and its time is over.
    Never,
    /// It is ready, and does not say that it is well.
    Unwell,
}

/// So many lives end before a victim stays.
const FALLS: u32 = 2;
/// So many starts are allowed.
const BURST: u32 = 3;

/// One victim.
struct Case {
    name: String,
    kind: &'static str,
    manner: &'static str,
    policy: &'static str,
    mode: &'static str,
    end: End,
    /// Whether a command runs after each life.
    mourned: bool,
}

/// What must have become of it.
#[derive(Debug, PartialEq, Eq)]
struct Fate {
    active: String,
    /// A word of the reason; empty for none.
    result: &'static str,
    restarts: u32,
    lives: u32,
    /// How often the command after a life has run.
    posts: u32,
}

fn cases(rows: &[Row], policies: &[&'static str], mourned: bool) -> Vec<Case> {
    let mut cases = Vec::new();
    for (kind, manner, modes, ends) in rows {
        for policy in policies {
            // Such a file is refused: it would run for ever.
            if *kind == "oneshot" && ["always", "on-success"].contains(policy) {
                continue;
            }
            for mode in *modes {
                for end in *ends {
                    let name = format!("v-{kind}-{manner}-{policy}-{mode}-{end:?}").to_lowercase();
                    cases.push(Case { name, kind, manner, policy, mode, end: *end, mourned });
                }
            }
        }
    }
    cases
}

impl Case {
    /// systemd.service(5), the table under `Restart=`.
    fn starts_again(&self) -> bool {
        let policies: &[&str] = match self.end {
            End::Stays => &[],
            End::Clean => &["always", "on-success"],
            End::Code => &["always", "on-failure"],
            End::Signal => &["always", "on-failure", "on-abnormal", "on-abort"],
            End::Never => &["always", "on-failure", "on-abnormal"],
            End::Unwell => &["always", "on-failure", "on-abnormal", "on-watchdog"],
        };
        policies.contains(&self.policy)
    }

    fn fate(&self) -> Fate {
        let fate = |active: &str, result, lives: u32| {
            let over = if active == "active" { lives - 1 } else { lives };
            Fate { active: active.to_owned(), result, restarts: lives - 1, lives, posts: if self.mourned { over } else { 0 } }
        };
        let again = self.starts_again();
        match self.end {
            End::Stays => fate("active", "", 1),
            // The start that is refused was counted as a restart, as systemd counts it.
            End::Never if again => Fate { restarts: BURST, ..fate("failed", "too often", BURST) },
            End::Never => fate("failed", "took too long", 1),
            // A oneshot that has fallen often enough succeeds, and is down.
            _ if again && self.kind == "oneshot" => fate("inactive", "", FALLS + 1),
            _ if again => fate("active", "", FALLS + 1),
            End::Clean => fate("inactive", "", 1),
            End::Code => fate("failed", "exit code 3", 1),
            End::Signal => fate("failed", "SIGUSR1", 1),
            End::Unwell => fate("failed", "that it is well", 1),
        }
    }

    /// What has become of it when it was stopped: what had failed stays so, and nobody has lived once more.
    fn fate_when_stopped(&self) -> Fate {
        let fate = self.fate();
        let posts = if self.mourned { fate.lives } else { 0 };
        if fate.active == "active" { Fate { active: "inactive".to_owned(), posts, ..fate } } else { fate }
    }

    /// Processes that are left when it is down for good.
    fn left(&self) -> u32 {
        let fate = self.fate();
        let leaked = match self.manner {
            "lone" => 0,
            // And the child that is not heard.
            "unheard" => 2 * fate.lives,
            _ => fate.lives,
        };
        // Those main processes that did not end by themselves.
        let mains = match self.end {
            // Nobody is known as the main process of one that has written another's pid.
            End::Never => fate.lives,
            // Under `none` its watchdog's signal is not sent either.
            End::Unwell if self.mode == "none" => fate.lives,
            _ => u32::from(fate.active == "active"),
        };
        match self.mode {
            "control-group" | "mixed" => 0,
            "process" if self.manner == "wrong-pid" => leaked + mains,
            "process" => leaked,
            _ => leaked + mains,
        }
    }

    fn file(&self) -> String {
        let stubborn = self.policy == "always" || self.policy == "on-abort";
        let end = match self.end {
            End::Stays if stubborn => "stubborn",
            End::Stays => "stay",
            End::Clean => "code 0",
            End::Code => "code 3",
            End::Signal => "usr1",
            End::Never if self.manner == "unheard" => "stay",
            End::Never => "never",
            End::Unwell => "unwell",
        };
        let mut text = String::new();
        let _ = writeln!(text, "[service]\ntype = \"{}\"", self.kind);
        let _ = writeln!(text, "command = [\"/root/victim\", \"{}\", \"{}\", \"{end}\", \"{FALLS}\"]", self.name, self.manner);
        if ["pid-file", "wrong-pid"].contains(&self.manner) {
            let _ = writeln!(text, "pid-file = \"/run/victim/{}.pid\"", self.name);
        }
        match self.manner {
            "plain" if self.kind == "dbus" => text.push_str("bus-name = \"org.example.Victim\"\n"),
            "child" => text.push_str("notify-access = \"all\"\n"),
            "unheard" => text.push_str("notify-access = \"main\"\n"),
            _ => {}
        }
        if self.end == End::Unwell {
            text.push_str("watchdog-sec = \"200ms\"\n");
        }
        if self.mourned {
            let _ = writeln!(text, "exec-stop-post = \"/root/victim post {}\"", self.name);
        }
        let limit = if self.end == End::Never { "500ms" } else { "infinity" };
        let _ = writeln!(text, "start-timeout = \"{limit}\"");
        let _ =
            writeln!(text, "[restart]\npolicy = \"{}\"\ndelay = \"10ms\"\nbackoff = 1.0\nburst = {BURST}\ninterval = \"1h\"", self.policy);
        if self.manner == "socket" {
            let _ = writeln!(text, "[[socket]]\nlisten = \"/run/victim-{}\"", self.name);
        }
        // What is stubborn is killed after it, and has so long to die; a command that mourns has to be done in it.
        let patience = if self.mourned { "10s" } else { "300ms" };
        let _ = writeln!(text, "[stop]\nmode = \"{}\"\ntimeout = \"{patience}\"", self.mode);
        text
    }
}

#[test]
#[ignore = "needs root"]
fn every_type_policy_and_kill_mode() {
    live_and_die(&cases(&TYPES, &POLICIES, false));
}

#[test]
#[ignore = "needs root"]
fn a_command_runs_after_every_life_in_a_group_that_was_killed_too() {
    live_and_die(&cases(&MOURNED, &TWO_POLICIES, true));
}

/// All of them in one guest, from the first start to after the stop.
fn live_and_die(cases: &[Case]) {
    let host = Host::new();
    host.boot("a", &[]);
    let code = fs::read(program("victim")).unwrap();
    host.fief_fed(&["exec", "a", "--", "sh", "-c", "cat > /root/victim && chmod 755 /root/victim"], &code).ok();
    // One file after the other through one pipe: its name, then its text, a form feed behind it.
    let files: String = cases.iter().map(|case| format!("{}\n{}\u{c}", case.name, case.file())).collect();
    let unpack = "mkdir -p /etc/fief/units && cd /etc/fief/units && \
                  awk 'BEGIN { RS = \"\\f\" } /./ { at = index($0, \"\\n\"); f = substr($0, 1, at - 1) \".toml\"; printf \"%s\", substr($0, at + 1) > f; close(f) }'";
    host.fief_fed(&["exec", "a", "--", "sh", "-c", unpack], files.as_bytes()).ok();
    host.sh("a", "fiefctl daemon-reload").ok();

    // Those that fail are meant to.
    all(&host, "start");
    until("all victims are what they must be", || {
        let wrong = differences(&host, cases, Case::fate);
        eprintln!("{} are not yet: {}", wrong.len(), wrong.iter().take(40).map(|line| format!("\n{line}")).collect::<String>());
        wrong.is_empty()
    });

    all(&host, "stop");
    let wrong = differences(&host, cases, Case::fate_when_stopped);
    assert!(wrong.is_empty(), "after the stop:\n{}", wrong.join("\n"));
    let mut wrong = Vec::new();
    for case in cases {
        let left = u32::try_from(host.processes(&format!("a/limit/guest/system.slice/{}.service", case.name)).len()).unwrap();
        // As above: it may have had no time to leave anybody.
        let same = if case.end == End::Never { left <= case.left() } else { left == case.left() };
        if !same {
            wrong.push(format!("{}: {left} processes left, not {}", case.name, case.left()));
        }
    }
    assert!(wrong.is_empty(), "after the stop:\n{}", wrong.join("\n"));
}

/// All victims at once: as many in one request as it holds, side by side.
fn all(host: &Host, verb: &str) {
    let _ = host.sh("a", &format!("cd /etc/fief/units && ls | sed s/.toml$// | xargs -n 400 -P 8 fiefctl {verb}"));
}

/// What is not as it must be, a line for each victim.
fn differences(host: &Host, cases: &[Case], wanted: impl Fn(&Case) -> Fate) -> Vec<String> {
    let lives = host.sh("a", "cd /run/victim && wc -c *-* | awk '{ print $2, $1 }'").said();
    let lives: BTreeMap<&str, u32> =
        lives.lines().filter_map(|line| line.split_once(' ')).filter_map(|(name, count)| Some((name, count.parse().ok()?))).collect();
    let said = host.sh("a", "fiefctl --json list").said();
    let rows: Vec<Value> = serde_json::from_str(&said).unwrap();
    let rows: BTreeMap<&str, &Value> = rows.iter().map(|row| (row["name"].as_str().unwrap(), row)).collect();
    let mut wrong = Vec::new();
    for case in cases {
        let wanted = wanted(case);
        let Some(row) = rows.get(format!("{}.service", case.name).as_str()) else {
            wrong.push(format!("{}: no such unit", case.name));
            continue;
        };
        let result = row["result"].as_str().unwrap_or_default();
        let restarts = row["restarts"].as_u64().unwrap_or(0);
        let active = row["active"].as_str().unwrap_or_default();
        let posts = lives.get(format!("{}.post", case.name).as_str()).copied().unwrap_or(0);
        let lives = lives.get(case.name.as_str()).copied().unwrap_or(0);
        // One whose time is over may not even have come to count its life.
        let same_lives = if case.end == End::Never { lives <= wanted.lives } else { lives == wanted.lives };
        let same_result = if wanted.result.is_empty() { result.is_empty() } else { result.contains(wanted.result) };
        if active != wanted.active || !same_result || restarts != u64::from(wanted.restarts) || !same_lives || posts != wanted.posts {
            wrong.push(format!("{}: {active}, {result:?}, {restarts} restarts, {lives} lives, {posts} posts; not {wanted:?}", case.name));
        }
    }
    wrong
}
