//! Timers, paths, mounts and slices.

use expect_test::expect;

use super::world::name;
use super::{check, check_with};

#[test]
fn a_timer_counts_from_boot_from_its_start_and_from_its_unit() {
    let units = "-- default.target\nwants = ['job.timer']\n-- job.timer\n[timer]\non-boot-sec = '10s'\non-unit-active-sec = '1min'\n-- job\n[service]\ntype = 'oneshot'\ncommand = '/bin/job'";
    check(
        units,
        "boot | list | +10s | list | +5s | exit job 0 | list | +1min",
        expect![[r#"
        > boot
        prepare job.timer#1
          job.timer is up
          default.target is up
          BootFinished { up: 2, failed: 0, skipped: 0, took: 0ns }
        > list
            default.target active active -
            job inactive dead -
            job.timer active waiting -
        > +10s
        @ 10s
        stamp job.timer
        prepare job#2
        spawn job#2 start[0] because Elapsed(job.timer)
        > list
            default.target active active -
            job activating start -
            job.timer active running -
        > +5s
        > exit job 0
        signal job All SIGTERM
        signal job All SIGCONT
        release job
          Finished(job.service)
        > list
            default.target active active -
            job inactive dead -
            job.timer active waiting -
        > +1min
        @ 75s
        stamp job.timer
        prepare job#3
        spawn job#3 start[0] because Elapsed(job.timer)
    "#]],
    );
}

#[test]
fn a_timer_that_has_no_further_point_stays_or_goes() {
    let unit = |remain: bool| {
        format!(
            "-- job.timer\n[timer]\non-active-sec = '5s'\nremain-after-elapse = {remain}\n-- job\n[service]\ntype = 'oneshot'\ncommand = '/bin/job'"
        )
    };
    check(
        &unit(true),
        "start job.timer | +5s | exit job 0 | list",
        expect![[r#"
        > start job.timer
        prepare job.timer#1
          job.timer is up
        answer 1: job.timer Ok
        > +5s
        @ 5s
        stamp job.timer
        prepare job#2
        spawn job#2 start[0] because Elapsed(job.timer)
        > exit job 0
        signal job All SIGTERM
        signal job All SIGCONT
        release job
          Finished(job.service)
        > list
            job inactive dead -
            job.timer active elapsed -
    "#]],
    );
    check(
        &unit(false),
        "start job.timer | +5s | exit job 0 | list",
        expect![[r#"
        > start job.timer
        prepare job.timer#1
          job.timer is up
        answer 1: job.timer Ok
        > +5s
        @ 5s
        stamp job.timer
        prepare job#2
        spawn job#2 start[0] because Elapsed(job.timer)
        > exit job 0
        signal job All SIGTERM
        signal job All SIGCONT
        release job
          Finished(job.service)
        release job.timer
          Finished(job.timer)
        > list
            job inactive dead -
            job.timer inactive dead -
    "#]],
    );
}

#[test]
fn the_calendar_is_watched_again_when_the_unit_is_through() {
    let units =
        "-- job.timer\n[timer]\non-calendar = 'daily'\npersistent = true\n-- job\n[service]\ntype = 'oneshot'\ncommand = '/bin/job'";
    check(
        units,
        "start job.timer | elapse job.timer | exit job 0 | list | stop job.timer",
        expect![[r#"
        > start job.timer
        prepare job.timer#1
          job.timer is up
        answer 1: job.timer Ok
        watch calendar of job.timer
        > elapse job.timer
        stamp job.timer
        prepare job#2
        spawn job#2 start[0] because Elapsed(job.timer)
        > exit job 0
        signal job All SIGTERM
        signal job All SIGCONT
        release job
          Finished(job.service)
        watch calendar of job.timer
        > list
            job inactive dead -
            job.timer active waiting -
        > stop job.timer
        release job.timer
          job.timer is down
        answer 2: job.timer Ok
    "#]],
    );
}

#[test]
fn a_unit_that_cannot_be_started_is_not_tried_without_end() {
    let units = "-- job.timer\n[timer]\non-active-sec = '0s'\non-unit-inactive-sec = '0s'\n-- job\nrequires = ['nobody']\n[service]\ncommand = '/bin/job'";
    let mut world = super::World::new(units);
    world.run("start job.timer | +1s");
    let tries = world.lines.iter().filter(|line| line.starts_with("stamp")).count();
    assert!((5..=11).contains(&tries), "{tries}");
}

#[test]
fn timers_are_put_off_by_chance_within_their_limit() {
    let units = "-- job.timer\n[timer]\non-active-sec = '10s'\nrandomized-delay-sec = '1h'\n-- job\n[service]\ntype = 'oneshot'\ncommand = '/bin/job'";
    let at = |random: u64| {
        let mut world = super::World::new(units);
        world.supervisor = super::world::supervisor(units, random);
        world.run("start job.timer");
        world.supervisor.deadline().unwrap().0
    };
    let points: std::collections::BTreeSet<_> = (0..20).map(at).collect();
    assert!(points.len() > 15 && points.iter().all(|at| (10..3610).contains(&at.as_secs())), "{points:?}");
    assert!(points.iter().any(|at| at.as_secs() < 1500) && points.iter().any(|at| at.as_secs() > 2000), "{points:?}");
    assert_eq!(at(7), at(7));
}

#[test]
fn a_path_waits_again_when_its_unit_is_down() {
    let units = "-- mail.path\n[path]\npath-exists = '/var/mail/new'\n-- mail\n[service]\ncommand = '/bin/mail'\n[restart]\npolicy = 'no'";
    check(
        units,
        "start mail.path | touch mail.path | list | exit mail 0 | list | stop mail.path",
        expect![[r#"
        > start mail.path
        prepare mail.path#1
          mail.path is up
        answer 1: mail.path Ok
        watch paths of mail.path
        > touch mail.path
        prepare mail#2
        spawn mail#2 start[0] because Came(mail.path, "/watched")
          mail is up
        > list
            mail.path active running -
            mail active running -
        > exit mail 0
        signal mail All SIGTERM
        signal mail All SIGCONT
        release mail
          Finished(mail.service)
        watch paths of mail.path
        > list
            mail.path active waiting -
            mail inactive dead -
        > stop mail.path
        release mail.path
          mail.path is down
        answer 2: mail.path Ok
    "#]],
    );
    check(
        units,
        "start mail | start mail.path | list | stop mail | unwatched mail.path",
        expect![[r#"
        > start mail
        prepare mail#1
        spawn mail#1 start[0]
          mail is up
        answer 1: mail Ok
        > start mail.path
        prepare mail.path#2
          mail.path is up
        answer 2: mail.path Ok
        > list
            mail.path active running -
            mail active running -
        > stop mail
        signal mail All SIGTERM
        signal mail All SIGCONT
        release mail
          mail is down
        answer 3: mail Ok
        watch paths of mail.path
        > unwatched mail.path
        release mail.path
          mail.path failed: watching /x failed: No space left on device
    "#]],
    );
}

#[test]
fn a_mount_is_one_run_to_come_up_and_one_to_go_down() {
    let units = "-- srv.mount\n[mount]\nwhat = '/dev/x'\nwhere = '/srv'\ntimeout-sec = '5s'\n-- web\nrequires-mounts-for = '/srv/web'\nrequires = ['srv.mount']\n[service]\ncommand = '/bin/web'";
    check(
        units,
        "start web | list | stop srv.mount",
        expect![[r#"
        > start web
        prepare srv.mount#1
        spawn srv.mount#1 start[0]
          srv.mount is up
        prepare web#2
        spawn web#2 start[0]
          web is up
        answer 1: web Ok
        > list
            srv.mount active mounted -
            web active running -
        > stop srv.mount
        signal web All SIGTERM
        signal web All SIGCONT
        release web
          web is down
        spawn srv.mount#1 stop[0]
        release srv.mount
          srv.mount is down
        answer 2: srv.mount Ok
    "#]],
    );
    let patient = |w: &mut super::World| _ = w.patient.insert(name("srv.mount"));
    check_with(
        units,
        patient,
        "start srv.mount | list | exit srv.mount 32",
        expect![[r#"
        > start srv.mount
        prepare srv.mount#1
        spawn srv.mount#1 start[0]
        > list
            srv.mount activating mounting -
            web inactive dead -
        > exit srv.mount 32
        release srv.mount
          srv.mount failed: exit code 32
        answer 1: srv.mount Failed("exit code 32")
    "#]],
    );
    check_with(
        units,
        patient,
        "start srv.mount | +5s",
        expect![[r#"
        > start srv.mount
        prepare srv.mount#1
        spawn srv.mount#1 start[0]
        > +5s
        @ 5s
        signal srv.mount All SIGTERM
        signal srv.mount All SIGCONT
        release srv.mount
          srv.mount failed: start took too long
        answer 1: srv.mount Failed("start took too long")
    "#]],
    );
}

#[test]
fn a_slice_is_up_as_long_as_something_in_it_is_or_it_was_asked_for() {
    let units = "-- big.slice\n[slice]\n-- a\n[service]\ncommand = '/bin/a'\nslice = 'big.slice'\n-- b\n[service]\ncommand = '/bin/b'\nslice = 'big.slice'";
    check(
        units,
        "start a b | stop a | stop b",
        expect![[r#"
            > start a b
            prepare big.slice#1
              big.slice is up
            prepare a#2
            prepare b#3
            spawn a#2 start[0]
            spawn b#3 start[0]
              a is up
              b is up
            answer 1: a Ok, b Ok
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
            release big.slice
              big.slice is down
        "#]],
    );
    check(
        units,
        "start big.slice | start a | stop a | list",
        expect![[r#"
            > start big.slice
            prepare big.slice#1
              big.slice is up
            answer 1: big.slice Ok
            > start a
            prepare a#2
            spawn a#2 start[0]
              a is up
            answer 2: a Ok
            > stop a
            signal a All SIGTERM
            signal a All SIGCONT
            release a
              a is down
            answer 3: a Ok
            > list
                a inactive dead -
                b inactive dead -
                big.slice active active -
        "#]],
    );
}

#[test]
fn stopping_a_slice_stops_what_lies_in_it_with_a_file_or_without() {
    let units = "-- big.slice\n[slice]\n-- a\n[service]\ncommand = '/bin/a'\nslice = 'big-in.slice'\n-- b\n[service]\ncommand = '/bin/b'\nslice = 'other-in.slice'";
    check(
        units,
        "start a b | stop big.slice | list | stop other.slice | stop other-in.slice | stop system.slice | list",
        expect![[r#"
        > start a b
        prepare a#1
        prepare b#2
        spawn a#1 start[0]
        spawn b#2 start[0]
          a is up
          b is up
        answer 1: a Ok, b Ok
        > stop big.slice
        signal a All SIGTERM
        signal a All SIGCONT
        release a
          a is down
        answer 2: big.slice Ok
        > list
            a inactive dead -
            b active running -
            big.slice inactive dead -
        > stop other.slice
        signal b All SIGTERM
        signal b All SIGCONT
        release b
          b is down
        answer 3: other.slice Ok
        forget other.slice
        > stop other-in.slice
        answer 4: other-in.slice Ok
        forget other-in.slice
        > stop system.slice
        answer 5: system.slice Refused("no such unit")
        > list
            a inactive dead -
            b inactive dead -
            big.slice inactive dead -
    "#]],
    );
}
