//! Reading a configuration again.

use expect_test::expect;

use super::{check_with, service, world::name};

#[test]
fn a_reload_is_acknowledged_by_what_was_said_after_the_signal() {
    let units = service("type = 'notify-reload'\nstart-timeout = '10s'");
    // To whom a hang-up is no end.
    let deaf = |w: &mut super::World| _ = w.stubborn.insert(name("a"));
    check_with(
        &units,
        deaf,
        "boot | ready a | +5s | reload a | reloading a 4s | reloading a unsaid | ready a | reloading a 5s | list | ready a",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
        > ready a
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > +5s
        > reload a
        signal a Main SIGHUP
        > reloading a 4s
        > reloading a unsaid
        > ready a
        > reloading a 5s
        > list
            a reloading reload-notify -
            default.target active active -
        > ready a
        answer 1: a Ok
    "#]],
    );
    check_with(
        &units,
        deaf,
        "boot | ready a | reload a | extend a | +12s | list",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
        > ready a
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > reload a
        signal a Main SIGHUP
        > extend a
        > +12s
        @ 10s
        answer 1: a Failed("reload took too long")
        > list
            a active running -
            default.target active active -
    "#]],
    );
    check_with(
        &units,
        deaf,
        "boot | ready a | reloading a unsaid | list | ready a | list",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
        > ready a
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > reloading a unsaid
        > list
            a reloading reload-notify -
            default.target active active -
        > ready a
        > list
            a active running -
            default.target active active -
    "#]],
    );
}

#[test]
fn a_reload_command_that_takes_too_long_is_killed_and_never_runs_beside_the_next() {
    let units = "-- default.target\nwants = ['a']\n-- a\n[service]\ncommand = '/bin/a'\nexec-reload = '/bin/reload'\nstart-timeout = '5s'";
    let patient = |w: &mut super::world::World| _ = w.patient.insert(name("a"));
    let undead = |w: &mut super::world::World| {
        patient(w);
        w.undead.insert(name("a"));
    };
    check_with(
        units,
        patient,
        "boot | reload a | +5s | reload a | exit a reload 0",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > reload a
        spawn a#1 reload[0]
        > +5s
        @ 5s
        signal a Control SIGKILL
        answer 1: a Failed("reload took too long")
        > reload a
        spawn a#1 reload[0]
        > exit a reload 0
        answer 2: a Ok
    "#]],
    );
    check_with(
        units,
        undead,
        "boot | reload a | +5s | reload a | exit a reload 0 | reload a",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > reload a
        spawn a#1 reload[0]
        > +5s
        @ 5s
        signal a Control SIGKILL
        answer 1: a Failed("reload took too long")
        > reload a
        answer 2: a Refused("a command of its last reload has been killed and has not ended yet")
        > exit a reload 0
        > reload a
        spawn a#1 reload[0]
    "#]],
    );
}
