//! `systemctl` as scripts call it, against a real PID 1 and without one; see `support/guest.rs`.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

#[path = "support/guest.rs"]
mod guest;
#[path = "support/want.rs"]
mod want;

use guest::INIT;
use want::{check, check_installed, check_until};

/// Has `systemctl` found by its name, as in a guest.
const CALLED: &str = r#"
mkdir -p /run/bin; ln -s "$(readlink /proc/1/exe)" /run/bin/systemctl; PATH=/run/bin:$PATH
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

/// The forms that deb-systemd-helper, deb-systemd-invoke, invoke-rc.d, service and update-rc.d use.
#[test]
#[ignore = "needs root"]
fn the_forms_of_debians_helpers_are_answered() {
    let socket = "[socket]\nlisten-stream = [\"/run/x.sock\"]\n";
    check_installed(
        &[("stays.toml", STAYS), ("x.socket.toml", socket), ("x.toml", STAYS), ("masked.toml", STAYS)],
        &format!(
            r#"{CALLED}
want 0 systemctl --system daemon-reload
want 0 systemctl show --value --property SourcePath stays; lacks ..
want 0 systemctl -p LoadState show stays.service; says '^LoadState=loaded$'
want 0 systemctl -p LoadState --value show nothing.service; says '^not-found$'
want 0 systemctl -p CanReload show stays; says '^CanReload=yes$'
want 0 systemctl show -p Triggers --value x.socket; says '^x.service$'
want 0 systemctl show -pId,Names,ActiveState,Result,UnitFileState,ExecMainStatus,NeedDaemonReload stays
says '^Id=stays.service$'; says '^Names=stays.service$'; says '^Result=success$'; says '^ExecMainStatus=0$'; says '^NeedDaemonReload=no$'
want 0 systemctl start stays; want 0 systemctl show -P MainPID stays; says '^[1-9][0-9]*$'
want 0 systemctl show -p ActiveEnterTimestamp stays; says '^ActiveEnterTimestamp=[MTWFS][a-z][a-z] 20[0-9-]* [0-9:]* UTC$'
want 0 systemctl show --property=Version; says '^Version=252'; want 0 systemctl show; says '^SystemState=starting$'; says '^NNames=[1-9]'
want 0 systemctl cat stays; says '^# .*/stays.toml$'; want 1 systemctl cat nothing; says '^No files found for nothing.service.$'
want 1 systemctl is-enabled nothing; says '^Failed to get unit file state for nothing.service: No such file or directory$'

cd /usr/lib/systemd/system
printf '[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\nAlias=second.service\n' >one.service
printf '[Service]\nExecStart=/bin/sleep 1000\n' >bare.service
printf '[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\n' >many@.service
want 0 systemctl --root=/ --system --preset-mode=enable-only preset one.service
says '^Created symlink /etc/systemd/system/second.service → .*lib/systemd/system/one.service.$'
says '^Created symlink /etc/systemd/system/multi-user.target.wants/one.service → .*lib/systemd/system/one.service.$'
want 0 systemctl --system is-enabled -- one.service; says '^enabled$'
want 0 systemctl is-enabled second; says '^alias$'; want 0 systemctl --quiet is-enabled one; lacks .
want 0 systemctl --root=/ --quiet disable one; lacks .; want 1 systemctl is-enabled one; says '^disabled$'
want 0 systemctl enable --no-reload one; want 0 systemctl disable one; says '^Removed "/etc/systemd/system/second.service".$'
want 1 systemctl --root=/ preset nothing; says '^Failed to preset unit, unit nothing.service does not exist.$'
want 1 systemctl enable nothing; says '^Failed to enable unit: Unit file nothing.service does not exist.$'
want 0 systemctl enable bare; says '^The unit files have no installation config'; want 0 systemctl is-enabled bare; says '^static$'
want 1 systemctl enable many@; says '^Failed to enable unit: Destination unit multi-user.target is a non-template unit.$'
want 0 systemctl enable many@a; want 0 systemctl disable many@a
want 0 systemctl --runtime mask one; says '^Created symlink /run/systemd/system/one.service → /dev/null.$'
want 1 systemctl is-enabled one; says '^masked-runtime$'; want 1 systemctl start one; says '^Failed to start one.service: Unit one.service is masked.$'
want 0 systemctl -p LoadState show one; says '^LoadState=masked$'
want 0 systemctl stop one; want 3 systemctl is-active one; want 0 systemctl stop systemd-udevd-control.socket systemd-udevd-kernel.socket
want 0 systemctl --runtime unmask one; want 0 systemctl mask nothing; says '^Unit nothing.service does not exist, proceeding anyway.$'
want 0 systemctl unmask nothing; says '^Removed "/etc/systemd/system/nothing.service".$'
want 0 systemctl start bare; want 0 systemctl --runtime mask bare; want 0 systemctl is-active bare
want 0 systemctl stop bare; want 3 systemctl is-active bare
want 0 systemctl --runtime unmask bare
want 0 systemctl start bare; want 0 systemctl --runtime mask bare; want 1 systemctl start bare; says '^Failed to start bare.service: Unit bare.service is masked.$'
want 0 systemctl show -p LoadState,ActiveState,FragmentPath bare; says '^LoadState=masked$'; says '^ActiveState=active$'
want 0 systemctl stop bare; want 1 systemctl start bare; says 'Unit bare.service is masked.$'; want 0 systemctl --runtime unmask bare
printf '[Service]\nExecStart=/bin/sleep 1000\n' >brief.service; want 0 systemctl start brief; rm brief.service
want 0 systemctl daemon-reload; want 0 systemctl is-active brief; want 5 systemctl restart brief; says 'Unit brief.service not found.$'
want 0 systemctl status brief; says 'Loaded: not-found (Reason: Unit brief.service not found.)'
want 0 systemctl stop brief; want 4 systemctl status brief; says '^Unit brief.service could not be found.$'
printf '[Unit]\nDescription=The one of %%i\n[Service]\nExecStart=/bin/sleep 1000\nSlice=lot-%%i.slice\n' >lot@.service; want 0 systemctl daemon-reload
want 3 systemctl status lot@a; says '^○ lot@a.service - The one of a$'; says 'Loaded: loaded (.*/lot@.service; static)'; lacks changed
want 0 systemctl start lot@a lot@b; want 0 systemctl show -p LoadState lot-a.slice; says '^LoadState=loaded$'
want 0 systemctl stop lot-a.slice; want 3 systemctl is-active lot@a; want 0 systemctl is-active lot@b
want 0 systemctl stop lot.slice; want 3 systemctl is-active lot@b; want 0 systemctl stop never.slice
want 0 systemctl enable --now one; want 0 systemctl is-active one; want 0 systemctl disable --now one; want 3 systemctl is-active one
want 0 systemctl add-wants multi-user bare; want 0 systemctl disable bare
want 0 systemctl get-default; says '^multi-user.target$'
want 0 systemctl start many@b; want 0 systemctl is-active many@b; want 0 systemctl -p LoadState show many@c; says '^LoadState=loaded$'
printf '[Service]\nExecStart=/bin/sleep 1000\n' >fresh.service; want 0 systemctl start fresh
"#
        ),
    );
}

