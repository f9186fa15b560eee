//! One entry in each of the ways in which it can be shown; journalctl(1), `--output=`.

use std::borrow::Cow;

use serde_json::Value;

use super::shown::Shown;
use crate::console::printable;
use crate::log::civil::Here;

/// A value longer than this is not shown in JSON, bytes.
const LONGEST_IN_JSON: usize = 4096;
/// Nor in a line for people, where it is no text.
const LONGEST_LINE: usize = 300 * 1024;

/// The ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Short(Time),
    WithUnit,
    Verbose,
    Export,
    Json,
    JsonPretty,
    JsonSse,
    JsonSeq,
    Cat,
}

impl Mode {
    /// Nothing else is said then: not that there was none, nor where another boot begins.
    pub(super) fn is_for_programs(self) -> bool {
        match self {
            Self::Short(_) | Self::WithUnit | Self::Verbose => false,
            Self::Export | Self::Json | Self::JsonPretty | Self::JsonSse | Self::JsonSeq | Self::Cat => true,
        }
    }
}

/// How the moment is written in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Time {
    Syslog,
    Precise,
    Iso,
    IsoPrecise,
    Full,
    Monotonic,
    /// With how much later than the one before it is.
    Delta,
    Unix,
}

/// What was shown before: its boot, and its moment on `CLOCK_MONOTONIC`.
pub(super) type Before<'a> = Option<(&'a str, u64)>;

/// By their names, as `-o help` lists them.
pub(super) const MODES: [(&str, Mode); 16] = [
    ("short", Mode::Short(Time::Syslog)),
    ("short-full", Mode::Short(Time::Full)),
    ("short-iso", Mode::Short(Time::Iso)),
    ("short-iso-precise", Mode::Short(Time::IsoPrecise)),
    ("short-precise", Mode::Short(Time::Precise)),
    ("short-monotonic", Mode::Short(Time::Monotonic)),
    ("short-delta", Mode::Short(Time::Delta)),
    ("short-unix", Mode::Short(Time::Unix)),
    ("verbose", Mode::Verbose),
    ("export", Mode::Export),
    ("json", Mode::Json),
    ("json-pretty", Mode::JsonPretty),
    ("json-sse", Mode::JsonSse),
    ("json-seq", Mode::JsonSeq),
    ("cat", Mode::Cat),
    ("with-unit", Mode::WithUnit),
];

/// How it is to be done.
#[derive(Debug)]
pub(super) struct Manner {
    pub(super) mode: Mode,
    pub(super) here: Here,
    pub(super) host: bool,
    pub(super) all: bool,
    pub(super) colour: bool,
    /// Of the fields only these; of all where there are none.
    pub(super) fields: Vec<String>,
}

impl Manner {
    /// The entry; nothing where it has no message and the way is for people.
    pub(super) fn show(&self, shown: Shown<'_>, before: Before<'_>) -> Option<Vec<u8>> {
        Some(match self.mode {
            Mode::Short(time) => self.line(shown, self.time(shown, time, before), false)?,
            Mode::WithUnit => self.line(shown, self.time(shown, Time::Full, before), true)?,
            Mode::Cat => self.cat(shown)?,
            Mode::Verbose => self.verbose(shown),
            Mode::Export => self.export(shown),
            Mode::Json => [self.json(shown).to_string().as_bytes(), b"\n"].concat(),
            Mode::JsonPretty => self.pretty(shown),
            Mode::JsonSse => format!("data: {}\n\n", self.json(shown)).into_bytes(),
            Mode::JsonSeq => format!("\u{1e}{}\n", self.json(shown)).into_bytes(),
        })
    }

