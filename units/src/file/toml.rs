//! Our own syntax: a TOML document whose keys are systemd's names in kebab-case.

pub(super) mod parts;
mod service;

use super::draft::{Draft, RELATIONS};
use super::section::{Found, Section};
use super::source::Source;
use crate::unit::{Condition, QUESTIONS, Strength, Takes, Test};
use crate::{UnitKind, UnitName};
use toml::de::{DeTable, DeValue};

/// Sections of systemd's own words, and the section of its files they stand for.
const SECTIONS: [(&str, &str, UnitKind); 6] = [
    ("service", "Service", UnitKind::Service),
    ("socket", "Socket", UnitKind::Socket),
    ("timer", "Timer", UnitKind::Timer),
    ("path", "Path", UnitKind::Path),
    ("mount", "Mount", UnitKind::Mount),
    ("slice", "Slice", UnitKind::Slice),
];

/// Whether the file wants systemd's defaults: `defaults = "systemd"`.
pub(super) fn wants_systemds_defaults(text: &str) -> bool {
    // A file that is none is told when it is read.
    let document = DeTable::parse(text.trim_start_matches('\u{feff}')).ok();
    document.is_some_and(|d| d.get_ref().get("defaults").and_then(|v| v.get_ref().as_str()) == Some("systemd"))
}

/// Lays one file over what there is: scalars override, lists grow, `reset` clears first.
pub(super) fn apply(draft: &mut Draft, source: &Source<'_>) {
    let Some(text) = source.text() else { return };
    let bom = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let document = match DeTable::parse(text.get(bom..).unwrap_or_default()) {
        Ok(document) => document,
        Err(error) => {
            let span = error.span().unwrap_or(0..1);
            let message: String = error.message().replace('\n', ", ").chars().take(200).collect();
            source.error(span.start + bom..span.end + bom, message, None);
            return;
        }
    };
    let mut top = Section::new(source, "", document.get_ref());
    // Read beforehand, by `wants_systemds_defaults`.
    let _ = top.word("defaults", &[("fief", ()), ("systemd", ())]);
    for found in top.texts("reset") {
        if !reset(draft, &found.value) {
            top.wrong_at(found.span, format!("nothing named `{}` can be reset", found.value));
        }
    }
    if let Some(mut unit) = top.section("unit") {
        read_unit(draft, source, &mut unit);
        unit.directives(draft, "Unit");
        unit.finish();
    }
    read_unit(draft, source, &mut top);
    let kind = draft.name.kind();
    for (title, theirs, of_kind) in SECTIONS {
        if kind == of_kind
            && let Some(mut section) = top.section(title)
        {
            if kind == UnitKind::Service {
                service::read_service(&mut draft.service, &mut section);
            }
            if kind == UnitKind::Socket {
                section.listen(draft);
            }
            if kind == UnitKind::Timer {
                parts::read_delay(draft, &mut section);
            }
            section.directives(draft, theirs);
            section.finish();
        }
    }
    if kind == UnitKind::Service {
        parts::mind(draft, &mut top, document.get_ref());
    }
    if matches!(kind, UnitKind::Service | UnitKind::Slice) {
        service::read(draft, &mut top);
    }
    if let Some(mut install) = top.section("install") {
        let names = |found: Vec<Found<UnitName>>| found.into_iter().map(|f| f.value).collect::<Vec<_>>();
        draft.wanted_by.extend(names(install.names("wanted-by")));
        draft.required_by.extend(names(install.names("required-by")));
        draft.install.wanted_by.clone_from(&draft.wanted_by);
        draft.install.required_by.clone_from(&draft.required_by);
        install.directives(draft, "Install");
        install.finish();
    }
    top.directives(draft, "Unit");
    top.finish();
}

fn read_unit(draft: &mut Draft, source: &Source<'_>, section: &mut Section<'_, '_>) {
    if let Some(found) = section.text("description") {
        draft.description = found.value;
    }
    for (key, set) in RELATIONS {
        for Found { value, span } in section.names(key) {
            if value == draft.name {
                section.wrong_at(span, format!("`{key}` names the unit itself"));
                continue;
            }
            draft.note(source, key, &value, span);
            set(&mut draft.relations).insert(value);
        }
    }
    if let Some(value) = section.bool("default-dependencies") {
        draft.default_dependencies = value;
    }
    for (key, strength) in [("condition", Strength::Condition), ("assert", Strength::Assert)] {
        if let Some(mut table) = section.section(key) {
            draft.conditions.extend(read_conditions(&mut table, strength));
            table.finish();
        }
    }
}

fn reset(draft: &mut Draft, what: &str) -> bool {
    if let Some((_, set)) = RELATIONS.iter().find(|(key, _)| *key == what) {
        set(&mut draft.relations).clear();
        draft.forget(what);
        return true;
    }
    match what {
        "condition" => draft.conditions.retain(|c| c.strength != Strength::Condition),
        "assert" => draft.conditions.retain(|c| c.strength != Strength::Assert),
        "install.wanted-by" => draft.wanted_by.clear(),
        "install.required-by" => draft.required_by.clear(),
        "socket.listen" => draft.socket.listen.clear(),
        "timer.on" => {
            draft.timer.on_calendar.clear();
            draft.timer.since.clear();
        }
        "path.watch" => draft.watch.paths.clear(),
        _ => return draft.service.reset(what),
    }
    true
}

/// What stands behind a key as systemd's assignments: an array is several of them.
pub(crate) fn assignments(value: &DeValue<'_>) -> Option<Vec<String>> {
    let scalar = |value: &DeValue<'_>| match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Boolean(true) => Some("yes".to_owned()),
        DeValue::Boolean(false) => Some("no".to_owned()),
        DeValue::Integer(number) if number.radix() == 8 => Some(format!("0{}", number.as_str().replace('_', ""))),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().replace('_', "")),
        DeValue::Float(number) => Some(number.as_str().replace('_', "")),
        _ => None,
    };
    match value {
        DeValue::Array(items) => items.iter().map(|item| scalar(item.get_ref())).collect(),
        value => scalar(value).map(|text| vec![text]),
    }
}

fn read_conditions(table: &mut Section<'_, '_>, strength: Strength) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for (question, word, takes) in QUESTIONS {
        if matches!(takes, Takes::Yes) {
            if let Some(wanted) = table.bool(word) {
                let test = Test { question, value: String::new() };
                conditions.push(Condition { test, negated: !wanted, triggering: false, strength });
            }
            continue;
        }
        for (key, inverted) in [(word, false), (format!("not-{word}").as_str(), true)] {
            for Found { value, span } in table.texts(key) {
                let bare = value.trim_start_matches(['!', '|']);
                let prefixes = value.get(..value.len() - bare.len()).unwrap_or_default();
                let test = Test { question, value: bare.to_owned() };
                if !test.is_understood() {
                    let wrong = match takes {
                        Takes::Path => format!("`{key}` takes an absolute path"),
                        Takes::Yes | Takes::Word | Takes::Read(_) => format!("`{key}` cannot be {bare:?}; see systemd.unit(5)"),
                    };
                    table.wrong_at(span, wrong);
                    continue;
                }
                let (negated, triggering) = (prefixes.contains('!') != inverted, prefixes.contains('|'));
                conditions.push(Condition { test, negated, triggering, strength });
            }
        }
    }
    conditions
}
