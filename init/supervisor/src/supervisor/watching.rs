//! Units that are up in order to start others: what is the same for sockets, timers and paths.
//!
//! ```text
//!   Waiting ─ somebody, the hour, a change ─▶ Triggered ─ its unit is down again ─▶ Waiting
//!                                                 └─ too often in too short a time ─▶ failed
//! ```

mod path;
mod socket;
mod timer;

use super::Supervisor;
use super::slot::{Alive, Ending, Slot, State, Watching, Why};
use crate::{Because, Cause, Life, Moment};
use core::time::Duration;
use units::unit::Body;
use units::{Entry, UnitName};

impl Supervisor {
    /// All is made ready: from now on it watches.
    pub(super) fn begin_watch(&mut self, name: &UnitName) {
        let units = self.units.clone();
        let Some(unit) = units.unit(name) else { return };
        let begin = match &unit.body {
            Body::Socket(_) => Self::socket_listens,
            Body::Timer(_) => Self::timer_waits,
            Body::Path(_) => Self::path_waits,
            Body::Target | Body::Service(_) | Body::Mount(_) | Body::Slice(_) | Body::Scope(_) => return,
        };
        let Some(slot) = self.slots.get_mut(name) else { return };
        if let State::Done { alive } = &mut slot.state {
            let alive = core::mem::replace(alive, Alive::new(alive.life));
            slot.state = State::Watching { alive, watch: Watching::Waiting { at: None } };
            begin(self, name);
        }
    }

    /// What it waits for, and in which life, if it watches.
    fn watch(&self, name: &UnitName) -> Option<(Life, Watching)> {
        match &self.slots.get(name)?.state {
            State::Watching { alive, watch } => Some((alive.life, *watch)),
            State::Down(_)
            | State::Failed(_)
            | State::Resting { .. }
            | State::Checking { .. }
            | State::Preparing { .. }
            | State::Starting { .. }
            | State::Up { .. }
            | State::Done { .. }
            | State::Reloading { .. }
            | State::Stopping { .. }
            | State::Reached => None,
        }
    }

    fn set_watch(&mut self, name: &UnitName, wanted: Watching) {
        if let Some(State::Watching { watch, .. }) = self.slots.get_mut(name).map(|slot| &mut slot.state) {
            *watch = wanted;
        }
    }

    /// Counts what makes it start another, at most so often in so long. False if that is too often, and it is ended.
    fn count_hit(&mut self, name: &UnitName, limit: Option<(usize, Duration)>) -> bool {
        let now = self.now;
        let Some(slot) = self.slots.get_mut(name) else { return false };
        if let Some((most, interval)) = limit {
            let hits = &mut slot.history.hits;
            while hits.front().is_some_and(|hit| now.since(*hit) >= interval) {
                hits.pop_front();
            }
            if hits.len() >= most {
                self.end(name, Ending::Fell(Cause::TooManyHits));
                return false;
            }
            hits.push_back(now);
        }
        slot.history.hit_at = Some(now);
        true
    }

    /// Has the unit started that it is there to start. False if it may not, and is ended.
    fn hit(&mut self, name: &UnitName, unit: &UnitName, limit: Option<(usize, Duration)>, because: Option<Because>) -> bool {
        if !self.count_hit(name, limit) {
            return false;
        }
        if !matches!(self.units.entry(unit), Some(Entry::Unit(_))) {
            self.end(name, Ending::Fell(Cause::Requirement(unit.clone())));
            return false;
        }
        self.set_watch(name, Watching::Triggered);
        if let Some(because) = because {
            self.begin_because(unit, because);
        }
        self.want_start(unit, Why::Asked);
        true
    }

    /// The unit that `name` starts.
    fn aim(&self, name: &UnitName) -> Option<UnitName> {
        let other = self.units.unit(name)?.triggers()?;
        Some(self.units.resolve(&other).clone())
    }

    fn is_quiet(&self, unit: &UnitName) -> bool {
        self.slots.get(unit).is_none_or(|slot| slot.is_down() && slot.job.is_none())
    }

    /// Whether it goes down or is to.
    fn is_to_stop(&self, name: &UnitName) -> bool {
        self.is_leaving() || self.slots.get(name).is_none_or(|slot| slot.has_job(super::slot::JobKind::stops))
    }

    fn last(&self, unit: &UnitName, of: impl Fn(&Slot) -> Option<Moment>) -> Option<Moment> {
        self.slots.get(unit).and_then(of)
    }
}
