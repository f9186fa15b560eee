//! How units go down, alone and all together.

use expect_test::expect;

use super::world::name;
use super::{CHAIN, check, check_with};

#[test]
fn the_stubborn_are_killed_and_the_budget_holds() {
    let world = check_with(
        CHAIN,
        |w| {
            w.stubborn.extend([name("web"), name("db"), name("log")]);
            w.undead.insert(name("log"));
        },
        "boot | ready db | signal reboot | +60s",
        expect![[r#"
            > boot
            prepare log#1
            spawn log#1 start[0]
              log is up
            prepare db#2
            spawn db#2 start[0]
            > ready db
              db is up
            prepare web#3
            spawn web#3 start-pre[0]
            spawn web#3 start[0]
              web is up
              default.target is up
              BootFinished { up: 4, failed: 0, skipped: 0, took: 0ns }
            > signal reboot
              Leaving(Reboot, Moment(25s))
            spawn web#3 stop[0]
            signal web All SIGTERM
            signal web All SIGCONT
            > +60s
            @ 7.666666666s
              Killing(web.service)
            kill web
            release web
              web is down
            signal db All SIGTERM
            signal db All SIGCONT
            @ 15.333333333s
              Killing(db.service)
            kill db
            release db
              db is down
            signal log All SIGTERM
            signal log All SIGCONT
            @ 23s
              Killing(log.service)
            kill log
              Hurrying(Reboot)
            kill log
            @ 25s
              LeftBehind(log.service)
            release log
              log is down
            leave reboot
        "#]],
    );
    assert_eq!(world.left, Some(units::control::Way::Reboot));
}

#[test]
fn a_second_request_hurries() {
    check_with(
        CHAIN,
        |w| _ = w.stubborn.insert(name("web")),
        "boot | ready db | poweroff | +1s | signal reboot",
        expect![[r#"
        > boot
        prepare log#1
        spawn log#1 start[0]
          log is up
        prepare db#2
        spawn db#2 start[0]
        > ready db
          db is up
        prepare web#3
        spawn web#3 start-pre[0]
        spawn web#3 start[0]
          web is up
          default.target is up
          BootFinished { up: 4, failed: 0, skipped: 0, took: 0ns }
        > poweroff
        answer 1: Leaving { way: Poweroff }
          Leaving(Poweroff, Moment(25s))
        spawn web#3 stop[0]
        signal web All SIGTERM
        signal web All SIGCONT
        > +1s
        > signal reboot
          Hurrying(Reboot)
        kill db
        kill log
        kill web
        release db
          db is down
        release log
          log is down
        release web
          web is down
        leave reboot
    "#]],
    );
}

#[test]
fn bound_units_fall_and_rise_together() {
    let units = "-- default.target\nwants = ['a', 'b']\n-- a\n[service]\ncommand = '/bin/a'\n-- b\nbinds-to = ['a']\nafter = ['a']\n[service]\ncommand = '/bin/b'";
    check(
        units,
        "boot | exit a 1 | +1s",
        expect![[r#"
            > boot
            prepare a#1
            spawn a#1 start[0]
              a is up
            prepare b#2
            spawn b#2 start[0]
              b is up
              default.target is up
              BootFinished { up: 3, failed: 0, skipped: 0, took: 0ns }
            > exit a 1
            signal a All SIGTERM
            signal a All SIGCONT
            release a to restart
              a fell: exit code 1, again at 100ms
            signal b All SIGTERM
            signal b All SIGCONT
            release b
              b failed: a, which it requires, is not up
            > +1s
            @ 100ms
            prepare a#3
            spawn a#3 start[0]
              a is up
            prepare b#4
            spawn b#4 start[0]
              b is up
        "#]],
    );
}

#[test]
fn mode_process_leaves_the_others_alone() {
    let units = "-- default.target\nwants = ['ssh']\n-- ssh\n[service]\ncommand = '/bin/ssh'\n[stop]\nmode = 'process'";
    check(
        units,
        "boot | stray ssh | restart ssh | stop ssh",
        expect![[r#"
            > boot
            prepare ssh#1
            spawn ssh#1 start[0]
              ssh is up
              default.target is up
              BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
            > stray ssh
            > restart ssh
            signal ssh Main SIGTERM
            signal ssh Main SIGCONT
            release ssh to restart
              ssh is down
            prepare ssh#2
            spawn ssh#2 start[0]
              ssh is up
            answer 1: ssh Ok
            > stop ssh
            signal ssh Main SIGTERM
            signal ssh Main SIGCONT
            release ssh
              ssh is down
            answer 2: ssh Ok
        "#]],
    );
}

#[test]
fn conflicting_units_replace_one_another() {
    let units =
        "-- default.target\nwants = ['a']\n-- a\n[service]\ncommand = '/bin/a'\n-- b\nconflicts = ['a']\n[service]\ncommand = '/bin/b'";
    check(
        units,
        "boot | start b | start a",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > start b
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          a is down
        prepare b#2
        spawn b#2 start[0]
          b is up
        answer 1: b Ok
        > start a
        signal b All SIGTERM
        signal b All SIGCONT
        release b
          b is down
        prepare a#3
        spawn a#3 start[0]
          a is up
        answer 2: a Ok
    "#]],
    );
}

#[test]
fn a_target_that_is_the_end_of_the_system_ends_it_whoever_wants_it() {
    let units = "-- reboot.target\n-- a\non-failure = ['reboot.target']\n[service]\ncommand = '/bin/a'\n[restart]\npolicy = 'no'";
    check(
        units,
        "boot | start reboot.target",
        expect![[r#"
        > boot
          BootFinished { up: 0, failed: 0, skipped: 0, took: 0ns }
        > start reboot.target
          reboot.target is up
        answer 1: reboot.target Ok
          Leaving(Reboot, Moment(25s))
        leave reboot
    "#]],
    );
    check(
        units,
        "boot | start a | exit a 1",
        expect![[r#"
        > boot
          BootFinished { up: 0, failed: 0, skipped: 0, took: 0ns }
        > start a
        prepare a#1
        spawn a#1 start[0]
          a is up
        answer 1: a Ok
        > exit a 1
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          a failed: exit code 1
          reboot.target is up
          Leaving(Reboot, Moment(25s))
        leave reboot
    "#]],
    );
}
