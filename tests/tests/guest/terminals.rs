//! exec, enter and console at a terminal, and what becomes of a program whose `fief exec` goes away.

use std::process::Stdio;

use tests::{Given, Host, Seat, until};

#[test]
#[ignore = "needs root"]
fn a_terminal_inside_is_the_guests_own() {
    let host = Host::new();
    host.boot("a", &[]);
    let script = "tty; stty size; test -t 2 && echo all; stat -L -c device=%d /proc/self/fd/0; stat -L -c %U:%G /dev/pts/1; exit 9";
    let seat = Seat::new(&host, Given::All, &["exec", "a", "-u", "nobody", "--", "sh", "-c", script]);
    let outside = seat.device();
    let (code, seen) = seat.end();
    assert_eq!(code, 9, "{seen}");
    let lines: Vec<&str> = seen.lines().collect();
    assert_eq!((lines[0], lines[1], lines[2], lines[4]), ("/dev/pts/1", "33 77", "all", "nobody:tty"), "{seen}");
    assert_ne!(lines[3], format!("device={outside}"));
}

#[test]
#[ignore = "needs root"]
fn a_login_shell_has_keys_signals_and_sizes() {
    let host = Host::new();
    host.boot("a", &[]);
    let mut seat = Seat::new(&host, Given::All, &["enter", "a"]);
    seat.type_in("echo $((40 + 2)) $0\r");
    seat.expect("42 -");
    assert!(seat.is_raw());
    seat.type_in("trap 'echo now $(stty size)' WINCH; echo $((50 + 1))\r");
    seat.expect("51");
    seat.resize(40);
    seat.expect("now 40 77");
    // Said by the job itself, which by then has the terminal.
    seat.type_in("sh -c 'echo $((60 + 1)); exec sleep 600'\r");
    seat.expect("61\n");
    // The key and not a signal to fief: the guest's terminal makes it one.
    seat.type_in("\u{3}");
    seat.type_in("echo $((70 + 1)); exit 3\r");
    seat.expect("71");
    assert_eq!(seat.end().0, 3);
    // And without a terminal it reads what it is to do.
    let piped = host.fief_fed(&["enter", "a", "--user", "nobody"], b"");
    assert_ne!(piped.code, 125, "{piped}");
    assert_eq!(host.fief_fed(&["enter", "a"], b"echo $0 $HOME\nexit 4\n").stdout.trim_start_matches('-'), "bash /root\n");
}

#[test]
#[ignore = "needs root"]
fn no_terminal_of_the_hosts_goes_in() {
    let host = Host::new();
    host.boot("a", &[]);
    let script = "for n in 0 1 2; do test -t $n && echo terminal $n; done; (: < /dev/tty) 2>/dev/null && echo controlled; readlink /proc/self/fd/*; true";
    for given in [Given::Output, Given::Input] {
        let (code, seen) = Seat::new(&host, given, &["exec", "a", "--", "sh", "-c", script]).end();
        assert_eq!(code, 0, "{given:?} {seen}");
        assert!(seen.contains("pipe:"), "{given:?} {seen}");
        assert!(!seen.contains("terminal") && !seen.contains("controlled") && !seen.contains("pts"), "{given:?} {seen}");
    }
    // What is typed arrives all the same, and so does its end.
    let mut seat = Seat::new(&host, Given::Input, &["exec", "a", "--", "cat"]);
    seat.type_in("typed\r\u{4}");
    assert_eq!(seat.end(), (0, "typed\n".into()));
}

#[test]
#[ignore = "needs root"]
fn much_output_comes_whole_to_a_terminal() {
    let host = Host::new();
    host.boot("a", &[]);
    let (code, seen) = Seat::new(&host, Given::All, &["exec", "a", "--", "seq", "1", "30000"]).end();
    let all: String = (1..=30000).map(|n| format!("{n}\n")).collect();
    assert_eq!((code, seen.len()), (0, all.len()));
    assert!(seen == all);
}

