//! `systemctl` as scripts call it, against a real PID 1 and without one; see `support/guest.rs`.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

#[path = "support/guest.rs"]
mod guest;
#[path = "support/want.rs"]
mod want;

use guest::INIT;
use want::check;

/// Has `systemctl` found by its name, as in a guest.
const CALLED: &str = r#"
mkdir -p /run/bin; printf '#!/bin/sh\nexec %s systemctl "$@"\n' "$(readlink /proc/1/exe)" >/run/bin/systemctl; chmod +x /run/bin/systemctl
PATH=/run/bin:$PATH
"#;

const STAYS: &str = "description = \"a thing that stays\"\n[service]\ncommand = [\"/bin/sh\", \"-c\", \"trap : USR1; while :; do sleep 1000 & wait $!; done\"]\nexec-reload = [\"/bin/true\"]\n";

#[test]
#[ignore = "needs root"]
fn jobs_have_the_exit_codes_that_scripts_know() {
    let fails = "[service]\ntype = \"oneshot\"\ncommand = [\"/bin/false\"]\n[restart]\npolicy = \"no\"\n";
    let plain = "[service]\ncommand = [\"/bin/sleep\", \"1000\"]\n";
    let brief = "[service]\ncommand = [\"/bin/sleep\", \"0.3\"]\n[restart]\npolicy = \"no\"\n";
    check(
        &[
            ("stays.toml", STAYS),
            ("fails.toml", fails),
            ("plain.toml", plain),
            ("brief.toml", brief),
            ("top.target.toml", "wants = [\"plain\"]\n"),
        ],
        &format!(
            r#"{CALLED}
want 0 systemctl --version; says '^systemd 252 (252'; says '^+PAM .*default-hierarchy='
want 5 systemctl start nothing; says "Failed to start nothing.service: Unit nothing.service not found."
want 5 systemctl stop nothing; says "Failed to stop nothing.service: Unit nothing.service not loaded."
want 3 systemctl is-active stays; says '^inactive$'
want 3 systemctl --quiet --system is-active -- stays; lacks .
want 3 systemctl is-active nothing; says '^inactive$'
want 1 systemctl is-failed nothing stays; says '^inactive$'
want 0 systemctl try-restart stays.service; want 3 systemctl -q is-active stays
want 0 systemctl --quiet --system start stays.service plain.service; lacks .
want 0 systemctl is-active stays nothing; says '^active$'
want 0 systemctl reload stays; want 0 systemctl force-reload stays plain; want 0 systemctl reload-or-restart stays
want 3 systemctl reload plain; says "Job type reload is not applicable for unit plain.service."
want 0 systemctl kill --signal=USR1 stays.service; want 0 systemctl --signal=KILL --kill-who=main kill plain
want 1 systemctl kill -s HUP nothing; says "Failed to kill unit nothing.service: Unit nothing.service not loaded."
want 1 systemctl -s FOO kill stays; says 'Failed to parse signal string "FOO".'
want 1 systemctl start fails; says "Job for fails.service failed because the control process exited with error code."
says 'See "systemctl status fails.service" and "journalctl -xeu fails.service" for details.'
want 0 systemctl is-failed fails; says '^failed$'
want 1 systemctl is-system-running; says '^starting$'
want 0 systemctl reset-failed fails.service; want 1 systemctl is-failed fails
want 1 systemctl reset-failed nothing; says "Unit nothing.service not loaded."
want 0 systemctl restart 'stay*'; want 0 systemctl stop 'nothing-*'
want 0 systemctl freeze stays; want 0 systemctl thaw stays
want 0 systemctl --no-block restart stays; want 0 systemctl start --wait brief; want 3 systemctl is-active brief
want 0 systemctl stop stays.service plain; want 3 systemctl is-active stays
want 0 systemctl start top.target; want 0 systemctl is-active plain
want 4 timeout 20 systemctl isolate top; says "Operation refused, unit may not be isolated."
want 0 systemctl --system daemon-reload; lacks .
want 0 systemctl daemon-reexec; want 0 systemctl is-active top.target
"#
        ),
    );
}

#[test]
#[ignore = "needs root"]
fn what_is_not_understood_is_told_as_getopt_tells_it() {
    check(
        &[],
        &format!(
            r#"{CALLED}
want 1 systemctl frob; says '^Unknown command verb frob.$'
want 1 systemctl start; says '^Too few arguments.$'
want 1 systemctl isolate a b; says '^Too many arguments.$'
want 1 systemctl --frob; says "^systemctl: unrecognized option '--frob'$"
want 1 systemctl -p; says "option requires an argument -- 'p'$"
want 1 systemctl -y; says "invalid option -- 'y'$"
want 1 systemctl --no-reload=3; says "option '--no-reload' doesn't allow an argument$"
want 1 systemctl --type=foo; says "^Unknown unit type or load state 'foo'.$"
want 0 systemctl -t help; says '^socket$'
want 1 systemctl -n -1 is-active x; says "^Failed to parse lines '-1'$"
want 1 systemctl --root=/ is-active x; says "^Verb 'is-active' cannot be used with --root= or --image=.$"
want 1 systemctl --user is-active x; says 'Failed to connect to bus: No medium found'
want 3 systemctl --no-pag --sys is-active x
want 0 systemctl --help; says 'is-active PATTERN...'
"#
        ),
    );
}

/// Not even a namespace is needed: there is no init of ours here.
#[test]
fn without_our_init_what_needs_it_says_so() {
    let run = |words: &[&str]| {
        let output = std::process::Command::new(INIT).arg("systemctl").args(words).env_remove("SYSTEMD_OFFLINE").output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let told = "System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: Host is down\n";
    for words in [&["start", "x"][..], &["is-active", "x"], &["daemon-reload"], &["-q", "stop", "x"]] {
        assert_eq!(run(words), (Some(1), String::new(), told.to_owned()), "{words:?}");
    }
    assert_eq!(run(&["is-system-running"]), (Some(1), "offline\n".to_owned(), String::new()));
    let output = std::process::Command::new(INIT).args(["systemctl", "start", "x"]).env("SYSTEMD_OFFLINE", "1").output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), b"Running in chroot, ignoring command 'start'\n".to_vec()));
}
