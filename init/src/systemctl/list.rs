//! `list-units`, `list-unit-files`, `list-timers`, `list-sockets`, `list-jobs`.

use units::UnitKind;
use units::control::{ActiveState, LoadState, UnitRow};
use units::install::State;

use crate::fiefctl::line::Line;
use crate::fiefctl::list::boottime_us;
use crate::fiefctl::output;
use crate::fiefctl::session::{Failed, Session};

use super::grid::{Grid, by_kind};
use super::links::Work;
use super::names::{fits, is_in_memory, whole};
use super::{code, show, when};

const LOADED: &str = "
LOAD   = Reflects whether the unit definition was properly loaded.
ACTIVE = The high-level unit activation state, i.e. generalization of SUB.
SUB    = The low-level unit activation state, values depend on unit type.
";

pub(super) fn has_legend(line: &Line) -> bool {
    let told = line.value("legend").and_then(units::systemd::boolean);
    told.unwrap_or(true) && !line.has("no-legend") && !line.has("quiet")
}

fn is_json(line: &Line) -> bool {
    line.value("output").is_some_and(|output| output.starts_with("json"))
}

/// All values of an option that may be given several times and with commas.
fn split<'l>(line: &'l Line, option: &'l str) -> Vec<&'l str> {
    line.values(option).flat_map(|values| values.split(',')).collect()
}

/// Whether its kind and its states are among those asked for. A load state may stand for a kind.
fn is_asked(line: &Line, row: &UnitRow) -> bool {
    let kinds = split(line, "type");
    let (load, active, sub) = (row.load.to_string(), row.active.to_string(), sub(row));
    let states = if line.has("failed") { vec!["failed"] } else { split(line, "state") };
    let is_kind = kinds.is_empty() || kinds.iter().any(|kind| *kind == row.name.kind().suffix() || *kind == load);
    is_kind && (states.is_empty() || states.iter().any(|state| [&*load, &*active, sub].contains(state)))
}

/// The finer state in one of systemd's words.
pub(crate) fn sub(row: &UnitRow) -> &str {
    if row.sub == "skipped" { "dead" } else { &row.sub }
}

/// `list-units`
pub(super) fn units(line: &Line) -> Result<u8, Failed> {
    let mut rows = Session::open()?.rows(&[], &[])?;
    let by_state = line.has("failed") || !split(line, "state").is_empty();
    rows.retain(|row| (line.operands.is_empty() || line.operands.iter().any(|word| fits(word, row))) && is_asked(line, row));
    rows.retain(|row| line.has("all") || by_state || is_in_memory(row));
    units::order::by(&mut rows, |one, other| by_kind(one.name.as_str(), other.name.as_str()));
    let has_jobs = rows.iter().any(|row| row.job.is_some());
    let heading: &[&str] =
        if has_jobs { &["UNIT", "LOAD", "ACTIVE", "SUB", "JOB", "DESCRIPTION"] } else { &["UNIT", "LOAD", "ACTIVE", "SUB", "DESCRIPTION"] };
    let mut grid = if line.has("plain") || is_json(line) { Grid::new(heading) } else { Grid::marked(heading) };
    for row in &rows {
        let is_wrong = row.active == ActiveState::Failed || row.load != LoadState::Loaded;
        let mut cells = vec![row.name.as_str().to_owned(), row.load.to_string(), row.active.to_string(), sub(row).to_owned()];
        if has_jobs {
            cells.push(row.job.as_ref().map_or_else(String::new, |job| job.kind.clone()));
        }
        cells.push(if row.description.is_empty() { row.name.as_str().to_owned() } else { row.description.clone() });
        grid.row(if is_wrong { '●' } else { ' ' }, cells);
    }
    grid.print(is_json(line), has_legend(line))?;
    if has_legend(line) && !is_json(line) {
        let mut out = String::new();
        if grid.len() > 0 {
            out.push_str(LOADED);
            out.push_str(if has_jobs { "JOB    = Pending job for the unit.\n" } else { "" });
        }
        out.push_str(&format!("{} loaded units listed.", grid.len()));
        let installed = "To show all installed unit files use 'systemctl list-unit-files'.\n";
        if line.has("all") || split(line, "state").contains(&"inactive") {
            out.push_str(&format!("\n{installed}"));
        } else if by_state {
            out.push('\n');
        } else {
            out.push_str(&format!(" Pass --all to see loaded but inactive units, too.\n{installed}"));
        }
        output(&out)?;
    }
    Ok(code::OK)
}

/// `list-unit-files`
pub(super) fn unit_files(line: &Line) -> Result<u8, Failed> {
    let work = Work::new(line)?;
    let installer = work.installer();
    let (kinds, states) = (split(line, "type"), split(line, "state"));
    let mut found: Vec<(&str, State, Option<bool>)> = Vec::new();
    for name in installer.names() {
        let is_named = || line.operands.iter().any(|word| units::glob::matches(&whole(word, "service"), name.as_str()));
        if let Some(state) = installer.state(name)
            && (line.operands.is_empty() || is_named())
            && (kinds.is_empty() || kinds.contains(&name.kind().suffix()))
            && (states.is_empty() || states.contains(&state.word()))
        {
            found.push((name.as_str(), state, installer.is_preset(name)));
        }
    }
    units::order::by(&mut found, |one, other| by_kind(one.0, other.0));
    let mut grid = Grid::new(&["UNIT FILE", "STATE", "PRESET"]);
    for (name, state, preset) in found {
        let is_told = !matches!(state, State::Alias | State::Static | State::Generated | State::Transient);
        let preset = match preset.filter(|_| is_told) {
            Some(true) => "enabled",
            Some(false) => "disabled",
            None => "-",
        };
        grid.row(' ', vec![name.to_owned(), state.to_string(), preset.to_owned()]);
    }
    grid.print(is_json(line), has_legend(line))?;
    if has_legend(line) && !is_json(line) {
        output(&format!("\n{} unit files listed.\n", grid.len()))?;
    }
    Ok(if grid.len() == 0 && !line.operands.is_empty() { code::FAILED } else { code::OK })
}

