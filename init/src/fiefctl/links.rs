//! `enable`, `disable`, `mask`, `preset` and their kin: the plans of [`units::enable`], carried out.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::json;
use units::control::Request;
use units::enable::{Change, Impossible, Installed, Preset, Presets, Scope, State, default_instance};
use units::search::Tree;
use units::{Reader, SourceFile, UnitName, UnitSet};

use super::line::Line;
use super::paint::Paint;
use super::session::{Failed, Session, code};
use super::sources::{self, Beneath};
use super::table::Table;
use super::{control, json_lines, names, output};

/// A system's unit files, read so that all that are named are there.
struct Library {
    tree: Beneath,
    files: Vec<SourceFile>,
    units: UnitSet,
}

impl Library {
    fn read(line: &Line, wanted: &[UnitName]) -> Self {
        let tree = Beneath::new(line.value("root"));
        let files = tree.files();
        let reader =
            Reader::new(sources::specifiers(&tree)).with_instances(wanted.iter().filter(|name| name.instance().is_some()).cloned());
        let (units, _) = reader.read(files.clone());
        Self { tree, files, units }
    }

    fn installed(&self) -> Installed<'_> {
        Installed::new(&self.files, &self.units)
    }
}

/// `enable`, `disable`, `reenable`, `mask`, `unmask`, `preset`, `preset-all`
pub(super) fn change(line: &Line) -> Result<u8, Failed> {
    let scope = if line.has("runtime") { Scope::Runtime } else { Scope::Persistent };
    let named = named(line)?;
    let library = Library::read(line, &named);
    let installed = library.installed();
    let plan: Result<Vec<Change>, Impossible> = match line.verb.name {
        "enable" => installed.enable(&named, scope),
        "disable" => installed.disable(&named, scope),
        "mask" => installed.mask(&named, scope),
        "unmask" => Ok(installed.unmask(&named)),
        "reenable" => installed.disable(&named, scope).and_then(|mut changes| {
            changes.extend(installed.enable(&named, scope)?);
            Ok(changes)
        }),
        _ => preset(line, &library, &named, scope),
    };
    let changes = plan.map_err(|why| match why {
        Impossible::NoSuchUnit(name) => Failed::NoSuchUnit(name.to_string()),
        other => Failed::Told(other.to_string()),
    })?;
    for change in &changes {
        carry_out(&library.tree, change)?;
    }
    if line.has("json") {
        output(&json_lines(&changes.iter().map(|change| json!(change)).collect::<Vec<_>>()))?;
    } else if !line.has("quiet") {
        let said = |change: &Change| match change {
            Change::Link { path, target } => format!("made {path} → {target}\n"),
            Change::Remove { path } => format!("removed {path}\n"),
        };
        output(&changes.iter().map(said).collect::<String>())?;
    }
    if library.tree.is_here() { follow(line, named) } else { Ok(code::OK) }
}

/// Has init see what was done, and `--now` the units do so.
fn follow(line: &Line, units: Vec<UnitName>) -> Result<u8, Failed> {
    let mut session = match Session::open() {
        Ok(session) => session,
        // Without init there is nobody to tell: links are for the next boot.
        Err(_) if !line.has("now") => return Ok(code::OK),
        Err(why) => return Err(why),
    };
    session.reread()?;
    if !line.has("now") {
        return Ok(code::OK);
    }
    let request = match line.verb.name {
        "disable" | "mask" => Request::Stop { units },
        "reenable" => Request::Restart { units },
        _ => Request::Start { units },
    };
    control::report(line, &session.done(&request)?)
}

/// The units that are named, a template as the instance it says.
fn named(line: &Line) -> Result<Vec<UnitName>, Failed> {
    let mut found = Vec::new();
    for word in &line.operands {
        let name = names::name(word)?;
        if !name.is_template() || line.verb.name.contains("mask") {
            found.push(name);
            continue;
        }
        let sample = name.with_instance("x");
        let library = Library::read(line, &sample.iter().cloned().collect::<Vec<_>>());
        found.push(sample.and_then(|sample| default_instance(&library.units, &sample)).unwrap_or(name));
    }
    Ok(found)
}

/// What the presets want of these, or of all.
fn preset(line: &Line, library: &Library, named: &[UnitName], scope: Scope) -> Result<Vec<Change>, Impossible> {
    let installed = library.installed();
    let all: Vec<UnitName> = if line.verb.name == "preset-all" { installed.subjects().cloned().collect() } else { named.to_vec() };
    let presets = presets(&library.tree);
    let of = |wanted: Preset| -> Vec<UnitName> { all.iter().filter(|name| presets.of(name, names::fits) == wanted).cloned().collect() };
    let mut changes = installed.enable(&of(Preset::Enable), scope)?;
    changes.extend(installed.disable(&of(Preset::Disable), scope)?);
    Ok(changes)
}

