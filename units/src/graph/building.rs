//! The graph, built in steps: all units go through one stage before the first goes through the next.

use super::{Graph, Origins, Units, cycle, defaults, implied, tell_missing, written};
use crate::diagnostic::Diagnostic;
use crate::set::Entry;
use crate::unit::Body;
use crate::{Map, UnitName};

/// A graph that is being built, a unit or a cycle at a time.
#[derive(Debug)]
pub(crate) struct Building {
    graph: Graph,
    stage: Stage,
    /// Those that are left of a stage, the last first.
    left: Vec<UnitName>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// What the files say.
    Written,
    /// What follows from it.
    Implied,
    Defaults,
    /// Targets come last: what stands after one, be it by default, is not what it waits for.
    DefaultsOfTargets,
    Cycles,
    Missing,
    Over,
}

impl Building {
    pub(crate) fn begin(entries: &Map<UnitName, Entry>) -> Self {
        Self { graph: Graph::default(), stage: Stage::Written, left: names(entries) }
    }

    /// Goes on with the next; cycles and what is required but missing are told. True while there is more.
    pub(crate) fn go_on(&mut self, entries: &Map<UnitName, Entry>, origins: &Origins, diagnostics: &mut Vec<Diagnostic>) -> bool {
        let units = Units(entries);
        let next = if self.stage == Stage::Cycles { None } else { self.left.pop() };
        let Some((name, unit)) = next.and_then(|name| units.get(&name)) else {
            return self.stage_is_over(entries, origins, diagnostics);
        };
        let graph = &mut self.graph;
        let is_target = unit.body == Body::Target;
        match self.stage {
            Stage::Written => {
                graph.node_mut(name);
                written(graph, name, unit, units);
            }
            Stage::Implied => implied(graph, name, unit, units),
            Stage::Defaults if !is_target => defaults(graph, name, unit, units),
            Stage::DefaultsOfTargets if is_target => defaults(graph, name, unit, units),
            Stage::Missing => tell_missing(name, unit, entries, origins, diagnostics),
            Stage::Defaults | Stage::DefaultsOfTargets | Stage::Cycles | Stage::Over => {}
        }
        true
    }

    fn stage_is_over(&mut self, entries: &Map<UnitName, Entry>, origins: &Origins, diagnostics: &mut Vec<Diagnostic>) -> bool {
        self.stage = match self.stage {
            Stage::Written => Stage::Implied,
            Stage::Implied => Stage::Defaults,
            Stage::Defaults => Stage::DefaultsOfTargets,
            Stage::DefaultsOfTargets => Stage::Cycles,
            Stage::Cycles if cycle::break_one(&mut self.graph, origins, diagnostics) => return true,
            Stage::Cycles => Stage::Missing,
            Stage::Missing | Stage::Over => Stage::Over,
        };
        self.left = names(entries);
        self.stage != Stage::Over
    }

    /// The graph. To be called when [`Self::go_on`] has said that there is no more.
    pub(crate) fn finish(self) -> Graph {
        self.graph
    }
}

fn names(entries: &Map<UnitName, Entry>) -> Vec<UnitName> {
    Units(entries).iter().map(|(name, _)| name.clone()).rev().collect()
}
