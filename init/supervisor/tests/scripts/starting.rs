//! How units come up, and what keeps them from it.

use expect_test::expect;

use super::world::{World, name};
use super::{CHAIN, check, check_with};

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
            release db to restart
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
            release web to restart
              web fell: exit code 1, again at 100ms
            > +1s
            @ 100ms
            prepare web#2
            spawn web#2 start[0]
              web is up
            > exit web 1
            signal web All SIGTERM
            signal web All SIGCONT
            release web to restart
              web fell: exit code 1, again at 1.2s
            > +1s
            @ 1.2s
            prepare web#3
            spawn web#3 start[0]
              web is up
            > die web SEGV
            signal web All SIGTERM
            signal web All SIGCONT
            release web to restart
              web fell: killed by SIGSEGV, again at 2.4s
            > +1s
            @ 2.4s
            prepare web#4
            spawn web#4 start[0]
              web is up
            > exit web 1
            signal web All SIGTERM
            signal web All SIGCONT
            release web to restart
              web fell: exit code 1, again at 3.8s
            > +1s
            @ 3.8s
            prepare web#5
            spawn web#5 start[0]
              web is up
            > exit web 1
            signal web All SIGTERM
            signal web All SIGCONT
            release web to restart
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
                after active running -
                default.target active active -
                web inactive skipped skipped: path-exists /no
        "#]],
    );
}

#[test]
fn what_is_skipped_again_and_again_was_not_started_too_often() {
    let units = "-- web\nwants = ['setup']\n[service]\ncommand = '/bin/web'\n-- setup\ncondition = { path-exists = '/no' }\n[service]\ncommand = '/bin/setup'";
    let mut world = World::new(units);
    world.skipped.insert(name("setup"));
    world.run(&["start web | stop web"; 8].join("|"));
    assert_eq!(world.lines.iter().filter(|line| line.contains("setup skipped")).count(), 8);
    world.skipped.clear();
    world.run("stop web | start web");
    assert!(world.lines.iter().any(|line| line.starts_with("spawn setup")), "{:?}", world.lines);
}

#[test]
fn a_path_is_not_started_for_without_end_by_a_condition_that_does_not_hold() {
    let units = "-- mail.path\n[path]\npath-exists = '/var/mail/new'\n-- mail\ncondition = { path-exists = '/no' }\n[service]\ncommand = '/bin/mail'";
    let mut world = World::new(units);
    world.skipped.insert(name("mail"));
    world.run("start mail.path");
    let mut tries = 0;
    // What is watched is there each time.
    while world.lines.last().is_some_and(|line| line == "watch paths of mail.path") && tries < 1000 {
        tries += 1;
        world.run("touch mail.path");
    }
    assert_eq!(tries, 201);
    assert_eq!(
        world.rows().iter().find_map(|row| row.result.as_deref().filter(|_| row.name == name("mail.path"))),
        Some("triggered too often in too short a time")
    );
}

#[test]
fn what_is_up_has_had_what_it_wants_and_is_looked_through_when_asked_for_again() {
    let units = "-- early.target\nwants = ['log']\nrequires = ['keys']\n-- log\n[service]\ncommand = '/bin/log'\n-- keys\n[service]\ncommand = '/bin/keys'\n[restart]\npolicy = 'no'\n-- web\nrequires = ['early.target']\n[service]\ncommand = '/bin/web'";
    check(
        units,
        "start early.target | stop log | exit keys 1 | start web | list | start early.target",
        expect![[r#"
            > start early.target
            prepare keys#1
            prepare log#2
            spawn keys#1 start[0]
            spawn log#2 start[0]
              keys is up
              log is up
              early.target is up
            answer 1: early.target Ok
            > stop log
            signal log All SIGTERM
            signal log All SIGCONT
            release log
              log is down
            answer 2: log Ok
            > exit keys 1
            signal keys All SIGTERM
            signal keys All SIGCONT
            release keys
              keys failed: exit code 1
            > start web
            prepare keys#3
            prepare web#4
            spawn keys#3 start[0]
            spawn web#4 start[0]
              keys is up
              web is up
            answer 3: web Ok
            > list
                early.target active active -
                keys active running -
                log inactive dead -
                web active running -
            > start early.target
            answer 4: early.target Ok
            prepare log#5
            spawn log#5 start[0]
              log is up
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
            release a to restart
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
            release db to restart
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
fn a_start_after_a_fall_takes_its_turn_and_others_wait_for_it() {
    let units = "-- default.target\nwants = ['last']\n-- slow\n[service]\ntype = 'oneshot'\ncommand = '/bin/slow'\n\
                 -- falls\n[service]\ntype = 'oneshot'\ncommand = '/bin/falls'\n[restart]\npolicy = 'on-failure'\n\
                 -- last\nafter = ['slow', 'falls']\nwants = ['slow', 'falls']\n[service]\ncommand = '/bin/last'";
    check(
        units,
        "boot | exit falls 1 | +1s | exit slow 0 | exit falls 0",
        expect![[r#"
            > boot
            prepare falls#1
            prepare slow#2
            spawn falls#1 start[0]
            spawn slow#2 start[0]
            > exit falls 1
            signal falls All SIGTERM
            signal falls All SIGCONT
            release falls to restart
              falls fell: exit code 1, again at 100ms
            > +1s
            @ 100ms
            prepare falls#3
            spawn falls#3 start[0]
            > exit slow 0
            signal slow All SIGTERM
            signal slow All SIGCONT
            release slow
              Finished(slow.service)
            > exit falls 0
            signal falls All SIGTERM
            signal falls All SIGCONT
            prepare last#4
            release falls
              Finished(falls.service)
            spawn last#4 start[0]
              last is up
              default.target is up
              BootFinished { up: 2, failed: 0, skipped: 0, took: 1s }
        "#]],
    );
}

/// Two that fall in turn, so that one of them is always being started: the boot ends all the same.
#[test]
fn what_is_tried_again_does_not_hold_up_the_boot() {
    let unit = "[service]\ntype = 'oneshot'\ncommand = '/bin/x'\n[restart]\npolicy = 'on-failure'\ndelay = '1s'\nbackoff = 1\n";
    check(
        &format!("-- default.target\nwants = ['a', 'b']\n-- a\n{unit}-- b\n{unit}"),
        "boot | exit a 1 | +1s | exit b 1 | exit a 1 | +1s | exit b 1",
        expect![[r#"
            > boot
            prepare a#1
            prepare b#2
            spawn a#1 start[0]
            spawn b#2 start[0]
            > exit a 1
            signal a All SIGTERM
            signal a All SIGCONT
            release a to restart
              a fell: exit code 1, again at 1s
            > +1s
            @ 1s
            prepare a#3
            spawn a#3 start[0]
            > exit b 1
            signal b All SIGTERM
            signal b All SIGCONT
            release b to restart
              b fell: exit code 1, again at 2s
            > exit a 1
            signal a All SIGTERM
            signal a All SIGCONT
            release a to restart
              a fell: exit code 1, again at 2s
              default.target is up
              BootFinished { up: 1, failed: 0, skipped: 0, took: 1s }
            > +1s
            @ 2s
            prepare a#4
            prepare b#5
            spawn a#4 start[0]
            spawn b#5 start[0]
            > exit b 1
            signal b All SIGTERM
            signal b All SIGCONT
            release b to restart
              b fell: exit code 1, again at 3s
        "#]],
    );
}
