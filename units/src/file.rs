//! Reading unit files.
//!
//! ```text
//!   SourceFile ─ by name ─▶ Sources (unit, drop-ins) ─ toml ─▶ Section… ─▶ Draft ─▶ Unit
//!                                        └───────── what is wrong ─────────▶ Diagnostic
//! ```
//!
//! Strict and never fatal: an unknown key is an error with a guess at what was meant, and makes
//! this unit bad, not its neighbours (test `noise_is_told_and_nobody_else_suffers`).

mod body;
mod draft;
mod keys;
mod section;
mod source;

pub(crate) use draft::Origin;
pub(crate) use keys::nearest;

use crate::set::Entry;
use crate::unit::Unit;
use crate::{Diagnostic, Severity, UnitName, UnitSet, graph};
use draft::Draft;
use source::Source;
use std::collections::BTreeMap;

/// The largest file that is read, in bytes. Read at most one byte more from disk: a longer text
/// becomes a diagnostic.
pub const FILE_LIMIT: usize = 1 << 20;

/// One file, as found.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Its path, which says the unit's name: `…/web.toml`, or `…/web.toml.d/10-more.toml`.
    pub path: String,
    /// What it is.
    pub kind: SourceKind,
}

/// What a file is, and what stands in it. An empty text masks the unit, as does a link to
/// `/dev/null`.
#[derive(Clone, Debug)]
pub enum SourceKind {
    /// A unit.
    Unit(Vec<u8>),
    /// A drop-in to a unit.
    DropIn(Vec<u8>),
    /// A unit file or drop-in that could not be read, and why.
    Unreadable(String),
}

impl SourceFile {
    /// The unit this file is about, by its path; and for a drop-in the file's own name.
    fn subject(&self) -> Result<(UnitName, Option<&str>), String> {
        let mut parts = self.path.rsplit('/');
        let file = parts.next().unwrap_or_default();
        let folder = parts.next().unwrap_or_default();
        let (stem, drop_in) = match folder.strip_suffix(".toml.d") {
            Some(stem) => (stem, Some(file)),
            None => match file.strip_suffix(".toml") {
                Some(stem) => (stem, None),
                None => return Err("a unit file is named NAME.toml".to_owned()),
            },
        };
        let name = UnitName::new(stem).map_err(|error| error.to_string())?;
        Ok((name, drop_in))
    }
}

/// The files about one unit.
#[derive(Default)]
struct Sources {
    unit: Option<SourceFile>,
    /// By file name, in which order they are applied.
    drop_ins: BTreeMap<String, SourceFile>,
}

/// Reads all files, given in order of precedence: of two units with one name the first counts,
/// and of two drop-ins of one unit with the same file name.
///
/// Never fails as a whole: what is wrong becomes diagnostics, and the unit concerned
/// [`crate::Entry::Bad`].
#[must_use]
pub fn read(files: impl IntoIterator<Item = SourceFile>) -> (UnitSet, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let mut by_name: BTreeMap<UnitName, Sources> = BTreeMap::new();
    for file in files {
        match file.subject() {
            Ok((name, None)) => {
                by_name.entry(name).or_default().unit.get_or_insert(file);
            }
            Ok((name, Some(own))) => {
                let own = own.to_owned();
                by_name.entry(name).or_default().drop_ins.entry(own).or_insert(file);
            }
            Err(message) => diagnostics.push(whole_file(&file.path, message)),
        }
    }

    let mut entries = BTreeMap::new();
    let mut origins = graph::Origins::default();
    for (name, sources) in by_name {
        let Some(unit) = sources.unit else {
            // A drop-in alone makes no unit: its subject may be a package not installed yet.
            continue;
        };
        let entry = if is_mask(&unit.kind) {
            Entry::Masked { path: unit.path }
        } else {
            let files: Vec<SourceFile> = std::iter::once(unit).chain(sources.drop_ins.into_values()).collect();
            match read_unit(&name, &files, &mut origins, &mut diagnostics) {
                Ok(unit) => Entry::Unit(Box::new(unit)),
                Err(first) => Entry::Bad { first },
            }
        };
        entries.insert(name, entry);
    }
    let graph = graph::build(&entries, &origins, &mut diagnostics);
    (UnitSet { entries, graph }, diagnostics)
}

fn read_unit(
    name: &UnitName,
    files: &[SourceFile],
    origins: &mut graph::Origins,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Unit, Box<Diagnostic>> {
    let mut draft = Draft::new(name.clone());
    let mut first_error = None;
    for file in files {
        let found = match &file.kind {
            SourceKind::Unreadable(why) => vec![whole_file(&file.path, format!("cannot be read: {why}"))],
            SourceKind::Unit(text) | SourceKind::DropIn(text) => {
                let source = Source::new(&file.path, text);
                draft.apply(&source);
                source.into_found()
            }
        };
        for diagnostic in found {
            if diagnostic.severity == Severity::Error && first_error.is_none() {
                first_error = Some(Box::new(diagnostic.clone()));
            }
            diagnostics.push(diagnostic);
        }
    }
    if let Some(first) = first_error {
        return Err(first);
    }
    let path = files.first().map_or("", |file| &file.path);
    match draft.finish() {
        Ok((unit, its_origins)) => {
            origins.add(name, its_origins);
            Ok(unit)
        }
        Err(message) => {
            let diagnostic = whole_file(path, message);
            diagnostics.push(diagnostic.clone());
            Err(Box::new(diagnostic))
        }
    }
}

fn is_mask(kind: &SourceKind) -> bool {
    match kind {
        SourceKind::Unit(text) => text.is_empty(),
        SourceKind::DropIn(_) | SourceKind::Unreadable(_) => false,
    }
}

fn whole_file(path: &str, message: String) -> Diagnostic {
    let path = path.to_owned();
    Diagnostic { severity: Severity::Error, path, place: None, message, help: None }
}

#[cfg(test)]
mod tests;
