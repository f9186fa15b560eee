use super::SHORT;
use crate::file::{assignments, canonical};
use crate::systemd::directives::{Act, Directive};
use crate::systemd::words::{one_line, quote};
use crate::systemd::{directives, reader};
use crate::value::{Limit, ValueError, read_span};
use crate::{Map, UnitKind, UnitName};
use std::fmt::Write;
use std::time::Duration;
use toml::de::{DeTable, DeValue};

/// The sections of the file that is written, each a list of lines.
#[derive(Default)]
struct Sheet {
    unit: Vec<(String, String)>,
    own: Vec<(String, String)>,
    install: Vec<(String, String)>,
    /// What has no word in systemd's files.
    strange: Vec<String>,
}

/// A unit file of ours, of a unit of this kind, as one of systemd's. What systemd has no word for
/// is written as `X-Fief…`, which it passes over and [`crate::read`] understands.
///
/// # Errors
/// The text is no TOML; the message says where.
pub fn to_systemd(kind: UnitKind, text: &str) -> Result<String, ValueError> {
    let document = DeTable::parse(text.trim_start_matches('\u{feff}')).map_err(|error| ValueError(error.to_string()))?;
    let own = reader::section_of(kind);
    let top: Map<String, &DeValue<'_>> = table(document.get_ref());
    let mut sheet = Sheet::default();
    let native = top.get("defaults").and_then(|value| value.as_str()) != Some("systemd");
    for (key, value) in &top {
        match (key.as_str(), value.as_table()) {
            ("defaults", _) => {}
            ("unit", Some(inner)) => table(inner).iter().for_each(|(key, value)| sheet.unit_key(key, value)),
            ("install", Some(inner)) => {
                for (key, value) in table(inner) {
                    let name = directives::find_kebab("Install", &key).map(|d| d.name);
                    sheet.put(Part::Install, name, "install", &key, value);
                }
            }
            ("condition" | "assert", _) | (_, None) => sheet.unit_key(key, value),
            (title, Some(inner)) => sheet.section(own, title, inner),
        }
    }
    if native && kind == UnitKind::Service {
        sheet.native_defaults();
    }
    let mut out = String::new();
    for line in text.lines().map(str::trim).take_while(|line| line.starts_with('#') || line.is_empty()) {
        let _ = writeln!(out, "{line}");
    }
    for text in &sheet.strange {
        let _ = writeln!(out, "# not carried over: {}", text.replace(char::is_control, " "));
    }
    for (title, lines) in [("Unit", &sheet.unit), (own, &sheet.own), ("Install", &sheet.install)] {
        if !lines.is_empty() {
            let _ = writeln!(out, "\n[{title}]");
        }
        for (key, value) in lines {
            let _ = writeln!(out, "{key}={value}");
        }
    }
    // A file that holds nothing would mask the unit.
    if out.trim().is_empty() {
        out.push_str("[Unit]\n");
    }
    Ok(out.trim_start_matches('\n').to_owned())
}

#[derive(Clone, Copy)]
enum Part {
    Unit,
    Own,
    Install,
}

fn table<'a>(table: &'a DeTable<'a>) -> Map<String, &'a DeValue<'a>> {
    table.iter().map(|(key, value)| (canonical(key.get_ref()), value.get_ref())).collect()
}

/// Names of units get their suffix, without which systemd takes none.
fn full(part: Part, directive: &str, text: &str) -> String {
    let section = match part {
        Part::Unit => "Unit",
        Part::Install => "Install",
        Part::Own => return text.to_owned(),
    };
    match directives::find(section, directive).map(|directive| directive.act) {
        Some(Act::Units(..) | Act::Names(_)) => {
            // What stands for more than it says is no name yet, and will be one of a service as well.
            let unread = |word: &str| if UnitName::has_suffix(word) { word.to_owned() } else { format!("{word}.service") };
            let whole = |word: &str| match UnitName::new(word) {
                Ok(name) => name.into(),
                Err(_) if word.contains('%') => unread(word),
                Err(_) => word.to_owned(),
            };
            text.split_whitespace().map(whole).collect::<Vec<String>>().join(" ")
        }
        _ => text.to_owned(),
    }
}

