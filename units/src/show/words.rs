//! How systemd 252 spells values.

use crate::systemd::paths::simple;
use crate::unit::{Command, Privileges};
use crate::value::Limit;
use std::fmt::Write;
use std::time::Duration;

const SECOND: u64 = 1_000_000;
const UNITS: [(&str, u64); 9] = [
    ("y", 31_557_600 * SECOND),
    ("month", 2_629_800 * SECOND),
    ("w", 604_800 * SECOND),
    ("d", 86_400 * SECOND),
    ("h", 3_600 * SECOND),
    ("min", 60 * SECOND),
    ("s", SECOND),
    ("ms", 1_000),
    ("us", 1),
];

/// A span as `format_timespan()` has it: `1min 30s`, `100ms`, `2.500000s`, `infinity`.
#[must_use]
pub fn span(span: Limit<Duration>) -> String {
    let micros = span.at().and_then(|span| u64::try_from(span.as_micros()).ok()).filter(|micros| *micros != u64::MAX);
    let Some(mut rest) = micros else { return "infinity".to_owned() };
    if rest == 0 {
        return "0".to_owned();
    }
    let mut out = String::new();
    for (word, unit) in UNITS {
        let (whole, part) = (rest / unit, rest % unit);
        if whole == 0 {
            continue;
        }
        let blank = if out.is_empty() { "" } else { " " };
        // Below a minute the smaller units are a fraction of this one.
        if rest < 60 * SECOND && part > 0 {
            let digits = unit.ilog10() as usize;
            let _ = write!(out, "{blank}{whole}.{part:0digits$}{word}");
            break;
        }
        let _ = write!(out, "{blank}{whole}{word}");
        rest = part;
    }
    out
}

/// An item of a list, in double quotes where a shell would need them.
pub(super) fn quote(item: &str, out: &mut String) {
    let special = |c: char| c.is_whitespace() || c.is_ascii_control() || "\"\\`$*?['()<>|&;!".contains(c);
    if !item.is_empty() && !item.contains(special) {
        return out.push_str(item);
    }
    out.push('"');
    for c in item.chars() {
        if "\"\\`$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

/// A command that has not run: its path, arguments, and what its prefixes say.
pub(super) fn command(command: &Command) -> [String; 2] {
    let path = simple(command.program());
    let mut argv = command.argv0.as_deref().unwrap_or(command.program()).to_owned();
    for word in command.words.iter().skip(1) {
        argv.push(' ');
        argv.push_str(word);
    }
    let mut flags: Vec<&str> = Vec::new();
    if command.ignore_failure {
        flags.push("ignore-failure");
    }
    match command.privileges {
        Privileges::Unit => {}
        Privileges::Full => flags.push("privileged"),
        Privileges::NoSetuid => flags.push("no-setuid"),
        Privileges::Ambient => flags.push("ambient"),
    }
    if !command.expand {
        flags.push("no-env-expand");
    }
    let ignore = if command.ignore_failure { "yes" } else { "no" };
    let fresh = "start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0";
    [
        format!("{{ path={path} ; argv[]={argv} ; ignore_errors={ignore} ; {fresh} }}"),
        format!("{{ path={path} ; argv[]={argv} ; flags={} ; {fresh} }}", flags.join(" ")),
    ]
}
