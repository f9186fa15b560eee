//! How units hang together, once defaults, `wanted-by` and both directions are taken into account.
//!
//! ```text
//!   service ─ requires, after ─▶ sysinit.target      target ─ after ─▶ what it wants or requires
//!           └────────── after ─▶ basic.target
//! ```
//!
//! Invariant: the order has no cycle. Where the files make one, it is told with all its units, and
//! the fewest edges possible are dropped, those of the administrator's own files first; nobody is
//! kept from starting by it (test `a_cycle_is_named_and_loses_one_edge`).

mod building;
mod cycle;
mod implied;

pub(crate) use building::Building;
use implied::{defaults, implied};

use crate::diagnostic::{Diagnostic, Severity};
use crate::file::Origin;
use crate::set::Entry;
use crate::unit::Unit;
use crate::{Map, Names, Set, UnitName};

/// Names that are not there for which the nearest is looked for, in one unit: it takes a look at all there are.
const MOST_GUESSES: usize = 8;

/// The effective relations of all units. Its order has no cycle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    nodes: Map<UnitName, Node>,
}

/// The effective relations of one unit, in both directions. `after` and `before` name only units
/// that could be read; the others name whatever was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Started after these.
    pub after: Names,
    /// Started before these.
    pub before: Names,
    /// Needs these started with it.
    pub requires: Names,
    /// Needs these to be up already.
    pub requisite: Names,
    /// Starts these with it.
    pub wants: Names,
    /// Needs these up all the time.
    pub binds_to: Names,
    /// Excludes these, both ways.
    pub conflicts: Names,
    /// Is required by these (`requires`, `requisite` and `binds-to`).
    pub required_by: Names,
    /// These are bound to it.
    pub bound_by: Names,
    /// These are part of it.
    pub consists_of: Names,
    /// Is wanted by these.
    pub wanted_by: Names,
    /// Needs these to have been up once.
    pub needs_once: Names,
    /// These need it to have been up once.
    pub needed_once_by: Names,
    /// Keeps these up.
    pub upholds: Names,
    /// Is kept up by these.
    pub upheld_by: Names,
    /// Has these reloaded when it is.
    pub reloads: Names,
    /// Has these stopped when it is.
    pub stops: Names,
}

impl Graph {
    /// The relations of `name`, if it is a unit that could be read.
    #[must_use]
    pub fn node(&self, name: &UnitName) -> Option<&Node> {
        self.nodes.get(name)
    }

    /// All units that could be read, each after everything it is ordered after; where the order
    /// says nothing, alphabetically.
    #[must_use]
    pub fn order(&self) -> Vec<&UnitName> {
        let mut order = Vec::with_capacity(self.nodes.len());
        let mut waiting: Map<&UnitName, usize> = self.nodes.iter().map(|(n, node)| (n, node.after.len())).collect();
        let mut ready: Set<&UnitName> = waiting.iter().filter(|(_, n)| **n == 0).map(|(n, _)| *n).collect();
        while let Some(name) = ready.pop_first() {
            order.push(name);
            let before = self.nodes.get(name).map(|node| &node.before);
            for next in before.into_iter().flatten() {
                if let Some(count) = waiting.get_mut(next) {
                    *count = count.saturating_sub(1);
                    if *count == 0 {
                        ready.insert(next);
                    }
                }
            }
        }
        order
    }

    /// Takes a unit out, and what others have of it.
    pub(crate) fn remove(&mut self, unit: &Unit) {
        let name = &unit.name;
        let Some(node) = self.nodes.remove(name) else { return };
        for earlier in &node.after {
            self.node_mut(earlier).before.remove(name);
        }
        for later in &node.before {
            self.node_mut(later).after.remove(name);
        }
        for other in node.requires.iter().chain(&node.requisite).chain(&node.binds_to) {
            if let Some(other) = self.nodes.get_mut(other) {
                other.required_by.remove(name);
                other.bound_by.remove(name);
            }
        }
        for other in node.wants.iter().chain(&node.needs_once).chain(&node.upholds) {
            if let Some(other) = self.nodes.get_mut(other) {
                other.wanted_by.remove(name);
                other.needed_once_by.remove(name);
                other.upheld_by.remove(name);
            }
        }
        for other in unit.relations.reload_propagated_from.iter().chain(&unit.relations.stop_propagated_from) {
            if let Some(other) = self.nodes.get_mut(other) {
                other.reloads.remove(name);
                other.stops.remove(name);
            }
        }
        for other in &node.conflicts {
            self.node_mut(other).conflicts.remove(name);
        }
        for other in unit.relations.part_of.iter().chain(&unit.wanted_by).chain(&unit.required_by) {
            if let Some(other) = self.nodes.get_mut(other) {
                other.consists_of.remove(name);
                other.wants.remove(name);
                other.requires.remove(name);
            }
        }
    }

