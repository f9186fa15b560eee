use crate::file::canonical;
use crate::systemd::directives::{self, Act};
use crate::systemd::set::boolean;
use crate::systemd::syntax::{self, Line};
use std::fmt::Write;

/// The values of one key, in the order written.
struct Key {
    name: String,
    values: Vec<String>,
    style: Style,
}

#[derive(Clone, Copy, PartialEq)]
enum Style {
    /// As written; several are an array.
    Lines,
    Bool,
    /// Words, each an item.
    Words,
    /// Command lines, always an array.
    Commands,
    /// Command lines in one string, a `;` between them.
    Command,
    /// The last one counts.
    One,
}

/// A unit file of systemd's, or a drop-in, as one of ours. What cannot be carried over stands in it
/// as a comment.
#[must_use]
pub fn to_toml(text: &str) -> String {
    let (lines, slips) = syntax::parse(text);
    let mut out = String::new();
    for line in text.lines().map(str::trim).take_while(|line| !line.starts_with('[')) {
        if let Some(comment) = line.strip_prefix(['#', ';']) {
            let _ = writeln!(out, "#{}", comment.replace(char::is_control, " "));
        }
    }
    for slip in slips {
        comment(&mut out, text.get(slip.span).unwrap_or_default());
    }
    let _ = writeln!(out, "defaults = \"systemd\"");
    let mut sections: Vec<&str> = Vec::new();
    for line in &lines {
        if !sections.contains(&line.section.as_str()) {
            sections.push(&line.section);
        }
    }
    // What stands before the first table is [Unit].
    crate::order::by_key(&mut sections, |section| *section != "Unit");
    let mut resets = Vec::new();
    let mut body = String::new();
    for section in sections {
        let own = lines.iter().filter(|line| line.section == section);
        write_section(&mut body, section, own, &mut resets);
    }
    if !resets.is_empty() {
        let _ = writeln!(out, "reset = {}", array(&resets));
    }
    out + &body
}

fn write_section<'a>(out: &mut String, section: &str, lines: impl Iterator<Item = &'a Line>, resets: &mut Vec<String>) {
    let title = canonical(section);
    let known = !directives::groups(section).is_empty();
    let mut keys: Vec<Key> = Vec::new();
    let mut strange = Vec::new();
    let mut listens = Vec::new();
    for line in lines {
        let Some(directive) = directives::find(section, &line.key).filter(|_| known) else {
            strange.push(format!("[{section}] {}={}", line.key, line.value));
            continue;
        };
        let name = canonical(directive.name);
        if let Some((word, member)) = together(section, directive.name).filter(|_| line.value.is_empty()) {
            // One of them empty forgets them all.
            keys.retain(|key| !member(&key.name));
            if !resets.iter().any(|reset| reset == word) {
                resets.push(word.to_owned());
            }
            listens.clear();
            continue;
        }
        if directive.name == "TimeoutSec" && section == "Service" {
            // A table has no order in which it could come after one of the two.
            for name in ["timeout-start-sec", "timeout-stop-sec"] {
                keys.retain(|key| key.name != name);
                keys.push(Key { name: name.to_owned(), values: vec![line.value.clone()], style: Style::One });
            }
            continue;
        }
        if section == "Socket"
            && let Some(kind) = name.strip_prefix("listen-")
        {
            listens.push(format!("{kind} {}", line.value));
        }
        let style = style(section, directive.name, directive.act);
        let at = keys.iter().position(|key| key.name == name).unwrap_or_else(|| {
            keys.push(Key { name: name.clone(), values: Vec::new(), style });
            keys.len() - 1
        });
        let Some(key) = keys.get_mut(at) else { continue };
        match (key.style, line.value.as_str()) {
            // Takes nothing back.
            (Style::Words, "") if section == "Unit" => {}
            (Style::Lines, value) => key.values.push(value.to_owned()),
            (Style::Words | Style::Commands | Style::Command, "") => {
                key.values.clear();
                let prefix = if section == "Unit" { String::new() } else { format!("{title}.") };
                resets.push(format!("{prefix}{name}"));
            }
            (Style::Words, value) => key.values.extend(value.split_whitespace().map(str::to_owned)),
            (Style::Commands | Style::Command, value) => key.values.push(value.to_owned()),
            (Style::Bool | Style::One, value) => key.values = vec![value.to_owned()],
        }
    }
    if section == "Socket" && keys.iter().filter(|key| key.name.starts_with("listen-")).count() > 1 {
        // Of several kinds the order counts, and a table has none.
        keys.retain(|key| !key.name.starts_with("listen-"));
        keys.push(Key { name: "listen".to_owned(), values: listens, style: Style::Words });
    }
    if section != "Unit" && !keys.is_empty() {
        let _ = writeln!(out, "\n[{title}]");
    }
    for key in keys.iter().filter(|key| !key.values.is_empty()) {
        let first = key.values.last().map_or("", String::as_str);
        let value = match (key.style, key.values.as_slice()) {
            (Style::Bool, _) => boolean(first).map_or_else(|| quoted(first), |value| value.to_string()),
            (Style::One, _) | (Style::Lines, [_]) => quoted(first),
            (Style::Command, lines) => quoted(&lines.join(" ; ")),
            (Style::Lines | Style::Words | Style::Commands, values) => array(values),
        };
        let _ = writeln!(out, "{} = {value}", key.name);
    }
    for text in strange {
        comment(out, &text);
    }
}

type Member = fn(&str) -> bool;

/// Directives that one empty assignment resets together: our word for it, and which keys they are.
fn together(section: &str, name: &str) -> Option<(&'static str, Member)> {
    let groups: [(&str, &'static str, Member); 5] = [
        ("Unit", "condition", |key| key.starts_with("condition-")),
        ("Unit", "assert", |key| key.starts_with("assert-")),
        ("Socket", "socket.listen", |key| key.starts_with("listen-")),
        ("Timer", "timer.on", |key| key.starts_with("on-") && (key.ends_with("-sec") || key == "on-calendar")),
        ("Path", "path.watch", |key| {
            ["path-exists", "path-exists-glob", "path-changed", "path-modified", "directory-not-empty"].contains(&key)
        }),
    ];
    let key = canonical(name);
    groups.into_iter().find(|(of, _, member)| *of == section && member(&key)).map(|(_, word, member)| (word, member))
}

fn style(section: &str, name: &str, act: Act) -> Style {
    match (section, name, act) {
        ("Service", "ExecStart", _) => Style::Command,
        ("Service", "ExecStartPre" | "ExecStartPost" | "ExecStop" | "ExecStopPost" | "ExecReload", _) => Style::Commands,
        ("Service", "PIDFile" | "Type" | "NotifyAccess" | "TimeoutStartSec" | "TimeoutStopSec", _) | ("Unit", "Description", _) => {
            Style::One
        }
        ("Install", "WantedBy" | "RequiredBy", _) => Style::Words,
        ("Unit", "After" | "Before" | "Requires" | "Requisite" | "Wants" | "BindsTo" | "PartOf" | "Conflicts", _) => Style::Words,
        (_, "RemainAfterExit" | "DefaultDependencies", _) | (_, _, Act::Bool(_)) => Style::Bool,
        _ => Style::Lines,
    }
}

fn comment(out: &mut String, text: &str) {
    let _ = writeln!(out, "# not carried over: {}", text.replace(char::is_control, " "));
}

fn array(values: &[String]) -> String {
    let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
    format!("[{}]", values.join(", "))
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out + "\""
}
