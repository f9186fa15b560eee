//! Answers for the eye.

use std::io::{self, IsTerminal};
use std::time::Duration;

use units::control::{ActiveState, Detail, LogLine, LogStream, Outcome, Reply, Request, UnitRow};
use units::value::{Bytes, Limit};

use super::table::Table;
use super::words::Form;
use crate::console::printable;
use crate::say;
use crate::telling::span;

/// Show one answer. The error is a reader that has gone.
pub(super) fn reply(request: &Request, reply: &Reply, form: Form) -> io::Result<()> {
    match reply {
        Reply::Units { units } if matches!(request, Request::List { with, .. } if with.contains(&Detail::Account)) => account(units),
        Reply::Units { units } => list(units, form),
        Reply::Done { results } => {
            for result in results {
                let text = match &result.outcome {
                    Outcome::Ok => continue,
                    Outcome::Skipped(why) => format!("{}: skipped: {why}", result.unit),
                    Outcome::Failed(why) => format!("{}: failed: {why}", result.unit),
                    Outcome::Refused(why) => format!("{}: {why}", result.unit),
                    Outcome::Cancelled => format!("{}: cancelled", result.unit),
                    Outcome::Queued => continue,
                };
                say::error(format_args!("{text}"));
            }
            Ok(())
        }
        Reply::Log(line) => {
            let everybody = matches!(request, Request::Logs(logs) if logs.units.is_empty());
            say::raw(log_line(line, everybody).as_bytes())
        }
        Reply::End | Reply::Hello(_) => Ok(()),
        Reply::Leaving { way } => {
            say::line(format_args!("leaving: {way}"));
            Ok(())
        }
        Reply::Refused { reason, .. } => {
            say::error(format_args!("fiefctl: {reason}"));
            Ok(())
        }
    }
}

/// One unit in detail.
pub(super) fn status(row: &UnitRow, log: &[LogLine]) -> io::Result<()> {
    let mut out = format!("{}", row.name);
    if !row.description.is_empty() {
        out.push_str(&format!(" - {}", row.description));
    }
    out.push('\n');
    let mut line = |key: &str, value: String| out.push_str(&format!("{key:>9}: {value}\n"));
    line("loaded", format!("{}{}", row.load, sources(row)));
    line("active", format!("{} ({}), for {}", row.active, row.sub, span(Duration::from_millis(row.age_ms))));
    if let Some(result) = &row.result {
        line("result", result.clone());
    }
    if let Some(pid) = row.main_pid {
        line("main pid", pid.to_string());
    }
    if let Some(status) = &row.status {
        line("status", printable(status.as_bytes()));
    }
    if row.restarts > 0 {
        line("restarts", row.restarts.to_string());
    }
    let account = &row.account;
    if let Some(memory) = account.memory_current {
        let peak = account.memory_peak.map_or_else(String::new, |peak| format!(" (peak {})", size(peak)));
        line("memory", format!("{}{peak}", size(memory)));
    }
    if let Some(cpu) = account.cpu_usage_us {
        line("cpu", span(Duration::from_micros(cpu)));
    }
    if let Some(tasks) = account.tasks_current {
        line("tasks", format!("{tasks}{}", of_limit(account.tasks_max.map(limit_number))));
    }
    if !log.is_empty() {
        out.push('\n');
        for line in log {
            out.push_str(&log_line(line, false));
        }
    }
    say::raw(out.as_bytes())
}

fn sources(row: &UnitRow) -> String {
    if row.sources.is_empty() { String::new() } else { format!(" ({})", row.sources.join(", ")) }
}

fn list(rows: &[UnitRow], form: Form) -> io::Result<()> {
    let mut table = Table::new(&["UNIT", "ACTIVE", "SUB", ">PID", ">FOR", "DESCRIPTION"]);
    let shown = |row: &&UnitRow| form == Form::Whole || row.active != ActiveState::Inactive;
    for row in rows.iter().filter(shown) {
        let what = row.result.as_ref().filter(|_| row.active == ActiveState::Failed);
        table.row(vec![
            row.name.to_string(),
            row.active.to_string(),
            row.sub.clone(),
            row.main_pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
            // What has never been up has been so since before it counted.
            if row.sub == "dead" || row.sub == "waiting" { "-".to_owned() } else { span(Duration::from_millis(row.age_ms)) },
            what.map_or_else(|| row.description.clone(), Clone::clone),
        ]);
    }
    say::raw(table.render(io::stdout().is_terminal()).as_bytes())?;
    match rows.len() - rows.iter().filter(shown).count() {
        0 => Ok(()),
        // To stderr: what reads the table in a pipe wants rows.
        down => {
            say::error(format_args!("{down} more are down or were skipped: fiefctl list --all"));
            Ok(())
        }
    }
}

fn account(rows: &[UnitRow]) -> io::Result<()> {
    let mut table = Table::new(&["UNIT", ">MEMORY", ">PEAK", ">LIMIT", ">CPU", ">TASKS", ">READ", ">WRITTEN", ">OOM"]);
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    for row in rows.iter().filter(|row| row.account != units::accounting::Account::default()) {
        let account = &row.account;
        table.row(vec![
            row.name.to_string(),
            or_dash(account.memory_current.map(size)),
            or_dash(account.memory_peak.map(size)),
            or_dash(account.memory_max.map(|limit| match limit {
                Limit::At(bytes) => size(bytes),
                Limit::Max => "none".to_owned(),
            })),
            or_dash(account.cpu_usage_us.map(|cpu| span(Duration::from_micros(cpu)))),
            or_dash(account.tasks_current.map(|tasks| format!("{tasks}{}", of_limit(account.tasks_max.map(limit_number))))),
            or_dash(account.io_read.map(size)),
            or_dash(account.io_written.map(size)),
            or_dash(account.oom_kills.map(|kills| kills.to_string())),
        ]);
    }
    say::raw(table.render(io::stdout().is_terminal()).as_bytes())
}

fn limit_number(limit: Limit<u64>) -> Option<u64> {
    limit.at()
}

fn of_limit(limit: Option<Option<u64>>) -> String {
    limit.flatten().map_or_else(String::new, |limit| format!("/{limit}"))
}

/// "3.4 MiB": three digits are enough for the eye.
fn size(bytes: Bytes) -> String {
    let mut tenths = u128::from(bytes.0) * 10;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if tenths < 10_240 {
            return if unit == "B" { format!("{} B", bytes.0) } else { format!("{}.{} {unit}", tenths / 10, tenths % 10) };
        }
        tenths /= 1024;
    }
    format!("{}.{} TiB", tenths / 10, tenths % 10)
}

fn log_line(line: &LogLine, with_unit: bool) -> String {
    let seconds = line.time_ms / 1000;
    let (hours, minutes) = (seconds / 3600 % 24, seconds / 60 % 60);
    let stamp = format!("{hours:02}:{minutes:02}:{:02}.{:03}", seconds % 60, line.time_ms % 1000);
    let from = match (&line.unit, line.stream) {
        (Some(unit), _) if with_unit => format!("{unit}: "),
        (None, LogStream::Init) if with_unit => "init: ".to_owned(),
        _ => String::new(),
    };
    let mark = if line.stream == LogStream::Init { "· " } else { "" };
    format!("{stamp} {mark}{from}{}\n", printable(line.text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        assert_eq!(size(Bytes(512)), "512 B");
        assert_eq!(size(Bytes(1536)), "1.5 KiB");
        assert_eq!(size(Bytes(10 << 20)), "10.0 MiB");
        assert_eq!(size(Bytes(5 << 40)), "5.0 TiB");
    }
}
