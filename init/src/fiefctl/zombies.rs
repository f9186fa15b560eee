//! `zombies`: processes that have ended, and whose parent has not asked how.

use std::fs;

use serde_json::json;

use super::line::Line;
use super::paint::Paint;
use super::session::{Failed, code};
use super::status::command;
use super::table::Table;
use super::{json_lines, output};

/// What /proc/PID/stat says of a process, as far as it matters here. proc_pid_stat(5)
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    name: String,
    state: char,
    parent: u32,
}

/// `zombies`
pub(super) fn zombies(line: &Line) -> Result<u8, Failed> {
    let mut found = Vec::new();
    let entries = fs::read_dir("/proc").map_err(|error| Failed::File("reading /proc".to_owned(), error))?;
    for pid in entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
        let Some(stat) = fs::read(format!("/proc/{pid}/stat")).ok().and_then(|text| read(&text)) else { continue };
        if stat.state == 'Z' {
            found.push((pid, stat));
        }
    }
    units::order::by_key(&mut found, |(pid, stat)| (stat.parent, *pid));
    if line.has("json") {
        let all: Vec<_> = found
            .iter()
            .map(|(pid, stat)| json!({ "pid": pid, "name": stat.name, "parent": stat.parent, "parent_command": command(stat.parent), "unit": unit_of(stat.parent) }))
            .collect();
        output(&json_lines(&all))?;
        return Ok(code::OK);
    }
    let mut table = Table::new(&[">PID", "NAME", "UNIT", ">PARENT", "WHICH IS"]);
    for (pid, stat) in &found {
        let unit = unit_of(stat.parent).unwrap_or_else(|| "-".to_owned());
        table.row(vec![pid.to_string(), stat.name.clone(), unit, stat.parent.to_string(), command(stat.parent)]);
    }
    output(&table.render(Paint::of_stdout(), !line.has("no-legend")))?;
    Ok(code::OK)
}

/// `42 (a (b) c) Z 1 …`: a name may have anything in it, brackets too.
fn read(text: &[u8]) -> Option<Stat> {
    let text = String::from_utf8_lossy(text);
    let (_, rest) = text.split_once('(')?;
    let (name, rest) = rest.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    Some(Stat { name: crate::console::printable(name.as_bytes()), state, parent: fields.next()?.parse().ok()? })
}

/// The unit whose group a process is in: `0::/system.slice/ssh.service/sub` is ssh's. proc_pid_cgroup(5)
fn unit_of(pid: u32) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let known = |part: &&str| units::UnitName::new(part).is_ok_and(|name| name.as_str() == *part && name.kind() != units::UnitKind::Slice);
    path.split('/').find(known).map(|part| part.strip_suffix(".service").unwrap_or(part).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_have_brackets_and_blanks() {
        let wanted = Stat { name: "a) (b".to_owned(), state: 'Z', parent: 7 };
        assert_eq!(read(b"42 (a) (b) Z 7 1 1 0"), Some(wanted));
        assert_eq!(read(b"nonsense"), None);
    }
}
