//! Units that come with a call: StartTransientUnit, by which systemd-run, container engines and session managers have them begun.
//!
//! ```text
//!   properties ─▶ lines of a unit file ─▶ Request::Run ─▶ PID 1 makes the group ─┬─▶ JobRemoved
//!                                                          PIDs of a scope: moved in ─ Request::Entered ┘
//! ```
//!
//! What is wrong with it is said before there is a job: it is read here as PID 1 will read it.

use kernel::cgroup::Group;
use nix::errno::Errno;
use nix::unistd::Pid;
use units::control::{Fragment, LoadState, Request, Then};
use units::file::transient::TransientError;
use units::systemd::section_of;
use units::{UnitKind, UnitName};

use super::answer::{Answer, Answered, Fault, names};
use super::jobs::Purpose;
use super::manager::{Call, named};
use super::object::job_path;
use super::types;
use super::wire::{Garbled, Reader};
use crate::fiefctl::session::{Failed, Session};
use crate::tools::run::{self, plan, scope};

/// More processes nobody moves at once.
const MOST_PROCESSES: usize = 1024;

/// A value, as far as a line of a file can say it.
enum Given {
    Text(String),
    Texts(Vec<String>),
    Numbers(Vec<u32>),
    /// What is done at which times, each with its key.
    Times(Vec<(String, String)>),
    /// Program, words, and what is to be heeded.
    Commands(Vec<(String, Vec<String>, Vec<String>)>),
    /// Nothing that we act upon.
    Other,
}

/// A unit that is asked for.
struct Wanted {
    fragment: Fragment,
    pids: Vec<u32>,
    collect: bool,
}

type Properties = Vec<(String, Given)>;

/// `StartTransientUnit`
pub(super) fn start(call: &mut Call<'_, '_>) -> Answered {
    let mut values = call.message.body();
    let (name, _mode) = (values.string()?, values.string()?);
    let unit = named(name)?;
    let own = properties(&mut values)?;
    let others = values.array(8, |values| {
        values.align(8)?;
        Ok((values.string()?.to_owned(), properties(values)?))
    })?;
    let main = Wanted::of(unit.clone(), own)?;
    let mut fragments = Vec::new();
    for (name, properties) in others {
        fragments.push(Wanted::of(named(&name)?, properties)?.fragment);
    }
    fragments.push(main.fragment);
    check(&fragments)?;
    let pids = call.server.with_caller(call.client, main.pids);
    if unit.kind() == UnitKind::Scope && pids.is_empty() {
        return Err(Fault::new(names::INVALID_ARGS, "Scope has no PIDs. Refusing."));
    }
    run::show_as_files(&mut Session::open()?, &fragments)?;
    let id = call.server.new_job();
    let request = Request::Run { units: fragments, collect: main.collect, then: Then::Settled };
    call.server.send(&request, Purpose::Transient { id, unit, pids })?;
    Answer::path(&job_path(id))
}

/// Moves those in for whom a scope was made; whether it is begun.
pub(super) fn fill(unit: &UnitName, pids: &[u32]) -> bool {
    unit.kind() != UnitKind::Scope || move_in(unit, pids).is_ok()
}

fn move_in(unit: &UnitName, pids: &[u32]) -> Result<(), Failed> {
    let mut session = Session::open()?;
    let path = session.rows(std::slice::from_ref(unit), &[])?.into_iter().find_map(|row| row.cgroup).unwrap_or_default();
    let moved = scope::group_at(&path).and_then(|group| move_all(&group, pids));
    // Where nobody could be moved, it is over at once.
    session.done(&Request::Entered { units: vec![unit.clone()] })?;
    moved.map_err(|error| Failed::File(format!("moving into {path}"), error))
}

fn move_all(group: &Group, pids: &[u32]) -> std::io::Result<()> {
    for pid in pids.iter().filter_map(|pid| i32::try_from(*pid).ok()) {
        match group.join(Pid::from_raw(pid)) {
            // It has ended meanwhile.
            Err(error) if error.raw_os_error() == Some(Errno::ESRCH as i32) => {}
            other => other?,
        }
    }
    Ok(())
}

