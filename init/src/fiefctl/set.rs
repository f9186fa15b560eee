//! `set`: resource limits, at once and from now on.
//!
//! ```text
//! memory-max=1G ─▶ DIR/NAME.toml.d/50-fiefctl-set.toml ─ read again ─▶ Request::Limit ─▶ cgroup
//! ```
//!
//! Invariant: the drop-in is read like any other before it counts; one that is wrong is not written.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use units::control::{LoadState, Request, UnitResult};
use units::{Map, Severity, SourceFile, SourceKind, UnitName};

use super::line::{Line, Unclear};
use super::names;
use super::session::{Failed, Session};
use super::{control, write_over};
use crate::file;

const FILE: &str = "50-fiefctl-set.toml";
const PERSISTENT: &str = "/etc/fief/units";
const RUNTIME: &str = "/run/fief/units";

/// `set`
pub(crate) fn set(line: &Line) -> Result<u8, Failed> {
    let Some((unit, assignments)) = line.operands.split_first() else { return Err(Unclear::Wants("set", "UNIT").into()) };
    let mut changes = Vec::new();
    for assignment in assignments {
        let (key, value) = assignment.split_once('=').ok_or_else(|| Unclear::Bad(assignment.clone(), "KEY=VALUE is wanted".to_owned()))?;
        changes.push((key.to_owned(), value.to_owned()));
    }
    control::report(line, &assign(unit, &changes, line.has("runtime"))?)
}

/// Sets keys of a unit to values, until the next boot only where that is said; what became of it.
pub(crate) fn assign(unit: &str, changes: &[(String, String)], until_boot: bool) -> Result<Vec<UnitResult>, Failed> {
    let changes: Map<String, String> = changes.iter().map(|(key, value)| (units::canonical(key), value.clone())).collect();
    let mut session = Session::open()?;
    let row = session.rows(&[names::name(unit)?], &[])?.pop().filter(|row| row.load != LoadState::NotFound);
    let name = row.ok_or_else(|| Failed::NoSuchUnit(unit.to_owned()))?.name;
    let place = place(if until_boot { RUNTIME } else { PERSISTENT }, &name);
    let before = match file::read_text(&place, file::USUAL) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failed::File(place.display().to_string(), error)),
    };
    let text = merged(&before, &changes);
    check(&name, &place, &text)?;
    if text.is_empty() {
        let _ = fs::remove_file(&place);
    } else {
        write_over(&place, &text)?;
    }
    session.reread()?;
    session.done(&Request::Limit { units: vec![name] })
}

fn place(folder: &str, name: &UnitName) -> PathBuf {
    Path::new(folder).join(format!("{name}.toml.d")).join(FILE)
}

/// What was set before with these changes; an empty value takes one back. The file is written by nobody
/// else, so every line of it is one that we have written.
fn merged(before: &str, changes: &Map<String, String>) -> String {
    let mut all: Map<String, String> =
        before.lines().filter_map(|line| line.split_once(" = ")).map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    for (key, value) in changes {
        if value.is_empty() {
            all.remove(key);
        } else {
            all.insert(key.clone(), literal(value));
        }
    }
    if all.is_empty() {
        return String::new();
    }
    let lines: String = all.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
    format!("# By fiefctl set, which changes it as a whole.\n[resources]\n{lines}")
}

/// A number or a word of TOML as it is, anything else as a text.
fn literal(value: &str) -> String {
    if value.parse::<u64>().is_ok() || value == "true" || value == "false" {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Reads the drop-in as init will.
fn check(name: &UnitName, place: &Path, text: &str) -> Result<(), Failed> {
    let file = |path: String, kind| SourceFile { path, kind };
    let unit = format!("/{name}.toml");
    let path = place.display().to_string();
    let body: &[u8] = match name.kind() {
        units::UnitKind::Service => b"[service]\ncommand = \"/bin/true\"\n",
        _ => b"description = \"-\"\n",
    };
    let files = [file(unit, SourceKind::Unit(body.to_vec())), file(path.clone(), SourceKind::DropIn(text.as_bytes().to_vec()))];
    let (_, found) = units::read(files);
    match found.iter().find(|diagnostic| diagnostic.path == path && diagnostic.severity == Severity::Error) {
        Some(diagnostic) => Err(Failed::Told(diagnostic.to_string())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn change(before: &str, assignments: &[(&str, &str)]) -> String {
        merged(before, &assignments.iter().map(|(key, value)| (units::canonical(key), (*value).to_owned())).collect())
    }

    #[test]
    fn what_was_set_before_stays_until_it_is_taken_back() {
        let first = change("", &[("MemoryMax", "1G"), ("tasks-max", "16")]);
        assert_eq!(first, "# By fiefctl set, which changes it as a whole.\n[resources]\nmemory-max = \"1G\"\ntasks-max = 16\n");
        let second = change(&first, &[("CPUQuota", "50%"), ("memory-max", "")]);
        assert_eq!(second, "# By fiefctl set, which changes it as a whole.\n[resources]\ncpu-quota = \"50%\"\ntasks-max = 16\n");
        assert_eq!(change(&second, &[("cpu-quota", ""), ("TasksMax", "")]), "");
        let name = UnitName::new("web").unwrap();
        let place = place(PERSISTENT, &name);
        assert_eq!(place.to_str().unwrap(), "/etc/fief/units/web.toml.d/50-fiefctl-set.toml");
        check(&name, &place, &second).unwrap();
        check(&name, &place, &change("", &[("AllowedCPUs", "0-1"), ("IOReadBandwidthMax", "/dev/sda 10M")])).unwrap();
        for wrong in [("memory-maxx", "1G"), ("memory-max", "much"), ("x\n[service]", "y"), ("memory-max", "1\"\n[service]")] {
            assert!(check(&name, &place, &change("", &[wrong])).is_err(), "{wrong:?}");
        }
    }
}