/// Whether a program inside has this word in its command line.
fn runs(host: &Host, word: &str) -> bool {
    host.sh("a", &format!("cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -q '[{}]{}'", &word[..1], &word[1..])).code == 0
}

#[test]
#[ignore = "needs root"]
fn a_program_goes_with_its_exec() {
    let host = Host::new();
    host.boot("a", &[]);
    let begin = |words: &[&str]| {
        let mut all = vec!["exec", "a"];
        all.extend(words);
        let child = host.fief_command(&all).stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        until("it runs", || runs(&host, words.last().unwrap()));
        child
    };
    for (signal, word, code) in [("TERM", "60001", 143), ("HUP", "60002", 129), ("INT", "60003", 130)] {
        let mut child = begin(&["-u", "nobody", "--", "sleep", word]);
        host.network(&["kill", &format!("-{signal}"), &child.id().to_string()]).ok();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
    }
    for words in [&["--", "sleep", "60004"][..], &["-u", "nobody", "--", "sleep", "60005"]] {
        let mut child = begin(words);
        child.kill().unwrap();
        child.wait().unwrap();
        until("the program inside is gone", || !runs(&host, words.last().unwrap()));
    }
    // The program's own way to end counts.
    let script = "trap 'exit 5' TERM; echo ready > /run/ready; while :; do sleep 0.05; done";
    let mut child = host.fief_command(&["exec", "a", "--", "sh", "-c", script]).spawn().unwrap();
    until("the trap is set", || host.sh("a", "cat /run/ready").code == 0);
    host.network(&["kill", "-TERM", &child.id().to_string()]).ok();
    assert_eq!(child.wait().unwrap().code(), Some(5));
}

#[test]
#[ignore = "needs root"]
fn a_frozen_guest_is_told_of_and_not_waited_for() {
    let host = Host::new();
    host.boot("a", &[]);
    host.fief(&["freeze", "a"]).ok();
    host.fief(&["exec", "a", "--", "true"]).refused(6, &["frozen", "fief thaw a"]);
    host.fief(&["thaw", "a"]).ok();
    host.sh("a", "true").ok();
}

#[test]
#[ignore = "needs root"]
fn users_are_the_guests_and_numbers_are_numbers() {
    let host = Host::new();
    host.boot("a", &[]);
    host.sh("a", "echo 'me:x:1234:4321::/nowhere:/bin/sh' >> /etc/passwd; echo 'us:x:77:me' >> /etc/group").ok();
    let id = |user: &str| host.fief(&["exec", "a", "-u", user, "--", "sh", "-c", "echo $(id -u) $(id -G) $HOME $PWD"]);
    assert_eq!(id("me").said(), "1234 4321 77 /nowhere /\n");
    assert_eq!(id("1234").said(), "1234 4321 77 /nowhere /\n");
    assert_eq!(id("me:us").said(), "1234 77 /nowhere /\n");
    assert_eq!(id("5555").said(), "5555 5555 / /\n");
    for user in ["0x0", "+0", "-1", "4294967295", "65536", "", "00", "nobody-here", "me:nogroup-here"] {
        host.fief(&["exec", "a", &format!("--user={user}"), "--", "id"]).refused(3, &["finding the user"]);
    }
    host.fief(&["exec", "a", "-w", "/nowhere", "--", "id"]).refused(3, &["/nowhere"]);
    // A guest's home may lead to a descriptor of ours, if it could (CVE-2024-21626).
    host.sh("a", "for n in 3 4 5 6 7 8 9 10 11 12; do echo \"fd$n:x:2000:2000::/proc/self/fd/$n:/bin/sh\" >> /etc/passwd; done").ok();
    for n in 3..=12 {
        assert_eq!(host.fief(&["exec", "a", "-u", &format!("fd{n}"), "--", "readlink", "/proc/self/cwd"]).said(), "/\n");
        let dir = format!("/proc/self/fd/{n}");
        host.fief(&["exec", "a", "-w", &dir, "--", "ls"]).refused(3, &["working directory"]);
    }
    // Nor does a link of the guest's lead to the host's users.
    host.sh("a", "rm /etc/passwd; ln -s /proc/1/root/../../../../etc/passwd /etc/passwd").ok();
    host.fief(&["exec", "a", "-u", "me", "--", "id"]).refused(125, &["finding the user"]);
    // And root gets in whatever it made of them.
    assert_eq!(host.sh("a", "echo in").said(), "in\n");
}

