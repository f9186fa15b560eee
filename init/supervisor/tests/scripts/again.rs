//! What is started again by itself: when, and what others see of it.

use expect_test::expect;

use super::check;

#[test]
fn pauses_grow_in_steps_to_the_longest() {
    let units = "-- default.target\nwants = ['a']\n-- a\n[service]\ncommand = '/bin/a'\n\
                 [restart]\npolicy = 'always'\ndelay = '1s'\nsteps = 2\nmax-delay = '4s'\nburst = 'max'";
    let mut world = super::World::new(units);
    // Every restart is a step, also one that follows no failure.
    world.run("boot | exit a 0 | +1s | exit a 1 | +2s | exit a 1 | +4s | exit a 1 | +4s");
    let times: Vec<&str> = world.lines.iter().filter_map(|line| line.strip_prefix("@ ")).collect();
    assert_eq!(times, ["1s", "3s", "7s", "11s"]);
    // Somebody asks for it: they begin anew.
    world.run("start a | exit a 1 | +4s | stop a | start a | exit a 1 | +1s");
    assert_eq!(world.lines.iter().filter_map(|line| line.strip_prefix("@ ")).next_back(), Some("16s"));
}

#[test]
fn a_direct_restart_is_seen_by_nobody_until_it_fails_for_good() {
    let units = "-- default.target\nwants = ['a', 'bound', 'late']\n-- a\non-failure = ['help']\n[service]\ntype = 'notify'\ncommand = '/bin/a'\n\
                 [restart]\npolicy = 'on-failure'\nmode = 'direct'\ndelay = '1s'\nbackoff = 1\nburst = 2\n\
                 -- bound\nbinds-to = ['a']\nafter = ['a']\n[service]\ncommand = '/bin/bound'\n\
                 -- late\nrequires = ['a']\nafter = ['a']\n[service]\ncommand = '/bin/late'\n-- help\n[service]\ncommand = '/bin/help'";
    // A start that fails and the one that follows are one to who waits for it, and who is up beside it stays so.
    check(
        units,
        "boot | exit a 1 | list | +1s | ready a | exit a 1 | list | +1s | list",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
        > exit a 1
        signal a All SIGTERM
        signal a All SIGCONT
        release a to restart
          a fell: exit code 1, again at 1s
        > list
            a activating auto-restart exit code 1
            bound activating waiting -
            default.target activating waiting -
            help inactive dead -
            late activating waiting -
        > +1s
        @ 1s
        prepare a#2
        spawn a#2 start[0]
        > ready a
          a is up
        prepare bound#3
        prepare late#4
        spawn bound#3 start[0]
        spawn late#4 start[0]
          bound is up
          late is up
          default.target is up
          BootFinished { up: 4, failed: 0, skipped: 0, took: 1s }
        > exit a 1
        signal a All SIGTERM
        signal a All SIGCONT
        release a to restart
          a fell: exit code 1, again at 2s
        > list
            a activating auto-restart exit code 1
            bound active running -
            default.target active active -
            help inactive dead -
            late active running -
        > +1s
        @ 2s
          a failed: started too often in too short a time
        signal bound All SIGTERM
        signal bound All SIGCONT
        prepare help#5
        release bound
          bound failed: a, which it requires, is not up
        spawn help#5 start[0] because Ended(a.service, "start-limit-hit", None)
          help is up
        > list
            a failed failed started too often in too short a time
            bound failed failed a, which it requires, is not up
            default.target active active -
            help active running -
            late active running -
    "#]],
    );
}

#[test]
fn what_goes_down_with_a_unit_goes_when_it_falls_but_not_in_a_direct_restart() {
    let script = "boot | exit a 0 | list";
    let row = |mode: &str| {
        let mut world = super::World::new(&format!(
            "-- default.target\nwants = ['a', 'b']\n-- a\npropagates-stop-to = ['b']\n[service]\ncommand = '/bin/a'\n\
             [restart]\npolicy = 'always'\nmode = '{mode}'\n-- b\n[service]\ncommand = '/bin/b'"
        ));
        world.run(script);
        world.run("+1s | list");
        world.lines.iter().filter(|line| line.trim().starts_with("b ")).map(|line| line.trim().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(row("normal"), ["b is up", "b is down", "b inactive dead -", "b inactive dead -"]);
    assert_eq!(row("direct"), ["b is up", "b active running -", "b active running -"]);
}

#[test]
fn a_direct_restart_after_success_leaves_what_is_bound_up() {
    let units = "-- default.target\nwants = ['bound']\n-- a\n[service]\ncommand = '/bin/a'\n[restart]\npolicy = 'always'\nmode = 'direct'\n\
                 -- bound\nbinds-to = ['a']\nafter = ['a']\n[service]\ncommand = '/bin/bound'";
    check(
        units,
        "boot | exit a 0 | +1s | stop a",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
          a is up
        prepare bound#2
        spawn bound#2 start[0]
          bound is up
          default.target is up
          BootFinished { up: 3, failed: 0, skipped: 0, took: 0ns }
        > exit a 0
        signal a All SIGTERM
        signal a All SIGCONT
        release a to restart
        > +1s
        @ 100ms
        prepare a#3
        spawn a#3 start[0]
          a is up
        > stop a
        signal bound All SIGTERM
        signal bound All SIGCONT
        release bound
          bound is down
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          a is down
        answer 1: a Ok
    "#]],
    );
}
