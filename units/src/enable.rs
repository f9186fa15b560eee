//! What boot starts: enabling, disabling, masking and presets, as plans of links.
//!
//! ```text
//!   [Install] ─ enable ─▶ /etc/systemd/system/multi-user.target.wants/web.service ─▶ /usr/lib/…/web.service
//!   wanted-by ─ holds at once ─ disable ─▶ /etc/fief/units/multi-user.target.wants/web.toml ─▶ /dev/null
//! ```
//!
//! systemd's units are enabled by links that their `[Install]` names (systemctl(1), "enable"); ours want to be
//! started by being there, and disabling one takes that back. Nothing is done here: a plan is carried out by
//! who has files, beneath whichever root.

mod preset;

pub use preset::{Preset, Presets};

use crate::file::Pull;
use crate::set::Entry;
use crate::unit::Unit;
use crate::{SourceFile, SourceKind, UnitName, UnitSet, stock};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// Where a link to it takes something back.
const NOWHERE: &str = "/dev/null";

/// For how long a change is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In `/etc`.
    Persistent,
    /// In `/run`, until the next boot.
    Runtime,
}

/// One change in the file system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// This is to be a symbolic link to that; a link that is there is replaced, a file is not.
    Link {
        /// Where.
        path: String,
        /// Where to.
        target: String,
    },
    /// This symbolic link is to go.
    Remove {
        /// Where.
        path: String,
    },
}

/// Why a unit can be neither enabled nor disabled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    /// There are no files of it.
    #[error("{0}: no such unit")]
    NoSuchUnit(UnitName),
    /// It is masked.
    #[error("{unit} is masked by {path}")]
    Masked {
        /// Which.
        unit: UnitName,
        /// By what.
        path: String,
    },
    /// Its files are wrong.
    #[error("{unit}: {why}")]
    Bad {
        /// Which.
        unit: UnitName,
        /// In what.
        why: String,
    },
    /// A template names no unit, and says no instance of its own.
    #[error("{0} is a template without DefaultInstance=: name an instance of it")]
    Template(UnitName),
    /// A file stands where the link would be.
    #[error("{0} is a file of its own and would have to make way")]
    InTheWay(String),
}

/// Whether boot starts it; systemctl(1), `is-enabled`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "systemd's words")]
pub enum State {
    Enabled,
    EnabledRuntime,
    Alias,
    Masked,
    MaskedRuntime,
    Generated,
    Static,
    Indirect,
    Disabled,
    Bad,
}

impl State {
    /// Whether `is-enabled` says yes.
    #[must_use]
    pub fn is_on(self) -> bool {
        match self {
            Self::Enabled | Self::EnabledRuntime | Self::Alias | Self::Generated | Self::Static | Self::Indirect => true,
            Self::Masked | Self::MaskedRuntime | Self::Disabled | Self::Bad => false,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Enabled => "enabled",
            Self::EnabledRuntime => "enabled-runtime",
            Self::Alias => "alias",
            Self::Masked => "masked",
            Self::MaskedRuntime => "masked-runtime",
            Self::Generated => "generated",
            Self::Static => "static",
            Self::Indirect => "indirect",
            Self::Disabled => "disabled",
            Self::Bad => "bad",
        })
    }
}

/// A system's unit files as they were collected, and what they say.
#[derive(Clone, Copy, Debug)]
pub struct Installed<'a> {
    files: &'a [SourceFile],
    units: &'a UnitSet,
}

impl<'a> Installed<'a> {
    /// `units` is what reading `files` gave.
    #[must_use]
    pub fn new(files: &'a [SourceFile], units: &'a UnitSet) -> Self {
        Self { files, units }
    }

    /// Whether boot starts it; none if there is no such unit.
    #[must_use]
    pub fn state(&self, name: &UnitName) -> Option<State> {
        let resolved = self.units.resolve(name);
        let unit = match self.units.entry(resolved)? {
            Entry::Masked { path } => return Some(if is_runtime(path) { State::MaskedRuntime } else { State::Masked }),
            Entry::Bad { .. } => return Some(State::Bad),
            Entry::Unit(unit) => unit,
        };
        if resolved != name {
            return Some(State::Alias);
        }
        if is_ours(unit) {
            let pulls = ours(unit).count();
            let taken_back = ours(unit).filter(|(pull, of)| self.is_taken_back(*pull, of, name)).count();
            return Some(match pulls {
                0 => State::Static,
                _ if taken_back == pulls => State::Disabled,
                _ => State::Enabled,
            });
        }
        let links: Vec<&str> = self.links_to(unit).collect();
        let install = &unit.install;
        Some(if links.iter().any(|path| path.starts_with("/etc/")) {
            State::Enabled
        } else if links.iter().any(|path| is_runtime(path)) {
            State::EnabledRuntime
        } else if unit.sources.first().is_some_and(|path| path.starts_with("/run/systemd/generator")) {
            State::Generated
        } else if !(install.wanted_by.is_empty() && install.required_by.is_empty() && install.alias.is_empty()) {
            State::Disabled
        } else if !install.also.is_empty() {
            State::Indirect
        } else {
            State::Static
        })
    }

