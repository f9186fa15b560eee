//! Slices: groups that hold the groups of units, with limits on all that is in them together; systemd.slice(5).
//!
//! ```text
//! system.slice/ssh.service     system.slice/system-getty.slice/getty@tty1.service     work.slice/work-web.slice/shop.service
//! ```
//!
//! A slice's group comes with the first unit in it, whether the slice has a unit file or not, and goes with the last. It has no process of its
//! own: else no controller could be handed down through it.
//!
//! Invariant: where its cgroup2 directory is, those on v1 are too: they are made after it and removed after it.

use std::borrow::Cow;
use std::io;

use kernel::cgroup::Group;
use units::unit::Body;
use units::{UnitKind, UnitName, UnitSet};

use super::{Hands, limits};

impl Hands {
    /// The group a slice has now.
    pub(super) fn slice(&self, name: &UnitName) -> Option<Group> {
        let root = self.root.as_ref().filter(|_| name.kind() == UnitKind::Slice)?;
        Some(at(root, name)).filter(Group::exists)
    }

    /// Makes a slice's group and those it lies in, as far as they are missing, and puts their limits in force: those of a file that was
    /// changed hold from the next unit on that starts in it, or at once by `fiefctl set`.
    pub(super) fn enter_slice(&mut self, root: &Group, name: &UnitName, units: &UnitSet) -> io::Result<Group> {
        let mut group = root.clone();
        for slice in name.nested() {
            group = group.child(slice.as_str());
            if !group.exists() {
                group.create()?;
                group.enable_controllers();
            }
            for remark in self.limit_slice(&group, &slice, units) {
                self.tell_once(&slice, Cow::Owned(remark.clone()), || remark);
            }
        }
        Ok(group)
    }

    /// Puts the limits a slice names in force; what could not be had.
    pub(super) fn limit_slice(&self, group: &Group, name: &UnitName, units: &UnitSet) -> Vec<String> {
        match units.unit(name).map(|unit| &unit.body) {
            Some(Body::Slice(slice)) => limits::apply(group, &slice.resources),
            Some(Body::Target | Body::Service(_) | Body::Socket(_) | Body::Timer(_) | Body::Path(_) | Body::Mount(_) | Body::Scope(_))
            | None => Vec::new(),
        }
    }
}

/// A unit's group is gone: so are the slices that held nothing else.
pub(super) fn leave(root: Option<&Group>, group: &Group) {
    let Some(root) = root else { return };
    let mut above = group.parent();
    while let Some(slice) = above.filter(|slice| slice.path() != root.path()) {
        // Another unit's group is in it.
        if slice.remove_alone().is_err() {
            return;
        }
        above = slice.parent();
    }
}

/// Where a slice's group lies, whether it is there or not.
pub(super) fn at(root: &Group, slice: &UnitName) -> Group {
    slice.nested().iter().fold(root.clone(), |group, slice| group.child(slice.as_str()))
}
