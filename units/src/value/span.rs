use super::{Limit, ValueError};
use std::time::Duration;

/// Microseconds of each unit; systemd.time(7), "Parsing time spans". A month is 30.44 days, a year
/// 365.25.
const UNITS: [(&str, u64); 32] = [
    ("usec", 1),
    ("us", 1),
    ("\u{b5}s", 1),
    ("\u{3bc}s", 1),
    ("msec", 1_000),
    ("ms", 1_000),
    ("seconds", SECOND),
    ("second", SECOND),
    ("secs", SECOND),
    ("sec", SECOND),
    ("s", SECOND),
    ("minutes", 60 * SECOND),
    ("minute", 60 * SECOND),
    ("mins", 60 * SECOND),
    ("min", 60 * SECOND),
    ("m", 60 * SECOND),
    ("hours", 3_600 * SECOND),
    ("hour", 3_600 * SECOND),
    ("hr", 3_600 * SECOND),
    ("h", 3_600 * SECOND),
    ("days", DAY),
    ("day", DAY),
    ("d", DAY),
    ("weeks", 7 * DAY),
    ("week", 7 * DAY),
    ("w", 7 * DAY),
    ("months", 2_629_800 * SECOND),
    ("month", 2_629_800 * SECOND),
    ("M", 2_629_800 * SECOND),
    ("years", 31_557_600 * SECOND),
    ("year", 31_557_600 * SECOND),
    ("y", 31_557_600 * SECOND),
];
const SECOND: u64 = 1_000_000;
const DAY: u64 = 86_400 * SECOND;

/// A length of time as in systemd.time(7): `5s`, `1min 30s`, `1h30min`, `100ms`, `1.5`, or
/// `infinity`; a number alone is in seconds.
///
/// # Errors
/// [`ValueError`] when it is none of these, or more than about 584,000 years.
pub fn read_span(text: &str) -> Result<Limit<Duration>, ValueError> {
    read_span_in(text, SECOND)
}

/// As [`read_span`]; a number alone is in units of `micros` microseconds.
///
/// # Errors
/// As [`read_span`].
pub fn read_span_in(text: &str, micros: u64) -> Result<Limit<Duration>, ValueError> {
    let text = text.trim();
    if text == "infinity" || text == "max" {
        return Ok(Limit::Max);
    }
    match total(text, micros) {
        Some(micros) => Ok(Limit::At(Duration::from_micros(micros))),
        None => Err(ValueError(format!("{text:?} is no span such as \"5s\", \"1min 30s\" or \"infinity\""))),
    }
}

/// As `parse_time()` of systemd has it: a point wants digits behind it, a number without a unit wants a blank, and what
/// would come to `u64::MAX` is too long.
fn total(text: &str, default: u64) -> Option<u64> {
    let mut sum: u64 = 0;
    let mut add = |micros: u64| {
        sum = sum.checked_add(micros).filter(|sum| *sum < u64::MAX)?;
        Some(sum)
    };
    let mut rest = text;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let whole = digits(&mut rest);
        let fraction = match rest.strip_prefix('.') {
            Some(after) => {
                rest = after;
                Some(digits(&mut rest))
            }
            None => None,
        };
        match (whole, fraction) {
            ("", None) | (_, Some("")) => return None,
            (_, None | Some(_)) => {}
        }
        let blank = rest.starts_with(|c: char| c.is_ascii_whitespace());
        rest = rest.trim_start();
        let word = rest.get(..rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len())).unwrap_or_default();
        if word.is_empty() && !blank && !rest.is_empty() {
            return None;
        }
        let unit = if word.is_empty() { default } else { UNITS.iter().find(|(name, _)| *name == word)?.1 };
        rest = rest.get(word.len()..).unwrap_or_default().trim_start();
        let whole = if whole.is_empty() { 0 } else { whole.parse::<i64>().ok()?.unsigned_abs() };
        if whole >= u64::MAX / unit {
            return None;
        }
        add(whole * unit)?;
        let mut share = unit;
        for digit in fraction.unwrap_or_default().bytes() {
            share /= 10;
            add(share * u64::from(digit - b'0'))?;
        }
    }
    Some(sum)
}

fn digits<'a>(rest: &mut &'a str) -> &'a str {
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, after) = rest.split_at(end);
    *rest = after;
    digits
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn spans_are_read() {
        for (text, millis) in [
            ("5s", 5000),
            ("90", 90_000),
            ("1min 30s", 90_000),
            ("100ms", 100),
            ("1h", 3_600_000),
            ("0", 0),
            ("1h30min", 5_400_000),
            ("2.5 s", 2500),
            (".5s", 500),
            ("3 weeks 1d", 1_900_800_000),
            ("1y 1M", 34_187_400_000),
            ("5 500ms", 5500),
        ] {
            assert_eq!(read_span(text).unwrap(), Limit::At(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(read_span_in("7", 1).unwrap(), Limit::At(Duration::from_micros(7)));
        assert_eq!(read_span("infinity").unwrap(), Limit::Max);
        for text in ["", "soon", "-1s", "1 s x", "1 fortnight", ".", "s", "99999999999999999999", "1.", "1..5s", "1.5.5", "584542y"] {
            assert!(read_span(text).is_err(), "{text}");
        }
    }
}
