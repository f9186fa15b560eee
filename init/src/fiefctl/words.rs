//! Sizes, spans and moments as people read and write them. All civil time is UTC: a static program
//! reads no zone files.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use units::value::{Bytes, Limit, read_span};

/// "3.4 MiB": three digits are enough for the eye.
pub(crate) fn size(bytes: Bytes) -> String {
    let mut tenths = u128::from(bytes.0) * 10;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if tenths < 10_240 {
            return if unit == "B" { format!("{} B", bytes.0) } else { format!("{}.{} {unit}", tenths / 10, tenths % 10) };
        }
        tenths /= 1024;
    }
    format!("{}.{} TiB", tenths / 10, tenths % 10)
}

/// Year, month and day of a count of days since 1970, in the proleptic Gregorian calendar.
pub(crate) fn date(days: i64) -> (i64, u32, u32) {
    // Days since the 1st of March of the year 0: the leap day is then the last of a year.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let small = |number: i64| u32::try_from(number).unwrap_or(1);
    (year + era * 400 + i64::from(month <= 2), small(month), small(day))
}

fn days_of(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month = i64::from(if month > 2 { month - 3 } else { month + 9 });
    let of_year = (153 * month + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// "2026-11-25 10:00:07".
pub(crate) fn moment(ms: u64) -> String {
    let seconds = i64::try_from(ms / 1000).unwrap_or(i64::MAX);
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60)
}

/// "10:00:07.123".
pub(crate) fn clock(ms: u64) -> String {
    let seconds = ms / 1000;
    format!("{:02}:{:02}:{:02}.{:03}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60, ms % 1000)
}

/// Now, in milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// What somebody means by "5min ago", "today", "2026-11-25 10:00", in milliseconds since 1970; systemd.time(7).
pub(crate) fn read_moment(text: &str, now: u64) -> Option<u64> {
    const DAY: u64 = 86_400_000;
    let text = text.trim();
    let before = |span: &str| match read_span(span).ok()? {
        Limit::At(span) => Some(now.saturating_sub(u64::try_from(span.as_millis()).ok()?)),
        Limit::Max => Some(0),
    };
    match text {
        "now" => return Some(now),
        "today" => return Some(now - now % DAY),
        "yesterday" => return Some((now - now % DAY).saturating_sub(DAY)),
        _ => {}
    }
    if let Some(seconds) = text.strip_prefix('@') {
        return seconds.parse::<u64>().ok()?.checked_mul(1000);
    }
    if let Some(span) = text.strip_suffix(" ago").or_else(|| text.strip_prefix('-')) {
        return before(span);
    }
    let (day, clock) = match text.split_once([' ', 'T']) {
        Some((day, clock)) => (read_day(day)?, clock),
        None if text.contains(':') => (now - now % DAY, text),
        None => return read_day(text),
    };
    let mut parts = clock.trim_end_matches('Z').splitn(3, ':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
    (hour < 24 && minute < 60 && second < 61).then(|| day + (hour * 3600 + minute * 60 + second) * 1000)
}

fn read_day(text: &str) -> Option<u64> {
    let mut parts = text.splitn(3, '-');
    let year: i64 = parts.next()?.parse().ok().filter(|year| (1970..10_000).contains(year))?;
    let month: u32 = parts.next()?.parse().ok()?;
    let day: u32 = parts.next()?.parse().ok()?;
    let days = days_of(year, month, day);
    // The 30th of February is none.
    ((1..=12).contains(&month) && date(days) == (year, month, day)).then(|| u64::try_from(days).ok()?.checked_mul(86_400_000)).flatten()
}

/// A span of microseconds.
pub(crate) fn micros(us: u64) -> String {
    crate::telling::span(Duration::from_micros(us))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn sizes_are_short() {
        assert_eq!(size(Bytes(512)), "512 B");
        assert_eq!(size(Bytes(1536)), "1.5 KiB");
        assert_eq!(size(Bytes(10 << 20)), "10.0 MiB");
        assert_eq!(size(Bytes(5 << 40)), "5.0 TiB");
    }

    #[test]
    fn civil_time_goes_both_ways() {
        for text in ["1970-01-01 00:00:00", "2000-02-29 23:59:59", "2026-11-25 10:08:37", "2100-03-01 00:00:00", "9999-12-31 23:59:59"] {
            assert_eq!(moment(read_moment(text, 0).unwrap()), text);
        }
        assert_eq!(clock(read_moment("10:08:37", 86_400_000 * 3).unwrap() + 5), "10:08:37.005");
    }

    #[test]
    fn what_people_write_is_understood_and_the_rest_refused() {
        let now = read_moment("2026-11-25 10:00:00", 0).unwrap();
        for (text, wanted) in [
            ("today", "2026-11-25 00:00:00"),
            ("yesterday", "2026-11-24 00:00:00"),
            ("-1h 5min", "2026-11-25 08:55:00"),
            ("90s ago", "2026-11-25 09:58:30"),
            ("9:30", "2026-11-25 09:30:00"),
            ("2026-01-02", "2026-01-02 00:00:00"),
            ("2026-01-02T03:04Z", "2026-01-02 03:04:00"),
            ("@0", "1970-01-01 00:00:00"),
        ] {
            assert_eq!(moment(read_moment(text, now).unwrap()), wanted, "{text}");
        }
        for text in ["", "soon", "2026-02-30", "25:00", "10:61", "1-1", "@x", "2026-13-01", "99999999999-1-1"] {
            assert_eq!(read_moment(text, now), None, "{text}");
        }
    }
}
