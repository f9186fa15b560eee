//! One assignment put into the draft.

mod assigned;
mod born;
mod exec;
mod log;
mod resources;
mod sandbox;
mod service;

pub use assigned::boolean;
pub(crate) use assigned::{Assigned, Fault};
pub(crate) use born::*;
pub(crate) use exec::*;
pub(crate) use log::*;
pub(crate) use resources::*;
pub(crate) use sandbox::*;
pub(crate) use service::*;

use super::directives::{Act, Directive};
use super::exec as lines;
use super::paths::simple;
use super::words::Escapes;
use crate::file::Draft;
use crate::unit::{
    Amount, Condition, DirectoryKind, EmergencyAction, Hardening, Ignored, Question, Resource, Rlimit, Strength, Takes, Test, Why,
};
use crate::value::{Bytes, Limit, Mode, Percent, Signal, read_span_in};

/// Carries out what the table says about the directive.
pub(crate) fn put(draft: &mut Draft, directive: &'static Directive, assigned: &Assigned<'_>) -> Result<(), Fault> {
    let value = assigned.value;
    let reset = value.is_empty();
    let why = match directive.act {
        Act::Bool(field) => {
            let wanted = assigned.bool()?;
            // What holds anyway asks for nothing.
            if std::mem::replace(field(draft), wanted) == wanted {
                return Ok(());
            }
            Why::Pending
        }
        Act::Text(field) => {
            *field(draft) = if reset { None } else { Some(assigned.text()?) };
            Why::Pending
        }
        Act::Texts(field) => {
            assigned.list(field(draft), Escapes::Strict, |_| true, "word");
            Why::Pending
        }
        Act::Units(key, field) => {
            units(draft, key, field, assigned);
            Why::Pending
        }
        Act::Names(field) => {
            if reset {
                field(draft).clear();
            }
            let names = assigned.names();
            field(draft).extend(names);
            Why::Pending
        }
        Act::Unit(kind, field) => {
            let name = assigned.or_reset(|assigned| assigned.name(assigned.value))?;
            if let Some(other) = name.as_ref().filter(|name| name.kind() != kind) {
                return Err(format!("{} is no {}", other.as_str(), kind.suffix()).into());
            }
            *field(draft) = name;
            Why::Pending
        }
        Act::Commands(field) => {
            let commands = commands(assigned)?;
            if reset {
                field(draft).clear();
            }
            field(draft).extend(commands);
            Why::Pending
        }
        Act::Span(field) => {
            *field(draft) = assigned.span()?;
            Why::Pending
        }
        Act::Finite(field) => {
            *field(draft) = assigned.finite()?;
            Why::Pending
        }
        Act::Signal(field) => {
            *field(draft) = Signal::read(value)?;
            Why::Pending
        }
        Act::Mode(field) => {
            *field(draft) = Mode::read(value)?;
            Why::Pending
        }
        Act::Amount(field) => {
            *field(draft) = match assigned.or_reset(amount)? {
                Some(Limit::At(Amount::Bytes(Bytes(0)))) if ["MemoryMax", "MemoryHigh"].contains(&directive.name) => {
                    return Err("no memory at all would let nothing run".into());
                }
                amount => amount,
            };
            Why::Pending
        }
        Act::Action(field) => {
            *field(draft) = action(value)?;
            Why::Pending
        }
        Act::Condition(question) => {
            condition(draft, directive.name, question, assigned)?;
            Why::Pending
        }
        Act::Directory(kind) => {
            directory(draft, kind, assigned)?;
            Why::Pending
        }
        Act::DirectoryMode(kind) => {
            draft.service.modes.push((kind, Mode::read(value)?));
            Why::Pending
        }
        Act::Limit(resource) => {
            let limit = rlimit(resource, assigned)?;
            draft.service.service.execution.limits.insert(resource, limit);
            Why::Pending
        }
        Act::Set(set) => {
            set(draft, assigned)?;
            Why::Pending
        }
        Act::Restrict(set) => {
            set(draft, assigned)?;
            record(draft, directive, assigned);
            Why::Pending
        }
        Act::Hardening => {
            record(draft, directive, assigned);
            Why::Hardening
        }
        Act::Tuning => Why::Tuning,
        Act::Foreign => Why::Foreign,
        Act::Vital(_) if reset => return Ok(()),
        Act::Vital(reason) => return Err(Fault::Refused(format!("`{}` is not done: {reason}", directive.name))),
        Act::Old(_) => Why::Foreign,
    };
    let switched_off = boolean(value) == Some(false) && (why != Why::Pending || matches!(directive.act, Act::Set(_) | Act::Restrict(_)));
    if reset {
        draft.ignored.retain(|ignored| ignored.directive != directive.name);
    }
    let asks_nothing = reset || switched_off;
    let is_recorded = draft.ignored.iter().any(|ignored| ignored.directive == directive.name);
    if (why != Why::Pending || !directive.done) && !asks_nothing && !is_recorded {
        draft.ignored.push(Ignored { directive: directive.name, why });
    }
    Ok(())
}