/// That there are no such units yet, and that they can be read.
fn check(fragments: &[Fragment]) -> Result<(), Fault> {
    let wanted: Vec<UnitName> = fragments.iter().map(|fragment| fragment.name.clone()).collect();
    let there =
        |name: &UnitName| Fault::new(names::UNIT_EXISTS, format!("Unit {} was already loaded or has a fragment file.", name.as_str()));
    let rows = Session::open()?.rows(&wanted, &[])?;
    if let Some(row) = rows.iter().find(|row| row.load != LoadState::NotFound) {
        return Err(there(&row.name));
    }
    let (mut units, _) = units::read([]);
    for Fragment { name, text } in fragments {
        match units.adopt(name, text) {
            // What comes with us is there in any case, and was not found with PID 1.
            Ok(_) | Err(TransientError::IsThere(_)) => {}
            Err(bad @ TransientError::Bad(_)) => return Err(Fault::new(names::BAD_SETTING, bad.to_string())),
        }
    }
    Ok(())
}

/// `a(sv)`
fn properties(values: &mut Reader<'_>) -> Result<Properties, Garbled> {
    values.array(8, |values| {
        values.align(8)?;
        let property = values.string()?;
        Ok((property.to_owned(), given(property, values)?))
    })
}

fn owned(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

fn given(property: &str, values: &mut Reader<'_>) -> Result<Given, Garbled> {
    let signature = values.clone().signature()?;
    let mut enter = || values.signature();
    Ok(match signature {
        "as" => {
            enter()?;
            Given::Texts(owned(values.strings()?))
        }
        "au" => {
            enter()?;
            Given::Numbers(values.array(4, Reader::u32)?)
        }
        "a(ss)" => {
            enter()?;
            Given::Times(values.array(8, |values| {
                values.align(8)?;
                Ok((values.string()?.to_owned(), values.string()?.to_owned()))
            })?)
        }
        "a(st)" if property == "TimersMonotonic" => {
            enter()?;
            Given::Times(values.array(8, |values| {
                values.align(8)?;
                let (key, span) = (values.string()?, values.u64()?);
                Ok((key.replace("USec", "Sec"), format!("{span}us")))
            })?)
        }
        "a(sasb)" | "a(sasas)" => {
            enter()?;
            Given::Commands(values.array(8, |values| {
                values.align(8)?;
                let (program, words) = (values.string()?.to_owned(), owned(values.strings()?));
                let heeded = if signature == "a(sasas)" {
                    owned(values.strings()?)
                } else if values.boolean()? {
                    vec!["ignore-failure".to_owned()]
                } else {
                    Vec::new()
                };
                Ok((program, words, heeded))
            })?)
        }
        _ => types::assigned(values)?.map_or(Given::Other, Given::Text),
    })
}

impl Wanted {
    fn of(name: UnitName, properties: Properties) -> Result<Self, Fault> {
        let section = match name.kind() {
            UnitKind::Service => "Service",
            UnitKind::Scope => "Scope",
            UnitKind::Timer => "Timer",
            UnitKind::Path => "Path",
            UnitKind::Socket => "Socket",
            UnitKind::Slice => "Slice",
            UnitKind::Target | UnitKind::Mount | UnitKind::Automount | UnitKind::Swap | UnitKind::Device => {
                let text = format!("Unit type {} does not support transient units.", name.kind().suffix());
                return Err(Fault::new(names::INVALID_ARGS, text));
            }
        };
        let (mut pids, mut collect) = (Vec::new(), false);
        let mut description = name.as_str().to_owned();
        let mut lines: Vec<(&str, String)> = vec![(section, String::new())];
        for (property, value) in properties {
            match (property.as_str(), value) {
                ("PIDs", Given::Numbers(numbers)) if numbers.len() <= MOST_PROCESSES => pids = numbers,
                ("CollectMode", Given::Text(mode)) => collect = mode == "inactive-or-failed",
                ("Description", Given::Text(text)) => description = text,
                // It is kept for whoever began it until he has gone: nobody keeps one longer than it is up.
                ("AddRef", _) => {}
                (name, value) => lines.extend(line(section, name, value)?),
            }
        }
        let text = plan::text(&description, &lines);
        Ok(Self { fragment: Fragment { name, text }, pids, collect })
    }
}

/// A property as lines of a file; none of what is known and not acted upon.
fn line(section: &'static str, property: &str, value: Given) -> Result<Vec<(&'static str, String)>, Fault> {
    let unknown = || Fault::new(names::READ_ONLY, format!("Cannot set property {property}, or unknown property."));
    let span = property.strip_suffix("USec").filter(|_| property != "CPUQuotaPerSecUSec");
    let (key, value) = match (value, span) {
        (Given::Text(number), Some(stem)) => {
            let unit = if number == "infinity" { "" } else { "us" };
            (format!("{stem}Sec"), vec![format!("{number}{unit}")])
        }
        (Given::Text(text), None) => {
            let (key, text) = types::assignment(property, Some(text)).ok_or_else(unknown)?;
            (key, vec![plan::plain(&text)])
        }
        (Given::Texts(texts), _) => {
            let is_word =
                |text: &String| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'\\%".contains(&byte));
            (property.to_owned(), texts.iter().map(|text| if is_word(text) { text.clone() } else { plan::quoted(text) }).collect())
        }
        (Given::Commands(commands), _) => {
            let key = property.strip_suffix("Ex").unwrap_or(property);
            (key.to_owned(), commands.iter().map(command).collect())
        }
        (Given::Times(times), _) if property.starts_with("Timers") => {
            let known = |(key, value): &(String, String)| {
                section_of(section, key).map(|section| (section, format!("{key}={}", plan::plain(value))))
            };
            return times.iter().map(known).collect::<Option<_>>().ok_or_else(unknown);
        }
        // Of devices, which are nobody's to allow here.
        (Given::Times(_), _) => (property.to_owned(), Vec::new()),
        (Given::Numbers(_), _) => return Err(unknown()),
        (Given::Other, _) => (property.to_owned(), Vec::new()),
    };
    let section = section_of(section, &key).ok_or_else(unknown)?;
    Ok(value.into_iter().map(|value| (section, format!("{key}={value}"))).collect())
}

fn command((program, words, heeded): &(String, Vec<String>, Vec<String>)) -> String {
    let mut line = String::new();
    for (word, sign) in [("ignore-failure", '-'), ("privileged", '+'), ("no-setuid", '!'), ("no-env-expand", ':')] {
        if heeded.iter().any(|flag| flag == word) {
            line.push(sign);
        }
    }
    let named_otherwise = words.first().is_some_and(|first| first != program);
    let all = std::iter::once(program).chain(words.iter().skip(usize::from(!named_otherwise)));
    line.push_str(if named_otherwise { "@" } else { "" });
    line.push_str(&all.map(|word| plan::quoted(word)).collect::<Vec<_>>().join(" "));
    line
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn text(name: &str, properties: Vec<(&str, Given)>) -> String {
        let properties = properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Wanted::of(UnitName::new(name).unwrap(), properties).unwrap().fragment.text
    }

    fn said(text: &str) -> Given {
        Given::Text(text.to_owned())
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn properties_are_lines_that_read_as_what_was_meant() {
        let command = ("/bin/sh".to_owned(), words(&["sh", "-c", "echo 100% \"$A\""]), words(&["ignore-failure"]));
        let service = text(
            "a.service",
            vec![
                ("Description", said("50% of it")),
                ("ExecStart", Given::Commands(vec![command])),
                ("Environment", Given::Texts(words(&["A=b c", "D=e"]))),
                ("TimeoutStopUSec", said("1500000")),
                ("After", Given::Texts(words(&["b.service", "c.service"]))),
                ("CPUQuotaPerSecUSec", said("500000")),
                ("DeviceAllow", Given::Other),
            ],
        );
        let (mut units, _) = units::read([]);
        let name = UnitName::new("a.service").unwrap();
        units.adopt(&name, &service).unwrap();
        let unit = units.unit(&name).unwrap();
        let service = unit.service().unwrap();
        assert_eq!(unit.description, "50% of it");
        assert!(unit.relations.after.len() == 2, "{:?}", unit.relations.after);
        assert_eq!(service.stop.timeout, units::value::Limit::At(std::time::Duration::from_millis(1500)));
        assert_eq!(service.environment.set.get("A").map(String::as_str), Some("b c"));
        let command = service.start.first().unwrap();
        assert!(command.ignore_failure);
        assert_eq!((command.program(), command.argv(|_| None).get(1..).unwrap().to_vec()), ("/bin/sh", words(&["-c", "echo 100% \"$A\""])));
    }

    #[test]
    fn what_nobody_knows_is_refused() {
        let name = || UnitName::new("a.scope").unwrap();
        let scope = Wanted::of(name(), vec![("PIDs".to_owned(), Given::Numbers(vec![1])), ("Delegate".to_owned(), said("yes"))]).unwrap();
        assert_eq!((scope.pids, scope.collect), (vec![1], false));
        for property in ["Nonsense", "ExecStart"] {
            assert_eq!(Wanted::of(name(), vec![(property.to_owned(), said("x"))]).err().unwrap().name, names::READ_ONLY);
        }
        assert!(Wanted::of(UnitName::new("a.target").unwrap(), Vec::new()).is_err());
    }
}
