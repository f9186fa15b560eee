//! Moments as people write them, in the container's own time; systemd.time(7).

use crate::fiefctl::read_moment;
use crate::log::civil::Here;

/// Microseconds since 1970; `now` is that too.
pub(crate) fn read(text: &str, here: &Here, now: u64) -> Option<u64> {
    let text = text.trim();
    let ms = |micros: u64| micros / 1000;
    if let Some(text) = text.strip_suffix(" UTC") {
        return read_moment(text, ms(now))?.checked_mul(1000);
    }
    if let Some(seconds) = text.strip_prefix('@') {
        let (seconds, rest) = seconds.split_once('.').unwrap_or((seconds, ""));
        let rest: String = rest.chars().chain(std::iter::repeat('0')).take(6).collect();
        return seconds.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(rest.parse().ok()?);
    }
    // The end of --until is the end of what it names; "now" is no longer than this.
    if text == "now" {
        return Some(now);
    }
    if let Some(span) = text.strip_prefix('+').or_else(|| text.strip_suffix(" left")) {
        let before = read_moment(&format!("{span} ago"), ms(now))?.checked_mul(1000)?;
        return now.checked_add(now.saturating_sub(before));
    }
    if text.starts_with('-') || text.ends_with(" ago") {
        return read_moment(text, ms(now))?.checked_mul(1000);
    }
    // What is on the wall is read as if it were UTC, and put right.
    let wall = here.wall(now);
    let local = match text {
        "tomorrow" => read_moment("today", ms(wall))?.checked_add(86_400_000)?,
        text => read_moment(
            text.split_once('.').filter(|(_, rest)| rest.bytes().all(|b| b.is_ascii_digit())).map_or(text, |(text, _)| text),
            ms(wall),
        )?,
    };
    here.of_wall(local.checked_mul(1000)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn moments_are_those_of_systemd() {
        let here = Here::default();
        let now = 1_795_659_648_123_456;
        for (text, wanted) in [
            ("now", now),
            ("today", 1_795_651_200_000_000),
            ("tomorrow", 1_795_737_600_000_000),
            ("2026-11-26 02:20:48", 1_795_659_648_000_000),
            ("2026-11-26 02:20:48 UTC", 1_795_659_648_000_000),
            ("2026-11-26 02:20:48.5", 1_795_659_648_000_000),
            ("@1795659648.5", 1_795_659_648_500_000),
            ("-1h", 1_795_656_048_123_000),
            ("1 hour ago", 1_795_656_048_123_000),
            ("+1h", 1_795_663_248_123_456),
        ] {
            assert_eq!(read(text, &here, now).map(|moment| moment / 1000), Some(wanted / 1000), "{text}");
        }
        assert_eq!((read("foo", &here, now), read("@x", &here, now), read("", &here, now)), (None, None, None));
    }
}
