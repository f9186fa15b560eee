//! Relations that are written nowhere: what follows from a unit's other directives, and default dependencies; the manual pages of each kind of
//! unit, "Implicit Dependencies" and "Default Dependencies".

use super::{Graph, Units, order, require};
use crate::UnitName;
use crate::unit::{Body, Unit};

/// What follows from a unit's own directives, default dependencies or not.
pub(super) fn implied(graph: &mut Graph, name: &UnitName, unit: &Unit, units: Units<'_>) {
    // What starts another is there before it.
    if let Some(other) = unit.triggers().filter(|other| units.has(other)) {
        order(graph, &other, name);
    }
    let mut along: Vec<UnitName> = Vec::new();
    match &unit.body {
        Body::Service(service) => along.extend(service.sockets.iter().cloned()),
        Body::Target | Body::Socket(_) | Body::Timer(_) | Body::Path(_) | Body::Mount(_) | Body::Slice(_) | Body::Scope(_) => {}
    }
    // That one wants the next further out itself; one without a file is no unit, only a group.
    along.extend(unit.around());
    for other in along.iter().filter(|other| units.has(other)) {
        order(graph, name, other);
        graph.node_mut(name).wants.insert(other.clone());
        graph.node_mut(other).wanted_by.insert(name.clone());
    }
    for path in unit.mounts_needed() {
        for (mount, other) in units.iter() {
            if let Body::Mount(body) = &other.body
                && is_beneath(&path, &body.place)
                && mount != name
            {
                graph.node_mut(name).requires.insert(mount.clone());
                require(graph, name, mount, units);
                order(graph, name, mount);
            }
        }
    }
}

fn is_beneath(path: &str, place: &str) -> bool {
    let place = place.trim_end_matches('/');
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What a unit has as long as it does not say otherwise.
pub(super) fn defaults(graph: &mut Graph, name: &UnitName, unit: &Unit, units: Units<'_>) {
    if !unit.default_dependencies {
        return;
    }
    let early = |graph: &mut Graph, target: &str, required: bool| {
        let Ok(target) = UnitName::new(target) else { return };
        if units.has(&target) {
            order(graph, name, &target);
            if required {
                graph.node_mut(name).requires.insert(target.clone());
                require(graph, name, &target, units);
            }
        }
    };
    // A socket, timer or path stands before the target that gathers its kind.
    let gathered = |graph: &mut Graph, target: &str| {
        if let Ok(target) = UnitName::new(target)
            && units.has(&target)
        {
            order(graph, &target, name);
        }
    };
    match &unit.body {
        Body::Service(_) => {
            early(graph, "sysinit.target", true);
            early(graph, "basic.target", false);
        }
        Body::Socket(_) => {
            early(graph, "sysinit.target", true);
            gathered(graph, "sockets.target");
        }
        Body::Timer(_) => {
            early(graph, "sysinit.target", true);
            gathered(graph, "timers.target");
            if let Body::Timer(timer) = &unit.body
                && !timer.on_calendar.is_empty()
            {
                early(graph, "time-set.target", false);
                early(graph, "time-sync.target", false);
            }
        }
        Body::Path(_) => {
            early(graph, "sysinit.target", true);
            gathered(graph, "paths.target");
        }
        // What shows the kernel's own state is no file system that anything is kept on.
        Body::Mount(mount) if ["/proc/", "/sys/", "/dev/"].iter().any(|kernel| mount.place.starts_with(kernel)) => {}
        Body::Mount(_) => {
            early(graph, "local-fs-pre.target", false);
            gathered(graph, "local-fs.target");
        }
        Body::Slice(_) | Body::Scope(_) => {}
        Body::Target => {
            let node = graph.node_mut(name);
            let pulled: Vec<UnitName> = node.wants.iter().chain(&node.requires).cloned().collect();
            for other in pulled {
                let ordered = graph.node(name).is_some_and(|node| node.before.contains(&other));
                let usual = units.get(&other).is_some_and(|(_, unit)| unit.default_dependencies);
                if usual && !ordered {
                    order(graph, name, &other);
                }
            }
        }
    }
}
