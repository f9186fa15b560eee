//! Our side: the same files, read by `units`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use units::{Diagnostic, Entry, Reader, SourceFile, SourceKind, Specifiers, UnitName, UnitSet, show};

use super::record::{Properties, Record};

/// What we made of the tree.
pub(crate) struct Ours {
    /// Everything, systemd's own units too, to be compared.
    pub(crate) set: UnitSet,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// As PID 1 reads it: systemd's own units skipped or replaced.
    pub(crate) booted: UnitSet,
    /// Names of the unit files that are there.
    pub(crate) files: BTreeSet<UnitName>,
}

impl Ours {
    pub(crate) fn read(record: &Record) -> Result<Self> {
        let folders = record.words("folders")?;
        let files = collect(&record.tree(), &folders)?;
        let mut specifiers = Specifiers::default();
        for line in record.text("facts")?.lines() {
            let (letter, value) = line.split_once(' ').unwrap_or((line, ""));
            specifiers = letter.chars().next().into_iter().fold(specifiers, |all, letter| all.with(letter, value));
        }
        let names = record.words("names")?;
        let wanted = || names.iter().filter_map(|name| UnitName::new(name).ok());
        let reader = Reader::new(specifiers).with_instances(wanted());
        let (booted, _) = reader.read(files.iter().cloned().chain(units::stock::files()));
        let (set, diagnostics) = reader.with_plumbing().read(files);
        let listed = record.words("files")?;
        Ok(Self { set, diagnostics, booted, files: listed.iter().filter_map(|name| UnitName::new(name).ok()).collect() })
    }

    /// Our properties of a unit; `None` where it is not known.
    pub(crate) fn shown(&self, name: &str) -> Option<Properties> {
        let name = UnitName::new(name).ok()?;
        self.set.entry(self.set.resolve(&name))?;
        let mut properties = Properties::new();
        for (property, value) in show::show(&self.set, &name) {
            properties.entry(property.to_owned()).or_default().push(value.replace('\n', "\\n"));
        }
        Some(properties)
    }

    pub(crate) fn print(&self, name: &str) -> Result<()> {
        let name = UnitName::new(name)?;
        for (property, value) in show::show(&self.set, &name) {
            println!("{property}={value}");
        }
        Ok(())
    }

    /// Whether PID 1 has it, ours in its place, or passes it over on purpose.
    pub(crate) fn fate(&self, name: &UnitName) -> Fate {
        match self.booted.entry(self.booted.resolve(name)) {
            Some(Entry::Unit(unit)) if unit.sources.iter().all(|path| units::stock::is_stock(path)) => Fate::Replaced,
            Some(Entry::Unit(_)) => Fate::Loaded,
            Some(Entry::Masked { .. }) => Fate::Masked,
            Some(Entry::Bad { .. }) => Fate::Bad,
            None if self.booted.templates().any(|template| template == name) => Fate::Loaded,
            None => Fate::Skipped,
        }
    }
}

/// What becomes of a unit file when PID 1 reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    Loaded,
    Replaced,
    Skipped,
    Masked,
    Bad,
}

/// The unit files of the folders beneath `root`, in order of precedence, with their paths in the guest.
fn collect(root: &Path, folders: &[String]) -> Result<Vec<SourceFile>> {
    let mut found = Vec::new();
    for folder in folders {
        let place = root.join(folder.trim_start_matches('/'));
        for name in names(&place)? {
            let path = place.join(&name);
            let guest = format!("{folder}/{name}");
            let about = fs::symlink_metadata(&path)?;
            if about.is_symlink() {
                let target = fs::read_link(&path)?.to_string_lossy().into_owned();
                found.push(SourceFile { path: guest, kind: SourceKind::Alias { target } });
            } else if about.is_dir() {
                for inner in names(&path)? {
                    found.push(member(&path.join(&inner), format!("{guest}/{inner}"))?);
                }
            } else {
                found.push(SourceFile { path: guest, kind: SourceKind::Unit(fs::read(&path)?) });
            }
        }
    }
    Ok(found)
}

/// A drop-in, or a link of a unit that wants another.
fn member(path: &Path, guest: String) -> Result<SourceFile> {
    let about = fs::symlink_metadata(path)?;
    let kind = if about.is_symlink() {
        SourceKind::Alias { target: fs::read_link(path)?.to_string_lossy().into_owned() }
    } else {
        SourceKind::DropIn(fs::read(path)?)
    };
    Ok(SourceFile { path: guest, kind })
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.with_context(|| format!("cannot list {}", folder.display()))?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
