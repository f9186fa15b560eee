//! When a service has ended by itself: with the last of its processes (`exit-type`), or when its time is over.

use expect_test::expect;

use super::{check, world::World};
use supervisor::Notice;

fn service(lines: &str) -> String {
    format!("-- default.target\nwants = ['a']\n-- a\n[service]\ncommand = '/bin/a'\nexit-type = 'cgroup'\n{lines}\n")
}

#[test]
fn a_service_is_up_until_the_last_of_its_processes_has_ended_and_fails_with_the_main_one() {
    check(
        &service(""),
        "boot | stray a | exit a 3 | list | empty a | +100ms | stray a | die a TERM | list | empty a | list",
        expect![[r#"
            > boot
            prepare a#1
            spawn a#1 start[0]
              a is up
              default.target is up
              BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
            > stray a
            > exit a 3
            > list
                a active running -
                default.target active active -
            > empty a
            signal a All SIGTERM
            signal a All SIGCONT
            release a to restart
              a fell: exit code 3, again at 100ms
            > +100ms
            @ 100ms
            prepare a#2
            spawn a#2 start[0]
              a is up
            > stray a
            > die a TERM
            > list
                a active running -
                default.target active active -
            > empty a
            signal a All SIGTERM
            signal a All SIGCONT
            release a
              Finished(a.service)
            > list
                a inactive dead -
                default.target active active -
        "#]],
    );
    // Nobody is left: the end of the main process is the end.
    let mut world = World::new(&service(""));
    world.run("boot | exit a 0 | list");
    assert_eq!(world.rows().iter().find(|row| row.name.as_str() == "a.service").unwrap().sub, "dead");
}

#[test]
fn others_may_say_that_it_is_ready_and_what_cannot_be_executed_is_none() {
    let notify = service("type = 'notify'\nnotify-access = 'all'");
    check(
        &notify,
        "boot | stray a | exit a 1 | list | ready a | list | empty a",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
        > stray a
        > exit a 1
        > list
            a activating start -
            default.target activating waiting -
        > ready a
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > list
            a active running -
            default.target active active -
        > empty a
        signal a All SIGTERM
        signal a All SIGCONT
        release a to restart
          a fell: exit code 1, again at 100ms
    "#]],
    );
    check(
        &notify,
        "boot | stray a | exit a 0 | empty a",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
        > stray a
        > exit a 0
        > empty a
        signal a All SIGTERM
        signal a All SIGCONT
        release a to restart
          a fell: ended without saying that it is ready, again at 100ms
          default.target is up
          BootFinished { up: 1, failed: 0, skipped: 0, took: 0ns }
    "#]],
    );
    let mut world = World::new(&service("type = 'simple'"));
    world.broken.insert(super::world::name("a"));
    world.run("boot | list");
    assert!(world.lines.iter().any(|line| line.contains("a fell: exec failed")), "{:?}", world.lines);
}

#[test]
fn the_last_end_while_it_reloads_and_after_it_is_heard_of() {
    // Its signal is the end of the main process here, and success.
    let units = service("type = 'notify-reload'\nremain-after-exit = true");
    check(
        &units,
        "boot | ready a | stray a | reload a | list | reloading a 0s | ready a | empty a | list",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
        > ready a
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > stray a
        > reload a
        signal a Main SIGHUP
        > list
            a reloading reload-signal -
            default.target active active -
        > reloading a 0s
        > ready a
        answer 1: a Ok
        > empty a
        > list
            a active exited -
            default.target active active -
    "#]],
    );
    check(
        &service("type = 'notify-reload'"),
        "boot | ready a | stray a | reload a | empty a",
        expect![[r#"
        > boot
        prepare a#1
        spawn a#1 start[0]
        > ready a
          a is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > stray a
        > reload a
        signal a Main SIGHUP
        > empty a
        answer 1: a Cancelled
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          Finished(a.service)
    "#]],
    );
}

#[test]
fn how_long_one_may_be_up_goes_by_chance_and_is_drawn_anew_for_each_life() {
    let units = service("runtime-max-sec = '10s'\nruntime-randomized-extra-sec = '10s'\n[restart]\npolicy = 'always'\nburst = 'max'");
    let ends = |random: u64| {
        let mut world = World::new(&units);
        world.supervisor = super::world::supervisor(&units, random);
        world.run("boot | +5min");
        let again_at = |notice: &Notice| if let Notice::Fell { again_at, .. } = notice { Some(again_at.0.as_secs_f64()) } else { None };
        world.told.iter().filter_map(again_at).collect::<Vec<f64>>()
    };
    let (one, other) = (ends(1), ends(2));
    assert!(one.len() > 5 && one != other, "{one:?} {other:?}");
    let spans: Vec<f64> = one.iter().scan(0.0, |last, end| Some(end - core::mem::replace(last, *end))).collect();
    // A pause before each but the first.
    assert!(spans.iter().all(|span| (10.0..=50.0).contains(span)), "{spans:?}");
    assert!(spans.iter().any(|span| (span - spans.first().unwrap()).abs() > 0.5), "{spans:?}");
}