    fn line(&self, shown: Shown<'_>, mut head: String, with_unit: bool) -> Option<Vec<u8>> {
        let message = shown.field("MESSAGE")?;
        if self.host {
            head.push(' ');
            head.push_str(&shown.about.host);
        }
        let unit = if with_unit { shown.text("_SYSTEMD_UNIT") } else { None };
        let name = unit.or_else(|| shown.text("SYSLOG_IDENTIFIER")).or_else(|| shown.text("_COMM")).unwrap_or("unknown");
        let pid = shown.text("_PID").or_else(|| shown.text("SYSLOG_PID")).map_or_else(String::new, |pid| format!("[{pid}]"));
        head.push_str(&format!(" {}{pid}: ", printable(name.as_bytes())));
        let text = match std::str::from_utf8(message) {
            _ if self.all => String::from_utf8_lossy(message),
            Ok(text) if text.len() <= LONGEST_LINE && !text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t')) => text.into(),
            // A colour that a program puts into its words is taken off, not shown as a blob.
            Ok(text) if text.len() <= LONGEST_LINE && text.contains('\u{1b}') => Cow::from(without_escapes(text)),
            Ok(_) | Err(_) => Cow::from(blob(message.len())),
        };
        let (on, off) = self.colours(shown.level());
        let mut out = Vec::new();
        for (number, line) in text.trim_end_matches('\n').split('\n').enumerate() {
            let begin = if number == 0 { head.as_str().into() } else { Cow::from(" ".repeat(head.chars().count())) };
            out.extend_from_slice(format!("{begin}{on}{line}{off}\n").as_bytes());
        }
        Some(out)
    }

    fn colours(&self, level: u8) -> (&'static str, &'static str) {
        match level {
            _ if !self.colour => ("", ""),
            0..=3 => ("\u{1b}[0;1;31m", "\u{1b}[0m"),
            4 => ("\u{1b}[0;1;38;5;185m", "\u{1b}[0m"),
            5 => ("\u{1b}[0;1;39m", "\u{1b}[0m"),
            6 => ("", ""),
            _ => ("\u{1b}[0;38;5;245m", "\u{1b}[0m"),
        }
    }

    fn time(&self, shown: Shown<'_>, time: Time, before: Before<'_>) -> String {
        let moment = shown.moment();
        let civil = self.here.at(moment);
        let micros = civil.micros;
        match time {
            Time::Syslog => civil.syslog(),
            Time::Precise => format!("{}.{micros:06}", civil.syslog()),
            Time::Iso => format!("{}{}", civil.iso(), civil.zone()),
            Time::IsoPrecise => format!("{}.{micros:06}{}", civil.iso(), civil.zone()),
            Time::Full => civil.full(),
            Time::Unix => format!("{}.{micros:06}", moment / 1_000_000),
            Time::Monotonic => format!("[{}]", seconds(shown.entry.stamp.monotonic)),
            Time::Delta => {
                let monotonic = shown.entry.stamp.monotonic;
                let delta = before.filter(|(boot, _)| *boot == shown.about.boot).map(|(_, before)| monotonic.saturating_sub(before));
                let delta = delta.map_or_else(|| " ".repeat(16), |delta| format!(" <{} >", seconds(delta)));
                format!("[{}{delta}]", seconds(monotonic))
            }
        }
    }

    fn cat(&self, shown: Shown<'_>) -> Option<Vec<u8>> {
        if self.fields.is_empty() {
            return shown.field("MESSAGE").map(|message| [message, b"\n"].concat());
        }
        let wanted = shown.fields().filter(|(name, _)| self.fields.iter().any(|field| field == name));
        Some(wanted.flat_map(|(_, value)| [value, b"\n"].concat()).collect())
    }

    fn wants(&self, name: &str) -> bool {
        self.fields.is_empty() || self.fields.iter().any(|field| field == name)
    }

    fn verbose(&self, shown: Shown<'_>) -> Vec<u8> {
        let realtime = shown.entry.stamp.realtime;
        let civil = self.here.at(realtime);
        let mut out = format!("{}.{:06} {} [{}]\n", civil.long(), civil.micros, civil.name, shown.cursor()).into_bytes();
        for (name, value) in shown.fields().filter(|(name, _)| self.wants(name)) {
            let text = std::str::from_utf8(value).ok().filter(|text| self.all || text.len() <= LONGEST_LINE);
            let text = text.map_or_else(|| Cow::from(blob(value.len())), |text| text.trim_end().replace('\n', "\n    ").into());
            out.extend_from_slice(format!("    {name}={text}\n").as_bytes());
        }
        out
    }