/// Those of one kind, up unless all are asked for.
fn of_kind(line: &Line, kind: UnitKind) -> Result<Vec<UnitRow>, Failed> {
    let mut rows = Session::open()?.rows(&[], &[])?;
    rows.retain(|row| row.name.kind() == kind && (line.has("all") || is_in_memory(row)));
    rows.retain(|row| (line.operands.is_empty() || line.operands.iter().any(|word| fits_kind(word, row, kind))) && is_asked(line, row));
    Ok(rows)
}

/// A bare word is a unit of that kind.
fn fits_kind(word: &str, row: &UnitRow, kind: UnitKind) -> bool {
    fits(&whole(word, kind.suffix()), row)
}

fn whom(row: &UnitRow) -> String {
    row.triggers.as_ref().map_or_else(|| "-".to_owned(), |unit| unit.as_str().to_owned())
}

fn finish(line: &Line, grid: &Grid, kind: &str) -> Result<u8, Failed> {
    grid.print(is_json(line), has_legend(line))?;
    if has_legend(line) && !is_json(line) {
        let all = if line.has("all") { String::new() } else { format!("Pass --all to see loaded but inactive {kind}, too.\n") };
        output(&format!("\n{} {kind} listed.\n{all}", grid.len()))?;
    }
    Ok(code::OK)
}

/// `list-timers`
pub(super) fn timers(line: &Line) -> Result<u8, Failed> {
    let mut rows = of_kind(line, UnitKind::Timer)?;
    units::order::by_key(&mut rows, |row| row.next_us.unwrap_or(u64::MAX));
    let now = boottime_us();
    let mut grid = Grid::new(&["NEXT", "LEFT", "LAST", "PASSED", "UNIT", "ACTIVATES"]);
    for row in &rows {
        let both = |at: Option<u64>| match at {
            Some(at) => (show::stamp(at), when::relative(at, now)),
            None => ("-".to_owned(), "-".to_owned()),
        };
        let ((next, left), (last, passed)) = (both(row.next_us), both(row.last_us));
        grid.row(' ', vec![next, left, last, passed, row.name.as_str().to_owned(), whom(row)]);
    }
    finish(line, &grid, "timers")
}

/// `list-sockets`
pub(super) fn sockets(line: &Line) -> Result<u8, Failed> {
    let rows = of_kind(line, UnitKind::Socket)?;
    let has_types = line.has("show-types");
    let mut found: Vec<(String, String, &UnitRow)> = Vec::new();
    for row in &rows {
        for watch in &row.watches {
            let (kind, address) = watch.split_once(' ').unwrap_or(("-", watch));
            found.push((address.to_owned(), kind.to_owned(), row));
        }
    }
    units::order::by(&mut found, |one, other| one.0.cmp(&other.0));
    let mut grid = Grid::new(if has_types { &["LISTEN", "TYPE", "UNIT", "ACTIVATES"] } else { &["LISTEN", "UNIT", "ACTIVATES"] });
    for (address, kind, row) in found {
        let kind = has_types.then(|| kind.chars().take(1).flat_map(char::to_uppercase).chain(kind.chars().skip(1)).collect());
        grid.row(' ', std::iter::once(address).chain(kind).chain([row.name.as_str().to_owned(), whom(row)]).collect());
    }
    finish(line, &grid, "sockets")
}

/// `list-automounts`, of which there are none.
pub(super) fn automounts(line: &Line) -> Result<u8, Failed> {
    finish(line, &Grid::new(&["WHAT", "WHERE", "MOUNTED", "IDLE TIMEOUT", "UNIT"]), "automounts")
}

/// `list-jobs`
pub(super) fn jobs(line: &Line) -> Result<u8, Failed> {
    let rows = Session::open()?.rows(&[], &[])?;
    let mut grid = Grid::new(&["JOB", "UNIT", "TYPE", "STATE"]);
    for row in rows.iter().filter(|row| line.operands.is_empty() || line.operands.iter().any(|word| fits(word, row))) {
        if let Some(job) = &row.job {
            let state = if job.waiting { "waiting" } else { "running" };
            grid.row(' ', vec![job.number.to_string(), row.name.as_str().to_owned(), job.kind.clone(), state.to_owned()]);
        }
    }
    if grid.len() == 0 {
        if has_legend(line) {
            output("No jobs running.\n")?;
        }
        return Ok(code::OK);
    }
    grid.print(is_json(line), has_legend(line))?;
    if has_legend(line) && !is_json(line) {
        output(&format!("\n{} jobs listed.\n", grid.len()))?;
    }
    Ok(code::OK)
}