impl Sheet {
    fn line(&mut self, part: Part, key: &str, held: &str) {
        // A value is one line. Between the words of a command its end is a blank; elsewhere there is no way to write it.
        let value = if key.starts_with("Exec") { one_line(held) } else { held.to_owned() };
        // Blanks around it would be lost, which matters where it is one word.
        let blanks = value.trim() != value && key != "Description" && !key.starts_with("Exec") || value.contains(['\n', '\r']);
        // A backslash at the end would go on into the next line.
        if value.trim_end().ends_with('\\') || blanks {
            return self.strange.push(format!("{key}={value:?}"));
        }
        let lines = match part {
            Part::Unit => &mut self.unit,
            Part::Own => &mut self.own,
            Part::Install => &mut self.install,
        };
        // No time at all is no limit there.
        let none = key == "TimeoutStopSec" && read_span(&value) == Ok(Limit::At(Duration::ZERO));
        lines.push((key.to_owned(), if none { "1us".to_owned() } else { value }));
    }

    fn put(&mut self, part: Part, name: Option<&'static str>, section: &str, key: &str, value: &DeValue<'_>) {
        match (name, assignments(value)) {
            (Some(name), Some(texts)) => texts.iter().for_each(|text| self.line(part, name, &full(part, name, text))),
            _ if key.starts_with("x-") => {}
            _ => self.strange.push(format!("{key} in [{section}]")),
        }
    }

    fn unit_key(&mut self, key: &str, value: &DeValue<'_>) {
        match (key, value.as_table()) {
            ("condition", Some(inner)) => self.conditions("Condition", inner),
            ("assert", Some(inner)) => self.conditions("Assert", inner),
            ("reset", _) => self.resets(value),
            _ => self.put(Part::Unit, directives::find_kebab("Unit", key).map(|d| d.name), "unit", key, value),
        }
    }

    /// What is reset stands first, as an empty assignment.
    fn resets(&mut self, value: &DeValue<'_>) {
        for what in assignments(value).unwrap_or_default() {
            let (section, key) = what.split_once('.').unwrap_or(("", &what));
            let short = SHORT.iter().find(|(s, k, _)| *s == section && *k == key).map(|(_, _, name)| *name);
            let group = match what.as_str() {
                "socket.listen" => Some("ListenStream"),
                "timer.on" => Some("OnCalendar"),
                "path.watch" => Some("PathExists"),
                _ => None,
            };
            match (section, group.or(short).or_else(|| directives::find_kebab("Service", key).map(|d| d.name))) {
                ("", _) => match directives::find_kebab("Unit", key) {
                    // What it depends on, systemd's files cannot take back.
                    Some(Directive { act: Act::Units(..), .. }) => self.strange.push(format!("reset of {what}")),
                    Some(directive) => self.unit.insert(0, (directive.name.to_owned(), String::new())),
                    None if key == "condition" => self.unit.insert(0, ("ConditionPathExists".to_owned(), String::new())),
                    None if key == "assert" => self.unit.insert(0, ("AssertPathExists".to_owned(), String::new())),
                    None => self.strange.push(format!("reset of {what}")),
                },
                ("install", _) | (_, None) => self.strange.push(format!("reset of {what}")),
                (_, Some(name)) => self.own.insert(0, (name.to_owned(), String::new())),
            }
        }
    }

    fn conditions(&mut self, strength: &str, inner: &DeTable<'_>) {
        for (key, value) in table(inner) {
            let (bare, inverted) = key.strip_prefix("not-").map_or((key.as_str(), false), |bare| (bare, true));
            let Some(directive) = directives::find_kebab("Unit", &format!("{}-{bare}", strength.to_ascii_lowercase())) else {
                self.strange.push(key);
                continue;
            };
            for text in assignments(value).unwrap_or_default() {
                let plain = text.trim_start_matches(['!', '|']);
                let prefixes = text.get(..text.len() - plain.len()).unwrap_or_default();
                let not = if prefixes.contains('!') != inverted { "!" } else { "" };
                let or = if prefixes.contains('|') { "|" } else { "" };
                self.line(Part::Unit, directive.name, &format!("{or}{not}{plain}"));
            }
        }
    }

