//! Listings of units.

use std::time::Duration;

use serde_json::json;
use units::UnitKind;
use units::control::{ActiveState, Detail, LoadState, SystemState, UnitRow};
use units::value::{Bytes, Limit};

use super::line::Line;
use super::names;
use super::paint::Paint;
use super::session::{Failed, Session, code};
use super::table::Table;
use super::words::{self, size};
use super::{due, output, print_json};
use crate::say;
use crate::telling::span;

/// `list`
pub(super) fn list(line: &Line) -> Result<u8, Failed> {
    let mut rows = names::rows(&mut Session::open()?, &line.operands, &[])?;
    due::look(&mut rows, due::has_changed);
    let named = !line.operands.is_empty();
    let split = |option| -> Vec<String> { line.values(option).flat_map(|value| value.split(',')).map(str::to_owned).collect() };
    let (kinds, states) = (split("kind"), split("state"));
    if let Some(odd) = kinds.iter().find(|kind| !UnitKind::every().any(|known| known.suffix() == *kind)) {
        let near = units::nearest(odd, UnitKind::every().map(UnitKind::suffix));
        let guess = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
        return Err(super::line::Unclear::Bad("--kind".to_owned(), format!("there are no {odd} units{guess}")).into());
    }
    rows.retain(|row| kinds.is_empty() || kinds.iter().any(|kind| kind == row.name.kind().suffix()));
    rows.retain(|row| {
        states.is_empty()
            || states.iter().any(|state| *state == row.active.to_string() || *state == row.sub || *state == row.load.to_string())
    });
    let failed = |row: &UnitRow| row.active == ActiveState::Failed || row.load == LoadState::BadSetting;
    rows.retain(|row| !line.has("failed") || failed(row));
    if line.has("json") {
        return print_json(&rows);
    }
    let whole = named || line.has("all") || line.has("failed") || !states.is_empty();
    let shown = |row: &&UnitRow| whole || row.active != ActiveState::Inactive || row.job.is_some();
    let mut table = Table::new(&["UNIT", "ACTIVE", "SUB", ">PID", ">FOR", "DESCRIPTION"]);
    for row in rows.iter().filter(shown) {
        let what = row.result.as_ref().filter(|_| failed(row));
        let word = if row.load == LoadState::Loaded { row.active.to_string() } else { row.load.to_string() };
        table.row(vec![
            row.name.to_string(),
            word,
            if row.frozen { "frozen".to_owned() } else { row.sub.clone() },
            row.main_pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
            // What has never been up has been so since before it counted.
            if row.sub == "dead" || row.active == ActiveState::Activating && row.sub == "waiting" {
                "-".to_owned()
            } else {
                span(Duration::from_millis(row.age_ms))
            },
            what.map_or_else(|| row.description.clone(), Clone::clone),
        ]);
    }
    let heading = !line.has("no-legend");
    output(&table.render(Paint::of_stdout(), heading))?;
    let down = rows.len() - rows.iter().filter(shown).count();
    if down > 0 && heading {
        // To stderr: what reads the table in a pipe wants rows.
        say::error(format_args!("{down} more are down or were skipped: fiefctl list --all"));
    }
    let due = rows.iter().filter(|row| row.reload_due == Some(true)).count();
    if due > 0 && heading {
        say::error(format_args!("the files of {due} have changed since they were read: fiefctl reload-units"));
    }
    Ok(code::OK)
}

/// `account`
pub(super) fn account(line: &Line) -> Result<u8, Failed> {
    let mut rows = names::rows(&mut Session::open()?, &line.operands, &[Detail::Account])?;
    rows.retain(|row| !row.account.is_empty());
    if line.has("json") {
        return print_json(&rows);
    }
    output(&accounts(&rows).render(Paint::of_stdout(), !line.has("no-legend")))?;
    Ok(code::OK)
}

fn accounts(rows: &[UnitRow]) -> Table {
    let mut table = Table::new(&["UNIT", ">MEMORY", ">PEAK", ">LIMIT", ">CPU", ">TASKS", ">READ", ">WRITTEN", ">OOM"]);
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    for row in rows {
        let account = &row.account;
        table.row(vec![
            row.name.to_string(),
            or_dash(account.memory_current.map(size)),
            or_dash(account.memory_peak.map(size)),
            or_dash(account.memory_max.map(|limit| match limit {
                Limit::At(bytes) => size(bytes),
                Limit::Max => "none".to_owned(),
            })),
            or_dash(account.cpu_usage_us.map(words::micros)),
            or_dash(tasks(row)),
            or_dash(account.io_read.map(size)),
            or_dash(account.io_written.map(size)),
            or_dash(account.oom_kills.map(|kills| kills.to_string())),
        ]);
    }
    table
}

/// "3", "3/16".
pub(super) fn tasks(row: &UnitRow) -> Option<String> {
    let limit = match row.account.tasks_max {
        Some(Limit::At(limit)) => format!("/{limit}"),
        Some(Limit::Max) | None => String::new(),
    };
    row.account.tasks_current.map(|tasks| format!("{tasks}{limit}"))
}

/// The units of one kind, those that are up unless all are wanted.
fn of_kind(line: &Line, kind: UnitKind) -> Result<Vec<UnitRow>, Failed> {
    let mut rows = names::rows(&mut Session::open()?, &line.operands, &[])?;
    let whole = line.has("all") || !line.operands.is_empty();
    rows.retain(|row| row.name.kind() == kind && (whole || row.active != ActiveState::Inactive));
    Ok(rows)
}

