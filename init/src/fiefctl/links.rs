//! `enable`, `disable`, `mask`, `preset` and their kin: the plans of [`units::install`], carried out.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::json;
use units::UnitName;
use units::control::Request;
use units::install::{Installer, Plan, Scope, State, Step, Wanted};

use super::line::Line;
use super::paint::Paint;
use super::session::{Failed, Session, code};
use super::sources::{self, Beneath};
use super::table::Table;
use super::{control, json_lines, names, output};
use crate::say;

pub(crate) fn installer(tree: &Beneath) -> Installer {
    Installer::of(tree, sources::specifiers(tree), true)
}

fn named(line: &Line) -> Result<Vec<UnitName>, Failed> {
    line.operands.iter().map(|word| names::name(word)).collect()
}

/// `enable`, `disable`, `reenable`, `mask`, `unmask`, `preset`, `preset-all`, `link`
pub(super) fn change(line: &Line) -> Result<u8, Failed> {
    let scope = if line.has("runtime") { Scope::Runtime } else { Scope::Persistent };
    let tree = Beneath::new(line.value("root"));
    let installer = installer(&tree);
    let units = match line.verb.name {
        "preset-all" => installer.names().cloned().collect(),
        _ => named(line)?,
    };
    let plan = match line.verb.name {
        "enable" => installer.enable(&units, scope),
        "disable" => installer.disable(&units, scope),
        "reenable" => installer.reenable(&units, scope),
        "mask" => installer.mask(&units, scope),
        "unmask" => installer.unmask(&units, scope),
        "link" => installer.link(&line.operands, scope),
        _ => installer.preset(&units, scope, Wanted::Both),
    };
    for step in &plan.steps {
        carry_out(&tree, step)?;
    }
    tell(line, &plan)?;
    let gone = !plan.problems.is_empty() && units.iter().all(|name| installer.state(name).is_none());
    let mut worst = match (plan.problems.is_empty(), gone) {
        (true, _) => code::OK,
        (false, true) => code::NO_SUCH_UNIT,
        (false, false) => code::FAILED,
    };
    if tree.is_here() {
        worst = worst.max(follow(line, units)?);
    }
    Ok(worst)
}

fn tell(line: &Line, plan: &Plan) -> Result<(), Failed> {
    if line.has("json") {
        let steps = plan.steps.iter().map(|step| match step {
            Step::Link { path, target } => json!({ "made": path, "target": target }),
            Step::Unlink { path } => json!({ "removed": path }),
        });
        output(&json_lines(&steps.collect::<Vec<_>>()))?;
    } else if !line.has("quiet") {
        let said = |step: &Step| match step {
            Step::Link { path, target } => format!("made {path} → {target}\n"),
            Step::Unlink { path } => format!("removed {path}\n"),
        };
        output(&plan.steps.iter().map(said).collect::<String>())?;
        for remark in &plan.remarks {
            say::error(format_args!("{remark}"));
        }
    }
    for problem in &plan.problems {
        say::error(format_args!("fiefctl: {problem}"));
    }
    Ok(())
}

/// Has init see what was done, and with `--now` the units too.
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

/// Makes or removes a link.
pub(crate) fn carry_out(tree: &Beneath, step: &Step) -> Result<(), Failed> {
    match step {
        Step::Link { path, target } => {
            let place = tree.place(path);
            let failed = |error| Failed::File(format!("making {place}"), error);
            if let Some(folder) = Path::new(&place).parent() {
                fs::create_dir_all(folder).map_err(failed)?;
            }
            // A link is replaced, never a file.
            if fs::symlink_metadata(&place).is_ok_and(|about| !about.is_symlink()) {
                return Err(failed(ErrorKind::AlreadyExists.into()));
            }
            let beside = format!("{place}.new");
            let _ = fs::remove_file(&beside);
            symlink(target, &beside).and_then(|()| fs::rename(&beside, &place)).map_err(failed)
        }
        Step::Unlink { path } => {
            let place = tree.place(path);
            match fs::remove_file(&place) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(Failed::File(format!("removing {place}"), error)),
                _ => {}
            }
            // A folder of links that is empty says nothing; the folders of units stay.
            if let Some(folder) = Path::new(&place).parent().filter(|folder| folder.extension().is_some()) {
                let _ = fs::remove_dir(folder);
            }
            Ok(())
        }
    }
}

/// `is-enabled`
pub(super) fn is_enabled(line: &Line) -> Result<u8, Failed> {
    let installer = installer(&Beneath::new(line.value("root")));
    let states: Vec<(UnitName, Option<State>)> = named(line)?.into_iter().map(|name| (name.clone(), installer.state(&name))).collect();
    if line.has("json") {
        let all: Vec<_> = states.iter().map(|(name, state)| json!({ "name": name, "state": state.map(State::word) })).collect();
        output(&json_lines(&all))?;
    } else if !line.has("quiet") {
        let words: String = states.iter().map(|(_, state)| format!("{}\n", state.map_or("not-found", State::word))).collect();
        output(&words)?;
    }
    Ok(if states.iter().any(|(_, state)| state.is_some_and(State::is_enabled)) {
        code::OK
    } else if states.iter().all(|(_, state)| state.is_none()) {
        code::NO_SUCH_UNIT
    } else {
        code::FAILED
    })
}

/// `list-unit-files`
pub(super) fn list_files(line: &Line) -> Result<u8, Failed> {
    let installer = installer(&Beneath::new(line.value("root")));
    let wanted = |name: &&UnitName| line.operands.is_empty() || line.operands.iter().any(|pattern| names::fits(pattern, name));
    let found: Vec<(&UnitName, State)> = installer.names().filter(wanted).filter_map(|name| Some((name, installer.state(name)?))).collect();
    if line.has("json") {
        let all: Vec<_> = found.iter().map(|(name, state)| json!({ "name": name, "state": state.word() })).collect();
        output(&json_lines(&all))?;
        return Ok(code::OK);
    }
    let mut table = Table::new(&["UNIT FILE", "STATE"]);
    for (name, state) in &found {
        table.row(vec![name.as_str().to_owned(), state.word().to_owned()]);
    }
    output(&table.render(Paint::of_stdout(), !line.has("no-legend")))?;
    Ok(code::OK)
}
