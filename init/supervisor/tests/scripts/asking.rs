//! What may be asked beside start and stop.

use expect_test::expect;

use super::check;

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