    fn node_mut(&mut self, name: &UnitName) -> &mut Node {
        self.nodes.entry(name.clone()).or_default()
    }
}

/// Where relations were written, for diagnostics; forgotten once the graph is built.
#[derive(Debug, Default)]
pub(crate) struct Origins(std::collections::BTreeMap<(UnitName, UnitName, &'static str), Origin>);

impl Origins {
    pub(crate) fn add(&mut self, unit: &UnitName, written: Vec<(UnitName, Origin)>) {
        for (other, origin) in written {
            self.0.entry((unit.clone(), other, origin.key)).or_insert(origin);
        }
    }

    fn get(&self, unit: &UnitName, other: &UnitName, key: &'static str) -> Option<&Origin> {
        self.0.get(&(unit.clone(), other.clone(), key))
    }
}

/// Adds the nodes of units that came later. Between the others nothing changes, but for an edge
/// that would close a cycle with them.
pub(crate) fn add(
    graph: &mut Graph,
    new: &Set<&UnitName>,
    entries: &Map<UnitName, Entry>,
    origins: &Origins,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let units = Units(entries);
    for (name, unit) in units.iter() {
        if new.contains(name) {
            graph.node_mut(name);
            written(graph, name, unit, units);
        } else {
            // What was written of it before it was there.
            for other in new.iter().filter(|other| units.has(other)) {
                towards(graph, name, unit, other);
            }
        }
    }
    for (name, unit) in new.iter().filter_map(|name| units.get(name)) {
        implied(graph, name, unit, units);
        defaults(graph, name, unit, units);
    }
    if new.iter().any(|name| is_after_itself(graph, name)) {
        while cycle::break_one(graph, origins, diagnostics) {}
    }
    for (name, unit) in new.iter().filter_map(|name| units.get(name)) {
        tell_missing(name, unit, entries, origins, diagnostics);
    }
}

/// Whether the order leads from a unit back to it.
fn is_after_itself(graph: &Graph, name: &UnitName) -> bool {
    let mut seen = Set::new();
    let mut next: Vec<&UnitName> = graph.nodes.get(name).into_iter().flat_map(|node| &node.after).collect();
    while let Some(at) = next.pop() {
        if at == name {
            return true;
        }
        if seen.insert(at) {
            next.extend(graph.nodes.get(at).into_iter().flat_map(|node| &node.after));
        }
    }
    false
}

/// The units that can be started.
#[derive(Clone, Copy)]
struct Units<'a>(&'a Map<UnitName, Entry>);

impl<'a> Units<'a> {
    fn get(self, name: &UnitName) -> Option<(&'a UnitName, &'a Unit)> {
        match self.0.get(name)? {
            Entry::Unit(unit) => Some((&unit.name, unit)),
            Entry::Bad { .. } | Entry::Masked { .. } => None,
        }
    }

    fn has(self, name: &UnitName) -> bool {
        self.get(name).is_some()
    }

    fn iter(self) -> impl DoubleEndedIterator<Item = (&'a UnitName, &'a Unit)> {
        self.0.iter().filter_map(good)
    }
}

fn good<'a>((name, entry): (&'a UnitName, &'a Entry)) -> Option<(&'a UnitName, &'a Unit)> {
    match entry {
        Entry::Unit(unit) => Some((name, unit.as_ref())),
        Entry::Bad { .. } | Entry::Masked { .. } => None,
    }
}

