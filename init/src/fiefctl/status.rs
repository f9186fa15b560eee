//! `status`: one unit in detail, its processes, and the last it has said.

use std::fs;
use std::time::Duration;

use kernel::cgroup::{Group, Hierarchies};
use serde_json::json;
use units::control::{ActiveState, Detail, LoadState, LogLine, LogsRequest, Reply, Request, SystemState, UnitRow};

use super::line::Line;
use super::list::{boottime_us, is_up, tasks};
use super::paint::Paint;
use super::session::{Failed, Session, code};
use super::words::{self, size};
use super::{due, logs, names, output};
use crate::console::printable;
use crate::telling::span;
use crate::turns;

/// More of one group than this is not for the eye.
const MOST_PROCESSES: usize = 200;

/// `status`
pub(super) fn status(line: &Line) -> Result<u8, Failed> {
    let mut session = Session::open()?;
    if line.operands.is_empty() {
        return system(line, &mut session);
    }
    let mut rows = names::rows(&mut session, &line.operands, &[Detail::Account])?;
    due::look_anew(&mut rows);
    let count = line.number("lines")?.unwrap_or(10);
    let hierarchies = Hierarchies::detect().unwrap_or_default();
    if line.has("json") {
        let all: Vec<_> = rows.iter().map(|row| whole(row, &hierarchies)).collect();
        output(&super::json_lines(&all))?;
    } else {
        let paint = Paint::of_stdout();
        for (index, row) in rows.iter().enumerate() {
            if index > 0 {
                output("\n")?;
            }
            output(&detail(row, paint))?;
            output(&tree(row, &hierarchies, paint, "           ", " "))?;
            // Who is not root sees the state without the log.
            let said = last_lines(row, count).unwrap_or_default();
            if !said.is_empty() {
                let text: String = said.iter().map(|line| logs::show(line, false, paint)).collect();
                output(&format!("\n{text}"))?;
            }
        }
    }
    Ok(rows.iter().map(code_of).max().unwrap_or(code::NO_SUCH_UNIT))
}

fn code_of(row: &UnitRow) -> u8 {
    match row.load {
        LoadState::NotFound => code::NO_SUCH_UNIT,
        _ if is_up(row) || row.active == ActiveState::Activating => code::OK,
        _ => code::INACTIVE,
    }
}

/// Without a unit: the system.
fn system(line: &Line, session: &mut Session) -> Result<u8, Failed> {
    let hello = session.hello()?;
    let turns = session.turns()?;
    if line.has("json") {
        let mut whole = json!(hello);
        if let (Some(whole), Some(turns)) = (whole.as_object_mut(), turns) {
            whole.insert("turns".to_owned(), json!(turns));
        }
        output(&format!("{whole}\n"))?;
        return Ok(code::OK);
    }
    let paint = Paint::of_stdout();
    let mut out = String::new();
    let mut say = |key: &str, value: String| out.push_str(&format!("{key:>8}: {value}\n"));
    say("state", paint.state(&hello.state.to_string()));
    say("init", format!("fief-init {}", hello.version));
    if let Some(booted) = hello.booted_us {
        let took = hello.finished_us.map_or_else(String::new, |end| format!(", took {}", words::micros(end.saturating_sub(booted))));
        say("booted", format!("{} ago{took}", words::micros(hello.now_us.saturating_sub(booted))));
    }
    say("aims at", hello.default_target.to_string());
    say("units", format!("{} up, {} failed", hello.up, hello.failed));
    if hello.jobs > 0 {
        say("jobs", format!("{} under way", hello.jobs));
    }
    if let Some(turns) = turns {
        say("turns", turns::words(&turns));
    }
    output(&out)?;
    if hello.failed > 0 {
        let rows = session.rows(&[], &[])?;
        let failed = rows.iter().filter(|row| row.active == ActiveState::Failed);
        let lines: String = failed.map(|row| format!("  {}: {}\n", row.name, row.result.as_deref().unwrap_or("failed"))).collect();
        output(&format!("\n{}\n{lines}", paint.state("failed")))?;
    }
    Ok(if hello.state == SystemState::Stopping { code::INACTIVE } else { code::OK })
}

