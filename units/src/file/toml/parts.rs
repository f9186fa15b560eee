//! What stands in a service's file and is a unit of its own: `[[socket]]` and `[[timer]]`.
//!
//! ```text
//!   web.toml ─┬─ [service] ──▶ web.service                   requires its sockets; is not started by itself where all are lazy
//!             ├─ [[socket]] ─▶ web.socket, web-2.socket …    wanted by sockets.target
//!             └─ [[timer]] ──▶ web.timer, web-2.timer …      wanted by timers.target
//!                  └─ command ▶ web-timer.service, web-timer-2.service …   as web.service runs, once
//! ```

use super::service;
use crate::file::body::Kind;
use crate::file::draft::Draft;
use crate::file::section::Section;
use crate::file::source::Source;
use crate::unit::Usual;
use crate::{UnitKind, UnitName};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Which part of which service's file a unit is.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::file) struct Part {
    pub(in crate::file) of: UnitName,
    role: Role,
    index: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Socket,
    Timer,
    /// What a timer runs.
    Command,
}

/// The units that stand in the file of a service besides it.
pub(in crate::file) fn of(service: &UnitName, text: &[u8]) -> Vec<(UnitName, Part)> {
    let Ok(text) = std::str::from_utf8(text) else { return Vec::new() };
    let is_one = service.kind() == UnitKind::Service && !is_of_template(service) && text.len() <= crate::file::FILE_LIMIT;
    if !is_one || !(text.contains("socket") || text.contains("timer")) {
        return Vec::new();
    }
    let Ok(document) = DeTable::parse(text.trim_start_matches('\u{feff}')) else { return Vec::new() };
    let part = |role, index| Some((name(service, role, index)?, Part { of: service.clone(), role, index }));
    let sockets = tables(document.get_ref(), "socket").into_iter().enumerate().filter_map(|(index, _)| part(Role::Socket, index));
    let timers = tables(document.get_ref(), "timer").into_iter().enumerate();
    let timers = timers.flat_map(|(index, (table, _))| {
        let command = table.contains_key("command").then(|| part(Role::Command, index)).flatten();
        part(Role::Timer, index).into_iter().chain(command)
    });
    sockets.chain(timers).collect()
}

fn name(service: &UnitName, role: Role, index: usize) -> Option<UnitName> {
    let number = if index == 0 { String::new() } else { format!("-{}", index + 1) };
    let stem = service.stem();
    UnitName::new(&match role {
        Role::Socket => format!("{stem}{number}.socket"),
        Role::Timer => format!("{stem}{number}.timer"),
        Role::Command => format!("{stem}-timer{number}.service"),
    })
    .ok()
}

fn is_of_template(name: &UnitName) -> bool {
    name.is_template() || name.instance().is_some()
}

/// The tables of an array of them, with their places.
fn tables<'d>(document: &'d DeTable<'d>, key: &str) -> Vec<(&'d DeTable<'d>, Range<usize>)> {
    let items = document.get(key).and_then(|value| value.get_ref().as_array());
    let table = |item: &'d Spanned<DeValue<'d>>| Some((item.get_ref().as_table()?, item.span()));
    items.into_iter().flatten().filter_map(table).collect()
}

/// What these parts mean for the service they stand with.
pub(super) fn mind(draft: &mut Draft, top: &mut Section<'_, '_>, document: &DeTable<'_>) {
    let mut lazy = Vec::new();
    for key in ["socket", "timer"] {
        let Some(value) = top.take(key) else { continue };
        let all = tables(document, key);
        if is_of_template(&draft.name) || value.get_ref().as_array().is_none_or(|items| items.len() != all.len()) {
            top.wrong(value, format!("`[[{key}]]` makes units of their own, of a service that is no template"));
            continue;
        }
        for (index, (table, _)) in all.iter().enumerate().filter(|_| key == "socket") {
            lazy.push(table.get("lazy").is_some_and(|value| value.get_ref().as_bool() == Some(true)));
            if let Some(socket) = name(&draft.name, Role::Socket, index) {
                draft.relations.requires.insert(socket.clone());
                draft.relations.after.insert(socket);
            }
        }
    }
    draft.is_lazy |= !lazy.is_empty() && lazy.iter().all(|lazy| *lazy);
}

/// Reads the part that the unit is.
pub(in crate::file) fn apply(draft: &mut Draft, source: &Source<'_>, part: &Part) {
    let Some(text) = source.text() else { return };
    // What is wrong with the document as a whole is told of the service.
    let Ok(document) = DeTable::parse(text) else { return };
    let wanted_by = match part.role {
        Role::Socket => read_socket(draft, source, document.get_ref(), part),
        Role::Timer => read_timer(draft, source, document.get_ref(), part),
        Role::Command => read_command(draft, source, document.get_ref(), part),
    };
    draft.wanted_by.extend(wanted_by.and_then(|target| UnitName::new(target).ok()));
}

fn read_socket(draft: &mut Draft, source: &Source<'_>, document: &DeTable<'_>, part: &Part) -> Option<&'static str> {
    let (table, place) = tables(document, "socket").into_iter().nth(part.index)?;
    let mut section = Section::new(source, "socket", table);
    draft.description = format!("socket of {}", part.of);
    draft.socket.service = Some(part.of.clone());
    // Read where the service is.
    let _ = section.bool("lazy");
    if let Some(name) = section.text("name") {
        draft.socket.name = Some(name.value);
    }
    section.listen(draft);
    section.directives(draft, "Socket");
    section.finish();
    if draft.socket.accept {
        source.error(
            place,
            "with `accept` each connection gets a service of its own: a file NAME.socket.toml beside NAME@.toml".to_owned(),
            None,
        );
    }
    Some("sockets.target")
}

fn read_timer(draft: &mut Draft, source: &Source<'_>, document: &DeTable<'_>, part: &Part) -> Option<&'static str> {
    let (table, _) = tables(document, "timer").into_iter().nth(part.index)?;
    let mut section = Section::new(source, "timer", table);
    draft.description = format!("timer of {}", part.of);
    let runs = if section.command(&["command"]).is_empty() { Role::Timer } else { Role::Command };
    draft.timer.unit = match runs {
        Role::Command => name(&part.of, Role::Command, part.index),
        Role::Timer | Role::Socket => Some(part.of.clone()),
    };
    read_delay(draft, &mut section);
    section.directives(draft, "Timer");
    section.finish();
    Some("timers.target")
}

/// The short word for `randomized-delay-sec`, wherever a timer is described.
pub(super) fn read_delay(draft: &mut Draft, section: &mut Section<'_, '_>) {
    if let Some(delay) = section.finite_span("random-delay") {
        draft.timer.random_delay = delay;
    }
}

/// As whom and where it runs is as with the service; how that is started, restarted and read from is not.
fn read_command(draft: &mut Draft, source: &Source<'_>, document: &DeTable<'_>, part: &Part) -> Option<&'static str> {
    let (table, _) = tables(document, "timer").into_iter().nth(part.index)?;
    // What is wrong with these sections is told once, of the service; with the command, of the timer.
    let silent = Source::new(source.path(), source.text()?.as_bytes(), source.scope());
    service::read(draft, &mut Section::new(&silent, "", document));
    draft.service.service.restart = Usual::default();
    draft.service.restart_given = false;
    draft.service.has_tty = false;
    draft.service.kind = Some(Kind::Oneshot);
    draft.service.service.start = Section::new(&silent, "timer", table).command(&["command"]);
    draft.description = format!("run by a timer of {}", part.of);
    None
}

#[cfg(test)]
mod tests;
