#![allow(clippy::unwrap_used)]
use super::next::Civil;
use super::*;
use proptest::prelude::*;

const BASE: i64 = 1_709_164_799;

pub(super) fn shown(micros: i64) -> String {
    let c = Civil::of(micros.div_euclid(SECOND));
    format!("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", c.year, c.month, c.day, c.hour, c.minute, c.micros / SECOND)
}

#[test]
fn systemd_analyze_says_the_same() {
    let table = include_str!("tests.txt").lines().filter(|line| !line.starts_with('#'));
    for line in table {
        let mut parts = line.split(" | ").chain(std::iter::once("")).map(|part| part.trim_end_matches(" |").trim());
        let (text, normal, elapses) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        let calendar: Result<Calendar, _> = text.parse();
        if normal == "refused" {
            assert!(calendar.is_err(), "{text}");
            continue;
        }
        let calendar = calendar.unwrap();
        assert_eq!(calendar.to_string(), normal, "{text}");
        if let Zone::Named(_) = calendar.zone {
            continue;
        }
        let mut at = BASE * SECOND;
        let mut found = Vec::new();
        while let Some(next) = calendar.next_after(at, 0).filter(|_| found.len() < 4) {
            found.push(shown(next));
            at = next;
        }
        assert_eq!(found.join(", "), elapses, "{text}");
    }
}

#[test]
fn an_offset_moves_civil_time() {
    let calendar: Calendar = "*-*-* 03:00".parse().unwrap();
    assert_eq!(shown(calendar.next_after(BASE * SECOND, 3600).unwrap()), "2024-02-29 02:00:00");
    let utc: Calendar = "*-*-* 03:00 UTC".parse().unwrap();
    assert_eq!(shown(utc.next_after(BASE * SECOND, 3600).unwrap()), "2024-02-29 03:00:00");
}

fn field(most: u32) -> impl Strategy<Value = String> {
    let number = 0..=most;
    prop_oneof![
        2 => Just("*".to_owned()),
        2 => number.clone().prop_map(|n| n.to_string()),
        1 => (number.clone(), number.clone()).prop_map(|(a, b)| format!("{}..{}", a.min(b), a.max(b))),
        1 => (0..=most / 2, 1..=most / 2).prop_map(|(a, b)| format!("{a}/{b}")),
        1 => (number.clone(), number).prop_map(|(a, b)| format!("{a},{b}")),
    ]
}

fn expression() -> impl Strategy<Value = String> {
    let days = prop_oneof![Just(String::new()), Just("Mon..Fri ".to_owned()), Just("Sun,Tue ".to_owned())];
    (days, field(12), prop_oneof!["-", "~"], field(28), field(23), field(59), field(59))
        .prop_map(|(days, month, sign, day, hour, minute, second)| format!("{days}*-{month}{sign}{day} {hour}:{minute}:{second}"))
}

proptest! {
    #[test]
    fn the_normalised_form_means_the_same(text in expression(), at in 0i64..7_000_000_000, offset in -43_200i32..43_200) {
        if let Ok(calendar) = text.parse::<Calendar>() {
            let again: Calendar = calendar.to_string().parse().unwrap();
            prop_assert_eq!(&calendar, &again);
            let next = calendar.next_after(at * SECOND, offset);
            prop_assert_eq!(next, again.next_after(at * SECOND, offset));
            if let Some(next) = next {
                prop_assert!(next > at * SECOND);
                // Nothing lies between, and it is itself a point.
                prop_assert_eq!(calendar.next_after(next - 1, offset), Some(next));
                let middle = at * SECOND + (next - at * SECOND) / 2;
                prop_assert_eq!(calendar.next_after(middle.min(next - 1), offset), Some(next));
            }
        }
    }

    #[test]
    fn nothing_makes_it_fail(text in "(\\PC|[0-9*,./:~@ -]|Mon|UTC){0,40}", at in any::<i64>(), offset in any::<i32>()) {
        if let Ok(calendar) = text.parse::<Calendar>() {
            let _ = calendar.next_after(at, offset);
            let _ = calendar.to_string();
        }
    }
}
