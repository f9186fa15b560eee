//! Paths: something comes about in the file system, and a unit is started.

use super::super::Supervisor;
use super::super::slot::{Ending, Watching};
use crate::{Action, Because, Cause};
use alloc::string::String;
use units::unit::{Body, TriggerLimit};
use units::{UnitKind, UnitName};

impl Supervisor {
    /// Waits for what is to come about, or for its unit to be down, where that is up.
    pub(super) fn path_waits(&mut self, name: &UnitName) {
        let (Some((life, _)), Some(unit)) = (self.watch(name), self.aim(name)) else { return };
        if self.is_quiet(&unit) {
            self.set_watch(name, Watching::Waiting { at: None });
            self.order(Action::WatchPaths(life, name.clone()));
        } else {
            self.set_watch(name, Watching::Triggered);
        }
    }

    /// It has come about; the paths are watched no more until that is ordered again.
    pub(in super::super) fn path_triggered(&mut self, name: &UnitName, path: String) {
        let (Some((_, Watching::Waiting { .. })), Some(unit)) = (self.watch(name), self.aim(name)) else { return };
        if name.kind() == UnitKind::Path && !self.is_to_stop(name) {
            let body = self.units.unit(name).map(|unit| &unit.body);
            let limit = if let Some(Body::Path(watch)) = body { watch.trigger_limit } else { TriggerLimit::default() };
            self.hit(name, &unit, limit.or(TriggerLimit::PATH), Some(Because::Came(name.clone(), path)));
        }
    }

    pub(in super::super) fn watch_failed(&mut self, name: &UnitName, why: String) {
        if self.watch(name).is_some() {
            self.end(name, Ending::Fell(Cause::CouldNotPrepare(why)));
        }
    }

    /// Its unit has come up or gone down.
    pub(in super::super) fn path_hears(&mut self, name: &UnitName, unit: &UnitName) {
        if let Some((_, Watching::Triggered)) = self.watch(name)
            && self.is_quiet(unit)
        {
            self.path_waits(name);
        }
    }
}
