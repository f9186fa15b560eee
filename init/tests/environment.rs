//! What processes are told in their environment, by a PID 1 that runs; systemd.exec(5), "Environment Variables in Spawned Processes".
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

#[path = "support/guest.rs"]
mod guest;

use guest::{POWERED_OFF, boot, script};

/// What the services say, and why they can.
const ROWS: &[&str] = &[
    // How it went, to the last commands and to who is started for it.
    "falls: after exit-code exited 7",
    "mourns: before falls.service exit-code exited 7 same",
    "mourns: main falls.service exit-code exited 7 same",
    "mourns: after none",
    "cheers: main ends.service success exited 0 same",
    // Two name it, one of them started it.
    "either: main killed.service signal killed KILL same",
    "timed: elapsed soon.timer within",
    "found: came waits.path /run/came",
    "plain: none none",
    // Nobody listens for what would be said to the log with its fields.
    "journal none",
];

#[test]
#[ignore = "needs root"]
fn processes_are_told_what_their_unit_was_started_for() {
    let told = "echo $0 ${MONITOR_UNIT:-none} $MONITOR_SERVICE_RESULT $MONITOR_EXIT_CODE $MONITOR_EXIT_STATUS \
                $(test x$MONITOR_INVOCATION_ID = x$(cat /run/id-$MONITOR_UNIT 2>/dev/null) && test -n \"$MONITOR_UNIT\" && echo same)";
    let falls = |name: &str, others: &str, end: &str, more: &str| {
        let main = format!("echo $INVOCATION_ID > /run/id-{name}.service; {end}");
        format!("[Unit]\n{others}\n[Service]\nType=oneshot\nExecStart=/bin/sh -c '{}'\n{more}\n", main.replace('$', "$$"))
    };
    let hears = |more: &str| format!("[Service]\nType=oneshot\n{more}\n");
    let run = |word: &str| format!("/bin/sh -c '{}' {word}", told.replace('$', "$$"));
    let after = "ExecStopPost=/bin/sh -c 'echo after $SERVICE_RESULT $EXIT_CODE $EXIT_STATUS'";
    let elapsed = "date=$(date +%%s)000000; age=$((date - TRIGGER_TIMER_REALTIME_USEC)); up=$(cut -d. -f1 /proc/uptime)000000; \
                   test $age -lt 100000000 && test $age -gt -2000000 && test $TRIGGER_TIMER_MONOTONIC_USEC -gt 0 && echo elapsed $TRIGGER_UNIT within"
        .replace('$', "$$");
    let work = "ctl start falls ends killed; ctl start soon.timer waits.path; : > /run/came\n\
                seen() { for unit in mourns cheers either timed found; do test -e /run/seen-$unit || return 1; done; }\n\
                until seen; do sleep 0.05; done; ctl start plain; ctl logs falls mourns cheers either timed found plain; echo journal ${JOURNAL_STREAM:-none}; ctl poweroff";
    let seen = |name: &str| format!("ExecStartPost=/bin/touch /run/seen-{name}");
    let files = [
        ("falls.service", falls("falls", "OnFailure=mourns.service", "exit 7", after)),
        (
            "mourns.service",
            hears(&format!(
                "ExecStartPre={}\nExecStart={}\nExecStopPost=/bin/sh -c 'echo after $${{MONITOR_UNIT:-none}}'\n{}",
                run("before"),
                run("main"),
                seen("mourns")
            )),
        ),
        ("ends.service", falls("ends", "OnSuccess=cheers.service", "exit 0", "")),
        ("cheers.service", hears(&format!("ExecStart={}\n{}", run("main"), seen("cheers")))),
        ("killed.service", falls("killed", "OnFailure=either.service", "kill -KILL $$", "")),
        ("other.service", falls("other", "OnFailure=either.service", "exit 1", "")),
        ("either.service", hears(&format!("ExecStart={}\n{}", run("main"), seen("either")))),
        ("soon.timer", "[Timer]\nOnActiveSec=1ms\nUnit=timed.service\n".to_owned()),
        ("timed.service", hears(&format!("ExecStart=/bin/sh -c '{elapsed}'\n{}", seen("timed")))),
        ("waits.path", "[Path]\nPathExists=/run/came\nUnit=found.service\n".to_owned()),
        (
            "found.service",
            hears(&format!(
                "ExecStart=/bin/sh -c 'echo came $TRIGGER_UNIT $TRIGGER_PATH'\nExecStartPost=/bin/rm /run/came\n{}",
                seen("found")
            )),
        ),
        ("plain.service", hears("ExecStart=/bin/sh -c 'echo $${MONITOR_UNIT:-none} $${TRIGGER_UNIT:-none}'")),
        ("work.toml", script("", work)),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let boot = boot(&files);
    boot.ended(POWERED_OFF);
    let missing: Vec<&&str> = ROWS.iter().filter(|row| !boot.console.lines().any(|line| line.trim_end().ends_with(**row))).collect();
    assert!(missing.is_empty(), "{missing:#?}\n{}", boot.console);
}

#[test]
#[ignore = "needs root"]
fn services_are_spoken_to_in_the_language_that_the_files_say() {
    let work = "systemctl=/run/systemctl; ln -s INIT $systemctl; says() { ctl start says; ctl logs says | grep -o 'tongue.*' | tail -n 1; }\n\
                printf 'LANG=fr_FR.UTF-8\\n' > /etc/default/locale; rm -f /etc/locale.conf; ctl start says; ctl daemon-reload; says\n\
                printf '# x\\nLANG=\"de_DE.UTF-8\"\\nLC_TIME=C\\nLC_ALL=no\\nFOO=1\\nLC_PAPER=../x\\n' > /etc/locale.conf; ctl reexec; says\n\
                $systemctl show-environment | sed 's/^/shown /'; $systemctl set-environment LANG=C; says; $systemctl unset-environment LANG\n\
                rm /etc/locale.conf /etc/default/locale; ctl daemon-reload; says; ctl poweroff"
        .replace("INIT", guest::INIT);
    let says = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo tongue $$LANG $${LC_TIME:-none} $${LC_ALL:-none} $${FOO:-none} $${LC_PAPER:-none}'\n";
    let boot = boot(&[("says.service", says), ("work.toml", &script("", &work))]);
    boot.ended(POWERED_OFF);
    for row in [
        "tongue fr_FR.UTF-8 none none none none",
        "tongue de_DE.UTF-8 C none none none",
        "shown LANG=de_DE.UTF-8",
        "shown LC_TIME=C",
        "tongue C C none none none",
        "tongue C.UTF-8 none none none none",
    ] {
        boot.shows(row);
    }
}
