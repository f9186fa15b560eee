use super::{Graph, Node, Origins};
use crate::file::Origin;
use crate::stock;
use crate::{Diagnostic, Map, Names, Set, Severity, UnitName};
use std::collections::VecDeque;

/// In knots larger than this no time is spent on finding the very best edge.
const SMALL: usize = 16;

/// Drops edges of the order until no cycle is left, and tells each.
pub(super) fn break_all(graph: &mut Graph, origins: &Origins, diagnostics: &mut Vec<Diagnostic>) {
    while let Some(knot) = first_knot(graph) {
        let Some((cycle, dropped)) = choose(graph, &knot, origins) else { return };
        if let Some(node) = graph.nodes.get_mut(&dropped.0) {
            node.after.remove(&dropped.1);
        }
        if let Some(node) = graph.nodes.get_mut(&dropped.1) {
            node.before.remove(&dropped.0);
        }
        diagnostics.push(describe(&cycle, &dropped, origins));
    }
}

type Edge = (UnitName, UnitName);

/// The units that are left when all that stand in no cycle are peeled off, from both ends; none if
/// there is no cycle.
fn first_knot(graph: &Graph) -> Option<Set<UnitName>> {
    let mut left: Set<&UnitName> = graph.nodes.keys().collect();
    let directions: [fn(&Node) -> &Names; 2] = [|node| &node.after, |node| &node.before];
    for towards in directions {
        loop {
            let is_free = |name: &UnitName| graph.node(name).is_none_or(|node| !towards(node).iter().any(|end| left.contains(end)));
            let free: Vec<&UnitName> = left.iter().copied().filter(|name| is_free(name)).collect();
            if free.is_empty() {
                break;
            }
            for name in free {
                left.remove(name);
            }
        }
    }
    if left.is_empty() { None } else { Some(left.into_iter().cloned().collect()) }
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