    /// What has to be done for boot to start these, and those that are to be enabled with them.
    ///
    /// # Errors
    /// [`Impossible`] of the first that cannot be.
    pub fn enable(&self, names: &[UnitName], scope: Scope) -> Result<Vec<Change>, Impossible> {
        let mut changes = BTreeSet::new();
        for unit in self.with_others(names)? {
            if is_ours(unit) {
                for (pull, of) in ours(unit) {
                    let taken = self.take_backs(pull, of, &unit.name);
                    changes.extend(taken.map(|path| Change::Remove { path: path.to_owned() }));
                }
                continue;
            }
            let Some(source) = unit.sources.first() else { continue };
            let folder = folder(false, scope);
            let pulls = [("wants", &unit.install.wanted_by), ("requires", &unit.install.required_by)];
            for (kind, of) in pulls.into_iter().flat_map(|(kind, all)| all.iter().map(move |of| (kind, of))) {
                let path = format!("{folder}/{}.{kind}/{}", of.as_str(), unit.name.as_str());
                changes.insert(Change::Link { path, target: source.clone() });
            }
            for alias in unit.install.alias.iter().filter(|alias| **alias != unit.name) {
                changes.insert(Change::Link { path: format!("{folder}/{}", alias.as_str()), target: source.clone() });
            }
        }
        Ok(changes.into_iter().filter(|change| !self.is_done(change)).collect())
    }

    /// What has to be done for boot to start these no more.
    ///
    /// # Errors
    /// [`Impossible`] of the first that cannot be.
    pub fn disable(&self, names: &[UnitName], scope: Scope) -> Result<Vec<Change>, Impossible> {
        let mut changes = BTreeSet::new();
        for unit in self.with_others(names)? {
            if is_ours(unit) {
                for (pull, of) in ours(unit).filter(|(pull, of)| !self.is_taken_back(*pull, of, &unit.name)) {
                    let path = format!("{}/{}{}/{}.toml", folder(true, scope), of.as_str(), suffix(pull), unit.name);
                    changes.insert(Change::Link { path, target: NOWHERE.to_owned() });
                }
                continue;
            }
            let within = match scope {
                Scope::Persistent => "/etc/",
                Scope::Runtime => "/run/",
            };
            let links = self.links_to(unit).filter(|path| path.starts_with(within));
            changes.extend(links.map(|path| Change::Remove { path: path.to_owned() }));
        }
        Ok(changes.into_iter().collect())
    }

    /// What has to be done so that these cannot be started at all. They need not exist.
    ///
    /// # Errors
    /// [`Impossible::InTheWay`] where the unit's own file stands there.
    pub fn mask(&self, names: &[UnitName], scope: Scope) -> Result<Vec<Change>, Impossible> {
        let mut changes = Vec::new();
        for name in names {
            let ours = self.units.unit(name).is_some_and(is_ours);
            let folder = folder(ours, scope);
            let path = if ours { format!("{folder}/{name}.toml") } else { format!("{folder}/{}", name.as_str()) };
            match self.files.iter().find(|file| file.path == path).map(|file| &file.kind) {
                None | Some(SourceKind::Alias { .. }) => {}
                // An empty file masks already.
                Some(SourceKind::Unit(text)) if text.is_empty() => continue,
                Some(SourceKind::Unit(_) | SourceKind::DropIn(_) | SourceKind::Unreadable(_)) => return Err(Impossible::InTheWay(path)),
            }
            changes.push(Change::Link { path, target: NOWHERE.to_owned() });
        }
        Ok(changes.into_iter().filter(|change| !self.is_done(change)).collect())
    }

    /// What has to be done so that these can be started again.
    #[must_use]
    pub fn unmask(&self, names: &[UnitName]) -> Vec<Change> {
        let is_mask = |file: &&SourceFile| {
            let named = crate::search::unit_of(&file.path).is_some_and(|name| names.contains(&name));
            let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let of_a_unit = !Pull::ALL.iter().any(|(_, suffix)| folder.ends_with(suffix));
            named && of_a_unit && leads_nowhere(file)
        };
        let changeable = |file: &&SourceFile| file.path.starts_with("/etc/") || file.path.starts_with("/run/");
        self.files.iter().filter(is_mask).filter(changeable).map(|file| Change::Remove { path: file.path.clone() }).collect()
    }

