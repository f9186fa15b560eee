//! Our side: the same files, read by `units`.

use std::collections::BTreeSet;

use anyhow::Result;
use units::search;
use units::{Diagnostic, Entry, Reader, Specifiers, UnitName, UnitSet, show};

use super::answers::ours::Rooted;
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
        let tree = Rooted(record.tree());
        let mut specifiers = Specifiers::default();
        for line in record.text("facts")?.lines() {
            let (letter, value) = line.split_once(' ').unwrap_or((line, ""));
            specifiers = letter.chars().next().into_iter().fold(specifiers, |all, letter| all.with(letter, value));
        }
        let names = record.words("names")?;
        let wanted = || names.iter().filter_map(|name| UnitName::new(name).ok());
        let reader = Reader::new(specifiers).with_instances(wanted());
        let (booted, _) = reader.read(search::collect(&tree, &folders).into_iter().chain(units::stock::files()));
        let (set, diagnostics) = reader.with_plumbing().read(search::collect_with_plumbing(&tree, &folders));
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
