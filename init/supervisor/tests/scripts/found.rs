//! What a million steps have found, a script for each.

use expect_test::expect;

use super::world::{World, name};
use super::{check, check_with};
use units::control::Request;

#[test]
fn what_waits_for_all_others_and_is_to_stop_is_waited_for() {
    let units = "-- go.target\nwants = ['b']\nallow-isolate = true\n-- slow\nignore-on-isolate = true\n[service]\ntype = 'oneshot'\ncommand = '/bin/slow'\n-- z\n[service]\ntype = 'idle'\ncommand = '/bin/z'\n-- b\nafter = ['z']\n[service]\ncommand = '/bin/b'";
    check(
        units,
        "start slow | start z | isolate go.target",
        expect![[r#"
        > start slow
        prepare slow#1
        spawn slow#1 start[0]
        > start z
        prepare z#2
        > isolate go.target
        answer 2: z Cancelled
        signal z All SIGTERM
        signal z All SIGCONT
        release z
          z is down
        prepare b#3
        spawn b#3 start[0]
          b is up
          go.target is up
        answer 3: go.target Ok
    "#]],
    );
}

#[test]
fn a_main_process_before_the_main_command_is_not_believed() {
    let mut world = World::new("-- a\n[service]\nexec-start-pre = '/bin/pre'\ncommand = '/bin/a'");
    world.patient.insert(name("a"));
    world.run("start a | claim a 77");
    let main = |world: &World| world.rows().first().and_then(|row| row.main_pid);
    assert_eq!(main(&world), None);
    world.run("exit a start-pre 0");
    assert_eq!(main(&world), Some(100));
}

const APART: &str = "-- a\nafter = ['slow']\ncondition = { path-exists = '/x' }\n[service]\ncommand = '/bin/a'\n-- b\n[service]\ncommand = '/bin/b'\n-- slow\n[service]\ntype = 'oneshot'\ncommand = '/bin/slow'";

#[test]
fn files_that_set_two_apart_are_heeded_by_the_one_that_comes() {
    check_with(
        APART,
        |world| world.changed = APART.replacen("-- a\n", "-- a\nconflicts = ['b']\n", 1),
        "start b | queue start slow a | daemon-reload | exit slow 0",
        expect![[r#"
            > start b
            prepare b#1
            spawn b#1 start[0]
              b is up
            answer 1: b Ok
            > queue start slow a
            answer 2: slow Queued, a Queued
            prepare slow#2
            spawn slow#2 start[0]
            > daemon-reload
            reread for 3
            > exit slow 0
            signal slow All SIGTERM
            signal slow All SIGCONT
            signal b All SIGTERM
            signal b All SIGCONT
            release slow
              Finished(slow.service)
            release b
              b is down
            check a
            prepare a#4
            spawn a#4 start[0]
              a is up
        "#]],
    );
}

#[test]
fn files_that_set_two_apart_are_heeded_while_conditions_are_judged() {
    let mut world = World::new(APART);
    world.changed = APART.replacen("-- a\n", "-- a\nconflicts = ['b']\n", 1);
    world.run("start b");
    world.lines.clear();
    world.ask(Request::Start { units: vec![name("a")] });
    world.ask(Request::DaemonReload {});
    world.follow_up();
    expect![[r#"
        check a
        reread for 3
        signal b All SIGTERM
        signal b All SIGCONT
        release b
          b is down
        check a
        prepare a#4
        spawn a#4 start[0]
          a is up
        answer 2: a Ok
    "#]]
    .assert_eq(&(world.lines.join("\n") + "\n"));
}

#[test]
fn a_circle_of_what_follows_has_an_end_for_every_kind() {
    let circle = |ends: &str, kind: &str, body: &str| {
        let unit = |own: &str, other: &str| format!("-- {own}.{kind}\n{ends} = ['{other}.{kind}']\n{}\n", body.replace('*', own));
        format!(
            "-- x\non-failure = ['a.{kind}']\n[service]\ncommand = '/bin/x'\n[restart]\npolicy = 'no'\n{}{}",
            unit("a", "b"),
            unit("b", "a")
        )
    };
    let bodies = [
        ("on-success", "slice", "[slice]"),
        ("on-failure", "mount", "[mount]\nwhat = '/dev/x'\nwhere = '/*'"),
        ("on-failure", "socket", "[socket]\nlisten-stream = '/run/x'"),
    ];
    for (ends, kind, body) in bodies {
        let mut world = World::new(&circle(ends, kind, body));
        let both = ["a", "b"].map(|unit| name(&format!("{unit}.{kind}")));
        world.broken.extend(both.clone());
        world.deaf.extend(both);
        world.run("start x | exit x 1");
        let given_up = world.rows().iter().filter(|row| row.result.as_deref() == Some("started too often in too short a time")).count();
        assert!(given_up > 0, "{kind}: {:?}", world.rows());
    }
}
