//! The life of a service beyond starting and stopping: conditions, kinds, vigil, restarts, ways to stop.

use expect_test::expect;

use super::world::name;
use super::{check, check_with, service};

#[test]
fn exec_condition_skips_by_a_code_and_fails_by_255_or_a_signal() {
    let units = service(
        "exec-condition = ['/bin/may', '-/bin/might']\nexec-start-pre = '/bin/pre'\nexec-stop-post = '/bin/post'\n[restart]\npolicy = 'always'",
    );
    check_with(
        &units,
        |w| _ = w.patient.insert(name("a")),
        "boot | exit a condition 1 | exit a stop-post 0 | list",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 condition[0]
        > exit a condition 1
        signal a All SIGTERM
        signal a All SIGCONT
        spawn a#1 stop-post[0]
        > exit a stop-post 0
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          a skipped: exec-condition ended with exit code 1
          default.target is up
          BootFinished { up: 1, failed: 0, skipped: 1, took: 0ns }
        > list
            a inactive skipped skipped: exec-condition ended with exit code 1
            default.target active active -
    "#]],
    );
    check_with(
        &units,
        |w| _ = w.patient.insert(name("a")),
        "boot | exit a condition 255 | exit a stop-post 0",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 condition[0]
        > exit a condition 255
        signal a All SIGTERM
        signal a All SIGCONT
        spawn a#1 stop-post[0]
        > exit a stop-post 0
        signal a All SIGTERM
        signal a All SIGCONT
        release a to restart
          a fell: condition: exit code 255, again at 100ms
          default.target is up
          BootFinished { up: 1, failed: 0, skipped: 0, took: 0ns }
    "#]],
    );
    let script = "boot | exit a condition 0 | exit a condition 3 | exit a start-pre 0 | list";
    check_with(
        &units,
        |w| _ = w.patient.insert(name("a")),
        script,
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 condition[0]
        > exit a condition 0
        spawn a#1 condition[1]
        > exit a condition 3
          Ignored(a.service, Run { life: #1, phase: Condition, index: 1 }, Code(3))
        spawn a#1 start-pre[0]
        > exit a start-pre 0
        spawn a#1 start[0]
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > list
            a active running -
            default.target active active -
    "#]],
    );
}

#[test]
fn an_idle_service_waits_for_all_others_and_nobody_waits_for_it() {
    let units = "-- default.target\nwants = ['login', 'slow', 'late']\n-- login\n[service]\ntype = 'idle'\ncommand = '/bin/login'\n\
                 -- late\nafter = ['login']\n[service]\ncommand = '/bin/late'\n\
                 -- slow\n[service]\ntype = 'notify'\ncommand = '/bin/slow'";
    check(
        units,
        "boot | list | ready slow",
        expect![[r#"
        > boot
        prepare login#1
        prepare slow#2
        prepare late#3
        spawn slow#2 start[0]
        spawn late#3 start[0]
          late is up
        > list
            default.target activating waiting -
            late active running -
            login activating idle -
            slow activating start -
        > ready slow
          slow is up
          default.target is up
        spawn login#1 start[0]
          login is up
          BootFinished { up: 4, failed: 0, skipped: 0, took: 0ns }
    "#]],
    );
    check(
        units,
        "boot | +6s",
        expect![[r#"
        > boot
        prepare login#1
        prepare slow#2
        prepare late#3
        spawn slow#2 start[0]
        spawn late#3 start[0]
          late is up
        > +6s
        @ 5s
        spawn login#1 start[0]
          login is up
    "#]],
    );
}

#[test]
fn a_dbus_service_is_up_when_its_program_runs_and_says_so_once() {
    let units = service("type = 'dbus'\nbus-name = 'org.a'");
    check(
        &units,
        "boot | restart a",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
          BusNotAsked(a.service)
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > restart a
        signal a All SIGTERM
        signal a All SIGCONT
        release a to restart
          a is down
        prepare a#2
        spawn a#2 start[0]
          a is up
        answer 1: a Ok
    "#]],
    );
}

#[test]
fn the_signal_of_a_reload_and_the_time_after_an_abort_are_its_units() {
    let units = service(
        "type = 'notify-reload'\nreload-signal = 'SIGUSR1'\nwatchdog-sec = '10s'\ntimeout-stop-sec = '5s'\ntimeout-abort-sec = '1min'\n[restart]\npolicy = 'no'",
    );
    let stubborn = |w: &mut super::World| _ = w.stubborn.insert(name("a"));
    check_with(
        &units,
        stubborn,
        "boot | ready a | reload a | reloading a 0s | ready a | +11s | +59s",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
        > ready a
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > reload a
        signal a Main SIGUSR1
        > reloading a 0s
        > ready a
        answer 1: a Ok
        > +11s
        @ 10s
        signal a All SIGABRT
        signal a All SIGCONT
        > +59s
        @ 70s
          Killing(a.service)
        kill a
        release a
          a failed: did not say in time that it is well
    "#]],
    );
    check_with(
        &units,
        stubborn,
        "boot | ready a | stop a | +5s",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
        > ready a
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > stop a
        signal a All SIGTERM
        signal a All SIGCONT
        > +5s
        @ 5s
          Killing(a.service)
        kill a
        release a
          a is down
        answer 1: a Ok
    "#]],
    );
}

#[test]
fn whoever_does_not_say_that_it_is_well_is_aborted() {
    let units = service("type = 'notify'\nwatchdog-sec = '10s'\nexec-stop = '/bin/never'\n[restart]\npolicy = 'on-watchdog'");
    check(
        &units,
        "boot | +15s | ready a | +9s | ping a | +9s | watch a 2s | +1s | ping a | +2s",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
        > +15s
        > ready a
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 15s }
        > +9s
        > ping a
        > +9s
        > watch a 2s
        > +1s
        > ping a
        > +2s
        @ 36s
        signal a All SIGABRT
        signal a All SIGCONT
        release a to restart
          a fell: did not say in time that it is well, again at 36.1s
    "#]],
    );
    check(
        &units,
        "boot | ready a | hang a | list",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
        > ready a
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > hang a
        signal a All SIGABRT
        signal a All SIGCONT
        release a to restart
          a fell: did not say in time that it is well, again at 100ms
        > list
            a activating auto-restart did not say in time that it is well
            default.target active active -
    "#]],
    );
    // It could say nothing while it stood still.
    check(
        &units,
        "boot | ready a | +9s | freeze a | +1h | thaw a | +9s | list",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
        > ready a
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > +9s
        > freeze a
        freeze a true
        answer 1: a Ok
        > +1h
        > thaw a
        freeze a false
        answer 2: a Ok
        > +9s
        > list
            a active running -
            default.target active active -
    "#]],
    );
}

#[test]
fn one_that_was_up_too_long_is_stopped_and_has_failed() {
    let units = service("runtime-max-sec = '1min'\nexec-stop = '/bin/stop'\n[restart]\npolicy = 'no'");
    check(
        &units,
        "boot | +50s | extend a | +9s | extend a | +20s",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > +50s
        > extend a
        > +9s
        > extend a
        > +20s
        @ 64s
        spawn a#1 stop[0]
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          a failed: was up longer than it may be
    "#]],
    );
}

#[test]
fn statuses_say_what_is_success_and_what_is_never_or_always_restarted() {
    let units = service(
        "success-exit-status = ['3', 'USR1']\nrestart-prevent-exit-status = ['4', 'USR2']\nrestart-force-exit-status = '3'\n[restart]\npolicy = 'on-failure'",
    );
    check(
        &units,
        "boot | exit a 4 | start a | die a USR2",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > exit a 4
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          a failed: exit code 4
        > start a
        prepare a#2
        spawn a#2 start[0]
          a is up
        answer 1: a Ok
        > die a USR2
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          a failed: killed by SIGUSR2
    "#]],
    );
    check(
        &units,
        "boot | exit a 3 | +1s | die a USR1",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > exit a 3
        signal a All SIGTERM
        signal a All SIGCONT
        release a to restart
        > +1s
        @ 100ms
        prepare a#2
        spawn a#2 start[0]
          a is up
        > die a USR1
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          Finished(a.service)
    "#]],
    );
}

/// systemd.service(5), the table under `Restart=`.
#[test]
fn every_policy_restarts_after_what_it_says() {
    let ends = ["exit a 0", "exit a 1", "die a SEGV", "die a TERM", "+2min", "hang a", "oom a"];
    let mut table = String::new();
    for policy in ["no", "always", "on-success", "on-failure", "on-abnormal", "on-abort", "on-watchdog"] {
        let again: Vec<&str> = ends
            .into_iter()
            .filter(|end| {
                let units =
                    service(&format!("type = 'notify'\nruntime-max-sec = '1min'\nwatchdog-sec = '1h'\n[restart]\npolicy = '{policy}'"));
                let mut world = super::World::new(&units);
                world.run(&format!("boot | ready a | {end}"));
                world.lines.iter().any(|line| line == "release a to restart")
            })
            .collect();
        table += &format!("{policy}: {}\n", again.join(", "));
    }
    expect![[r#"
        no: 
        always: exit a 0, exit a 1, die a SEGV, die a TERM, +2min, hang a, oom a
        on-success: exit a 0, die a TERM
        on-failure: exit a 1, die a SEGV, +2min, hang a, oom a
        on-abnormal: die a SEGV, +2min, hang a, oom a
        on-abort: die a SEGV
        on-watchdog: hang a
    "#]]
    .assert_eq(&table);
}