fn presets(tree: &Beneath) -> Presets {
    // By file name: the first folder's counts.
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for folder in Presets::FOLDERS {
        for (name, _) in tree.names(folder).into_iter().filter(|(name, _)| name.ends_with(".preset")) {
            files.entry(name.clone()).or_insert_with(|| format!("{folder}/{name}"));
        }
    }
    let mut presets = Presets::default();
    for path in files.values() {
        let text = tree.read(path, units::FILE_LIMIT).unwrap_or_default();
        presets.add(&String::from_utf8_lossy(&text));
    }
    presets
}

fn carry_out(tree: &Beneath, change: &Change) -> Result<(), Failed> {
    match change {
        Change::Link { path, target } => {
            let place = tree.place(path);
            let failed = |error| Failed::File(format!("making {place}"), error);
            if let Some(folder) = Path::new(&place).parent() {
                fs::create_dir_all(folder).map_err(failed)?;
            }
            // A link is replaced, never a file.
            let beside = format!("{place}.new");
            match fs::symlink_metadata(&place) {
                Ok(about) if !about.is_symlink() => return Err(failed(ErrorKind::AlreadyExists.into())),
                _ => {}
            }
            let _ = fs::remove_file(&beside);
            symlink(target, &beside).and_then(|()| fs::rename(&beside, &place)).map_err(failed)
        }
        Change::Remove { path } => {
            let place = tree.place(path);
            match fs::remove_file(&place) {
                Ok(()) => {
                    // A folder of links that is empty says nothing; others stay.
                    if let Some(folder) = Path::new(&place).parent().filter(|folder| folder.extension().is_some()) {
                        let _ = fs::remove_dir(folder);
                    }
                    Ok(())
                }
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                Err(error) => Err(Failed::File(format!("removing {place}"), error)),
            }
        }
    }
}

/// `is-enabled`
pub(super) fn is_enabled(line: &Line) -> Result<u8, Failed> {
    let named = named(line)?;
    let library = Library::read(line, &named);
    let installed = library.installed();
    let states: Vec<(UnitName, Option<State>)> = named.into_iter().map(|name| (name.clone(), installed.state(&name))).collect();
    if line.has("json") {
        let all: Vec<_> = states.iter().map(|(name, state)| json!({ "name": name, "state": state })).collect();
        output(&json_lines(&all))?;
    } else if !line.has("quiet") {
        let words: String = states.iter().map(|(_, state)| format!("{}\n", word(*state))).collect();
        output(&words)?;
    }
    Ok(if states.iter().any(|(_, state)| state.is_some_and(State::is_on)) {
        code::OK
    } else if states.iter().all(|(_, state)| state.is_none()) {
        code::NO_SUCH_UNIT
    } else {
        code::FAILED
    })
}

fn word(state: Option<State>) -> String {
    state.map_or_else(|| "not-found".to_owned(), |state| state.to_string())
}

/// `list-unit-files`
pub(super) fn list_files(line: &Line) -> Result<u8, Failed> {
    let library = Library::read(line, &[]);
    let installed = library.installed();
    let presets = presets(&library.tree);
    let fits = |name: &UnitName| {
        line.operands.is_empty()
            || line.operands.iter().any(|pattern| names::fits(pattern, name.as_str()) || names::fits(pattern, &name.to_string()))
    };
    let found: Vec<(&UnitName, State)> = library
        .units
        .iter()
        .map(|(name, _)| name)
        .filter(|name| fits(name))
        .filter_map(|name| Some((name, installed.state(name)?)))
        .collect();
    let preset = |name: &UnitName| match presets.of(name, names::fits) {
        Preset::Enable => "enabled",
        Preset::Disable => "disabled",
        Preset::Ignore => "ignored",
    };
    if line.has("json") {
        let all: Vec<_> = found.iter().map(|(name, state)| json!({ "name": name, "state": state, "preset": preset(name) })).collect();
        output(&json_lines(&all))?;
        return Ok(code::OK);
    }
    let mut table = Table::new(&["UNIT FILE", "STATE", "PRESET"]);
    for (name, state) in &found {
        let preset = if matches!(state, State::Enabled | State::EnabledRuntime | State::Disabled) { preset(name) } else { "-" };
        table.row(vec![name.as_str().to_owned(), state.to_string(), preset.to_owned()]);
    }
    output(&table.render(Paint::of_stdout(), !line.has("no-legend")))?;
    Ok(code::OK)
}