/// The state in words.
pub(super) fn detail(row: &UnitRow, paint: Paint) -> String {
    let mut out = paint.bold(&row.name.to_string());
    if !row.description.is_empty() {
        out.push_str(&format!(" - {}", row.description));
    }
    out.push('\n');
    let mut say = |key: &str, value: String| out.push_str(&format!("{key:>9}: {value}\n"));
    let own = row.sources.first().map_or_else(String::new, |path| format!(" ({path})"));
    say("loaded", format!("{}{own}", paint.state(&row.load.to_string())));
    for drop_in in row.sources.iter().skip(1) {
        say("drop-in", drop_in.clone());
    }
    if row.reload_due == Some(true) {
        say("changed", "its files are others than those that were read: fiefctl reload-units".to_owned());
    }
    for path in &row.shadowed {
        say("shadows", format!("{path}, which does not count beside it"));
    }
    let age = if row.age_ms == 0 && row.load != LoadState::Loaded {
        String::new()
    } else {
        format!(", for {}", span(Duration::from_millis(row.age_ms)))
    };
    let frozen = if row.frozen { ", frozen" } else { "" };
    say("active", format!("{} ({}){frozen}{age}", paint.state(&row.active.to_string()), row.sub));
    if let Some(job) = &row.job {
        say("job", format!("{}{}", job.kind, if job.waiting { ", waits for its turn" } else { "" }));
    }
    if let Some(result) = &row.result {
        say("result", result.clone());
    }
    if !row.aliases.is_empty() {
        say("aliases", names_of(&row.aliases));
    }
    if !row.triggered_by.is_empty() {
        say("by", names_of(&row.triggered_by));
    }
    if let Some(triggers) = &row.triggers {
        say("starts", triggers.to_string());
    }
    for watch in &row.watches {
        say("waits for", watch.clone());
    }
    if let Some(next) = row.next_us {
        say("next in", words::micros(next.saturating_sub(boottime_us())));
    }
    for uri in &row.documentation {
        say("docs", uri.clone());
    }
    if let Some(pid) = row.main_pid {
        say("main pid", pid.to_string());
    }
    if let Some(status) = &row.status {
        say("status", printable(status.as_bytes()));
    }
    if row.restarts > 0 {
        say("restarts", row.restarts.to_string());
    }
    let account = &row.account;
    if let Some(memory) = account.memory_current {
        let peak = account.memory_peak.map_or_else(String::new, |peak| format!(" (peak {})", size(peak)));
        say("memory", format!("{}{peak}", size(memory)));
    }
    if let Some(cpu) = account.cpu_usage_us {
        say("cpu", words::micros(cpu));
    }
    if let Some(tasks) = tasks(row) {
        say("tasks", tasks);
    }
    if let Some(cgroup) = &row.cgroup {
        say("cgroup", cgroup.clone());
    }
    out
}

fn names_of(names: &[units::UnitName]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn group(row: &UnitRow, hierarchies: &Hierarchies) -> Option<Group> {
    row.cgroup.as_ref().map(|path| hierarchies.group(path.trim_start_matches('/')))
}

/// The groups of the unit and who is in them: each line begins with `margin`, and `gap` is between twig and process.
pub(crate) fn tree(row: &UnitRow, hierarchies: &Hierarchies, paint: Paint, margin: &str, gap: &str) -> String {
    let mut drawing = Drawing { out: String::new(), shown: 0, paint, gap };
    if let Some(group) = group(row, hierarchies) {
        drawing.branch(&group, margin);
    }
    drawing.out
}

struct Drawing<'d> {
    out: String,
    shown: usize,
    paint: Paint,
    gap: &'d str,
}

