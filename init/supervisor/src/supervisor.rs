//! The whole of it.

use crate::{Action, Event, Life, Moment};
use alloc::vec::Vec;
use core::time::Duration;
use units::{UnitName, UnitSet};

/// What the supervisor is told once.
#[derive(Clone, Debug)]
pub struct Config {
    /// What [`Event::Booted`] starts.
    pub default_target: UnitName,
    /// How long a shutdown may take in all; every unit's time limit is clipped by it.
    pub shutdown_budget: Duration,
}

/// All units and what they are doing.
#[derive(Debug)]
pub struct Supervisor {
    units: UnitSet,
    config: Config,
}

impl Supervisor {
    /// Begins with every unit down.
    #[must_use]
    pub fn new(units: UnitSet, config: Config) -> Self {
        Self { units, config }
    }

    /// What to do about `event`, which happened at `now`.
    #[must_use]
    pub fn step(&mut self, now: Moment, event: Event) -> Vec<Action> {
        let _ = (now, event, &self.config);
        Vec::new()
    }

    /// When the next [`Event::Ticked`] is wanted.
    #[must_use]
    pub fn deadline(&self) -> Option<Moment> {
        None
    }

    /// The units, for carrying out orders.
    #[must_use]
    pub fn units(&self) -> &UnitSet {
        &self.units
    }

    /// The unit that lives this life, if it still does.
    #[must_use]
    pub fn unit_of(&self, life: Life) -> Option<&UnitName> {
        let _ = life;
        None
    }

    /// Lines for SIGUSR2: what every unit is doing.
    pub fn dump(&self, now: Moment) -> impl Iterator<Item = alloc::string::String> {
        let _ = now;
        core::iter::empty()
    }
}
