//! `show` and `cat`: what init knows, and what only files and clocks know.

use std::sync::OnceLock;

use units::control::{Detail, Hello, LoadState, MainExit, UnitRow};
use units::install::Installer;

use crate::fiefctl::line::Line;
use crate::fiefctl::links::installer;
use crate::fiefctl::session::{Failed, Session};
use crate::fiefctl::sources::Beneath;
use crate::fiefctl::words::now_ms;
use crate::fiefctl::{due, looking, output};
use crate::hands::invocation;
use crate::log::civil::Here;
use crate::say;

use super::{code, list, names, spelling};

/// Properties in their order.
pub(crate) type Sheet = Vec<(String, String)>;

/// `show`
pub(super) fn show(line: &Line) -> Result<u8, Failed> {
    let mut session = Session::open()?;
    let sheets = if line.operands.is_empty() {
        vec![of_system(&mut session)?]
    } else {
        let named = names::expand(&mut session, &line.operands, line.has("all"))?;
        if named.is_empty() {
            return Ok(code::OK);
        }
        let mut rows = names::rows(&mut session, &named, &[Detail::Properties])?;
        due::look_anew(&mut rows);
        let installer = installer(&Beneath::new(None));
        rows.into_iter().map(|row| of_unit(row, &installer)).collect()
    };
    let wanted: Vec<&str> = line.values("property").chain(line.values("P")).flat_map(|names| names.split(',')).collect();
    let bare = line.has("value") || line.has("P");
    for (index, sheet) in sheets.iter().enumerate() {
        let shown = |(key, value): &&(String, String)| match wanted.as_slice() {
            [] => line.has("all") || !value.is_empty(),
            wanted => wanted.contains(&key.as_str()),
        };
        let gap = if index > 0 { "\n" } else { "" };
        let lines = sheet.iter().filter(shown).map(|(key, value)| if bare { format!("{value}\n") } else { format!("{key}={value}\n") });
        output(&lines.fold(gap.to_owned(), |out, line| out + &line))?;
    }
    Ok(code::OK)
}

/// All that is said of a unit.
pub(crate) fn of_unit(row: UnitRow, installer: &Installer) -> Sheet {
    let added = added(&row, installer);
    let kept = row.properties.into_iter().filter(|(key, _)| !added.iter().any(|(other, _)| other == key));
    let kept = kept.map(|(key, value)| match key.as_str() {
        "FragmentPath" | "DropInPaths" | "SourcePath" => {
            let paths: Vec<String> = value.split(' ').map(here).collect();
            (key, paths.join(" "))
        }
        _ => (key, value),
    });
    let kept: Sheet = kept.collect();
    kept.into_iter().chain(added.iter().map(|(key, value)| ((*key).to_owned(), value.clone()))).collect()
}

/// A path of this system as systemd writes it.
pub(super) fn here(path: &str) -> String {
    spelling(path, |short| std::path::Path::new(short).exists())
}

/// What init leaves to us.
fn added(row: &UnitRow, installer: &Installer) -> Vec<(&'static str, String)> {
    let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
    let (exit_code, exit_status) = match row.main_exit {
        Some(MainExit::Code(code)) => (1, i32::from(code)),
        Some(MainExit::Signal(signal)) => (2, signal.number()),
        None => (0, 0),
    };
    let result = if matches!(row.verdict.as_str(), "dependency" | "assert" | "") { "success" } else { row.verdict.as_str() };
    let state = installer.state(&row.name);
    let preset = installer.is_preset(&row.name).filter(|_| row.load == LoadState::Loaded);
    let mut all = vec![
        ("Result", result.to_owned()),
        ("SubState", list::sub(row).to_owned()),
        ("NeedDaemonReload", yes(row.reload_due == Some(true))),
        ("UnitFileState", state.map_or_else(String::new, |state| state.to_string())),
        ("UnitFilePreset", preset.map_or("", |is| if is { "enabled" } else { "disabled" }).to_owned()),
        ("Job", row.job.as_ref().map_or_else(String::new, |job| job.number.to_string())),
    ];
    if row.name.kind() == units::UnitKind::Service {
        all.push(("ExecMainPID", row.main_pid.unwrap_or(0).to_string()));
        all.push(("ExecMainCode", if row.main_pid.is_some() { 0 } else { exit_code }.to_string()));
        all.push(("ExecMainStatus", if row.main_pid.is_some() { 0 } else { exit_status }.to_string()));
    }
    all.extend(invocation::of(&row.name).map(|number| ("InvocationID", number)));
    let changed = [row.moments.began_us, row.moments.up_us, row.moments.down_us].into_iter().flatten().max();
    for (key, at) in [
        ("StateChangeTimestamp", changed),
        ("InactiveExitTimestamp", row.moments.began_us),
        ("ActiveEnterTimestamp", row.moments.up_us),
        ("InactiveEnterTimestamp", row.moments.down_us),
    ] {
        all.push((key, at.map_or_else(String::new, stamp)));
    }
    all
}

