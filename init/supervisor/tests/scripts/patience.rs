//! How long a job is waited for: `job-timeout-sec`, `job-running-timeout-sec` and what follows.

use expect_test::expect;
use units::control::Way;

use super::{check, world::World};

const SLOW: &str = "[service]\ntype = 'notify'\ncommand = '/bin/x'\nstart-timeout = '1h'\n";

#[test]
fn a_start_that_waits_too_long_is_answered_and_fails_who_requires_it_and_the_unit_goes_on() {
    let units = format!(
        "-- default.target\n-- a\njob-timeout-sec = '10s'\non-failure = ['help']\n{SLOW}-- b\nrequires = ['a']\nafter = ['a']\n\
         [service]\ncommand = '/bin/b'\n-- help\n[service]\ncommand = '/bin/help'"
    );
    check(
        &units,
        "boot | start a b | +10s | list | ready a | list",
        expect![[r#"
        > boot
          default.target is up
          BootFinished { up: 1, failed: 0, skipped: 0, took: 0ns }
        > start a b
        prepare a#1
        spawn a#1 start[0]
        > +10s
        @ 10s
          WaitedTooLong(a.service)
          b failed: a, which it requires, is not up
        answer 1: a Timeout, b Failed("a, which it requires, is not up")
        prepare help#2
        spawn help#2 start[0]
          help is up
        > list
            a activating start -
            b failed failed a, which it requires, is not up
            default.target active active -
            help active running -
        > ready a
          a is up
        prepare b#3
        spawn b#3 start[0]
          b is up
        > list
            a active running -
            b active running -
            default.target active active -
            help active running -
    "#]],
    );
}

#[test]
fn the_time_counts_from_the_asking_or_from_the_beginning_as_the_unit_says() {
    let ends = |lines: &str| {
        let mut world = World::new(&format!("-- default.target\n-- first\n{SLOW}-- a\nafter = ['first']\n{lines}\n{SLOW}"));
        world.run("boot | start first a | +6s | ready first | +1min");
        world.lines.iter().filter_map(|line| line.strip_prefix("@ ").map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(ends("job-timeout-sec = '10s'"), ["10s"]);
    assert_eq!(ends("job-running-timeout-sec = '10s'"), ["16s"]);
    assert_eq!(ends("job-timeout-sec = '10s'\njob-running-timeout-sec = '2s'"), ["8s"]);
    assert_eq!(ends("job-timeout-sec = '0'"), [""; 0]);
}

#[test]
fn a_stop_is_waited_for_no_longer_either_and_the_shutdown_has_its_own_limit() {
    let units =
        "-- default.target\nwants = ['a']\n-- a\njob-timeout-sec = '1s'\njob-timeout-action = 'reboot'\n[service]\ncommand = '/bin/a'";
    let mut world = World::new(units);
    world.stubborn.insert(super::world::name("a"));
    world.run("boot | stop a | +1s");
    assert!(world.lines.iter().any(|line| line.contains("answer 1: a Timeout")), "{:?}", world.lines);
    // That asks for the end; a stop is then given up by nobody.
    world.run("+25s");
    assert_eq!(world.left, Some(Way::Reboot));
    assert_eq!(world.lines.iter().filter(|line| line.contains("WaitedTooLong")).count(), 1);
}

#[test]
fn what_is_waited_for_outlives_pid_1() {
    let mut world = World::new(&format!("-- default.target\n-- a\njob-timeout-sec = '10s'\n{SLOW}"));
    world.mortal = true;
    world.run("boot | start a | +9s");
    assert_eq!(world.answers.get(&1), Some(&0));
    world.run("+1s");
    assert_eq!(world.answers.get(&1), Some(&1));
}

#[test]
fn the_code_of_the_end_is_the_units_to_say() {
    let left = |lines: &str, script: &str| {
        let mut world = World::new(&format!(
            "-- default.target\nwants = ['a']\n-- a\n{lines}\n[service]\ncommand = '/bin/a'\n[restart]\npolicy = 'no'"
        ));
        world.run(script);
        world.left
    };
    let failure = "failure-action = 'exit'\nfailure-action-exit-status = 9";
    assert_eq!(left(failure, "boot | exit a 42"), Some(Way::Exit(9)));
    assert_eq!(left("failure-action = 'exit'", "boot | exit a 42"), Some(Way::Exit(42)));
    assert_eq!(left("success-action = 'exit'\nsuccess-action-exit-status = 3", "boot | exit a 0"), Some(Way::Exit(3)));
    assert_eq!(left("failure-action = 'exit'\nfailure-action-exit-status = ''", "boot | exit a 42"), Some(Way::Exit(42)));
}

#[test]
fn a_job_that_is_called_off_is_answered_and_its_unit_goes_on() {
    let units = format!("-- default.target\n-- a\n{SLOW}-- b\nrequires = ['a']\nafter = ['a']\n[service]\ncommand = '/bin/b'");
    check(
        &units,
        "boot | start a b | cancel all | list | ready a | cancel all",
        expect![[r#"
            > boot
              default.target is up
              BootFinished { up: 1, failed: 0, skipped: 0, took: 0ns }
            > start a b
            prepare a#1
            spawn a#1 start[0]
            > cancel all
            answer 1: a Cancelled, b Cancelled
            answer 2: a Ok, b Ok
            > list
                a activating start -
                b inactive dead -
                default.target active active -
            > ready a
              a is up
            > cancel all
            answer 3:
        "#]],
    );
}