fn whom(row: &UnitRow) -> String {
    row.triggers.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string)
}

/// `list-timers`
pub(super) fn timers(line: &Line) -> Result<u8, Failed> {
    let mut rows = of_kind(line, UnitKind::Timer)?;
    units::order::by_key(&mut rows, |row| row.next_us.unwrap_or(u64::MAX));
    if line.has("json") {
        return print_json(&rows);
    }
    let (now_us, now_ms) = (boottime_us(), words::now_ms());
    let mut table = Table::new(&["NEXT", ">LEFT", "LAST", ">PASSED", "UNIT", "ACTIVATES", "WHEN"]);
    for row in &rows {
        let next = row
            .next_us
            .map(|next| (words::moment(now_ms + next.saturating_sub(now_us) / 1000), words::micros(next.saturating_sub(now_us))));
        let last = row.last_us.map(|last| {
            let passed = now_us.saturating_sub(last);
            (words::moment(now_ms.saturating_sub(passed / 1000)), words::micros(passed))
        });
        let dash = || ("-".to_owned(), "-".to_owned());
        let ((next, left), (last, passed)) = (next.unwrap_or_else(dash), last.unwrap_or_else(dash));
        table.row(vec![next, left, last, passed, row.name.to_string(), whom(row), row.watches.join(", ")]);
    }
    output(&table.render(Paint::of_stdout(), !line.has("no-legend")))?;
    Ok(code::OK)
}

pub(crate) fn boottime_us() -> u64 {
    u64::try_from(kernel::time::boottime().as_micros()).unwrap_or(u64::MAX)
}

/// `list-sockets`
pub(super) fn sockets(line: &Line) -> Result<u8, Failed> {
    watching(line, UnitKind::Socket, &["LISTEN", "UNIT", "ACTIVATES"], |watch| {
        vec![watch.split_once(' ').map_or(watch, |(_, address)| address).to_owned()]
    })
}

/// `list-paths`
pub(super) fn paths(line: &Line) -> Result<u8, Failed> {
    watching(line, UnitKind::Path, &["PATH", "CONDITION", "UNIT", "ACTIVATES"], |watch| {
        let (condition, path) = watch.split_once(' ').unwrap_or(("-", watch));
        vec![path.to_owned(), condition.to_owned()]
    })
}

fn watching(line: &Line, kind: UnitKind, heading: &[&'static str], cells: impl Fn(&str) -> Vec<String>) -> Result<u8, Failed> {
    let rows = of_kind(line, kind)?;
    if line.has("json") {
        return print_json(&rows);
    }
    let mut table = Table::new(heading);
    for (row, watch) in rows.iter().flat_map(|row| row.watches.iter().map(move |watch| (row, watch))) {
        let mut cells = cells(watch);
        cells.extend([row.name.to_string(), whom(row)]);
        table.row(cells);
    }
    output(&table.render(Paint::of_stdout(), !line.has("no-legend")))?;
    Ok(code::OK)
}

/// Whether it counts as up for those who only want to know.
pub(super) fn is_up(row: &UnitRow) -> bool {
    matches!(row.active, ActiveState::Active | ActiveState::Reloading)
}

/// `is-active`
pub(super) fn is_active(line: &Line) -> Result<u8, Failed> {
    let rows = names::rows(&mut Session::open()?, &line.operands, &[])?;
    say_states(line, &rows)?;
    Ok(if rows.iter().any(is_up) {
        code::OK
    } else if rows.iter().all(|row| row.load == LoadState::NotFound) {
        code::NO_SUCH_UNIT
    } else {
        code::INACTIVE
    })
}

/// `is-failed`
pub(super) fn is_failed(line: &Line) -> Result<u8, Failed> {
    let mut session = Session::open()?;
    if line.operands.is_empty() {
        let hello = session.hello()?;
        if !line.has("quiet") {
            output(&format!("{}\n", hello.state))?;
        }
        return Ok(if hello.failed > 0 { code::OK } else { code::FAILED });
    }
    let rows = names::rows(&mut session, &line.operands, &[])?;
    say_states(line, &rows)?;
    Ok(if rows.iter().any(|row| row.active == ActiveState::Failed) { code::OK } else { code::FAILED })
}

fn say_states(line: &Line, rows: &[UnitRow]) -> Result<(), Failed> {
    if line.has("json") {
        return print_json(rows).map(drop);
    }
    if line.has("quiet") {
        return Ok(());
    }
    let words: String = rows.iter().map(|row| format!("{}\n", row.active)).collect();
    output(&words)
}

/// `is-system-running`
pub(super) fn is_system_running(line: &Line) -> Result<u8, Failed> {
    let hello = Session::open()?.hello()?;
    if line.has("json") {
        output(&format!("{}\n", json!(hello)))?;
    } else if !line.has("quiet") {
        output(&format!("{}\n", hello.state))?;
    }
    Ok(if hello.state == SystemState::Running { code::OK } else { code::FAILED })
}

/// Memory, for sorting.
pub(super) fn memory(row: &UnitRow) -> Bytes {
    row.account.memory_current.unwrap_or(Bytes(0))
}