/// The container's time zone, read once by a command that writes many moments.
static HERE: OnceLock<Here> = OnceLock::new();

/// A moment of `CLOCK_BOOTTIME`, in microseconds, as civil time: "Wed 2026-11-25 10:08:37 UTC".
pub(super) fn stamp(at_us: u64) -> String {
    let civil = HERE.get_or_init(Here::found).at(realtime_us(at_us));
    civil.full()
}

/// The same since 1970, in microseconds.
pub(crate) fn realtime_us(at_us: u64) -> u64 {
    let now_us = u64::try_from(kernel::time::boottime().as_micros()).unwrap_or(u64::MAX);
    // What is still to come has a moment too.
    let ms = (now_ms() + at_us / 1000).saturating_sub(now_us / 1000);
    ms.saturating_mul(1000)
}

/// All that is said of PID 1.
pub(crate) fn of_system(session: &mut Session) -> Result<Sheet, Failed> {
    let hello = session.hello()?;
    let rows = session.rows(&[], &[])?;
    let Hello { state, booted_us, finished_us, failed, jobs, .. } = hello;
    let all = [
        ("Version", "252.39-1~deb12u2".to_owned()),
        ("Features", super::VERSION.lines().nth(1).unwrap_or_default().to_owned()),
        ("Virtualization", "container-other".to_owned()),
        ("Architecture", architecture().to_owned()),
        ("UserspaceTimestamp", booted_us.map_or_else(String::new, stamp)),
        ("UserspaceTimestampMonotonic", booted_us.unwrap_or(0).to_string()),
        ("FinishTimestamp", finished_us.map_or_else(String::new, stamp)),
        ("FinishTimestampMonotonic", finished_us.unwrap_or(0).to_string()),
        ("NNames", rows.iter().map(|row| 1 + row.aliases.len()).sum::<usize>().to_string()),
        ("NFailedUnits", failed.to_string()),
        ("NJobs", jobs.to_string()),
        ("SystemState", state.to_string()),
        ("ControlGroup", String::new()),
        ("UnitPath", units::search::SYSTEMD.join(" ")),
        ("DefaultStandardOutput", "journal".to_owned()),
        ("DefaultStandardError", "inherit".to_owned()),
    ];
    Ok(all.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// The word of systemd.unit(5), `ConditionArchitecture=`.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "x86-64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// `help`: what its `Documentation=` names, by man(1).
#[allow(clippy::disallowed_methods, reason = "systemctl is no init: it may wait for a child")]
pub(super) fn help(line: &Line) -> Result<u8, Failed> {
    let mut session = Session::open()?;
    let named = names::expand(&mut session, &line.operands, line.has("all"))?;
    let mut worst = code::OK;
    for row in names::rows(&mut session, &named, &[Detail::Properties])? {
        let name = row.name.as_str();
        if row.load == LoadState::NotFound {
            say::error(format_args!("Unit {name} could not be found."));
            worst = code::FAILED;
            continue;
        }
        let documents = row.properties.iter().find(|(key, _)| key == "Documentation").map_or("", |(_, value)| value.as_str());
        if documents.is_empty() {
            say::error(format_args!("Documentation for {name} not known."));
        }
        for document in documents.split_whitespace().map(|document| document.trim_matches('"')) {
            let Some(page) = document.strip_prefix("man:") else {
                say::error(format_args!("Can't show: {document}"));
                continue;
            };
            let mut command = std::process::Command::new("man");
            match page.strip_suffix(')').and_then(|page| page.split_once('(')) {
                Some((page, section)) => command.args([section, page]),
                None => command.arg(page),
            };
            if let Err(error) = command.status() {
                say::error(format_args!("Failed to execute man: {}", say::reason(&error)));
            }
        }
    }
    Ok(worst)
}

/// `cat`
pub(super) fn cat(line: &Line) -> Result<u8, Failed> {
    let mut session = Session::open()?;
    let named = names::expand(&mut session, &line.operands, line.has("all"))?;
    let mut rows = names::rows(&mut session, &named, &[])?;
    due::look(&mut rows, due::has_changed);
    let mut first = true;
    for row in &rows {
        let name = row.name.as_str();
        if row.load == LoadState::NotFound {
            say::error(format_args!("No files found for {name}."));
            return Ok(code::FAILED);
        }
        if row.load == LoadState::Masked {
            output(&format!("# Unit {name} is masked.\n"))?;
            continue;
        }
        if row.reload_due == Some(true) {
            say::error(format_args!(
                "# Warning: {name} changed on disk, the version systemd has loaded is outdated.\n# This output shows the current version of the unit's original fragment and drop-in files.\n# If fragments or drop-ins were added or removed, they are not properly reflected in this output.\n# Run 'systemctl daemon-reload' to reload units."
            ));
        }
        for path in &row.sources {
            let text = looking::text_of(path)?;
            let gap = if std::mem::take(&mut first) { "" } else { "\n" };
            let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            output(&format!("{gap}# {}\n{text}{end}", here(path)))?;
        }
    }
    Ok(code::OK)
}