#[test]
#[ignore = "needs root"]
fn the_console_is_there_before_the_boot_and_over_a_reboot() {
    let host = Host::new();
    host.fief(&["create", "a"]).ok();
    let mut seat = Seat::new(&host, Given::All, &["console", "a"]);
    seat.expect("waiting for it to start; Ctrl-] detaches");
    host.fief(&["start", "a"]).ok();
    seat.expect("attached to a");
    seat.expect("fief-init");
    until("the console has the terminal's size", || host.sh("a", "stty size < /dev/console").stdout == "33 77\n");
    seat.resize(20);
    until("the console has the new size", || host.sh("a", "stty size < /dev/console").stdout == "20 77\n");
    host.sh("a", "echo first boot > /dev/console").ok();
    seat.expect("first boot");
    let boots = host.boot_count("a");
    drop(host.fief(&["exec", "a", "--", "/run/host/fief/bin/reboot"]));
    until("it is back", || host.boot_count("a") == boots + 1 && host.record("a")["ready"] == true);
    host.sh("a", "echo second boot > /dev/console").ok();
    seat.expect("second boot");
    seat.type_in("\u{1d}");
    assert_eq!(seat.end().0, 0);

    // It ends with the container, and the key works while nothing runs.
    let seat = Seat::new(&host, Given::All, &["console", "a"]);
    seat.expect("attached to a");
    host.fief(&["stop", "a"]).ok();
    let (code, seen) = seat.end();
    assert_eq!(code, 0);
    assert!(seen.ends_with("[fief: a has ended]\n"), "{seen}");
    let mut seat = Seat::new(&host, Given::All, &["console", "a"]);
    seat.expect("waiting for it to start");
    seat.type_in("\u{1d}");
    assert_eq!(seat.end().0, 0);
}

#[test]
#[ignore = "needs root"]
fn who_goes_in_runs_from_a_sealed_copy() {
    let host = Host::new();
    host.boot("a", &[]);
    let mut child = host.fief_command(&["exec", "a", "--", "cat"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    until("it runs", || runs(&host, "cat"));
    let exe = std::fs::read_link(format!("/proc/{}/exe", child.id())).unwrap();
    assert!(exe.to_str().unwrap().starts_with("/memfd:fief"), "{exe:?}");
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    // A mark in the environment does not pass for a seal.
    let mut marked = host.fief_command(&["exec", "a", "--", "true"]);
    marked.env("FIEF_SEALED", "1");
    tests::finish(marked, b"").refused(10, &["not sealed"]);
}

#[test]
#[ignore = "needs root"]
fn exec_meets_a_rebooting_guest_and_never_hangs() {
    let host = Host::new();
    host.boot("a", &[]);
    for _ in 0..3 {
        let boots = host.boot_count("a");
        drop(host.fief(&["exec", "a", "--", "/run/host/fief/bin/reboot"]));
        until("it is back", || {
            let met = host.fief(&["exec", "a", "--", "test", "-e", "/run/host/fief/fief-init"]);
            // In, or in a guest whose /usr was just then unmounted, or killed with it, or told that it is not there.
            assert!(matches!(met.code, 0 | 6 | 125 | 127 | 137), "{met}");
            host.boot_count("a") > boots && host.record("a")["ready"] == true
        });
    }
}
