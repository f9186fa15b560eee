//! What the fate of one unit means for others.

use expect_test::expect;

use super::check;

#[test]
fn what_is_needed_once_need_not_stay() {
    let units =
        "-- a\nneeds-once = ['migrate']\n[service]\ncommand = '/bin/a'\n-- migrate\n[service]\ntype = 'oneshot'\ncommand = '/bin/migrate'";
    check(
        units,
        "start a | exit migrate 0 | stop a | start a",
        expect![[r#"
        > start a
        prepare migrate#1
        spawn migrate#1 start[0]
        > exit migrate 0
        signal migrate All SIGTERM
        signal migrate All SIGCONT
        prepare a#2
        release migrate
          Finished(migrate.service)
        spawn a#2 start[0]
          a is up
        answer 1: a Ok
        > stop a
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          a is down
        answer 2: a Ok
        > start a
        prepare a#3
        spawn a#3 start[0]
          a is up
        answer 3: a Ok
    "#]],
    );
    check(
        units,
        "start a | exit migrate 1 | start a | exit migrate 0",
        expect![[r#"
        > start a
        prepare migrate#1
        spawn migrate#1 start[0]
        > exit migrate 1
        signal migrate All SIGTERM
        signal migrate All SIGCONT
        release migrate
          migrate failed: exit code 1
          a failed: migrate, which it requires, is not up
        answer 1: a Failed("migrate, which it requires, is not up")
        > start a
        prepare migrate#2
        spawn migrate#2 start[0]
        > exit migrate 0
        signal migrate All SIGTERM
        signal migrate All SIGCONT
        prepare a#3
        release migrate
          Finished(migrate.service)
        spawn a#3 start[0]
          a is up
        answer 2: a Ok
    "#]],
    );
}

#[test]
fn what_is_upheld_is_started_again_however_it_went_down() {
    let units = "-- a\nupholds = ['b']\n[service]\ncommand = '/bin/a'\n-- b\n[service]\ncommand = '/bin/b'\n[restart]\npolicy = 'no'\nburst = 3\ninterval = '10s'";
    check(
        units,
        "start a | exit b 0 | +1s | stop b | +1s | exit b 1 | +9s | +11s | stop a | stop b | +1s",
        expect![[r#"
        > start a
        prepare a#1
        prepare b#2
        spawn a#1 start[0]
        spawn b#2 start[0]
          a is up
        answer 1: a Ok
          b is up
        > exit b 0
        signal b All SIGTERM
        signal b All SIGCONT
        release b
          Finished(b.service)
        > +1s
        @ 100ms
        prepare b#3
        spawn b#3 start[0]
          b is up
        > stop b
        signal b All SIGTERM
        signal b All SIGCONT
        release b
          b is down
        answer 2: b Ok
        > +1s
        @ 1.1s
        prepare b#4
        spawn b#4 start[0]
          b is up
        > exit b 1
        signal b All SIGTERM
        signal b All SIGCONT
        release b
          b failed: exit code 1
        > +9s
        @ 2.1s
          b failed: started too often in too short a time
        > +11s
        @ 12.1s
        prepare b#5
        spawn b#5 start[0]
          b is up
        > stop a
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          a is down
        answer 3: a Ok
        > stop b
        signal b All SIGTERM
        signal b All SIGCONT
        release b
          b is down
        answer 4: b Ok
        > +1s
    "#]],
    );
}

#[test]
fn failing_and_succeeding_start_others() {
    let units = "-- a\non-failure = ['mourn']\non-success = ['cheer']\n[service]\ncommand = '/bin/a'\n[restart]\npolicy = 'on-failure'\nburst = 2\n\
                 -- mourn\n[service]\ncommand = '/bin/mourn'\n-- cheer\n[service]\ncommand = '/bin/cheer'";
    check(
        units,
        "start a | exit a 1 | +1s | exit a 1 | +1s",
        expect![[r#"
        > start a
        prepare a#1
        spawn a#1 start[0]
          a is up
        answer 1: a Ok
        > exit a 1
        signal a All SIGTERM
        signal a All SIGCONT
        release a to restart
          a fell: exit code 1, again at 100ms
        > +1s
        @ 100ms
        prepare a#2
        spawn a#2 start[0]
          a is up
        > exit a 1
        signal a All SIGTERM
        signal a All SIGCONT
        release a to restart
          a fell: exit code 1, again at 1.2s
        > +1s
        @ 1.2s
          a failed: started too often in too short a time
        prepare mourn#3
        spawn mourn#3 start[0] because Ended(a.service, "start-limit-hit", None)
          mourn is up
    "#]],
    );
    check(
        units,
        "start a | exit a 0",
        expect![[r#"
        > start a
        prepare a#1
        spawn a#1 start[0]
          a is up
        answer 1: a Ok
        > exit a 0
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          Finished(a.service)
        prepare cheer#2
        spawn cheer#2 start[0] because Ended(a.service, "success", Some(Code(0)))
          cheer is up
    "#]],
    );
}

#[test]
fn two_that_start_each_other_on_failure_come_to_rest() {
    let unit = "[service]\ncommand = '/bin/x'\n[restart]\npolicy = 'no'\n";
    let units = format!("-- a\non-failure = ['b']\nrequires = ['nobody']\n{unit}-- b\non-failure = ['a']\nrequires = ['nobody']\n{unit}");
    check(
        &units,
        "start a",
        expect![[r#"
        > start a
          a failed: nobody, which it requires, is not up
        answer 1: a Failed("nobody, which it requires, is not up")
          b failed: nobody, which it requires, is not up
          a failed: nobody, which it requires, is not up
    "#]],
    );
}

#[test]
fn reloads_and_stops_are_passed_on() {
    let units = "-- a\npropagates-reload-to = ['b']\npropagates-stop-to = ['c']\n[service]\ncommand = '/bin/a'\nexec-reload = '/bin/r'\n[restart]\npolicy = 'no'\n\
                 -- b\n[service]\ncommand = '/bin/b'\nexec-reload = '/bin/r'\n\
                 -- c\nreload-propagated-from = ['b']\n[service]\ncommand = '/bin/c'\nexec-reload = 'HUP'\n\
                 -- d\nstop-propagated-from = ['a']\n[service]\ncommand = '/bin/d'";
    check(
        units,
        "start a b c d | reload a | stop a | start a c d | exit a 0",
        expect![[r#"
        > start a b c d
        prepare a#1
        prepare b#2
        prepare c#3
        prepare d#4
        spawn a#1 start[0]
        spawn b#2 start[0]
        spawn c#3 start[0]
        spawn d#4 start[0]
          a is up
          b is up
          c is up
          d is up
        answer 1: a Ok, b Ok, c Ok, d Ok
        > reload a
        spawn a#1 reload[0]
        spawn b#2 reload[0]
        signal c Main SIGHUP
        answer 2: a Ok
        signal c All SIGTERM
        signal c All SIGCONT
        release c
          Finished(c.service)
        > stop a
        signal a All SIGTERM
        signal a All SIGCONT
        signal d All SIGTERM
        signal d All SIGCONT
        release a
          a is down
        answer 3: a Ok
        release d
          d is down
        > start a c d
        prepare a#5
        prepare c#6
        prepare d#7
        spawn a#5 start[0]
        spawn c#6 start[0]
        spawn d#7 start[0]
          a is up
          c is up
          d is up
        answer 4: a Ok, c Ok, d Ok
        > exit a 0
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          Finished(a.service)
        signal c All SIGTERM
        signal c All SIGCONT
        signal d All SIGTERM
        signal d All SIGCONT
        release c
          c is down
        release d
          d is down
    "#]],
    );
}

#[test]
fn what_nobody_needs_any_more_is_stopped() {
    let units = "-- a\nwants = ['x']\n[service]\ncommand = '/bin/a'\n-- b\nrequires = ['x']\n[service]\ncommand = '/bin/b'\n\
                 -- x\nstop-when-unneeded = true\n[service]\ncommand = '/bin/x'";
    check(
        units,
        "start a b | stop a | stop b",
        expect![[r#"
        > start a b
        prepare a#1
        prepare b#2
        prepare x#3
        spawn a#1 start[0]
        spawn b#2 start[0]
        spawn x#3 start[0]
          a is up
          b is up
        answer 1: a Ok, b Ok
          x is up
        > stop a
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          a is down
        answer 2: a Ok
        > stop b
        signal b All SIGTERM
        signal b All SIGCONT
        release b
          b is down
        answer 3: b Ok
        signal x All SIGTERM
        signal x All SIGCONT
        release x
          x is down
    "#]],
    );
    check(
        units,
        "start x",
        expect![[r#"
        > start x
        prepare x#1
        spawn x#1 start[0]
          x is up
        answer 1: x Ok
        signal x All SIGTERM
        signal x All SIGCONT
        release x
          x is down
    "#]],
    );
}

#[test]
fn some_are_started_and_stopped_by_others_only() {
    let units = "-- a\nrequires = ['x']\n[service]\ncommand = '/bin/a'\n-- x\nrefuse-manual-start = true\nrefuse-manual-stop = true\n[service]\ncommand = '/bin/x'";
    check(
        units,
        "start x | start a | stop x | restart x",
        expect![[r#"
        > start x
        answer 1: x Refused("it is only started by what needs it")
        > start a
        prepare a#1
        prepare x#2
        spawn a#1 start[0]
        spawn x#2 start[0]
          a is up
        answer 2: a Ok
          x is up
        > stop x
        answer 3: x Refused("it is only stopped by what needs it")
        > restart x
        answer 4: x Refused("it is only restarted by what needs it")
    "#]],
    );
}

#[test]
fn a_requisite_is_not_started_and_must_be_there() {
    let units = "-- a\nrequisite = ['x']\nafter = ['x']\n[service]\ncommand = '/bin/a'\n-- x\n[service]\ncommand = '/bin/x'";
    check(
        units,
        "start a | start x | start a | stop x",
        expect![[r#"
        > start a
          a failed: x, which it requires, is not up
        answer 1: a Failed("x, which it requires, is not up")
        > start x
        prepare x#1
        spawn x#1 start[0]
          x is up
        answer 2: x Ok
        prepare a#2
        spawn a#2 start[0]
          a is up
        > start a
        answer 3: a Ok
        > stop x
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          a is down
        signal x All SIGTERM
        signal x All SIGCONT
        release x
          x is down
        answer 4: x Ok
    "#]],
    );
}

#[test]
fn parts_stop_and_restart_with_the_whole() {
    let units = "-- whole\n[service]\ncommand = '/bin/whole'\n-- part\npart-of = ['whole']\n[service]\ncommand = '/bin/part'";
    check(
        units,
        "start whole part | restart whole | stop whole | start whole",
        expect![[r#"
        > start whole part
        prepare part#1
        prepare whole#2
        spawn part#1 start[0]
        spawn whole#2 start[0]
          part is up
          whole is up
        answer 1: whole Ok, part Ok
        > restart whole
        signal part All SIGTERM
        signal part All SIGCONT
        signal whole All SIGTERM
        signal whole All SIGCONT
        release part to restart
          part is down
        prepare part#3
        release whole to restart
          whole is down
        prepare whole#4
        spawn part#3 start[0]
        spawn whole#4 start[0]
          part is up
          whole is up
        answer 2: whole Ok
        > stop whole
        signal part All SIGTERM
        signal part All SIGCONT
        signal whole All SIGTERM
        signal whole All SIGCONT
        release part
          part is down
        release whole
          whole is down
        answer 3: whole Ok
        > start whole
        prepare whole#5
        spawn whole#5 start[0]
          whole is up
        answer 4: whole Ok
    "#]],
    );
}
