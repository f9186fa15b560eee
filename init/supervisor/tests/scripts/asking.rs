//! What may be asked beside start and stop.

use expect_test::expect;

use super::{check, check_with};

const UNITS: &str = "
-- default.target
wants = ['web', 'db']
-- rescue.target
wants = ['shell']
allow-isolate = true
-- shell
[service]
command = '/bin/shell'
-- db
[service]
command = '/bin/db'
exec-reload = ['/bin/reload']
-- web
[service]
command = '/bin/web'
";

#[test]
fn only_what_is_up_is_tried_and_what_can_reload_does() {
    check(
        UNITS,
        "boot | try-restart shell web | reload-or-restart db web shell | try-reload-or-restart shell db",
        expect![[r#"
            > boot
            prepare db#1
            prepare web#2
            spawn db#1 start[0]
            spawn web#2 start[0]
              db is up
              web is up
              default.target is up
              BootFinished { up: 3, failed: 0, skipped: 0, took: 0ns }
            > try-restart shell web
            signal web All SIGTERM
            signal web All SIGCONT
            release web to restart
              web is down
            prepare web#3
            spawn web#3 start[0]
              web is up
            answer 1: shell Ok, web Ok
            > reload-or-restart db web shell
            spawn db#1 reload[0]
            prepare shell#4
            signal web All SIGTERM
            signal web All SIGCONT
            spawn shell#4 start[0]
            release web to restart
              web is down
            prepare web#5
              shell is up
            spawn web#5 start[0]
              web is up
            answer 2: db Ok, web Ok, shell Ok
            > try-reload-or-restart shell db
            spawn db#1 reload[0]
            signal shell All SIGTERM
            signal shell All SIGCONT
            release shell to restart
              shell is down
            prepare shell#6
            spawn shell#6 start[0]
              shell is up
            answer 3: shell Ok, db Ok
        "#]],
    );
}

#[test]
fn who_does_not_wait_is_answered_at_once_and_once() {
    check(
        UNITS,
        "boot | queue stop web nobody | queue start web db",
        expect![[r#"
        > boot
        prepare db#1
        prepare web#2
        spawn db#1 start[0]
        spawn web#2 start[0]
          db is up
          web is up
          default.target is up
          BootFinished { up: 3, failed: 0, skipped: 0, took: 0ns }
        > queue stop web nobody
        answer 1: web Queued, nobody Refused("no such unit")
        signal web All SIGTERM
        signal web All SIGCONT
        release web
          web is down
        > queue start web db
        answer 2: web Queued, db Ok
        prepare web#3
        spawn web#3 start[0]
          web is up
    "#]],
    );
}

#[test]
fn a_frozen_unit_thaws_before_it_stops() {
    check(
        UNITS,
        "boot | freeze web shell | kill web | limit web shell | stop web | thaw web",
        expect![[r#"
        > boot
        prepare db#1
        prepare web#2
        spawn db#1 start[0]
        spawn web#2 start[0]
          db is up
          web is up
          default.target is up
          BootFinished { up: 3, failed: 0, skipped: 0, took: 0ns }
        > freeze web shell
        freeze web true
        answer 1: web Ok, shell Refused("it has no processes")
        > kill web
        signal web Main SIGCONT
        answer 2: web Ok
        > limit web shell
        limit web
        answer 3: web Ok, shell Ok
        > stop web
        freeze web false
        signal web All SIGTERM
        signal web All SIGCONT
        release web
          web is down
        answer 4: web Ok
        > thaw web
        answer 5: web Refused("it has no processes")
    "#]],
    );
}

#[test]
fn isolating_stops_what_is_not_needed_where_that_is_allowed() {
    check(
        UNITS,
        "boot | isolate rescue.target | isolate default.target",
        expect![[r#"
        > boot
        prepare db#1
        prepare web#2
        spawn db#1 start[0]
        spawn web#2 start[0]
          db is up
          web is up
          default.target is up
          BootFinished { up: 3, failed: 0, skipped: 0, took: 0ns }
        > isolate rescue.target
        signal db All SIGTERM
        signal db All SIGCONT
        prepare shell#3
        signal web All SIGTERM
        signal web All SIGCONT
        release db
          db is down
        spawn shell#3 start[0]
        release web
          web is down
          shell is up
          rescue.target is up
        answer 1: rescue.target Ok
        > isolate default.target
        answer 2: default.target Refused("it does not allow to be isolated")
    "#]],
    );
}

#[test]
fn whom_two_started_is_told_of_neither_and_who_was_asked_for_of_nobody() {
    let falls = |name: &str| format!("-- {name}\non-failure = ['mourn']\n[service]\ncommand = '/bin/{name}'\n[restart]\npolicy = 'no'\n");
    let mourn = "-- mourn\nafter = ['slow']\n[service]\ntype = 'oneshot'\ncommand = '/bin/mourn'\n-- slow\n[service]\ntype = 'oneshot'\ncommand = '/bin/slow'";
    check(
        &format!("{}{}{mourn}", falls("a"), falls("b")),
        "start a | start b | start slow | exit a 1 | exit b 1 | exit slow 0 | exit mourn 0 | start a | exit a 1 | exit mourn 0 | start mourn",
        expect![[r#"
            > start a
            prepare a#1
            spawn a#1 start[0]
              a is up
            answer 1: a Ok
            > start b
            prepare b#2
            spawn b#2 start[0]
              b is up
            answer 2: b Ok
            > start slow
            prepare slow#3
            spawn slow#3 start[0]
            > exit a 1
            signal a All SIGTERM
            signal a All SIGCONT
            release a
              a failed: exit code 1
            > exit b 1
            signal b All SIGTERM
            signal b All SIGCONT
            release b
              b failed: exit code 1
            > exit slow 0
            answer 3: slow Ok
            signal slow All SIGTERM
            signal slow All SIGCONT
            prepare mourn#4
            release slow
              Finished(slow.service)
            spawn mourn#4 start[0]
            > exit mourn 0
            signal mourn All SIGTERM
            signal mourn All SIGCONT
            release mourn
              Finished(mourn.service)
            > start a
            prepare a#5
            spawn a#5 start[0]
              a is up
            answer 4: a Ok
            > exit a 1
            signal a All SIGTERM
            signal a All SIGCONT
            release a
              a failed: exit code 1
            prepare mourn#6
            spawn mourn#6 start[0] because Ended(a.service, "exit-code", Some(Code(1)))
            > exit mourn 0
            signal mourn All SIGTERM
            signal mourn All SIGCONT
            release mourn
              Finished(mourn.service)
            > start mourn
            prepare mourn#7
            spawn mourn#7 start[0]
        "#]],
    );
}

#[test]
fn an_instance_is_there_once_it_is_named_with_those_it_names() {
    let units = "-- shop@\nrequires = ['db@%i']\nafter = ['db@%i']\n[service]\ncommand = '/bin/shop %i'\n-- db@\n[service]\ncommand = '/bin/db %i'\n\
                 -- odd@\n[service]\nnothing = 1";
    check(
        units,
        "list | start shop@one shop@ other@one odd@one | list | stop shop@two",
        expect![[r#"
        > list
        > start shop@one shop@ other@one odd@one
        prepare db@one#1
        spawn db@one#1 start[0]
          db@one is up
        prepare shop@one#2
        spawn shop@one#2 start[0]
          shop@one is up
        answer 1: shop@one Ok, shop@ Refused("no such unit"), other@one Refused("no such unit"), odd@one Refused("bad unit file: unknown key `nothing` in [service]")
        > list
            db@one active running -
            odd@one inactive dead /etc/fief/units/odd@.toml:3: unknown key `nothing` in [service]
            shop@one active running -
        > stop shop@two
        answer 2: shop@two Ok
    "#]],
    );
}

/// a's file is masked, b's is gone, c's is wrong, d's is good; e falls.
#[test]
fn what_is_up_without_a_good_file_goes_down_for_good() {
    let service = |name: &str| format!("-- {name}\n[service]\ncommand = '/bin/{name}'\n");
    let all = |names: &[&str]| names.iter().map(|name| service(name)).collect::<String>();
    let before = all(&["a", "b", "c", "d", "e", "f"]);
    let after = format!("-- a\nmasked\n-- c\nnonsense = 1\n{}-- e\nmasked\n-- f\nmasked\n", service("d"));
    check_with(
        &before,
        |world| world.changed = after,
        "start a b c d e f | daemon-reload | start a b c d | restart a | list | stop a b c d | list | start a b c d | exit e 1 | +1s | list | reset-failed e | start f e",
        expect![[r#"
            > start a b c d e f
            prepare a#1
            prepare b#2
            prepare c#3
            prepare d#4
            prepare e#5
            prepare f#6
            spawn a#1 start[0]
            spawn b#2 start[0]
            spawn c#3 start[0]
            spawn d#4 start[0]
            spawn e#5 start[0]
            spawn f#6 start[0]
              a is up
              b is up
              c is up
              d is up
              e is up
              f is up
            answer 1: a Ok, b Ok, c Ok, d Ok, e Ok, f Ok
            > daemon-reload
            reread for 2
            > start a b c d
            answer 3: a Refused("masked"), b Refused("no such unit"), c Refused("bad unit file: unknown key `nonsense`"), d Ok
            > restart a
            answer 4: a Refused("masked")
            > list
                a active running -
                b active running -
                c active running -
                d active running -
                e active running -
                f active running -
            > stop a b c d
            signal a All SIGTERM
            signal a All SIGCONT
            signal b All SIGTERM
            signal b All SIGCONT
            signal c All SIGTERM
            signal c All SIGCONT
            signal d All SIGTERM
            signal d All SIGCONT
            release a
              a is down
            release b
              b is down
            release c
              c is down
            release d
              d is down
            answer 5: a Ok, b Ok, c Ok, d Ok
            > list
                a inactive dead -
                c inactive dead unknown key `nonsense`
                d inactive dead -
                e active running -
                f active running -
            > start a b c d
            prepare d#7
            spawn d#7 start[0]
              d is up
            answer 6: a Refused("masked"), b Refused("no such unit"), c Refused("bad unit file: unknown key `nonsense`"), d Ok
            > exit e 1
            signal e All SIGTERM
            signal e All SIGCONT
            release e to restart
              e fell: exit code 1, again at 100ms
            > +1s
            @ 100ms
              e failed: masked
            > list
                a inactive dead -
                c inactive dead unknown key `nonsense`
                d active running -
                e failed failed masked
                f active running -
            > reset-failed e
            answer 7: e Ok
            > start f e
            answer 8: f Refused("masked"), e Refused("masked")
        "#]],
    );
}
