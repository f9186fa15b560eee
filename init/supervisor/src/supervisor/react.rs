//! What the coming up and going down of a unit means for others.
//!
//! Everything here happens in the same step, after what caused it, one change after the other: a chain of them
//! needs no stack.

use super::Supervisor;
use super::after::word;
use super::slot::{Down, JobKind, Slot, State, Why};
use crate::{Because, Cause};
use alloc::vec::Vec;
use core::time::Duration;
use units::unit::{Body, Unit};
use units::{UnitKind, UnitName};

/// Whoever is kept up and falls again and again is left alone for so long at least.
const UPHELD: Duration = Duration::from_millis(100);

/// What has become of a unit.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// It counts as up.
    Up(UnitName),
    /// It fell and is started again by itself.
    Rests(UnitName),
    /// It is down.
    Down {
        unit: UnitName,
        /// A life has ended with that, or it had not failed before.
        fresh: bool,
    },
}

impl Supervisor {
    pub(super) fn react(&mut self, change: Change) {
        if self.is_leaving() {
            return;
        }
        match change {
            Change::Up(name) => {
                self.recover_dependents(&name);
                self.uphold(&name);
                self.tell_triggers(&name);
                self.review(&name);
            }
            Change::Rests(name) => {
                if !self.is_unseen(&name) {
                    self.stop_with(&name);
                }
                self.tell_triggers(&name);
            }
            Change::Down { unit, fresh } => {
                self.follow_up(&unit, fresh);
                // Of one that has rested that was so when it began to.
                if !self.slots.get(&unit).is_some_and(|slot| slot.has_job(|kind| kind == JobKind::Start)) {
                    self.stop_with(&unit);
                }
                self.tell_triggers(&unit);
                self.uphold_again(&unit);
                self.release_needs(&unit);
                self.forget_instance(&unit);
                self.forget_transient(&unit);
                self.forget_past(&unit);
            }
        }
    }

    /// What is to be started when a unit has failed, or ended otherwise; systemd.unit(5), `OnFailure=`.
    fn follow_up(&mut self, name: &UnitName, fresh: bool) {
        let units = self.units.clone();
        let (Some(slot), Some(unit)) = (self.slots.get(name), units.unit(name)) else { return };
        let (next, result) = match &slot.state {
            State::Failed(cause) if fresh => (&unit.relations.on_failure, word(cause)),
            State::Down(Down::Idle | Down::Finished) if fresh => (&unit.relations.on_success, "success"),
            State::Down(_)
            | State::Failed(_)
            | State::Resting { .. }
            | State::Checking { .. }
            | State::Preparing { .. }
            | State::Starting { .. }
            | State::Up { .. }
            | State::Done { .. }
            | State::Watching { .. }
            | State::Reloading { .. }
            | State::Stopping { .. }
            | State::Reached => return,
        };
        let because = Because::Ended(name.clone(), result.into(), slot.history.exit);
        for other in next {
            self.begin_because(other, because.clone());
            self.want_start(other, Why::Again);
        }
    }

    /// What goes down with a unit also when nobody asked for that; systemd.unit(5), `PropagatesStopTo=`.
    fn stop_with(&mut self, name: &UnitName) {
        let units = self.units.clone();
        for other in units.graph().node(name).into_iter().flat_map(|node| &node.stops) {
            if self.slots.get(other).is_some_and(|slot| slot.is_up() && slot.job.is_none()) {
                self.want_stop(other);
            }
        }
    }

    /// What a unit that has come up keeps up.
    fn uphold(&mut self, name: &UnitName) {
        let units = self.units.clone();
        for other in units.graph().node(name).into_iter().flat_map(|node| &node.upholds) {
            if self.slots.get(other).is_some_and(|slot| slot.is_down() && slot.job.is_none()) {
                self.want_start(other, Why::Again);
            }
        }
    }

    pub(super) fn is_upheld(&self, name: &UnitName) -> bool {
        let node = self.units.graph().node(name);
        node.into_iter().flat_map(|node| &node.upheld_by).any(|other| self.slots.get(other).is_some_and(Slot::is_up))
    }

    /// A unit that is down and kept up by another is started again, in a while.
    fn uphold_again(&mut self, name: &UnitName) {
        let units = self.units.clone();
        let down = self.slots.get(name).is_some_and(|slot| slot.is_down() && slot.job.is_none());
        if !down || !self.is_upheld(name) {
            return;
        }
        let restart = units.unit(name).and_then(|unit| unit.service()).map(|service| &service.restart);
        let now = self.now;
        let Some(slot) = self.slots.get_mut(name) else { return };
        let pause = match (&slot.state, restart) {
            (State::Failed(Cause::TooManyStarts), Some(restart)) => restart.interval,
            (_, Some(restart)) => restart.pause(slot.history.failures, slot.history.restarts),
            (_, None) => UPHELD,
        };
        slot.history.again_at = Some(now.plus(pause.max(UPHELD)));
    }

    /// Whether this unit was needed only by what is gone.
    fn review(&mut self, name: &UnitName) {
        if self.is_unneeded(name) {
            self.want_stop(name);
        }
    }

    /// A unit is down: does anybody else need what it needed?
    fn release_needs(&mut self, name: &UnitName) {
        let units = self.units.clone();
        let Some(node) = units.graph().node(name) else { return };
        let needs = node.requires.iter().chain(&node.wants).chain(&node.binds_to).chain(&node.requisite).chain(&node.upholds);
        for other in needs {
            self.review(other);
        }
    }

    fn is_unneeded(&self, name: &UnitName) -> bool {
        let (Some(unit), Some(slot), Some(node)) = (self.units.unit(name), self.slots.get(name), self.units.graph().node(name)) else {
            return false;
        };
        let goes_alone = is_slice(unit) && !slot.history.by_hand;
        let pins = |other: &UnitName| {
            self.slots.get(other).is_some_and(|slot| !slot.is_down() && !slot.is_stopping() || slot.has_job(|kind| kind != JobKind::Stop))
        };
        (unit.manner.stop_when_unneeded || goes_alone)
            && slot.is_up()
            && slot.job.is_none()
            && !node.required_by.iter().chain(&node.wanted_by).chain(&node.upheld_by).any(pins)
    }

    /// One that served a connection is forgotten with it.
    fn forget_instance(&mut self, name: &UnitName) {
        let Some(slot) = self.slots.get(name) else { return };
        let Some(socket) = slot.history.serves.clone() else { return };
        if !slot.is_down() || slot.job.is_some() {
            return;
        }
        self.slots.remove(name);
        self.over.push(name.clone());
        if let Some(slot) = self.slots.get_mut(&socket) {
            slot.history.connections = slot.history.connections.saturating_sub(1);
        }
    }

    /// The sockets, timers and paths that start this unit hear of it.
    fn tell_triggers(&mut self, name: &UnitName) {
        let triggers: Vec<UnitName> = self.triggers.get(name).cloned().unwrap_or_default();
        for trigger in triggers {
            match trigger.kind() {
                UnitKind::Socket => self.socket_hears(&trigger, name),
                UnitKind::Timer => self.timer_hears(&trigger, name),
                UnitKind::Path => self.path_hears(&trigger, name),
                UnitKind::Service
                | UnitKind::Target
                | UnitKind::Mount
                | UnitKind::Automount
                | UnitKind::Swap
                | UnitKind::Device
                | UnitKind::Slice
                | UnitKind::Scope => {}
            }
        }
    }
}

fn is_slice(unit: &Unit) -> bool {
    matches!(unit.body, Body::Slice(_))
}