    fn export(&self, shown: Shown<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, value) in [addresses(shown), own(shown, |name| name == "_BOOT_ID" || self.wants(name))].concat() {
            let is_text = std::str::from_utf8(&value).is_ok_and(|text| !text.contains(|c: char| c.is_control() && c != '\t'));
            out.extend_from_slice(name.as_bytes());
            if is_text {
                out.push(b'=');
            } else {
                out.push(b'\n');
                out.extend_from_slice(&u64::try_from(value.len()).unwrap_or(0).to_le_bytes());
            }
            out.extend_from_slice(&value);
            out.push(b'\n');
        }
        out.push(b'\n');
        out
    }

    fn pairs(&self, shown: Shown<'_>) -> Vec<(String, Value)> {
        let mut pairs: Vec<(String, Value)> = Vec::new();
        for (name, value) in [addresses(shown), own(shown, |name| name == "_BOOT_ID" || self.wants(name))].concat() {
            let value = match String::from_utf8(value) {
                Ok(text) if text.len() > LONGEST_IN_JSON && !self.all => Value::Null,
                Ok(text) if !text.contains(|c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{1b}')) => text.into(),
                Ok(text) => text.into_bytes().into(),
                Err(error) => error.into_bytes().into(),
            };
            match pairs.iter_mut().find(|(known, _)| *known == name) {
                // Said more than once: all of it.
                Some((_, Value::Array(all))) if all.iter().all(|one| !one.is_number()) => all.push(value),
                Some((_, one)) => *one = Value::Array(vec![one.take(), value]),
                None => pairs.push((name, value)),
            }
        }
        pairs
    }

    fn json(&self, shown: Shown<'_>) -> String {
        let pairs: Vec<String> = self.pairs(shown).iter().map(|(name, value)| format!("{}:{value}", Value::from(name.as_str()))).collect();
        format!("{{{}}}", pairs.join(","))
    }

    fn pretty(&self, shown: Shown<'_>) -> Vec<u8> {
        let pairs: Vec<String> =
            self.pairs(shown).iter().map(|(name, value)| format!("\t{} : {value}", Value::from(name.as_str()))).collect();
        format!("{{\n{}\n}}\n", pairs.join(",\n")).into_bytes()
    }
}

