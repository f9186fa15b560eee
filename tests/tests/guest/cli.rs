//! What scripts rely on: exit codes, pipes, JSON.

use serde_json::Value;
use tests::Host;

#[test]
#[ignore = "needs root"]
fn exec_passes_codes_and_pipes_through() {
    let host = Host::new();
    host.boot("a", &[]);
    assert_eq!(host.sh("a", "exit 7").code, 7);
    assert_eq!(host.sh("a", "kill -9 $$").code, 128 + 9);
    assert_eq!(host.fief(&["exec", "a", "--", "/etc/hostname"]).code, 126);
    assert_eq!(host.fief(&["exec", "a", "--", "no-such-program"]).code, 127);

    // Every byte, and more than a pipe holds.
    let all: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    let counted = host.fief_fed(&["exec", "a", "--", "sh", "-c", "od -An -v -tu1 | tr -s ' ' '\\n' | grep -c ."], &all);
    assert_eq!(counted.said().trim(), (1 << 20).to_string());
    let both = host.sh("a", "echo out; echo err >&2");
    assert_eq!((both.stdout.as_str(), both.stderr.as_str()), ("out\n", "err\n"));

    assert_eq!(host.fief(&["exec", "a", "-w", "/usr/share", "--", "pwd"]).said(), "/usr/share\n");
    assert_eq!(host.fief(&["exec", "a", "-e", "WORD=two words", "--", "sh", "-c", "echo $WORD"]).said(), "two words\n");
    let user = host.fief(&["exec", "a", "-u", "nobody", "--", "sh", "-c", "id -un; id -G; grep CapEff /proc/self/status"]).said();
    assert!(user.starts_with("nobody\n"), "{user}");
    assert!(user.contains("CapEff:\t0000000000000000"), "{user}");
}

#[test]
#[ignore = "needs root"]
fn listings_are_json() {
    let host = Host::new();
    assert_eq!(host.fief(&["list", "--json"]).json(), Value::Array(Vec::new()));
    host.fief(&["create", "down"]).ok();
    host.boot("up", &["--memory", "256M", "--procs", "200"]);
    let list = host.fief(&["list", "--json"]).json();
    let names: Vec<&str> = list.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["down", "up"]);
    assert_eq!((host.state("down").as_str(), host.state("up").as_str()), ("stopped", "running"));
    let address = host.address("up").to_string();
    assert!(host.entry("up").unwrap()["addresses"].to_string().contains(&address));
    let shown = host.fief(&["show", "up", "--json"]).json();
    assert_eq!(shown["name"], "up");
    let table = host.fief(&["list"]).said();
    assert!(table.contains("up") && table.contains("running") && !table.contains('\u{1b}'), "{table}");
    host.fief(&["show", "nope"]).refused(4, &["nope"]);
}

#[test]
#[ignore = "needs root"]
fn logs_have_the_console() {
    let host = Host::new();
    host.boot("a", &[]);
    host.sh("a", "echo a word on the console > /dev/console").ok();
    tests::until("the console's line is in the log", || host.fief(&["logs", "a"]).said().contains("a word on the console"));
}

