//! `edit`: a drop-in, or with `--full` a file of one's own, by an editor.
//!
//! ```text
//! NAME.toml.d/override.toml ─ copy ─▶ .override.toml.edit ─ $EDITOR ─▶ read as init will ─ rename ─▶ in force
//! ```
//!
//! Invariant: what init could not read does not come into the place of what it could.

use std::fs;
use std::path::Path;
use std::process::Command;

use units::control::{LoadState, UnitRow};
use units::{Severity, SourceFile, SourceKind};

use super::line::Line;
use super::session::{Failed, Session, code};
use super::sources::{self, Beneath};
use super::{control, looking, names, output, write_over};
use crate::say;

/// Tried in this order where nothing says which.
const EDITORS: [&str; 4] = ["editor", "nano", "vim", "vi"];

/// `edit`
pub(crate) fn edit(line: &Line) -> Result<u8, Failed> {
    let rows = names::rows(&mut Session::open()?, &line.operands, &[])?;
    let mut worst = code::OK;
    for row in &rows {
        if row.load == LoadState::NotFound && !line.has("full") {
            return Err(Failed::NoSuchUnit(row.name.to_string()));
        }
        worst = worst.max(edit_one(row, line)?);
    }
    if worst == code::OK { control::reload_units(line) } else { Ok(worst) }
}

fn edit_one(row: &UnitRow, line: &Line) -> Result<u8, Failed> {
    let path = path_of(row, line);
    let before = match (sources::present(&path), line.has("full")) {
        (Some(text), _) => text,
        (None, true) => row.sources.first().map_or_else(|| Ok(String::new()), |source| looking::text_of(source))?,
        (None, false) => beginning(row)?,
    };
    let (folder, file) = path.rsplit_once('/').unwrap_or((".", &path));
    let copy = format!("{folder}/.{file}.edit");
    write_over(Path::new(&copy), &before)?;
    run_editor(&copy)?;
    let after = fs::read_to_string(&copy).map_err(|error| Failed::File(copy.clone(), error))?;
    if after == before {
        let _ = fs::remove_file(&copy);
        say::error(format_args!("{}: nothing was changed", row.name));
        return Ok(code::OK);
    }
    if let Some(wrong) = first_error(row, &path, &after, line.has("full")) {
        output(&format!("{wrong}\n"))?;
        return Err(Failed::Told(format!("{path} stays as it was; what you wrote is in {copy}")));
    }
    fs::rename(&copy, &path).map_err(|error| Failed::File(format!("writing {path}"), error))?;
    Ok(code::OK)
}

/// The file to be edited: in the syntax of the unit's own.
fn path_of(row: &UnitRow, line: &Line) -> String {
    let ours = row.sources.first().is_none_or(|source| source.ends_with(".toml"));
    let (full, runtime) = (line.has("full"), line.has("runtime"));
    let folder = match (ours, runtime) {
        (true, false) => "/etc/fief/units",
        (true, true) => "/run/fief/units",
        (false, false) => "/etc/systemd/system",
        (false, true) => "/run/systemd/system",
    };
    match (ours, full) {
        (true, true) => format!("{folder}/{}.toml", row.name),
        (true, false) => format!("{folder}/{}.toml.d/override.toml", row.name),
        (false, true) => format!("{folder}/{}", row.name.as_str()),
        (false, false) => format!("{folder}/{}.d/override.conf", row.name.as_str()),
    }
}

/// What an empty drop-in begins with: the unit as it is, as a comment.
fn beginning(row: &UnitRow) -> Result<String, Failed> {
    let mut out = format!("# What is written here changes {}. As it is:\n#\n", row.name);
    for source in &row.sources {
        out.push_str(&format!("# {source}\n"));
        for line in looking::text_of(source)?.lines() {
            out.push_str(format!("#   {line}").trim_end());
            out.push('\n');
        }
    }
    out.push('\n');
    Ok(out)
}

#[allow(clippy::disallowed_methods, reason = "fiefctl is no init: it may wait for a child")]
fn run_editor(path: &str) -> Result<(), Failed> {
    let chosen = ["SYSTEMD_EDITOR", "EDITOR", "VISUAL"].iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    // It may have arguments of its own: a shell takes it apart.
    let line = chosen.unwrap_or_else(|| {
        let first = |name: &&str| ["/usr/bin", "/bin", "/usr/local/bin"].iter().any(|folder| Path::new(folder).join(name).exists());
        (*EDITORS.iter().find(|name| first(name)).unwrap_or(&"vi")).to_owned()
    });
    let status = Command::new("/bin/sh").args(["-c", &format!("{line} \"$1\""), "sh", path]).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failed::Told(format!("the editor {line:?} failed: {status}"))),
        Err(error) => Err(Failed::File(format!("running the editor {line:?}"), error)),
    }
}

/// What would be wrong with the file, were it in its place.
fn first_error(row: &UnitRow, path: &str, text: &str, full: bool) -> Option<String> {
    let tree = Beneath::new(None);
    let mut files = tree.files();
    files.retain(|file| file.path != path);
    let kind = if full { SourceKind::Unit(text.into()) } else { SourceKind::DropIn(text.into()) };
    files.insert(0, SourceFile { path: path.to_owned(), kind });
    // Where init was told other folders than the usual, the unit's own file is none of these.
    let there: Vec<&String> = row.sources.iter().filter(|source| !files.iter().any(|file| file.path == **source)).collect();
    for source in there {
        let text = looking::text_of(source).unwrap_or_default().into_bytes();
        let kind = if source.contains(".d/") { SourceKind::DropIn(text) } else { SourceKind::Unit(text) };
        files.push(SourceFile { path: source.clone(), kind });
    }
    let (_, found) = sources::read(&tree, files);
    found.iter().find(|diagnostic| diagnostic.path == path && diagnostic.severity == Severity::Error).map(ToString::to_string)
}
