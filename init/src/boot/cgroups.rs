//! The control groups init may use, and its own place in them.
//!
//! ```text
//! /            (root of our cgroup namespace: no process, so that controllers can be handed down)
//! ├─ init      fief-init
//! └─ SLICE/UNIT      one per unit, in the slice it belongs to: `system.slice` usually
//! ```
//!
//! Invariant: init touches only hierarchies whose root is the root of a cgroup namespace of its
//! own. Without one (a foreign manager's private mount of the host's tree, a test's shell) the
//! groups are somebody else's, and init does without. cgroup_namespaces(7).

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use kernel::cgroup::{Group, Hierarchies, Setting};

/// `PROC_CGROUP_INIT_INO` of include/linux/proc_ns.h: the first cgroup namespace.
const FIRST_CGROUP_NAMESPACE: u64 = 0xEFFF_FFFB;
/// `cpu.weight` of init itself, the largest there is (cgroup-v2.rst).
const MOST_WEIGHT: u64 = 10_000;

/// Why there are no control groups for units.
#[derive(Debug, thiserror::Error)]
pub(super) enum Without {
    #[error("no cgroup namespace of our own")]
    NotOurs,
    #[error("cgroup2 is not mounted")]
    NoUnified,
    #[error("cannot make the group \"init\"")]
    Make(#[source] io::Error),
    #[error("cannot move to the group \"init\"")]
    Move(#[source] io::Error),
}

/// Take possession: move ourselves to the leaf `init` and hand the controllers down. Returns
/// the group above all units. `machine` says that this is PID 1 of a machine of its own, whose
/// first namespace is ours by right.
pub(super) fn take(machine: bool) -> Result<Group, Without> {
    let namespace = fs::metadata("/proc/self/ns/cgroup").map(|about| about.ino());
    if !machine && namespace.map_or(true, |inode| inode == FIRST_CGROUP_NAMESPACE) {
        return Err(Without::NotOurs);
    }
    let mut hierarchies = Hierarchies::detect().unwrap_or_default();
    let roots = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let ours = |mount: &std::path::Path| shows_own_root(&roots, &mount.to_string_lossy());
    hierarchies.v1.retain(|hierarchy| ours(&hierarchy.mount) && writable(&hierarchy.mount));
    let unified = hierarchies.unified.as_ref().ok_or(Without::NoUnified)?;
    if !ours(&unified.mount) {
        return Err(Without::NotOurs);
    }
    let root = hierarchies.group("");
    let leaf = root.child("init");
    leaf.create().map_err(Without::Make)?;
    // Everybody who is in the root must leave it, or no controller can be handed down; before
    // the first unit that is init alone, and whoever joined to look.
    leaf.enter().map_err(Without::Move)?;
    root.enable_controllers();
    // Each unit's group has as much say as ours: beside two hundred that are busy we would wait for seconds. A kernel without
    // weights costs only that.
    let _ = leaf.set(&Setting::CpuWeight(MOST_WEIGHT));
    Ok(root)
}

/// What units will do without, because somebody who is not ours to move sits in the root of our
/// tree ("no internal processes", cgroup-v2.rst).
pub(super) fn not_handed_down(root: &Group) -> Option<String> {
    let there = root.read_unified("cgroup.controllers")?;
    let down = root.read_unified("cgroup.subtree_control")?;
    missing(&there, &down).map(|names| format!("units run without limits of {names}: the controllers cannot be handed down"))
}

fn missing(there: &str, down: &str) -> Option<String> {
    let names: Vec<&str> = there.split_whitespace().filter(|name| !down.split_whitespace().any(|other| other == *name)).collect();
    // The others are no limits of ours.
    let names: Vec<&str> = names.into_iter().filter(|name| ["cpu", "io", "memory", "pids"].contains(name)).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Whether the mount shows the tree from the root of our cgroup namespace; a mount made outside
/// of it shows as `/..`. proc_pid_mountinfo(5), field 4.
fn shows_own_root(mountinfo: &str, mount: &str) -> bool {
    mountinfo.lines().rev().any(|line| {
        let mut fields = line.split(' ').skip(3);
        let (root, place) = (fields.next(), fields.next());
        root == Some("/") && place == Some(mount)
    })
}

/// Whether groups can be made there: a read-only mount, or a hierarchy not delegated to us, is
/// left alone.
fn writable(mount: &std::path::Path) -> bool {
    nix::unistd::access(mount, nix::unistd::AccessFlags::W_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_handed_down_is_named() {
        assert_eq!(missing("cpuset cpu io memory pids", "cpu memory io"), Some("pids".to_owned()));
        assert_eq!(missing("cpuset hugetlb", ""), None);
    }

    #[test]
    fn a_tree_seen_from_outside_is_not_ours() {
        let mountinfo =
            "40 30 0:29 /.. /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n41 30 0:30 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n";
        assert!(!shows_own_root(mountinfo, "/sys/fs/cgroup"));
        assert!(shows_own_root(mountinfo, "/sys/fs/cgroup/pids"));
    }
}
