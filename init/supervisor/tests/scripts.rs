//! Scripts of events, and the orders that must follow.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

#[path = "support/world.rs"]
mod world;

use expect_test::{Expect, expect};
use world::{World, name};

/// Three services one after the other, wanted by a target.
const CHAIN: &str = "
-- default.target
wants = ['web', 'db', 'log']
-- log
[service]
command = '/bin/log'
-- db
after = ['log']
[service]
type = 'notify'
command = '/bin/db'
-- web
after = ['db']
requires = ['db']
[service]
exec-start-pre = ['/bin/check']
command = '/bin/web'
exec-stop = ['/bin/web-stop']
";

fn check(units: &str, script: &str, wanted: Expect) -> World {
    check_with(units, |_| {}, script, wanted)
}

fn check_with(units: &str, change: impl FnOnce(&mut World), script: &str, wanted: Expect) -> World {
    let mut world = World::new(units);
    change(&mut world);
    world.run(script);
    wanted.assert_eq(&(world.lines.iter().map(|l| l.trim_end()).collect::<Vec<_>>().join("\n") + "\n"));
    assert!(world.answers.values().all(|n| *n <= 1), "a request was answered twice");
    world
}

#[test]
fn units_start_in_order_and_stop_in_reverse() {
    check(
        CHAIN,
        "boot | ready db | poweroff",
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
        release web
          web is down
        signal db All SIGTERM
        signal db All SIGCONT
        release db
          db is down
        signal log All SIGTERM
        signal log All SIGCONT
        release log
          log is down
        leave poweroff
    "#]],
    );
}

