//! What is watched over while a service is up: that it says it is well, and that it does not run too long.
//!
//! ```text
//!   up ─▶ until = now + every ─ WATCHDOG=1 ─▶ until = now + every ─ … ─ nothing ─▶ its watchdog signal, and it has failed
//! ```

use super::Supervisor;
use super::slot::{Ending, Slot, State};
use crate::{Action, Cause, Moment};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use units::UnitName;
use units::unit::Service;

/// So long the processes of a scope may take to come: who asked for it may have died of it.
const ENTRY: Duration = Duration::from_secs(15);

/// What is watched over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Vigil {
    watchdog: Option<Watchdog>,
    /// It may not be up for longer.
    ends_at: Option<Moment>,
    /// A scope's processes are still to come, until then at the latest.
    #[serde(default)]
    vacant_until: Option<Moment>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Watchdog {
    every: Duration,
    until: Moment,
}

impl Vigil {
    pub(super) fn deadline(&self) -> Option<Moment> {
        let others = self.ends_at.into_iter().chain(self.vacant_until);
        others.chain(self.watchdog.map(|watchdog| watchdog.until)).min()
    }

    /// What is wrong by `now`.
    fn broken(&self, now: Moment) -> Option<Cause> {
        match (self.watchdog, self.ends_at) {
            (Some(watchdog), _) if watchdog.until <= now => Some(Cause::Watchdog),
            (_, Some(end)) if end <= now => Some(Cause::RanTooLong),
            (_, _) => None,
        }
    }
}

impl Supervisor {
    /// The service has come up.
    pub(super) fn begin_vigil(&mut self, name: &UnitName, service: &Service) {
        let now = self.now;
        let extra = self.draw(name, now.0, service.runtime_extra);
        let ends_at = self.after(service.runtime_max).map(|end| end.plus(extra));
        let Some(alive) = self.slots.get_mut(name).and_then(Slot::alive_mut) else { return };
        // One that has said itself how often it will speak is taken by its word.
        let every = alive.vigil.watchdog.map(|watchdog| watchdog.every).or(service.watchdog);
        alive.vigil = Vigil { watchdog: every.map(|every| Watchdog { every, until: now.plus(every) }), ends_at, vacant_until: None };
    }

    /// A scope is up, and whoever asked for it moves its processes in.
    pub(super) fn await_processes(&mut self, name: &UnitName) {
        let until = self.now.plus(ENTRY);
        if let Some(alive) = self.slots.get_mut(name).and_then(Slot::alive_mut) {
            alive.vigil.vacant_until = Some(until);
        }
    }

    /// From now on a scope is over with the last process that is in it. False if that was so already, or it is none.
    pub(super) fn stop_awaiting(&mut self, name: &UnitName) -> bool {
        let Some(State::Up { alive } | State::Reloading { alive, .. }) = self.slots.get_mut(name).map(|slot| &mut slot.state) else {
            return false;
        };
        let life = alive.life;
        let waited = alive.vigil.vacant_until.take().is_some();
        if waited {
            self.order(Action::Drain(life));
        }
        waited
    }

    /// `WATCHDOG=1`
    pub(super) fn watchdog_pinged(&mut self, name: &UnitName) {
        let now = self.now;
        if let Some(watchdog) = self.slots.get_mut(name).and_then(Slot::alive_mut).and_then(|alive| alive.vigil.watchdog.as_mut()) {
            watchdog.until = now.plus(watchdog.every);
        }
    }

    /// `WATCHDOG_USEC=`; zero ends it.
    pub(super) fn watchdog_changed(&mut self, name: &UnitName, every: Duration) {
        let until = self.now.plus(every);
        if let Some(alive) = self.slots.get_mut(name).and_then(Slot::alive_mut) {
            alive.vigil.watchdog = (every > Duration::ZERO).then_some(Watchdog { every, until });
        }
    }

    /// `WATCHDOG=trigger`
    pub(super) fn watchdog_triggered(&mut self, name: &UnitName) {
        if matches!(self.slots.get(name).map(|slot| &slot.state), Some(State::Up { .. } | State::Reloading { .. })) {
            self.end(name, Ending::Fell(Cause::Watchdog));
        }
    }

    /// `EXTEND_TIMEOUT_USEC=` of one that is up.
    pub(super) fn run_longer(&mut self, name: &UnitName, wanted: Moment) {
        if let Some(alive) = self.slots.get_mut(name).and_then(Slot::alive_mut)
            && let Some(end) = &mut alive.vigil.ends_at
        {
            *end = (*end).max(wanted);
        }
    }

    /// The deadline of one that is up has come.
    pub(super) fn vigil_is_over(&mut self, name: &UnitName) {
        let broken = self.slots.get(name).and_then(Slot::alive).and_then(|alive| alive.vigil.broken(self.now));
        if let Some(cause) = broken {
            return self.end(name, Ending::Fell(cause));
        }
        let vacant_until = self.slots.get(name).and_then(Slot::alive).and_then(|alive| alive.vigil.vacant_until);
        if vacant_until.is_some_and(|until| until <= self.now) {
            self.stop_awaiting(name);
        }
    }
}