#[test]
#[ignore = "needs root"]
fn lists_and_states_are_as_scripts_read_them() {
    let fails = "[service]\ntype = \"oneshot\"\ncommand = [\"/bin/sh\", \"-c\", \"exit 3\"]\n[restart]\npolicy = \"no\"\n";
    let often = "[timer]\non-boot-sec = \"1h\"\nunit = \"stays.service\"\n";
    check_installed(
        &[
            ("stays.toml", STAYS),
            ("fails.toml", fails),
            ("often.timer.toml", often),
            ("x.socket.toml", "[socket]\nlisten-stream = [\"/run/x.sock\"]\n"),
            ("x.toml", STAYS),
            ("many@.toml", STAYS),
            ("top.target.toml", "wants = [\"stays\", \"x.socket\"]\n"),
        ],
        &format!(
            r#"{CALLED}
want 0 systemctl start top.target often.timer many@a many@b; want 1 systemctl start fails
want 0 systemctl list-units; says '^  UNIT  *LOAD  *ACTIVE  *SUB  *'; says '^  stays.service  *loaded  *active  *running  *.*a thing that stays$'
says '^● fails.service  *loaded  *failed  *failed '; says 'loaded units listed. Pass --all'; lacks '^  x.service'
want 0 systemctl list-units --no-legend 'many@*'; says '^  many@a.service loaded active running '; lacks 'stays.service'; lacks LOAD
want 0 systemctl --plain --no-legend --failed; says '^fails.service loaded failed failed '; lacks stays
want 0 systemctl list-units --all --type=service; says '^  x.service  *loaded  *inactive  *dead'; lacks top.target
want 0 systemctl list-units -o json --state=listening; says '"unit":"x.socket","load":"loaded","active":"active","sub":"listening"'
want 0 systemctl list-unit-files --full --type=socket; says '^UNIT FILE  *STATE  *PRESET'; says '^x.socket  *static  *-'; says '^4 unit files listed.$'
want 1 systemctl list-unit-files --no-legend nothing.service; lacks .
want 0 systemctl list-timers; says '^20\|^[MTWFS].. 20.* left  *-  *-  *often.timer  *stays.service$'; says '^1 timers listed.$'
want 0 systemctl list-sockets --no-legend; says '^/run/x.sock x.socket x.service$'
want 0 systemctl list-jobs; says test.service
want 0 systemctl list-dependencies top.target; says '^top.target$'; says '^● ├─stays.service$'; says '^● └─x.socket$'
want 0 systemctl list-dependencies --reverse --plain stays; says '^  top.target$'
want 0 systemctl status stays.service --full --no-pager; says '^● stays.service - a thing that stays$'
says '^     Loaded: loaded (/etc/fief/units/stays.toml; static)$'
says '^     Active: active (running) since [MTWFS].. 20.*; .* ago$'; says '^   Main PID: [0-9]* (sh)$'; says '^     CGroup: /system.slice/stays.service$'
says '^             └─[0-9]* '; says ' fief-init\[1\]: started stays$'
want 3 systemctl status fails; says '^× fails.service'; says '^     Active: failed (Result: exit-code) since '; says '^   Main PID: (code=exited, status=3)$'
want 4 systemctl status nothing; says '^Unit nothing.service could not be found.$'
want 0 systemctl status x.socket often.timer; says '^   Triggers: ○ x.service$'; says '^    Trigger: .* left$'
want 0 systemctl status $(systemctl show -P MainPID stays); says '^● stays.service'
want 0 systemctl status; says '^    State: starting$'; says '^   CGroup: /$'; says 'stays.service$'
want 0 systemctl show -p Result,ExecMainStatus,SubState fails; says '^Result=exit-code$'; says '^ExecMainStatus=3$'
want 0 systemctl stop x.service x.socket; want 0 systemctl start x.socket x.service; want 0 systemctl stop x
says '^Warning: Stopping x.service, but it can still be activated by:$'; says '^  x.socket$'
"#
        ),
    );
}

