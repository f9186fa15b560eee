//! How a service may end, and what follows.

use expect_test::expect;

use super::world::name;
use super::{check, check_with, service};

#[test]
fn the_start_limit_has_its_own_action_and_so_have_failure_and_success() {
    let limit = "-- default.target\nwants = ['a']\n-- a\nstart-limit-action = 'reboot'\n[service]\ncommand = '/bin/a'\n[restart]\npolicy = 'always'\ndelay = '1s'\nbackoff = 1\nburst = 2\n";
    check(
        limit,
        "boot | exit a 0 | +1s | exit a 0 | +1s",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > exit a 0
        signal a All SIGTERM
        signal a All SIGCONT
        release a to restart
        > +1s
        @ 1s
        prepare a#2
        spawn a#2 start[0]
          a is up
        > exit a 0
        signal a All SIGTERM
        signal a All SIGCONT
        release a to restart
        > +1s
        @ 2s
          a failed: started too often in too short a time
          Wanted(a.service, Reboot)
          Leaving(Reboot, Moment(27s))
        leave reboot
    "#]],
    );
    let unit = |key: &str| {
        format!("-- default.target\nwants = ['a']\n-- a\n{key} = 'exit'\n[service]\ncommand = '/bin/a'\n[restart]\npolicy = 'no'")
    };
    check(
        &unit("failure-action"),
        "boot | exit a 42",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > exit a 42
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          a failed: exit code 42
          Wanted(a.service, Exit(42))
          Leaving(Exit(42), Moment(25s))
        leave exit 42
    "#]],
    );
    check(
        &unit("success-action"),
        "boot | exit a 0",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > exit a 0
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          Finished(a.service)
          Wanted(a.service, Exit(0))
          Leaving(Exit(0), Moment(25s))
        leave exit 0
    "#]],
    );
    // Stopped by request it has not ended by itself.
    check(
        &unit("success-action"),
        "boot | stop a",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > stop a
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          a is down
        answer 1: a Ok
    "#]],
    );
}

#[test]
fn stop_commands_are_for_whatever_was_up_however_it_ends() {
    let units = service("exec-stop = '/bin/stop'\nexec-stop-post = '/bin/post'\n[restart]\npolicy = 'no'");
    check(
        &units,
        "boot | exit a 1",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > exit a 1
        spawn a#1 stop[0]
        signal a All SIGTERM
        signal a All SIGCONT
        spawn a#1 stop-post[0]
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          a failed: exit code 1
    "#]],
    );
    check_with(
        &units,
        |w| _ = w.broken.insert(name("a")),
        "boot",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
        signal a All SIGTERM
        signal a All SIGCONT
        spawn a#1 stop-post[0]
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          a failed: exec failed: No such file or directory
          default.target is up
          BootFinished { up: 1, failed: 1, skipped: 0, took: 0ns }
    "#]],
    );
}

#[test]
fn signals_are_as_the_unit_wants_them() {
    let units = service("send-sighup = true\n[stop]\nsignal = 'QUIT'\ntimeout = '5s'\nfinal-signal = 'ABRT'");
    check_with(
        &units,
        |w| _ = w.stubborn.insert(name("a")),
        "boot | stop a | +5s | +20s",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > stop a
        signal a All SIGQUIT
        signal a All SIGCONT
        signal a All SIGHUP
        > +5s
        @ 5s
          Killing(a.service)
        signal a All SIGABRT
        > +20s
        @ 15s
          LeftBehind(a.service)
        release a
          a is down
        answer 1: a Ok
    "#]],
    );
    let units = service("restart-kill-signal = 'HUP'\n[stop]\nmode = 'mixed'");
    check(
        &units,
        "boot | stray a | restart a | stop a",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > stray a
        > restart a
        signal a Main SIGHUP
        signal a Main SIGCONT
        kill a
        release a to restart
          a is down
        prepare a#2
        spawn a#2 start[0]
          a is up
        answer 1: a Ok
        > stop a
        signal a Main SIGTERM
        signal a Main SIGCONT
        kill a
        release a
          a is down
        answer 2: a Ok
    "#]],
    );
    let units = service("send-sigkill = false\n[stop]\nmode = 'mixed'\ntimeout = '5s'");
    check_with(
        &units,
        |w| _ = w.stubborn.insert(name("a")),
        "boot | stop a | +6s",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > stop a
        signal a Main SIGTERM
        signal a Main SIGCONT
        > +6s
        @ 5s
          LeftBehind(a.service)
        release a
          a is down
        answer 1: a Ok
    "#]],
    );
}

#[test]
fn a_forking_daemon_need_not_be_guessed_and_may_write_its_file_late() {
    let units = service("type = 'forking'\nguess-main-pid = false");
    check(
        &units,
        "boot | stray a | exit a 0 | empty a",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
        > stray a
        > exit a 0
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > empty a
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          Finished(a.service)
    "#]],
    );
    let units = service("type = 'forking'\npid-file = '/run/a.pid'\nstart-timeout = '1s'\n[restart]\npolicy = 'no'");
    check(
        &units,
        "boot | stray a | exit a 0 | +100ms | main a 77 | exit a 0",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
        > stray a
        > exit a 0
        find main of a
        > +100ms
        > main a 77
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 100ms }
        > exit a 0
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          Finished(a.service)
    "#]],
    );
    check(
        &units,
        "boot | stray a | exit a 0 | main a none | +2s",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
        > stray a
        > exit a 0
        find main of a
        > main a none
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          a failed: left no daemon that its pid file names
          default.target is up
          BootFinished { up: 1, failed: 1, skipped: 0, took: 0ns }
        > +2s
    "#]],
    );
}

#[test]
fn each_command_of_a_start_has_the_whole_limit_to_itself() {
    let units = service("type = 'notify'\nexec-start-pre = ['/bin/one', '/bin/two']\nstart-timeout = '10s'\n[restart]\npolicy = 'no'");
    let script = "boot | +9s | exit a start-pre 0 | +9s | exit a start-pre 0 | +9s | extend a | +4s | ready a | list";
    check_with(
        &units,
        |w| _ = w.patient.insert(name("a")),
        script,
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start-pre[0]
        > +9s
        > exit a start-pre 0
        spawn a#1 start-pre[1]
        > +9s
        > exit a start-pre 0
        spawn a#1 start[0]
        > +9s
        > extend a
        > +4s
        > ready a
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 31s }
        > list
            a active running -
            default.target active active -
    "#]],
    );
    check_with(
        &units,
        |w| _ = w.patient.insert(name("a")),
        "boot | +9s | exit a start-pre 0 | +10s",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start-pre[0]
        > +9s
        > exit a start-pre 0
        spawn a#1 start-pre[1]
        > +10s
        @ 19s
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          a failed: start-pre took too long
          default.target is up
          BootFinished { up: 1, failed: 1, skipped: 0, took: 19s }
    "#]],
    );
}
