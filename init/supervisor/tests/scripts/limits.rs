//! What a service gets that takes too long: `timeout-start-failure-mode`, `timeout-stop-failure-mode`.

use expect_test::expect;

use super::check_with;
use super::world::{World, name};

fn service(lines: &str) -> String {
    format!(
        "-- default.target\nwants = ['a']\n-- a\n[service]\ntype = 'notify'\ncommand = '/bin/a'\nstart-timeout = '1min'\ntimeout-abort-sec = '20s'\n\
         {lines}\n[stop]\ntimeout = '5s'\n[restart]\npolicy = 'no'\n"
    )
}

fn slow(w: &mut World) {
    w.stubborn.insert(name("a"));
    w.patient.insert(name("a"));
}

#[test]
fn a_start_that_takes_too_long_is_aborted_or_killed_where_that_is_wanted() {
    let units = |mode: &str| service(&format!("timeout-start-failure-mode = '{mode}'"));
    let script = "boot | +1min | list | +20s";
    check_with(
        &units("abort"),
        slow,
        script,
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
        > +1min
        @ 60s
        signal a All SIGABRT
        signal a All SIGCONT
        > list
            a deactivating stop-watchdog -
            default.target activating waiting -
        > +20s
        @ 80s
          Killing(a.service)
        kill a
        release a
          a failed: start took too long
          default.target is up
          BootFinished { up: 1, failed: 1, skipped: 0, took: 80s }
    "#]],
    );
    check_with(
        &units("kill"),
        slow,
        script,
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
        > +1min
        @ 60s
        kill a
        release a
          a failed: start took too long
          default.target is up
          BootFinished { up: 1, failed: 1, skipped: 0, took: 60s }
        > list
            a failed failed start took too long
            default.target active active -
        > +20s
    "#]],
    );
    let gentle =
        format!("{}final-signal = 'QUIT'\n", service("timeout-start-failure-mode = 'kill'").replace("[restart]\npolicy = 'no'\n", ""));
    check_with(
        &gentle,
        |_| {},
        "boot | +1min",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
        > +1min
        @ 60s
        signal a All SIGQUIT
        release a to restart
          a fell: start took too long, again at 60.1s
          default.target is up
          BootFinished { up: 1, failed: 0, skipped: 0, took: 60s }
    "#]],
    );
}

#[test]
fn a_stop_that_takes_too_long_is_aborted_or_killed_where_that_is_wanted() {
    let units = |mode: &str| service(&format!("exec-stop = '/bin/s'\nexec-stop-post = '/bin/p'\ntimeout-stop-failure-mode = '{mode}'"));
    // The command, the signal, the command after it, what that left behind.
    let script = "boot | ready a | stop a | +5s | list | +20s | stray a | +5s | list | +20s";
    check_with(
        &units("abort"),
        slow,
        script,
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
        > ready a
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > stop a
        spawn a#1 stop[0]
        > +5s
        @ 5s
        signal a All SIGABRT
        signal a All SIGCONT
        > list
            a deactivating stop-watchdog -
            default.target active active -
        > +20s
        @ 25s
          Killing(a.service)
        kill a
        spawn a#1 stop-post[0]
        > stray a
        > +5s
        @ 30s
          Aborting(a.service)
        signal a All SIGABRT
        signal a All SIGCONT
        > list
            a deactivating final-watchdog -
            default.target active active -
        > +20s
        @ 50s
          Killing(a.service)
        kill a
        release a
          a is down
        answer 1: a Ok
    "#]],
    );
    check_with(
        &units("kill"),
        slow,
        script,
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
        > ready a
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > stop a
        spawn a#1 stop[0]
        > +5s
        @ 5s
        kill a
        spawn a#1 stop-post[0]
        > list
            a deactivating stop-post -
            default.target active active -
        > +20s
        @ 10s
          Killing(a.service)
        kill a
        release a
          a is down
        answer 1: a Ok
        > stray a
        > +5s
        > list
            a inactive dead -
            default.target active active -
        > +20s
    "#]],
    );
}

#[test]
fn the_first_signal_that_does_not_help_is_followed_by_an_abort() {
    let units = service("exec-stop-post = '/bin/p'\ntimeout-stop-failure-mode = 'abort'");
    let script = "boot | ready a | stop a | +5s | list | +20s | exit a stop-post 0";
    check_with(
        &units,
        slow,
        script,
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
          Aborting(a.service)
        signal a All SIGABRT
        signal a All SIGCONT
        > list
            a deactivating stop-watchdog -
            default.target active active -
        > +20s
        @ 25s
          Killing(a.service)
        kill a
        spawn a#1 stop-post[0]
        > exit a stop-post 0
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          a is down
        answer 1: a Ok
    "#]],
    );
    // Nothing is ever killed here.
    let units = service("exec-stop = '/bin/s'\nsend-sigkill = false\ntimeout-stop-failure-mode = 'kill'");
    check_with(
        &units,
        slow,
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
        spawn a#1 stop[0]
        > +5s
        @ 5s
          LeftBehind(a.service)
        release a
          a is down
        answer 1: a Ok
    "#]],
    );
}
