use super::{Graph, Node, Origins};
use crate::file::Origin;
use crate::stock;
use crate::{Diagnostic, Map, Names, Set, Severity, UnitName};
use std::collections::VecDeque;

/// In knots larger than this no time is spent on finding the very best edge.
const SMALL: usize = 16;

/// Drops an edge of the order that is part of a cycle, and tells the cycle. False if there is none.
pub(super) fn break_one(graph: &mut Graph, origins: &Origins, diagnostics: &mut Vec<Diagnostic>) -> bool {
    let chosen = first_knot(graph).and_then(|knot| choose(graph, &knot, origins));
    let Some((cycle, dropped)) = chosen else { return false };
    if let Some(node) = graph.nodes.get_mut(&dropped.0) {
        node.after.remove(&dropped.1);
    }
    if let Some(node) = graph.nodes.get_mut(&dropped.1) {
        node.before.remove(&dropped.0);
    }
    diagnostics.push(describe(&cycle, &dropped, origins));
    true
}

type Edge = (UnitName, UnitName);

/// The units that are left when all that stand in no cycle are peeled off, from both ends; none if
/// there is no cycle.
fn first_knot(graph: &Graph) -> Option<Set<UnitName>> {
    let mut left: Set<&UnitName> = graph.nodes.keys().collect();
    peel(graph, &mut left, |node| &node.after, |node| &node.before);
    peel(graph, &mut left, |node| &node.before, |node| &node.after);
    if left.is_empty() { None } else { Some(left.into_iter().cloned().collect()) }
}

/// Takes away all from which nothing that is left stands `ahead`, and so on with those `behind` them.
fn peel<'a>(graph: &'a Graph, left: &mut Set<&'a UnitName>, ahead: fn(&Node) -> &Names, behind: fn(&Node) -> &Names) {
    let ends = |name: &UnitName, of: fn(&'a Node) -> &'a Names| graph.node(name).into_iter().flat_map(of);
    let mut count: Map<&UnitName, usize> =
        left.iter().map(|name| (*name, ends(name, ahead).filter(|end| left.contains(end)).count())).collect();
    let mut free: Vec<&UnitName> = count.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
    while let Some(name) = free.pop() {
        left.remove(name);
        for next in ends(name, behind) {
            if let Some(count) = count.get_mut(next) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    free.push(next);
                }
            }
        }
    }
}

/// A shortest cycle of the knot, and the edge of it to drop: one that an administrator wrote before
/// one that came with us, and that before an implied one; then the one in most cycles.
fn choose(graph: &Graph, knot: &Set<UnitName>, origins: &Origins) -> Option<(Vec<UnitName>, Edge)> {
    let mut cycles: Vec<Vec<UnitName>> = Vec::new();
    for start in knot {
        if let Some(cycle) = shortest_cycle(graph, knot, start) {
            cycles.push(cycle);
            if knot.len() > SMALL {
                break;
            }
        }
    }
    let mut count: Map<Edge, usize> = Map::new();
    for edge in cycles.iter().flat_map(|cycle| edges(cycle)) {
        *count.entry(edge).or_default() += 1;
    }
    let best = count.into_iter().max_by_key(|(edge, n)| (guilt(origin(edge, origins)), *n))?.0;
    let with_it = cycles.into_iter().filter(|cycle| edges(cycle).any(|edge| edge == best));
    Some((with_it.min_by_key(Vec::len)?, best))
}

fn guilt(origin: Option<&Origin>) -> u8 {
    match origin {
        None => 0,
        Some(origin) if stock::is_stock(&origin.path) => 1,
        Some(_) => 2,
    }
}

fn origin<'a>((later, earlier): &Edge, origins: &'a Origins) -> Option<&'a Origin> {
    origins.get(later, earlier, "after").or_else(|| origins.get(earlier, later, "before"))
}

/// The edges of a cycle written without its repeated end.
fn edges(cycle: &[UnitName]) -> impl Iterator<Item = Edge> {
    let next = cycle.iter().cycle().skip(1);
    cycle.iter().zip(next).map(|(a, b)| (a.clone(), b.clone()))
}

fn shortest_cycle(graph: &Graph, knot: &Set<UnitName>, start: &UnitName) -> Option<Vec<UnitName>> {
    let mut came_from: Map<&UnitName, &UnitName> = Map::new();
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for next in graph.nodes.get(at)?.after.iter().filter(|next| knot.contains(next)) {
            if next == start {
                let mut cycle = vec![at.clone()];
                let mut step = at;
                while let Some(before) = came_from.get(step) {
                    cycle.push((*before).clone());
                    step = before;
                }
                cycle.reverse();
                return Some(cycle);
            }
            if !came_from.contains_key(next) {
                came_from.insert(next, at);
                queue.push_back(next);
            }
        }
    }
    None
}

fn describe(cycle: &[UnitName], (later, earlier): &Edge, origins: &Origins) -> Diagnostic {
    let chain: Vec<String> = cycle.iter().chain(cycle.first()).map(ToString::to_string).collect();
    let message = format!("ordering cycle: {}", chain.join(" after "));
    let help = Some(format!("`{later}` does not wait for `{earlier}` now; all of them are started"));
    match origin(&(later.clone(), earlier.clone()), origins) {
        Some(origin) => {
            Diagnostic { severity: Severity::Warning, path: origin.path.clone(), place: Some(origin.place.clone()), message, help }
        }
        None => Diagnostic { severity: Severity::Warning, path: later.to_string(), place: None, message, help },
    }
}