fn written(graph: &mut Graph, name: &UnitName, unit: &Unit, units: Units<'_>) {
    let relations = &unit.relations;
    let node = graph.node_mut(name);
    node.requires.extend(relations.requires.iter().cloned());
    node.requisite.extend(relations.requisite.iter().cloned());
    node.binds_to.extend(relations.binds_to.iter().cloned());
    node.wants.extend(relations.wants.iter().cloned());
    node.needs_once.extend(relations.needs_once.iter().cloned());
    node.upholds.extend(relations.upholds.iter().cloned());
    node.reloads.extend(relations.propagates_reload_to.iter().cloned());
    node.stops.extend(relations.propagates_stop_to.iter().cloned());
    let r = relations;
    let order = [&r.after, &r.before, &r.conflicts];
    let needs = [&r.requires, &r.requisite, &r.binds_to, &r.part_of, &r.wants, &r.needs_once, &r.upholds];
    for set in order.into_iter().chain(needs).chain([&r.reload_propagated_from, &r.stop_propagated_from]) {
        for other in set.iter().filter(|other| units.has(other)) {
            towards(graph, name, unit, other);
        }
    }
    for target in unit.wanted_by.iter().filter(|target| units.has(target)) {
        graph.node_mut(target).wants.insert(name.clone());
        graph.node_mut(name).wanted_by.insert(target.clone());
    }
    for target in unit.required_by.iter().filter(|target| units.has(target)) {
        graph.node_mut(target).requires.insert(name.clone());
        require(graph, target, name, units);
    }
}

/// What a unit says of another that is there.
fn towards(graph: &mut Graph, name: &UnitName, unit: &Unit, other: &UnitName) {
    let relations = &unit.relations;
    if relations.after.contains(other) {
        order(graph, name, other);
    }
    if relations.before.contains(other) {
        order(graph, other, name);
    }
    if relations.requires.contains(other) || relations.requisite.contains(other) || relations.binds_to.contains(other) {
        graph.node_mut(other).required_by.insert(name.clone());
    }
    if relations.binds_to.contains(other) {
        graph.node_mut(other).bound_by.insert(name.clone());
    }
    if relations.wants.contains(other) {
        graph.node_mut(other).wanted_by.insert(name.clone());
    }
    if relations.needs_once.contains(other) {
        order(graph, name, other);
        graph.node_mut(other).needed_once_by.insert(name.clone());
    }
    if relations.upholds.contains(other) {
        graph.node_mut(other).upheld_by.insert(name.clone());
    }
    if relations.reload_propagated_from.contains(other) {
        graph.node_mut(other).reloads.insert(name.clone());
    }
    if relations.stop_propagated_from.contains(other) {
        graph.node_mut(other).stops.insert(name.clone());
    }
    if relations.part_of.contains(other) {
        graph.node_mut(other).consists_of.insert(name.clone());
    }
    if relations.conflicts.contains(other) {
        graph.node_mut(name).conflicts.insert(other.clone());
        graph.node_mut(other).conflicts.insert(name.clone());
    }
}

/// `later` is started after `earlier`.
fn order(graph: &mut Graph, later: &UnitName, earlier: &UnitName) {
    if later != earlier {
        graph.node_mut(later).after.insert(earlier.clone());
        graph.node_mut(earlier).before.insert(later.clone());
    }
}

fn require(graph: &mut Graph, name: &UnitName, other: &UnitName, units: Units<'_>) {
    if units.has(other) {
        graph.node_mut(other).required_by.insert(name.clone());
    }
}

/// Tells what a unit needs that is not there.
fn tell_missing(name: &UnitName, unit: &Unit, entries: &Map<UnitName, Entry>, origins: &Origins, diagnostics: &mut Vec<Diagnostic>) {
    let relations = &unit.relations;
    let sets = [
        ("requires", &relations.requires, Severity::Error),
        ("needs-once", &relations.needs_once, Severity::Error),
        ("requisite", &relations.requisite, Severity::Error),
        ("binds-to", &relations.binds_to, Severity::Error),
        ("wants", &relations.wants, Severity::Warning),
    ];
    let mut known: Option<Vec<String>> = None;
    let mut guesses = 0;
    for (key, set, severity) in sets {
        for other in set.iter().filter(|other| !entries.contains_key(other)) {
            let Some(origin) = origins.get(name, other, key) else { continue };
            // systemd's files want much that is rarely installed, and systemd is silent about it.
            if severity == Severity::Warning && !origin.path.ends_with(".toml") {
                continue;
            }
            let message = match severity {
                Severity::Error => format!("`{other}` does not exist, so `{name}` cannot be started"),
                Severity::Warning => format!("`{other}` does not exist"),
            };
            let known = known.get_or_insert_with(|| entries.keys().map(ToString::to_string).collect());
            guesses += 1;
            let near =
                if guesses > MOST_GUESSES { None } else { crate::file::nearest(&other.to_string(), known.iter().map(String::as_str)) };
            diagnostics.push(Diagnostic {
                severity,
                path: origin.path.clone(),
                place: Some(origin.place.clone()),
                message,
                help: near.map(|near| format!("did you mean `{near}`?")),
            });
        }
    }
}

#[cfg(test)]
mod tests;