#[test]
#[ignore = "needs root"]
fn units_are_changed_and_the_system_ends() {
    let text = format!(
        r#"{CALLED}
printf '[Service]\nExecStart=/bin/sleep 1000\n' >/usr/lib/systemd/system/one.service; systemctl daemon-reload
want 0 systemctl start one; want 0 systemctl set-property --runtime one.service MemoryMax=64M TasksMax=10
want 0 systemctl show -p MemoryMax one; says '^MemoryMax=67108864$'
want 1 systemctl set-property nothing MemoryMax=1G; says '^Failed to set unit properties on nothing.service: Unit nothing.service not found.$'
want 1 systemctl set-property one Nonsense=1
mkdir -p /etc/systemd/system/one.service.d; printf '[Unit]\nDescription=changed\n' >/etc/systemd/system/one.service.d/a.conf
want 0 systemctl start one; says '^Warning: The unit file, source configuration file or drop-ins of one.service changed on disk.'
want 0 systemctl show -p NeedDaemonReload one; says yes
want 0 systemctl daemon-reload; want 0 systemctl show -p Description --value one; says '^changed$'
want 0 systemctl revert one; says '^Removed "/etc/systemd/system/one.service.d/a.conf".$'; says '^Removed "/etc/systemd/system/one.service.d".$'
want 0 systemctl show -p Description --value one; says '^one.service$'
want 0 env SYSTEMD_EDITOR="printf '[Unit]\nDescription=edited\n' >" systemctl edit one; want 0 systemctl show -p Description --value one; says '^edited$'
want 0 systemctl show-environment; says '^PATH=/'; want 0 systemctl log-level; says '^info$'; want 1 systemctl suspend
want 0 systemctl reboot --dry-run; want 1 systemctl exit x; says '^Invalid exit code.$'
want 1 systemctl set-default nothing; says '^Failed to set default target: Unit file nothing.target does not exist.$'
want 0 systemctl set-default multi-user; says '^Created symlink /etc/fief/units/default.target.toml → /etc/fief/units/multi-user.target.toml.$'
want 0 systemctl get-default; says '^multi-user.target$'
want 0 systemctl --no-wall reboot; lacks .; sleep 1000
"#
    );
    let boot = check_until(&[], &text, guest::REBOOTED);
    boot.does_not_show("WRONG");
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

/// A service that is given what all are given, and says so; one that never comes up, so that its job stays.
#[test]
#[ignore = "needs root"]
fn what_is_set_for_all_is_kept_over_another_program_and_a_job_can_be_called_off() {
    let env = "[service]\ntype = \"oneshot\"\ncommand = [\"/bin/sh\", \"-c\", \"echo $SHOP >/run/shop\"]\n";
    let never = "[service]\ntype = \"notify\"\nstart-timeout = \"1h\"\ncommand = [\"/bin/sleep\", \"1000\"]\n";
    let keeps = "[service]\ncommand = [\"/bin/sleep\", \"1000\"]\n[directories]\ncache = [\"keeps\"]\n";
    check(
        &[("env.toml", env), ("never.toml", never), ("keeps.toml", keeps)],
        &format!(
            r#"{CALLED}
want 0 systemctl set-environment 'SHOP=of cheese' OTHER=1; want 0 systemctl unset-environment OTHER
want 1 systemctl set-environment 1X=1; says "Invalid environment assignments"
want 0 systemctl daemon-reexec; want 0 systemctl show-environment; says "^SHOP=.'of cheese'"; lacks OTHER
want 0 systemctl start env; want 0 cat /run/shop; says '^of cheese$'
FROM_HERE=x want 0 systemctl import-environment FROM_HERE NOT_THERE; says 'NOT_THERE not set, ignoring'
want 0 systemctl show-environment; says '^FROM_HERE=x$'
want 0 systemctl --no-block start never; want 0 systemctl list-jobs --no-legend; says 'never.service *start *running'
systemctl start never 2>/run/waits & waits=$!
until [ "$(systemctl show -p Job --value never)" -gt 0 ]; do :; done
want 4 systemctl --job-mode=fail stop never; says 'is destructive'
want 0 systemctl cancel "$(systemctl show -p Job --value never)"; wait $waits && echo 'WRONG: it did not hear of it'
want 0 grep 'canceled' /run/waits; want 1 systemctl cancel 4711; says 'Job 4711 does not exist'
want 0 systemctl list-jobs; lacks never; want 0 systemctl stop never
want 1 systemctl kill --kill-whom=main env; want 1 systemctl kill --kill-whom=control keeps
want 0 systemctl start keeps; want 1 systemctl clean keeps; says 'not inactive'
want 0 systemctl stop keeps; want 0 test -d /var/cache/keeps; want 0 systemctl clean keeps; want 1 test -d /var/cache/keeps
"#
        ),
    );
}
