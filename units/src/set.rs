//! All units that were found, good and bad.

use crate::{Diagnostic, Graph, Unit, UnitName};
use std::collections::BTreeMap;

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
    pub(crate) entries: BTreeMap<UnitName, Entry>,
    pub(crate) graph: Graph,
}

impl UnitSet {
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

    /// The effective relations.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }
}