/// Keeps a restriction as it is written, for whoever shows it.
fn record(draft: &mut Draft, directive: &'static Directive, assigned: &Assigned<'_>) {
    let list = &mut draft.service.service.execution.hardening;
    if assigned.value.is_empty() {
        list.retain(|hardening| hardening.directive != directive.name);
    } else {
        list.push(Hardening { directive: directive.name, value: assigned.requoted() });
    }
}

/// An empty assignment takes nothing back: "dependencies cannot be reset to an empty list", systemd.unit(5).
fn units(draft: &mut Draft, key: &'static str, field: fn(&mut Draft) -> &mut crate::Names, assigned: &Assigned<'_>) {
    for name in assigned.names() {
        if name != draft.name {
            draft.note(assigned.source, key, &name, assigned.span.clone());
            field(draft).insert(name);
        }
    }
}

pub(crate) fn commands(assigned: &Assigned<'_>) -> Result<Vec<crate::unit::Command>, Fault> {
    if assigned.value.is_empty() {
        return Ok(Vec::new());
    }
    match lines::read(assigned.value, &|text| assigned.scope.expand(text)) {
        Ok(commands) => Ok(commands),
        Err(lines::Unread { error, before, may_fail: true }) => {
            assigned.warn(format!("passed over, as it may fail: {error}"));
            Ok(before)
        }
        Err(lines::Unread { error, before: _, may_fail: false }) => Err(Fault::Refused(error.to_string())),
    }
}

fn condition(draft: &mut Draft, name: &str, question: Question, assigned: &Assigned<'_>) -> Result<(), Fault> {
    let strength = if name.starts_with("Assert") { Strength::Assert } else { Strength::Condition };
    if assigned.value.is_empty() {
        // An empty assignment of any kind resets all of that strength, as in systemd.
        draft.conditions.retain(|condition| condition.strength != strength);
        return Ok(());
    }
    let mut bare = assigned.value;
    let mut take = |prefix: char| match bare.strip_prefix(prefix) {
        Some(rest) => {
            bare = rest.trim_start();
            true
        }
        None => false,
    };
    let triggering = take('|');
    let mut negated = take('!');
    let value = assigned.scope.expand(bare)?;
    let test = match question.takes() {
        Takes::Yes => {
            negated ^= !boolean(&value).ok_or_else(|| format!("{value:?} is neither true nor false"))?;
            Test { question, value: String::new() }
        }
        Takes::Path | Takes::Word | Takes::Read(_) => Test { question, value },
    };
    if !test.is_understood() && !assigned.scope.is_verbatim() {
        if matches!(question.takes(), Takes::Path) {
            return Err(format!("{:?} is no absolute path", test.value).into());
        }
        assigned.warn(format!("{:?} cannot be understood: the condition holds neither way", test.value));
    }
    draft.conditions.push(Condition { test, negated, triggering, strength });
    Ok(())
}

