//! The kinds of service, requests, and what the kernel does to units.

use expect_test::expect;

use super::world::name;
use super::{CHAIN, check, check_with};

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
            release web to restart
              web is down
            signal db All SIGTERM
            signal db All SIGCONT
            release db to restart
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
            release db to restart
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
        "boot | stray d | exit d 0 | +150ms | main d 77 | exit d 1 | +1s | stray d | exit d 0 | main d 78 | stop d | start d | stray d | exit d 0 | main d none",
        expect![[r#"
            > boot
            prepare d#1
            spawn d#1 start[0]
            > stray d
            > exit d 0
            find main of d
            > +150ms
            > main d 77
              d is up
              default.target is up
              BootFinished { up: 2, failed: 0, skipped: 0, took: 150ms }
            > exit d 1
            signal d All SIGTERM
            signal d All SIGCONT
            release d to restart
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
            > start d
            prepare d#3
            spawn d#3 start[0]
            > stray d
            > exit d 0
            find main of d
            > main d none
            signal d All SIGTERM
            signal d All SIGCONT
            release d to restart
              d fell: left no daemon that its pid file names, again at 1.25s
            answer 2: d Failed("left no daemon that its pid file names")
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
            release a to restart
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