    fn section(&mut self, own: &'static str, title: &str, inner: &DeTable<'_>) {
        if title == "tty" {
            self.line(Part::Own, "StandardInput", "tty");
        }
        for (key, value) in table(inner) {
            let short = SHORT.iter().find(|(s, k, _)| *s == title && *k == key).map(|(_, _, name)| *name);
            let name = short.or_else(|| directives::find_kebab(own, &key).map(|d| d.name));
            match (title, key.as_str(), name) {
                ("environment", "set", _) => {
                    for (name, value) in value.as_table().into_iter().flatten() {
                        let text = assignments(value.get_ref()).unwrap_or_default().join(" ");
                        self.line(Part::Own, "Environment", &quote(&format!("{}={text}", name.get_ref())));
                    }
                }
                ("socket", "listen", _) => {
                    for text in assignments(value).unwrap_or_default() {
                        let (kind, address) = text.split_once(' ').unwrap_or((&text, ""));
                        match directives::find_kebab("Socket", &format!("listen-{kind}")) {
                            Some(directive) => self.line(Part::Own, directive.name, address),
                            None => self.strange.push(text),
                        }
                    }
                }
                ("service", "type", Some(name)) if value.as_str() == Some("notify-fd") => {
                    self.line(Part::Own, name, "notify");
                    if !table(inner).contains_key("notify-fd") {
                        self.line(Part::Own, "X-FiefNotifyFd", "3");
                    }
                }
                ("service", _, Some(name)) if name.starts_with("Exec") => self.commands(name, value),
                (
                    "directories" | "run-as" | "environment",
                    "runtime" | "state" | "cache" | "logs" | "configuration" | "groups" | "inherit",
                    Some(name),
                ) => {
                    for text in assignments(value).unwrap_or_default() {
                        self.line(Part::Own, name, &quote(&text));
                    }
                }
                ("restart" | "stop" | "resources" | "log", key, Some(name)) => {
                    for text in assignments(value).unwrap_or_default() {
                        let theirs = match (key, text.as_str()) {
                            ("burst", "max" | "infinity") => "0",
                            (_, "max") => "infinity",
                            ("stdout" | "stderr", "log") => "journal",
                            (_, text) => text,
                        };
                        self.line(Part::Own, name, theirs);
                    }
                }
                (title, key, name) => self.put(Part::Own, name, title, key, value),
            }
        }
    }

    /// Commands: lines as they are, argument vectors quoted and without variables.
    fn commands(&mut self, name: &'static str, value: &DeValue<'_>) {
        if name == "ExecReload"
            && let Some(signal) = value.as_str().and_then(|text| crate::value::Signal::read(text).ok())
        {
            self.line(Part::Own, name, &format!("/bin/kill -{} $MAINPID", signal.number()));
            return self.line(Part::Own, "X-FiefReloadSignal", &signal.to_string());
        }
        match value {
            DeValue::Array(items) if name == "ExecStart" && items.iter().all(|item| item.get_ref().is_str()) => self.argv(name, value),
            DeValue::Array(items) => {
                for item in items {
                    match item.get_ref() {
                        DeValue::Array(_) => self.argv(name, item.get_ref()),
                        line => self.line(Part::Own, name, line.as_str().unwrap_or_default()),
                    }
                }
            }
            line => self.line(Part::Own, name, line.as_str().unwrap_or_default()),
        }
    }

    fn argv(&mut self, name: &'static str, value: &DeValue<'_>) {
        let words = assignments(value).unwrap_or_default();
        if words.is_empty() {
            return;
        }
        let (minus, first) = match words.first().and_then(|first| first.strip_prefix('-')) {
            Some(bare) => ("-", bare),
            None => ("", words.first().map_or("", String::as_str)),
        };
        // To the letter: no specifier is meant.
        let plain = |word: &str| quote(&word.replace('%', "%%"));
        let all: Vec<String> = std::iter::once(first).chain(words.iter().skip(1).map(String::as_str)).map(plain).collect();
        self.line(Part::Own, name, &format!("{minus}:{}", all.join(" ")));
    }

    /// What holds with us where nothing is said, and not with systemd.
    fn native_defaults(&mut self) {
        let said = |sheet: &Self, key: &str| sheet.own.iter().any(|(known, _)| known == key);
        let oneshot = self.own.iter().any(|(key, value)| key == "Type" && value == "oneshot");
        let restart = if oneshot && !self.own.iter().any(|(key, _)| key.starts_with("Restart") || key.starts_with("X-FiefM")) {
            "no"
        } else {
            "on-failure"
        };
        let tty = self.own.iter().any(|(key, value)| key == "StandardInput" && value.starts_with("tty"));
        let terminal = if tty { "yes" } else { "no" };
        for (key, value, wanted) in [
            ("Type", "exec", true),
            ("Restart", restart, true),
            ("X-FiefBackoff", "2", !said(self, "RestartSteps")),
            ("X-FiefMaxDelay", "30s", true),
            ("TimeoutStopSec", "30s", true),
            ("IgnoreSIGPIPE", "no", true),
            ("TTYReset", terminal, tty),
            ("TTYVHangup", terminal, tty),
        ] {
            if wanted && !said(self, key) {
                self.line(Part::Own, key, value);
            }
        }
    }
}