fn directory(draft: &mut Draft, kind: DirectoryKind, assigned: &Assigned<'_>) -> Result<(), Fault> {
    if assigned.value.is_empty() {
        draft.service.directories.retain(|(k, _)| *k != kind);
    }
    for word in assigned.words(Escapes::Strict) {
        // Behind a colon: names of links to it.
        let ordinary = |part: &str| !part.is_empty() && part != "." && part != "..";
        let names: Vec<String> = word.split(':').map(simple).collect();
        if !word.split(':').any(|name| name.starts_with('/')) && names.iter().all(|name| name.split('/').all(ordinary)) {
            draft.service.directories.push((kind, names.join(":")));
        } else {
            assigned.warn(format!("{word:?} is no path beneath {}", kind.root()));
        }
    }
    Ok(())
}

fn amount(assigned: &Assigned<'_>) -> Result<Limit<Amount>, Fault> {
    let value = assigned.value;
    if value == "infinity" {
        return Ok(Limit::Max);
    }
    if value.ends_with('%') {
        return match Percent::read(value) {
            Ok(share) if share <= Percent::WHOLE => Ok(Limit::At(Amount::Share(share))),
            Ok(_) | Err(_) => Err(format!("{value:?} is no share from \"0%\" to \"100%\"").into()),
        };
    }
    Ok(Limit::At(Amount::Bytes(assigned.size(value)?)))
}

fn action(value: &str) -> Result<EmergencyAction, Fault> {
    Ok(match value {
        "" | "none" => EmergencyAction::None,
        "reboot" | "reboot-force" | "reboot-immediate" | "kexec" | "soft-reboot" => EmergencyAction::Reboot,
        "poweroff" | "poweroff-force" | "poweroff-immediate" => EmergencyAction::PowerOff,
        "halt" | "halt-force" | "halt-immediate" => EmergencyAction::Halt,
        "exit" | "exit-force" => EmergencyAction::Exit,
        other => return Err(format!("{other:?} is no action such as \"reboot\" or \"none\"").into()),
    })
}

fn rlimit(resource: Resource, assigned: &Assigned<'_>) -> Result<Rlimit, Fault> {
    let one = |text: &str| -> Result<Limit<u64>, Fault> {
        let bad = || Fault::from(format!("{text:?} is no limit such as \"65536\" or \"infinity\""));
        if text == "infinity" {
            return Ok(Limit::Max);
        }
        let number = match resource {
            Resource::Cpu => read_span_in(text, 1_000_000)?.at().map(|span| span.as_secs()),
            Resource::Rttime => read_span_in(text, 1)?.at().and_then(|span| u64::try_from(span.as_micros()).ok()),
            // `+5` and `-5` are niceness, 20 being none.
            Resource::Nice if text.starts_with(['+', '-']) => {
                let nice: i64 = text.parse().map_err(|_| bad())?;
                (-20..=19).contains(&nice).then(|| u64::try_from(20 - nice).ok()).flatten()
            }
            Resource::Nofile | Resource::Nproc | Resource::Locks | Resource::Sigpending | Resource::Nice | Resource::Rtprio => {
                text.parse().ok()
            }
            Resource::Fsize | Resource::Data | Resource::Stack | Resource::Core | Resource::Rss | Resource::As => {
                Some(assigned.size(text)?.0)
            }
            Resource::Memlock | Resource::Msgqueue => Some(assigned.size(text)?.0),
        };
        number.map(Limit::At).ok_or_else(bad)
    };
    let (soft, hard) = assigned.value.split_once(':').unwrap_or((assigned.value, assigned.value));
    let limit = Rlimit { soft: one(soft.trim())?, hard: one(hard.trim())? };
    if limit.soft > limit.hard {
        return Err("the soft limit is above the hard one".into());
    }
    Ok(limit)
}
