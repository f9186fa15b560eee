#![allow(clippy::unwrap_used)]
use super::*;
use units::{SourceFile, SourceKind};

const DAY: Micros = 86_400_000_000;

/// A timer, watched for the first time on the first day of 1970 at noon.
fn watched(text: &str) -> (Calendars, Timer, Life) {
    let file = |name: &str, text: String| SourceFile { path: format!("/{name}"), kind: SourceKind::Unit(text.into_bytes()) };
    let timer = format!("[Timer]\nAccuracySec=0\n{text}");
    let (units, wrong) = units::read([file("x.timer", timer), file("x.service", "[Service]\nExecStart=/bin/x\n".to_owned())]);
    assert!(wrong.iter().all(|w| w.severity != units::Severity::Error), "{wrong:?}");
    let name = UnitName::new("x.timer").unwrap();
    let timer = super::timer(&units, &name).unwrap().clone();
    let life = serde_json::from_str("1").unwrap();
    let mut calendars = Calendars { began: DAY / 2, ..Calendars::default() };
    calendars.watched.insert(life, Watched { unit: name, since: DAY / 2, at: None });
    (calendars, timer, life)
}

fn planned(calendars: &mut Calendars, timer: &Timer, life: Life, now: Micros) -> Option<Micros> {
    calendars.plan(life, timer, now);
    calendars.watched.get(&life).unwrap().at
}

#[test]
fn the_next_point_is_after_the_first_watching_and_then_after_the_last_elapse() {
    let (mut calendars, timer, life) = watched("OnCalendar=*-*-* 18:00 UTC\nOnCalendar=Sun 06:00 UTC\n");
    let at = planned(&mut calendars, &timer, life, DAY / 2);
    assert_eq!(at, Some(DAY / 4 * 3));
    assert!(calendars.elapsed(DAY / 4 * 3 - 1).is_empty());
    assert_eq!(calendars.elapsed(DAY / 4 * 3), [life]);
    // Watched no more until it is asked for again.
    assert!(calendars.elapsed(DAY).is_empty());
}

#[test]
fn what_was_missed_elapses_once_and_not_before_we_began() {
    let (mut calendars, timer, life) = watched("OnCalendar=hourly\nPersistent=yes\n");
    let name = calendars.watched.get(&life).unwrap().unit.clone();
    calendars.last.insert(name.clone(), DAY);
    calendars.began = 10 * DAY;
    let now = 10 * DAY + 5;
    assert_eq!(planned(&mut calendars, &timer, life, now), Some(10 * DAY));
    assert_eq!(calendars.elapsed(now), [life]);
    calendars.last.insert(name.clone(), now);
    calendars.watched.insert(life, Watched { unit: name, since: now, at: None });
    assert_eq!(planned(&mut calendars, &timer, life, now), Some(10 * DAY + DAY / 24));
}

#[test]
fn a_clock_that_is_set_moves_what_is_planned() {
    let (mut calendars, timer, life) = watched("OnCalendar=*-*-* 00:00 UTC\n");
    assert_eq!(planned(&mut calendars, &timer, life, DAY / 2), Some(DAY));
    // Forwards over three points: due at once, as one.
    let later = 4 * DAY + 1;
    assert!(planned(&mut calendars, &timer, life, later).unwrap() <= later);
    // Back before it was watched: the next point is the one after the clock's now, not after what was future.
    calendars.began = 0;
    calendars.last.insert(calendars.watched.get(&life).unwrap().unit.clone(), 4 * DAY);
    assert_eq!(planned(&mut calendars, &timer, life, 2 * DAY + 7), Some(3 * DAY));
}

#[test]
fn a_calendar_without_another_point_never_elapses() {
    let (mut calendars, timer, life) = watched("OnCalendar=1970-01-01 06:00 UTC\n");
    assert_eq!(planned(&mut calendars, &timer, life, DAY), None);
    assert!(calendars.elapsed(Micros::MAX).is_empty());
}

#[test]
fn a_random_delay_is_within_its_bound() {
    let (mut calendars, timer, life) = watched("OnCalendar=*-*-* 18:00 UTC\nRandomizedDelaySec=10\n");
    for _ in 0..50 {
        let at = planned(&mut calendars, &timer, life, DAY / 2).unwrap();
        assert!((DAY / 4 * 3..DAY / 4 * 3 + 10_000_000).contains(&at), "{at}");
    }
}

#[test]
fn stamps_are_times_of_files() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("timers");
    let name = UnitName::new("x.timer").unwrap();
    assert_eq!(stamps::read(&place, &name), None);
    // A file's time is that of the last tick, which may be some milliseconds ago.
    let before = now() - 1_000_000;
    stamps::write(&place, &name);
    let stamp = stamps::read(&place, &name).unwrap();
    assert!((before..=now()).contains(&stamp), "{stamp}");
    assert!(place.join("stamp-x.timer").exists());
}