impl Drawing<'_> {
    fn branch(&mut self, group: &Group, margin: &str) {
        let (pids, gap) = (own_processes(group), self.gap);
        let mut children = group.children();
        units::order::by(&mut children, Ord::cmp);
        let count = pids.len() + children.len();
        let twig = |index: usize| if index + 1 == count { ("└─", "  ") } else { ("├─", "│ ") };
        for (index, pid) in pids.iter().enumerate() {
            self.shown += 1;
            if self.shown > MOST_PROCESSES {
                return;
            }
            let line = if self.shown == MOST_PROCESSES { "…".to_owned() } else { format!("{pid} {}", command(*pid)) };
            let line = match self.paint.width {
                Some(width) => line.chars().take(width.saturating_sub(margin.len() + 3)).collect(),
                None => line,
            };
            self.out.push_str(&format!("{margin}{}{gap}{line}\n", twig(index).0));
        }
        for (index, child) in children.iter().enumerate() {
            let (mark, below) = twig(pids.len() + index);
            self.out.push_str(&format!("{margin}{mark}{gap}{child}\n"));
            self.branch(&group.child(child), &format!("{margin}{below}{gap}"));
        }
    }
}

/// The processes right in a group, not those beneath it.
pub(crate) fn own_processes(group: &Group) -> Vec<u32> {
    let text = group.read_unified("cgroup.procs").unwrap_or_default();
    let mut pids: Vec<u32> = text.lines().filter_map(|line| line.parse().ok()).collect();
    units::order::by(&mut pids, Ord::cmp);
    pids
}

/// What a process was started as; its name in brackets where it does not say. proc_pid_cmdline(5)
pub(crate) fn command(pid: u32) -> String {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let line: Vec<u8> = line.into_iter().map(|byte| if byte == 0 { b' ' } else { byte }).collect();
    let text = printable(&line);
    if !text.trim().is_empty() {
        return text.trim().to_owned();
    }
    let name = fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
    format!("[{}]", printable(&name).trim())
}

fn whole(row: &UnitRow, hierarchies: &Hierarchies) -> serde_json::Value {
    let mut value = json!(row);
    let pids = group(row, hierarchies).map(|group| group.processes()).unwrap_or_default();
    let processes: Vec<_> = pids
        .into_iter()
        .filter_map(|pid| u32::try_from(pid.as_raw()).ok())
        .map(|pid| json!({ "pid": pid, "command": command(pid) }))
        .collect();
    if let Some(fields) = value.as_object_mut() {
        fields.insert("processes".to_owned(), json!(processes));
    }
    value
}

pub(crate) fn last_lines(row: &UnitRow, count: u32) -> Result<Vec<LogLine>, Failed> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let mut session = Session::open()?;
    session.ask(&Request::Logs(LogsRequest { units: vec![row.name.clone()], lines: Some(count), ..LogsRequest::default() }))?;
    let mut lines = Vec::new();
    while let Some(Reply::Log(line)) = session.next()? {
        lines.push(line);
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_unit_in_detail() {
        let row: UnitRow = serde_json::from_str(
            r#"{"name":"web","description":"a web server","load":"loaded","active":"failed","sub":"failed","age_ms":61000,"restarts":3,
            "result":"exit code 1","documentation":["man:web(8)"],"sources":["/etc/fief/units/web.toml","/etc/fief/units/web.toml.d/a.toml"],
            "shadowed":["/lib/systemd/system/web.service"],"triggered_by":["web.socket"],"job":{"kind":"start","waiting":true},
            "status":"bad\u001b[2J","account":{"memory-current":1048576,"tasks-current":3,"tasks-max":{"at":16}}}"#,
        )
        .unwrap();
        expect_test::expect![[r#"
            web - a web server
               loaded: loaded (/etc/fief/units/web.toml)
              drop-in: /etc/fief/units/web.toml.d/a.toml
              shadows: /lib/systemd/system/web.service, which does not count beside it
               active: failed (failed), for 1 min 1 s
                  job: start, waits for its turn
               result: exit code 1
                   by: web.socket
                 docs: man:web(8)
               status: bad\u{1b}[2J
             restarts: 3
               memory: 1.0 MiB
                tasks: 3/16
        "#]]
        .assert_eq(&detail(&row, Paint::plain()));
        assert!(detail(&row, Paint { colour: true, width: None, height: None }).contains("\x1b[31;1mfailed\x1b[0m"));
    }
}