/// Microseconds as seconds, aligned.
fn seconds(micros: u64) -> String {
    format!("{:5}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// Where it is found again; systemd's names for what is no field.
fn addresses(shown: Shown<'_>) -> Vec<(String, Vec<u8>)> {
    let stamp = shown.entry.stamp;
    let all = [
        ("__CURSOR", shown.cursor()),
        ("__REALTIME_TIMESTAMP", stamp.realtime.to_string()),
        ("__MONOTONIC_TIMESTAMP", stamp.monotonic.to_string()),
    ];
    all.map(|(name, value)| (name.to_owned(), value.into_bytes())).to_vec()
}

fn own(shown: Shown<'_>, wants: impl Fn(&str) -> bool) -> Vec<(String, Vec<u8>)> {
    shown.fields().filter(|(name, _)| wants(name)).map(|(name, value)| (name.to_owned(), value.to_vec())).collect()
}

/// What stands for something that is no text: `[1.2K blob data]`.
fn blob(length: usize) -> String {
    format!("[{} blob data]", super::care::size(u64::try_from(length).unwrap_or(u64::MAX)))
}

/// Without the sequences by which terminals are driven; ECMA-48.
fn without_escapes(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' {
            if rest.next_if_eq(&'[').is_some() {
                let _ = rest.by_ref().find(|c| ('@'..='~').contains(c));
            } else {
                rest.next();
            }
        } else if !c.is_control() || matches!(c, '\n' | '\t') {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::log::record::{self, Draft, Stamp};
    use crate::log::segment::About;

    fn show(mode: &str, fields: &[(&str, &[u8])]) -> String {
        let mut draft = Draft::default();
        fields.iter().for_each(|(name, value)| draft.add(name, value));
        let mut bytes = Vec::new();
        record::write(&mut bytes, Stamp { sequence: 26, realtime: 1_795_659_648_123_456, monotonic: 12_000_345, line: 0 }, &draft);
        let about = About { boot: "a".repeat(32), machine: "b".repeat(32), host: "web1".to_owned(), begun: 0 };
        let mode = MODES.iter().find(|(name, _)| *name == mode).unwrap().1;
        let manner = Manner { mode, here: Here::default(), host: true, all: false, colour: false, fields: Vec::new() };
        let shown = Shown { about: &about, entry: record::read(&bytes).unwrap().0 };
        String::from_utf8(manner.show(shown, Some((&about.boot, 11_000_000))).unwrap_or_default()).unwrap()
    }

    const USUAL: &[(&str, &[u8])] = &[("MESSAGE", b"hi\nyou"), ("SYSLOG_IDENTIFIER", b"sshd"), ("_PID", b"42")];

    #[test]
    fn lines_are_those_of_systemd() {
        for (mode, time) in [
            ("short", "Nov 26 02:20:48"),
            ("short-precise", "Nov 26 02:20:48.123456"),
            ("short-iso", "2026-11-26T02:20:48+0000"),
            ("short-iso-precise", "2026-11-26T02:20:48.123456+0000"),
            ("short-full", "Thu 2026-11-26 02:20:48 UTC"),
            ("short-unix", "1795659648.123456"),
            ("short-monotonic", "[   12.000345]"),
            ("short-delta", "[   12.000345 <    1.000345 >]"),
        ] {
            let head = format!("{time} web1 sshd[42]: ");
            assert_eq!(show(mode, USUAL), format!("{head}hi\n{}you\n", " ".repeat(head.len())), "{mode}");
        }
        assert_eq!(show("cat", USUAL), "hi\nyou\n");
        assert_eq!(show("short", &[("MESSAGE", b"\xff\xfe")]), "Nov 26 02:20:48 web1 unknown: [2B blob data]\n");
        assert_eq!(show("short", &[("MESSAGE", b"\x1b[31mred\x1b[0m"), ("_COMM", b"x")]), "Nov 26 02:20:48 web1 x: red\n");
        assert_eq!(show("short", &[("SHOP", b"no message")]), "");
    }

    #[test]
    fn programs_get_every_field_and_what_is_no_text_too() {
        let fields: &[(&str, &[u8])] = &[("MESSAGE", b"a\"b"), ("BLOB", b"\xff"), ("TWICE", b"1"), ("TWICE", b"2")];
        let read: Value = serde_json::from_str(&show("json", fields)).unwrap();
        let cursor = format!("s={};i=1a;b={};m=b71c59;t=6612231690240;x=0", "b".repeat(32), "a".repeat(32));
        assert_eq!(read["__CURSOR"].as_str().unwrap().split(";t=").next(), cursor.split(";t=").next());
        assert_eq!(
            (&read["MESSAGE"], read["BLOB"].to_string(), read["TWICE"].to_string()),
            (&Value::from("a\"b"), "[255]".into(), "[\"1\",\"2\"]".into())
        );
        assert_eq!((&read["_HOSTNAME"], &read["__REALTIME_TIMESTAMP"]), (&Value::from("web1"), &Value::from("1795659648123456")));
        assert!(show("export", &fields[..1]).contains("\nMESSAGE=a\"b\n"));
        assert!(show("export", USUAL).contains("\nMESSAGE\n\u{6}\0\0\0\0\0\0\0hi\nyou\n"));
        assert_eq!(super::super::shown::number_of(&cursor), Some(26));
        assert!(show("verbose", USUAL).starts_with("Thu 2026-11-26 02:20:48.123456 UTC [s=bbb"));
        assert!(show("json-pretty", USUAL).starts_with("{\n\t\"__CURSOR\" : \"s=bbb"));
    }
}
