use super::{Limit, ValueError};
use std::time::Duration;

/// A length of time: `5s`, `1min 30s`, `100ms`, or `infinity`; digits alone are seconds, as with
/// systemd.
///
/// # Errors
/// [`ValueError`] when it is none of these.
pub fn read_span(text: &str) -> Result<Limit<Duration>, ValueError> {
    let text = text.trim();
    if text == "infinity" || text == "max" {
        return Ok(Limit::Max);
    }
    let bad = || ValueError(format!("{text:?} is no span such as \"5s\", \"1min 30s\" or \"infinity\""));
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().map(|secs| Limit::At(Duration::from_secs(secs))).map_err(|_| bad());
    }
    humantime::parse_duration(text).map(Limit::At).map_err(|_| bad())
}

/// The inverse of [`read_span`] for people: whole milliseconds, `1m 30s`.
#[must_use]
pub fn write_span(span: Duration) -> String {
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    humantime::format_duration(Duration::from_millis(millis)).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn spans_are_read() {
        for (text, millis) in [("5s", 5000), ("90", 90_000), ("1min 30s", 90_000), ("100ms", 100), ("1h", 3_600_000), ("0", 0)] {
            assert_eq!(read_span(text).unwrap(), Limit::At(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(read_span("infinity").unwrap(), Limit::Max);
        for text in ["", "soon", "-1s", "1 s x", "99999999999999999999"] {
            assert!(read_span(text).is_err(), "{text}");
        }
    }
}
