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

/// h.target keeps u2 up, which wants by a detour what l.slice, which comes with it, may not be beside.
#[test]
fn targets_that_call_each_other_up_and_down_come_to_rest() {
    let units = "-- u1\nwants = ['t.timer']\n[service]\ncommand = '/bin/x'\n-- u2\nrequires = ['u5']\n[service]\ncommand = '/bin/x'\n-- u4\n[service]\ncommand = '/bin/x'\nslice = 'l.slice'\n-- u5\nwants = ['h.target', 'u2']\nrequires = ['p.path', 'u1']\n[service]\ncommand = '/bin/x'\n-- s.socket\nrequires = ['h.target', 'u1']\nrequisite = ['g.target']\n[socket]\nlisten-stream = '/run/s'\n-- t.timer\nwants = ['u4', 'p.path', 's.socket']\n[timer]\nunit = 'u1'\non-active-sec = '5s'\n-- p.path\nconflicts = ['u4', 's.socket', 'u1']\n[path]\npath-exists = '/x'\nunit = 'u2'\n-- l.slice\nafter = ['g.target']\nwants = ['u2', 'g.target']\nrequires = ['p.path', 'm.mount']\nconflicts = ['h.target']\n-- m.mount\n[mount]\nwhat = '/dev/x'\nwhere = '/m'\n-- g.target\nstop-when-unneeded = true\n-- h.target\nupholds = ['u2']";
    let mut world = World::new(units);
    world.run("start h.target");
    assert!(world.lines.len() < 2000, "{} lines", world.lines.len());
    assert_eq!(world.answers, [(1, 1)].into());
}

#[test]
fn who_is_on_the_way_up_is_not_refused_for_what_fails_meanwhile() {
    let units = "-- c\n[service]\ntype = 'oneshot'\ncommand = '/bin/c'\n-- s\nrequires = ['c']\n[service]\ntype = 'notify'\ncommand = '/bin/s'\n-- x\nconflicts = ['s']\nwants = ['s']\n[service]\ncommand = '/bin/x'";
    check_with(
        units,
        |world| world.changed = units.replacen("-- c\n", "-- c\nrequires = ['nobody']\n", 1),
        "queue start s | exit c 0 | daemon-reload | queue start x | list",
        expect![[r#"
            > queue start s
            answer 1: s Queued
            prepare c#1
            prepare s#2
            spawn c#1 start[0]
            spawn s#2 start[0]
            > exit c 0
            signal c All SIGTERM
            signal c All SIGCONT
            release c
              Finished(c.service)
            > daemon-reload
            reread for 2
            > queue start x
            answer 3: x Queued
              c failed: nobody, which it requires, is not up
            > list
                c failed failed nobody, which it requires, is not up
                s activating start -
                x inactive dead -
        "#]],
    );
}