    /// The units that a preset is about: those that can be enabled or disabled at all.
    pub fn subjects(&self) -> impl Iterator<Item = &'a UnitName> {
        self.units.iter().filter_map(|(name, entry)| match entry {
            Entry::Unit(unit) => {
                let install = &unit.install;
                let any = !(install.wanted_by.is_empty() && install.required_by.is_empty() && install.alias.is_empty());
                (any || ours(unit).next().is_some()).then_some(name)
            }
            Entry::Bad { .. } | Entry::Masked { .. } => None,
        })
    }

    /// These units and all that are to be enabled and disabled with them.
    fn with_others(&self, names: &[UnitName]) -> Result<Vec<&'a Unit>, Impossible> {
        let mut found: Vec<&Unit> = Vec::new();
        let mut open: Vec<UnitName> = names.iter().rev().cloned().collect();
        let mut seen = BTreeSet::new();
        while let Some(name) = open.pop() {
            let named = names.contains(&name);
            let name = self.units.resolve(&name).clone();
            if !seen.insert(name.clone()) {
                continue;
            }
            match self.units.entry(&name) {
                Some(Entry::Unit(unit)) => {
                    open.extend(unit.install.also.iter().cloned());
                    found.push(unit);
                }
                // What only comes along may be missing.
                _ if !named => {}
                Some(Entry::Masked { path }) => return Err(Impossible::Masked { unit: name, path: path.clone() }),
                Some(Entry::Bad { first }) => return Err(Impossible::Bad { unit: name, why: first.message.clone() }),
                None if name.is_template() => return Err(Impossible::Template(name)),
                None => return Err(Impossible::NoSuchUnit(name)),
            }
        }
        Ok(found)
    }

    /// The links by which a unit of systemd's is enabled, wherever they are.
    fn links_to(&self, unit: &'a Unit) -> impl Iterator<Item = &'a str> {
        let own = format!("/{}", unit.name.as_str());
        let aliases: Vec<String> = unit.install.alias.iter().map(|alias| format!("/{}", alias.as_str())).collect();
        let is_pull =
            |path: &str| path.rsplit_once('/').is_some_and(|(folder, _)| Pull::ALL.iter().any(|(_, suffix)| folder.ends_with(suffix)));
        let counts = move |file: &&SourceFile| {
            let link = matches!(&file.kind, SourceKind::Alias { target } if target != NOWHERE);
            let pulls = file.path.ends_with(&own) && is_pull(&file.path);
            let names = aliases.iter().any(|alias| file.path.ends_with(alias)) && !is_pull(&file.path);
            link && (pulls || names)
        };
        self.files.iter().filter(counts).map(|file| file.path.as_str())
    }

    /// The links that take back that `name` is pulled by `of`.
    fn take_backs(&self, pull: Pull, of: &UnitName, name: &UnitName) -> impl Iterator<Item = &'a str> {
        let ends: Vec<String> = [format!("{name}.toml"), name.to_string(), name.as_str().to_owned()]
            .iter()
            .map(|file| format!("/{}{}/{file}", of.as_str(), suffix(pull)))
            .collect();
        self.files
            .iter()
            .filter(move |file| leads_nowhere(file) && ends.iter().any(|end| file.path.ends_with(end)))
            .map(|file| file.path.as_str())
    }

    fn is_taken_back(&self, pull: Pull, of: &UnitName, name: &UnitName) -> bool {
        self.take_backs(pull, of, name).next().is_some()
    }

    fn is_done(&self, change: &Change) -> bool {
        match change {
            Change::Link { path, target } => self
                .files
                .iter()
                .any(|file| file.path == *path && matches!(&file.kind, SourceKind::Alias { target: there } if there == target)),
            Change::Remove { .. } => false,
        }
    }
}

/// The instance as which a template is enabled where none is named; `sample` is any instance of it.
#[must_use]
pub fn default_instance(units: &UnitSet, sample: &UnitName) -> Option<UnitName> {
    let instance = units.unit(sample)?.install.default_instance.as_deref()?;
    sample.template()?.with_instance(instance)
}

/// In our syntax, which wants to be started by being there.
fn is_ours(unit: &Unit) -> bool {
    unit.sources.first().is_none_or(|path| path.ends_with(".toml") || stock::is_stock(path))
}

/// Who pulls a unit of ours, as its own file says.
fn ours(unit: &Unit) -> impl Iterator<Item = (Pull, &UnitName)> {
    let all = is_ours(unit).then_some(unit).into_iter();
    all.flat_map(|unit| {
        let wants = unit.install.wanted_by.iter().map(|of| (Pull::Wants, of));
        wants.chain(unit.install.required_by.iter().map(|of| (Pull::Requires, of)))
    })
}

fn suffix(pull: Pull) -> &'static str {
    Pull::ALL.iter().find(|(known, _)| *known == pull).map_or(".wants", |(_, suffix)| suffix)
}

fn leads_nowhere(file: &SourceFile) -> bool {
    matches!(&file.kind, SourceKind::Alias { target } if target == NOWHERE)
}

fn is_runtime(path: &str) -> bool {
    path.starts_with("/run/") && !path.starts_with("/run/systemd/generator")
}

fn folder(ours: bool, scope: Scope) -> &'static str {
    match (ours, scope) {
        (true, Scope::Persistent) => "/etc/fief/units",
        (true, Scope::Runtime) => "/run/fief/units",
        (false, Scope::Persistent) => "/etc/systemd/system",
        (false, Scope::Runtime) => "/run/systemd/system",
    }
}

#[cfg(test)]
mod tests;
