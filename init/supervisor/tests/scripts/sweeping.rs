//! What the commands after a stop leave behind.

use expect_test::expect;

use super::world::{World, name};
use super::{check_with, service};

#[test]
fn what_the_commands_after_the_stop_leave_behind_goes_as_well() {
    let units =
        |mode: &str| service(&format!("exec-stop-post = '/bin/post'\n[stop]\nmode = '{mode}'\ntimeout = '5s'\n[restart]\npolicy = 'no'"));
    let leaves = |w: &mut World| _ = w.patient.insert(name("a"));
    let stubborn = |w: &mut World| {
        leaves(w);
        w.stubborn.insert(name("a"));
    };
    let script = "boot | exit a 0 | stray a | exit a stop-post 0 | list | +5s | list";
    check_with(
        &units("control-group"),
        leaves,
        script,
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
        spawn a#1 stop-post[0]
        > stray a
        > exit a stop-post 0
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          Finished(a.service)
        > list
            a inactive dead -
            default.target active active -
        > +5s
        > list
            a inactive dead -
            default.target active active -
    "#]],
    );
    check_with(
        &units("control-group"),
        stubborn,
        script,
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
        spawn a#1 stop-post[0]
        > stray a
        > exit a stop-post 0
        signal a All SIGTERM
        signal a All SIGCONT
        > list
            a deactivating final-sigterm -
            default.target active active -
        > +5s
        @ 5s
          Killing(a.service)
        kill a
        release a
          Finished(a.service)
        > list
            a inactive dead -
            default.target active active -
    "#]],
    );
    check_with(
        &units("mixed"),
        leaves,
        script,
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > exit a 0
        kill a
        spawn a#1 stop-post[0]
        > stray a
        > exit a stop-post 0
        kill a
        release a
          Finished(a.service)
        > list
            a inactive dead -
            default.target active active -
        > +5s
        > list
            a inactive dead -
            default.target active active -
    "#]],
    );
    check_with(
        &units("process"),
        leaves,
        script,
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > exit a 0
        spawn a#1 stop-post[0]
        > stray a
        > exit a stop-post 0
        release a
          Finished(a.service)
        > list
            a inactive dead -
            default.target active active -
        > +5s
        > list
            a inactive dead -
            default.target active active -
    "#]],
    );
    check_with(
        &units("control-group"),
        leaves,
        "boot | exit a 0 | +5s | list | +10s",
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
        spawn a#1 stop-post[0]
        > +5s
        @ 5s
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          Finished(a.service)
        > list
            a inactive dead -
            default.target active active -
        > +10s
    "#]],
    );
}

#[test]
fn who_is_left_by_the_units_own_wish_stays_after_its_last_commands() {
    let units = service("exec-stop-post = '/bin/post'\n[stop]\nmode = 'none'\ntimeout = '5s'\n[restart]\npolicy = 'no'");
    check_with(
        &units,
        |_| (),
        "boot | stop a",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > stop a
        spawn a#1 stop-post[0]
        release a
          a is down
        answer 1: a Ok
    "#]],
    );
    check_with(
        &units,
        |w| _ = w.patient.insert(name("a")),
        "boot | stop a | +5s",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > stop a
        spawn a#1 stop-post[0]
        > +5s
        @ 5s
        signal a Control SIGKILL
        release a
          a is down
        answer 1: a Ok
    "#]],
    );
}
