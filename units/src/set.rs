//! All units that were found, good and bad.

use crate::file::Moulds;
use crate::{Diagnostic, Graph, Map, Unit, UnitName};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What is known under a name.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A unit that can be started.
    Unit(Box<Unit>),
    /// Its files are wrong; it cannot be started, and everything else goes on.
    Bad {
        /// The first thing wrong with it.
        first: Box<Diagnostic>,
    },
    /// Its file is empty or a link to `/dev/null`: it is not to be started.
    Masked {
        /// That file.
        path: String,
    },
}

/// All units that were found, and how they hang together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UnitSet {
    pub(crate) entries: Map<UnitName, Entry>,
    pub(crate) graph: Graph,
    pub(crate) aliases: Map<UnitName, UnitName>,
    /// What instances are made of.
    pub(crate) moulds: Arc<Moulds>,
}

/// What has changed between two readings of the unit files, each in alphabetic order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Difference {
    /// Units there were none of.
    pub added: Vec<UnitName>,
    /// Units whose files have gone.
    pub removed: Vec<UnitName>,
    /// Units that are something else now.
    pub changed: Vec<UnitName>,
}

impl UnitSet {
    /// The name of the unit that `name` is a name of: another one for an alias, else itself. All
    /// other questions take this one.
    #[must_use]
    pub fn resolve<'a>(&'a self, name: &'a UnitName) -> &'a UnitName {
        self.aliases.get(name).unwrap_or(name)
    }

    /// All aliases, with the units they stand for.
    pub fn aliases(&self) -> impl Iterator<Item = (&UnitName, &UnitName)> {
        self.aliases.iter()
    }

    /// What is known under `name`.
    #[must_use]
    pub fn entry(&self, name: &UnitName) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// The unit, where it can be started.
    #[must_use]
    pub fn unit(&self, name: &UnitName) -> Option<&Unit> {
        match self.entries.get(name) {
            Some(Entry::Unit(unit)) => Some(unit),
            Some(Entry::Bad { .. } | Entry::Masked { .. }) | None => None,
        }
    }

    /// The files that say what `name` is, its own first; `None` where there is no such unit.
    #[must_use]
    pub fn files<'a>(&'a self, name: &'a UnitName) -> Option<Vec<&'a str>> {
        Some(match self.entries.get(self.resolve(name))? {
            Entry::Unit(unit) => unit.sources.iter().map(String::as_str).collect(),
            Entry::Bad { first } => vec![&first.path],
            Entry::Masked { path } => vec![path],
        })
    }

    /// All names, in alphabetic order, with what is known under them.
    pub fn iter(&self) -> impl Iterator<Item = (&UnitName, &Entry)> {
        self.entries.iter()
    }

    /// Takes over what `other` knows under `name`, without relations to the others.
    pub fn keep(&mut self, other: &Self, name: &UnitName) {
        if let Some(entry) = other.entries.get(name) {
            self.entries.insert(name.clone(), entry.clone());
        }
    }

    /// From now on this is known under `name`, which nobody can start any more.
    pub fn replace(&mut self, name: &UnitName, entry: Option<Entry>) {
        if let Some(Entry::Unit(unit)) = self.entries.remove(name) {
            self.graph.remove(&unit);
        }
        self.entries.extend(entry.map(|entry| (name.clone(), entry)));
    }

    /// What is different in `after`, which was read later.
    #[must_use]
    pub fn difference(&self, after: &Self) -> Difference {
        let mut difference = Difference::default();
        for (name, entry) in &self.entries {
            match after.entries.get(name) {
                None => difference.removed.push(name.clone()),
                Some(other) if other != entry => difference.changed.push(name.clone()),
                Some(_) => {}
            }
        }
        difference.added = after.entries.keys().filter(|name| !self.entries.contains_key(*name)).cloned().collect();
        difference
    }

    /// The effective relations.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }
}