#[test]
#[ignore = "needs root"]
fn run_makes_uses_and_removes() {
    let host = Host::new();
    let outcome = host.fief(&["run", "--rm", "--name", "once", "--", "sh", "-c", "hostname; exit 9"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (9, "once\n"), "{outcome}");
    assert_eq!(host.state("once"), "absent");
    host.assert_clean();
}

#[test]
#[ignore = "needs root"]
fn fiefctl_speaks_inside() {
    let host = Host::new();
    host.boot("a", &[]);
    let list = host.fief(&["exec", "a", "--", "fiefctl", "list"]).said();
    assert!(list.lines().count() > 2, "{list}");
    assert!(!list.contains("failed"), "{list}");
    host.fief(&["exec", "a", "--", "fiefctl", "account"]).ok();
    host.fief(&["exec", "a", "--", "fiefctl", "logs", "setup-hostname"]).ok();
    assert_eq!(host.fief(&["exec", "a", "--", "fiefctl", "logs", "no-such-unit"]).code, 4);
    assert_eq!(host.sh("a", "fiefctl list > /dev/full").code, 1);
    // Looking is for everyone, acting is root's.
    host.fief(&["exec", "a", "-u", "nobody", "--", "fiefctl", "list"]).ok();
    assert_ne!(host.fief(&["exec", "a", "-u", "nobody", "--", "fiefctl", "poweroff"]).code, 0);
    assert_eq!(host.state("a"), "running");
}

#[test]
#[ignore = "needs root"]
fn several_at_a_time() {
    let host = Host::new();
    for name in ["a", "b", "c"] {
        host.fief(&["create", name, "--network", "none"]).ok();
    }
    host.fief(&["start", "a", "b"]).ok();
    assert_eq!(host.fief(&["list", "-q"]).said(), "a\nb\nc\n");
    assert_eq!(host.fief(&["list", "-q", "--running"]).said(), "a\nb\n");
    // One that fails keeps no other from it; the first failure gives the code, each has its line.
    let mixed = host.fief(&["start", "nope", "a", "c"]);
    assert_eq!((mixed.code, mixed.stderr.lines().count()), (4, 2), "{mixed}");
    host.fief(&["stop", "--all", "--fast"]).ok();
    for name in ["a", "b", "c"] {
        assert_eq!(host.state(name), "stopped");
    }
    host.fief(&["destroy", "a", "b", "c"]).ok();
    host.assert_clean();
}

#[test]
#[ignore = "needs root"]
fn run_finds_init_beside_the_program_and_needs_no_terminal() {
    let host = Host::new();
    let settings = host.settings();
    let settings: String = settings.lines().filter(|line| !line.starts_with("init")).map(|line| format!("{line}\n")).collect();
    std::fs::write(host.path("/etc/fief/fief.toml"), settings).unwrap();
    host.fief(&["run", "--rm", "--name", "once", "--network", "none"]).ok();
    assert_eq!(host.fief(&["run", "--rm", "--network", "none", "--", "sh", "-c", "exit 3"]).code, 3);
    host.assert_clean();
}

#[test]
#[ignore = "needs root"]
fn an_interrupted_run_leaves_nothing() {
    let host = Host::new();
    // At whatever moment it is hit: before there is a container, while it is born, while the program runs.
    for moment in [5, 15, 30, 50, 80, 120, 200, 400, 800] {
        let mut child = host.fief_command(&["run", "--rm", "--network", "none", "--", "sleep", "1000"]).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(moment));
        assert!(std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
        let _ = child.wait().unwrap();
        assert_eq!(host.fief(&["list", "-q"]).said(), "", "hit after {moment} ms");
    }
    host.assert_clean();
}

#[test]
#[ignore = "needs root"]
fn what_is_being_born_can_be_ended() {
    let host = Host::new();
    host.fief(&["create", "a", "--network", "none"]).ok();
    for verb in ["stop", "kill"] {
        for moment in [0, 5, 20, 60] {
            let mut start = host.fief_command(&["start", "a"]).spawn().unwrap();
            std::thread::sleep(std::time::Duration::from_millis(moment));
            let ended = host.fief(&[verb, "a"]);
            // Hit before there was anything: then it starts.
            assert!([0, 6].contains(&ended.code), "{verb} after {moment} ms: {ended}");
            let _ = start.wait().unwrap();
            if ended.code == 6 {
                host.fief(&["kill", "a"]).ok();
            }
            assert_eq!(host.state("a"), "stopped", "{verb} after {moment} ms");
        }
    }
    host.fief(&["destroy", "a"]).ok();
    host.assert_clean();
}

#[test]
#[ignore = "needs root"]
fn exec_needs_no_dashes() {
    let host = Host::new();
    host.boot("a", &["--network", "none"]);
    assert_eq!(host.fief(&["exec", "-w", "/usr", "a", "sh", "-c", "pwd; exit 0"]).said(), "/usr\n");
    assert_eq!(host.fief(&["start", "--dry-run", "a"]).said().matches("CloneFlags").count(), 0);
}