#[test]
fn a_unit_without_its_requirement_fails_and_recovers_with_it() {
    check(
        CHAIN,
        "boot | exit db 1 | +100ms | ready db",
        expect![[r#"
        > boot
        prepare log#1
        spawn log#1 start[0]
          log is up
        prepare db#2
        spawn db#2 start[0]
        > exit db 1
        signal db All SIGTERM
        signal db All SIGCONT
        release db
          db fell: exit code 1, again at 100ms
          web failed: db, which it requires, is not up
          default.target is up
          BootFinished { up: 2, failed: 1, skipped: 0, took: 0ns }
        > +100ms
        @ 100ms
        prepare db#3
        spawn db#3 start[0]
        > ready db
          db is up
        prepare web#4
        spawn web#4 start-pre[0]
        spawn web#4 start[0]
          web is up
    "#]],
    );
}

#[test]
fn a_unit_that_falls_again_and_again_rests_longer_and_then_stays_down() {
    let units = "-- default.target\nwants = ['web']\n-- web\n[service]\ncommand = '/bin/web'";
    check(
        units,
        "boot | exit web 1 | +1s | exit web 1 | +1s | die web SEGV | +1s | exit web 1 | +1s | exit web 1 | +30s | start web",
        expect![[r#"
            > boot
            prepare web#1
            spawn web#1 start[0]
              web is up
              default.target is up
              BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
            > exit web 1
            signal web All SIGTERM
            signal web All SIGCONT
            release web
              web fell: exit code 1, again at 100ms
            > +1s
            @ 100ms
            prepare web#2
            spawn web#2 start[0]
              web is up
            > exit web 1
            signal web All SIGTERM
            signal web All SIGCONT
            release web
              web fell: exit code 1, again at 1.2s
            > +1s
            @ 1.2s
            prepare web#3
            spawn web#3 start[0]
              web is up
            > die web SEGV
            signal web All SIGTERM
            signal web All SIGCONT
            release web
              web fell: killed by SIGSEGV, again at 2.4s
            > +1s
            @ 2.4s
            prepare web#4
            spawn web#4 start[0]
              web is up
            > exit web 1
            signal web All SIGTERM
            signal web All SIGCONT
            release web
              web fell: exit code 1, again at 3.8s
            > +1s
            @ 3.8s
            prepare web#5
            spawn web#5 start[0]
              web is up
            > exit web 1
            signal web All SIGTERM
            signal web All SIGCONT
            release web
              web fell: exit code 1, again at 5.6s
            > +30s
            @ 5.6s
              web failed: started too often in too short a time
            > start web
            prepare web#6
            spawn web#6 start[0]
              web is up
            answer 1: web Ok
        "#]],
    );
}

#[test]
fn what_cannot_be_executed_is_told_with_its_cause() {
    let units = "-- default.target\nwants = ['web', 'other']\n-- web\n[service]\ncommand = '/bin/web'\n[restart]\npolicy = 'no'\n-- other\n[service]\ncommand = '/bin/other'";
    check_with(
        units,
        |w| _ = w.broken.insert(name("web")),
        "boot | list",
        expect![[r#"
        > boot
        prepare other#1
        prepare web#2
        spawn other#1 start[0]
        spawn web#2 start[0]
          other is up
        signal web All SIGTERM
        signal web All SIGCONT
        release web
          web failed: exec failed: No such file or directory
          default.target is up
          BootFinished { up: 2, failed: 1, skipped: 0, took: 0ns }
        > list
        answer 1:
            default.target active active -
            other active running -
            web failed failed exec failed: No such file or directory
    "#]],
    );
}

#[test]
fn a_false_condition_is_no_failure() {
    let units = "-- default.target\nwants = ['web', 'after']\n-- web\ncondition = { path-exists = '/no' }\n[service]\ncommand = '/bin/web'\n-- after\nafter = ['web']\nrequires = ['web']\n[service]\ncommand = '/bin/after'";
    check_with(
        units,
        |w| _ = w.skipped.insert(name("web")),
        "boot | start web | list",
        expect![[r#"
        > boot
        check web
          web skipped: path-exists /no
        prepare after#2
        spawn after#2 start[0]
          after is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 1, took: 0ns }
        > start web
        check web
          web skipped: path-exists /no
        answer 1: web Skipped("path-exists /no")
        > list
        answer 2:
            after active running -
            default.target active active -
            web inactive skipped skipped: path-exists /no
    "#]],
    );
}

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
fn requests_are_answered_when_they_have_settled() {
    check(
        CHAIN,
        "start web | ready db | restart db | ready db | stop log db | start nobody web | exit db 3 | stop web | start web",
        expect![[r#"
            > start web
            prepare db#1
            spawn db#1 start[0]
            > ready db
              db is up
            prepare web#2
            spawn web#2 start-pre[0]
            spawn web#2 start[0]
              web is up
            answer 1: web Ok
            > restart db
            spawn web#2 stop[0]
            signal web All SIGTERM
            signal web All SIGCONT
            release web
              web is down
            signal db All SIGTERM
            signal db All SIGCONT
            release db
              db is down
            prepare db#3
            spawn db#3 start[0]
            > ready db
              db is up
            answer 2: db Ok
            prepare web#4
            spawn web#4 start-pre[0]
            spawn web#4 start[0]
              web is up
            > stop log db
            spawn web#4 stop[0]
            signal web All SIGTERM
            signal web All SIGCONT
            release web
              web is down
            signal db All SIGTERM
            signal db All SIGCONT
            release db
              db is down
            answer 3: log Ok, db Ok
            > start nobody web
            prepare db#5
            spawn db#5 start[0]
            > exit db 3
            signal db All SIGTERM
            signal db All SIGCONT
            release db
              db fell: exit code 3, again at 100ms
              web failed: db, which it requires, is not up
            answer 4: nobody Refused("no such unit"), web Failed("db, which it requires, is not up")
            > stop web
            answer 5: web Ok
            > start web
            prepare db#6
            spawn db#6 start[0]
        "#]],
    );
}

#[test]
fn a_oneshot_is_up_after_it_or_not_at_all() {
    let units = "-- default.target\nwants = ['setup-a', 'setup-b', 'web']\n-- setup-a\n[service]\ntype = 'oneshot'\nremain-after-exit = true\ncommand = [['/bin/a'], ['/bin/b']]\n-- setup-b\n[service]\ntype = 'oneshot'\ncommand = '/bin/b'\n-- web\nafter = ['setup-a', 'setup-b']\n[service]\ncommand = '/bin/web'";
    check(
        units,
        "boot | list",
        expect![[r#"
        > boot
        prepare setup-a#1
        prepare setup-b#2
        spawn setup-a#1 start[0]
        spawn setup-b#2 start[0]
        spawn setup-a#1 start[1]
        signal setup-b All SIGTERM
        signal setup-b All SIGCONT
          setup-a is up
        prepare web#3
        release setup-b
          Finished(setup-b.service)
        spawn web#3 start[0]
          web is up
          default.target is up
          BootFinished { up: 3, failed: 0, skipped: 0, took: 0ns }
        > list
        answer 1:
            default.target active active -
            setup-a active exited -
            setup-b inactive dead -
            web active running -
    "#]],
    );
}

#[test]
fn a_forking_daemon_is_found_and_watched() {
    let units = "-- default.target\nwants = ['d']\n-- d\n[service]\ntype = 'forking'\npid-file = '/run/d.pid'\ncommand = '/bin/d'";
    check(
        units,
        "boot | stray d | exit d 0 | main d none | +150ms | main d 77 | exit d 1 | +1s | stray d | exit d 0 | main d 78 | stop d",
        expect![[r#"
        > boot
        prepare d#1
        spawn d#1 start[0]
        > stray d
        > exit d 0
        find main of d
        > main d none
        > +150ms
        @ 100ms
        find main of d
        > main d 77
          d is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 150ms }
        > exit d 1
        signal d All SIGTERM
        signal d All SIGCONT
        release d
          d fell: exit code 1, again at 250ms
        > +1s
        @ 250ms
        prepare d#2
        spawn d#2 start[0]
        > stray d
        > exit d 0
        find main of d
        > main d 78
          d is up
        > stop d
        signal d All SIGTERM
        signal d All SIGCONT
        release d
          d is down
        answer 1: d Ok
    "#]],
    );
}

#[test]
fn a_forking_daemon_without_a_main_process_lives_as_long_as_its_cgroup() {
    let units = "-- default.target\nwants = ['d']\n-- d\n[service]\ntype = 'forking'\ncommand = '/bin/d'";
    check(
        units,
        "boot | stray d | exit d 0 | main d none | empty d",
        expect![[r#"
        > boot
        prepare d#1
        spawn d#1 start[0]
        > stray d
        > exit d 0
        find main of d
        > main d none
          d is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > empty d
        signal d All SIGTERM
        signal d All SIGCONT
        release d
          Finished(d.service)
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
        release a
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
fn a_lack_of_processes_is_nobodys_failure() {
    let units = "-- default.target\nwants = ['a']\n-- a\n[service]\ntype = 'oneshot'\ncommand = '/bin/a'";
    check(
        units,
        "boot | delay a | +1s | exit a 0",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
        > delay a
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          a fell: fork: EAGAIN, again at 100ms
        > +1s
        @ 100ms
        prepare a#2
        spawn a#2 start[0]
        > exit a 0
        signal a All SIGTERM
        signal a All SIGCONT
          default.target is up
          BootFinished { up: 1, failed: 0, skipped: 0, took: 1s }
        release a
          Finished(a.service)
    "#]],
    );
}

#[test]
fn a_process_killed_for_memory_takes_its_unit_along() {
    let units = "-- default.target\nwants = ['a']\n-- a\n[service]\ncommand = '/bin/a'\n[stop]\nmode = 'mixed'";
    check(
        units,
        "boot | stray a | oom a | +1s",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > stray a
        > oom a
          OutOfMemory(a.service)
        signal a Main SIGTERM
        signal a Main SIGCONT
        kill a
        release a
          a fell: killed for want of memory, again at 100ms
        > +1s
        @ 100ms
        prepare a#2
        spawn a#2 start[0]
          a is up
    "#]],
    );
}

#[test]
fn what_takes_too_long_to_start_is_stopped() {
    check(
        CHAIN,
        "boot | +89s | +2s",
        expect![[r#"
        > boot
        prepare log#1
        spawn log#1 start[0]
          log is up
        prepare db#2
        spawn db#2 start[0]
        > +89s
        > +2s
        @ 90s
        signal db All SIGTERM
        signal db All SIGCONT
        release db
          db fell: start took too long, again at 90.1s
          web failed: db, which it requires, is not up
          default.target is up
          BootFinished { up: 2, failed: 1, skipped: 0, took: 90s }
        @ 90.1s
        prepare db#3
        spawn db#3 start[0]
    "#]],
    );
}

#[test]
fn reload_runs_its_commands_and_answers() {
    let units = "-- default.target\nwants = ['a', 'b']\n-- a\n[service]\ncommand = '/bin/a'\nexec-reload = ['/bin/x', '/bin/y']\n-- b\n[service]\ncommand = '/bin/b'\nexec-reload = 'HUP'";
    check_with(
        units,
        |w| _ = w.stubborn.insert(name("b")),
        "boot | reload a b default.target",
        expect![[r#"
        > boot
        prepare a#1
        prepare b#2
        spawn a#1 start[0]
        spawn b#2 start[0]
          a is up
          b is up
          default.target is up
          BootFinished { up: 3, failed: 0, skipped: 0, took: 0ns }
        > reload a b default.target
        spawn a#1 reload[0]
        signal b Main SIGHUP
        spawn a#1 reload[1]
        answer 1: a Ok, b Ok, default.target Refused("it has no configuration")
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
        release ssh
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
