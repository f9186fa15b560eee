//! Spans as systemd says them: format_timestamp_relative and format_timespan.

const SECOND: u64 = 1_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;
const MONTH: u64 = 2_629_800 * SECOND;
const YEAR: u64 = 31_557_600 * SECOND;

/// "5min ago", "1 day 2h left", of two moments in microseconds by one clock.
pub(crate) fn relative(at: u64, now: u64) -> String {
    let (span, side) = if at <= now { (now - at, "ago") } else { (at - now, "left") };
    let several = |count: u64, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let text = match span {
        YEAR.. => format!("{} {}", several(span / YEAR, "year"), several(span % YEAR / MONTH, "month")),
        MONTH.. => format!("{} {}", several(span / MONTH, "month"), several(span % MONTH / DAY, "day")),
        WEEK.. => format!("{} {}", several(span / WEEK, "week"), several(span % WEEK / DAY, "day")),
        _ if span >= 2 * DAY => format!("{} days", span / DAY),
        _ if span >= 25 * HOUR => format!("1 day {}h", (span - DAY) / HOUR),
        _ if span >= 6 * HOUR => format!("{}h", span / HOUR),
        HOUR.. => format!("{}h {}min", span / HOUR, span % HOUR / MINUTE),
        _ if span >= 5 * MINUTE => format!("{}min", span / MINUTE),
        MINUTE.. => format!("{}min {}s", span / MINUTE, span % MINUTE / SECOND),
        SECOND.. => format!("{}s", span / SECOND),
        1000.. => format!("{}ms", span / 1000),
        1.. => format!("{span}us"),
        0 => return "now".to_owned(),
    };
    format!("{text} {side}")
}

/// "1min 30.250s", of microseconds; nothing below `accuracy` is said. As format_timespan: below a minute a point, above it the next unit.
pub(crate) fn timespan(us: u64, accuracy: u64) -> String {
    const UNITS: [(u64, &str); 9] =
        [(YEAR, "y"), (MONTH, "month"), (WEEK, "w"), (DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s"), (1000, "ms"), (1, "us")];
    let (mut out, mut rest): (Vec<String>, u64) = (Vec::new(), us);
    for (size, unit) in UNITS {
        if rest < accuracy.max(1) && !out.is_empty() {
            break;
        }
        if rest < size {
            continue;
        }
        let (whole, part) = (rest / size, rest % size);
        if rest < MINUTE && part > 0 {
            let digits = size.ilog10().saturating_sub(accuracy.max(1).ilog10());
            if digits > 0 {
                let part = part / accuracy.max(1);
                out.push(format!("{whole}.{part:0width$}{unit}", width = digits as usize));
                break;
            }
        }
        out.push(format!("{whole}{unit}"));
        rest = part;
    }
    if out.is_empty() { "0".to_owned() } else { out.join(" ") }
}

/// "3.4M": FORMAT_BYTES.
pub(super) fn bytes(count: u64) -> String {
    let mut tenths = u128::from(count) * 10;
    for unit in ["B", "K", "M", "G"] {
        if tenths < 10_240 {
            return if unit == "B" { format!("{count}B") } else { format!("{}.{}{unit}", tenths / 10, tenths % 10) };
        }
        tenths /= 1024;
    }
    format!("{}.{}T", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_as_systemd_says_them() {
        for (seconds, wanted) in [
            (0, "now"),
            (59, "59s ago"),
            (90, "1min 30s ago"),
            (3000, "50min ago"),
            (7380, "2h 3min ago"),
            (25_000, "6h ago"),
            (93_600, "1 day 2h ago"),
            (200_000, "2 days ago"),
            (700_000, "1 week 1 day ago"),
        ] {
            assert_eq!(relative(0, seconds * SECOND), wanted);
        }
        assert_eq!(relative(90 * SECOND, 0), "1min 30s left");
        assert_eq!(
            (timespan(54_000, 1000), timespan(1_250_000, 1000), timespan(90 * SECOND, 1000), timespan(3_600 * SECOND, 1000)),
            ("54ms".into(), "1.250s".into(), "1min 30s".into(), "1h".into())
        );
        assert_eq!((bytes(512), bytes(1536), bytes(5 << 20)), ("512B".into(), "1.5K".into(), "5.0M".into()));
    }
}
