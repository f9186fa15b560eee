//! What units say of each other and what follows from it, in both directions.
//!
//! ```text
//!   all units ── one walk ──▶ Mirror: (unit asked about, property) ─▶ who says it      RequiredBy, ConflictedBy, OnFailureOf, …
//! ```
//!
//! The inverse of most relations is kept nowhere. It is looked for among all units, once for all that are asked about together.

use super::sheet::Sheet;
use crate::graph::Node;
use crate::unit::Unit;
use crate::{Entry, Map, Names, UnitName, UnitSet};

/// What others say of some units.
pub(super) struct Mirror<'s>(Map<(&'s UnitName, &'static str), Names>);

impl<'s> Mirror<'s> {
    pub(super) fn new(set: &UnitSet, asked: &[&'s UnitName]) -> Self {
        let mut sides = Map::new();
        let asked: Map<&str, &UnitName> = asked.iter().map(|name| (name.as_str(), *name)).collect();
        let none = Node::default();
        for (name, entry) in set.iter() {
            let Entry::Unit(unit) = entry else { continue };
            let (node, written) = (set.graph().node(name).unwrap_or(&none), &unit.relations);
            let triggers: Names = unit.triggers().into_iter().collect();
            for (property, others) in [
                ("RequiredBy", &node.requires),
                ("RequisiteOf", &node.requisite),
                ("WantedBy", &node.wants),
                ("BoundBy", &node.binds_to),
                ("UpheldBy", &written.upholds),
                ("ConflictedBy", &written.conflicts),
                ("OnSuccessOf", &written.on_success),
                ("OnFailureOf", &written.on_failure),
                ("TriggeredBy", &triggers),
                ("PropagatesReloadTo", &written.reload_propagated_from),
                ("ReloadPropagatedFrom", &written.propagates_reload_to),
                ("PropagatesStopTo", &written.stop_propagated_from),
                ("StopPropagatedFrom", &written.propagates_stop_to),
            ] {
                for other in others.iter().filter_map(|other| asked.get(&other.as_str())) {
                    sides.entry((*other, property)).or_insert_with(Names::default).insert(name.clone());
                }
            }
        }
        Self(sides)
    }

    fn of(&self, unit: &UnitName, property: &'static str) -> Names {
        self.0.get(&(unit, property)).cloned().unwrap_or_default()
    }
}

pub(super) fn show(sheet: &mut Sheet, set: &UnitSet, mirror: &Mirror<'_>, unit: &Unit) {
    let own = &unit.name;
    sheet.put("Id", own.as_str());
    sheet.list("Names", std::iter::once(own).chain(&unit.aliases).map(UnitName::as_str));
    let none = Node::default();
    let node = set.graph().node(own).unwrap_or(&none);
    let written = &unit.relations;
    let both = |a: &Names, b: &Names| -> Names { a.iter().chain(b).cloned().collect() };
    let joins: Names = unit.service().into_iter().flat_map(|service| &service.sandbox.joins).cloned().collect();
    for (property, names) in [
        ("Requires", node.requires.clone()),
        ("Requisite", node.requisite.clone()),
        ("Wants", node.wants.clone()),
        ("BindsTo", node.binds_to.clone()),
        ("PartOf", written.part_of.clone()),
        ("Upholds", written.upholds.clone()),
        ("RequiredBy", mirror.of(own, "RequiredBy")),
        ("RequisiteOf", mirror.of(own, "RequisiteOf")),
        ("WantedBy", mirror.of(own, "WantedBy")),
        ("BoundBy", mirror.of(own, "BoundBy")),
        ("UpheldBy", mirror.of(own, "UpheldBy")),
        ("ConsistsOf", node.consists_of.clone()),
        ("Conflicts", written.conflicts.clone()),
        ("ConflictedBy", mirror.of(own, "ConflictedBy")),
        ("Before", both(&node.before, &written.before)),
        ("After", both(&node.after, &written.after)),
        ("OnSuccess", written.on_success.clone()),
        ("OnSuccessOf", mirror.of(own, "OnSuccessOf")),
        ("OnFailure", written.on_failure.clone()),
        ("OnFailureOf", mirror.of(own, "OnFailureOf")),
        ("Triggers", unit.triggers().into_iter().collect()),
        ("TriggeredBy", mirror.of(own, "TriggeredBy")),
        ("PropagatesReloadTo", both(&written.propagates_reload_to, &mirror.of(own, "PropagatesReloadTo"))),
        ("ReloadPropagatedFrom", both(&written.reload_propagated_from, &mirror.of(own, "ReloadPropagatedFrom"))),
        ("PropagatesStopTo", both(&written.propagates_stop_to, &mirror.of(own, "PropagatesStopTo"))),
        ("StopPropagatedFrom", both(&written.stop_propagated_from, &mirror.of(own, "StopPropagatedFrom"))),
        ("JoinsNamespaceOf", joins),
    ] {
        sheet.list(property, names.iter().map(UnitName::as_str));
    }
}
