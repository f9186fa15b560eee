//! Reading a configuration again.
//!
//! ```text
//!   Up ─ commands ─▶ Command(0) … ─────────────────────────────────────▶ Up
//!    ├── signal ──▶ (told, and that is all that is known)
//!    ├── signal, notify-reload ─▶ Signalled ─ RELOADING=1, not older ─▶ Said ─ READY=1 ─▶ Up
//!    └── RELOADING=1 of its own accord ───────────────────────────────▶ Said
//! ```

use super::Supervisor;
use super::course::course;
use super::slot::{Alive, Reloading, Slot, State};
use crate::{Action, Moment, Phase, Ticket, Whom};
use alloc::vec::Vec;
use units::control::Outcome;
use units::unit::{Reload, ServiceType};
use units::value::Signal;
use units::{Set, UnitName};

/// Why a unit does not reload.
enum Deaf {
    HasNone,
    Cannot,
    NotUp,
    /// A command of its last reload was killed and has not ended yet.
    StillAt,
}

impl Supervisor {
    pub(super) fn ask_reload(&mut self, ticket: Ticket, name: &UnitName) {
        if let Err(deaf) = self.reload(name, Some(ticket)) {
            let why = match deaf {
                Deaf::HasNone => "it has no configuration",
                Deaf::Cannot => "it cannot reload",
                Deaf::NotUp => "it is not up",
                Deaf::StillAt => "a command of its last reload has been killed and has not ended yet",
            };
            self.report(ticket, name, Outcome::Refused(why.into()));
        }
        for other in self.reloaded_with(name) {
            // Who cannot is left alone; systemd.unit(5), `PropagatesReloadTo=`.
            let _ = self.reload(&other, None);
        }
    }

    fn reloaded_with(&self, name: &UnitName) -> Set<UnitName> {
        let mut seen = Set::new();
        let mut open = alloc::vec![name.clone()];
        while let Some(next) = open.pop() {
            let node = self.units.graph().node(&next);
            open.extend(
                node.into_iter().flat_map(|node| &node.reloads).filter(|other| *other != name && seen.insert((*other).clone())).cloned(),
            );
        }
        seen
    }

    fn reload(&mut self, name: &UnitName, ticket: Option<Ticket>) -> Result<(), Deaf> {
        let units = self.units.clone();
        let service = course(&units, name).ok_or(Deaf::HasNone)?;
        let slot = self.slots.get_mut(name).ok_or(Deaf::NotUp)?;
        let tickets: Vec<Ticket> = ticket.into_iter().collect();
        match &mut slot.state {
            State::Reloading { tickets: waiting, .. } => {
                waiting.extend(tickets);
                return Ok(());
            }
            State::Up { alive } if alive.running.iter().any(|run| run.phase == Phase::Reload) => return Err(Deaf::StillAt),
            State::Up { .. } => {}
            State::Down(_)
            | State::Failed(_)
            | State::Resting { .. }
            | State::Checking { .. }
            | State::Preparing { .. }
            | State::Starting { .. }
            | State::Done { .. }
            | State::Watching { .. }
            | State::Stopping { .. }
            | State::Reached => return Err(Deaf::NotUp),
        }
        let answers = service.kind == ServiceType::NotifyReload;
        let signal = match &service.reload {
            Reload::Signal(signal) => Some(*signal),
            Reload::Unsupported if answers => Some(service.reload_signal),
            Reload::Unsupported => return Err(Deaf::Cannot),
            Reload::Commands(_) => None,
        };
        match signal {
            Some(signal) => {
                let Some(life) = slot.life() else { return Err(Deaf::NotUp) };
                self.order(Action::Signal(life, Whom::Main, signal));
                if answers {
                    self.enter_reload(name, Reloading::Signalled(self.now), tickets);
                } else {
                    tickets.into_iter().for_each(|ticket| self.report(ticket, name, Outcome::Ok));
                }
            }
            None => {
                self.enter_reload(name, Reloading::Command(0), tickets);
                self.reload_stage(name, 0);
            }
        }
        Ok(())
    }

    fn enter_reload(&mut self, name: &UnitName, stage: Reloading, tickets: Vec<Ticket>) {
        let units = self.units.clone();
        let until = course(&units, name).and_then(|service| self.after(service.start_timeout));
        let Some(slot) = self.slots.get_mut(name) else { return };
        if let State::Up { alive } = &mut slot.state {
            let alive = core::mem::replace(alive, Alive::new(alive.life));
            slot.state = State::Reloading { alive, stage, until, tickets };
        }
    }

    /// `RELOADING=1`, with the moment it was said at where that was told. What was said before the signal was
    /// sent is no answer to it, and what does not say when may have been; sd_notify(3), `MONOTONIC_USEC=`.
    pub(super) fn reloading(&mut self, name: &UnitName, at: Option<Moment>) {
        let Some(slot) = self.slots.get_mut(name) else { return };
        match &mut slot.state {
            State::Up { .. } => self.enter_reload(name, Reloading::Said, Vec::new()),
            State::Reloading { stage, .. } => {
                if let Reloading::Signalled(sent) = *stage
                    && at.is_some_and(|at| at >= sent)
                {
                    *stage = Reloading::Said;
                }
            }
            State::Down(_)
            | State::Failed(_)
            | State::Resting { .. }
            | State::Checking { .. }
            | State::Preparing { .. }
            | State::Starting { .. }
            | State::Done { .. }
            | State::Watching { .. }
            | State::Stopping { .. }
            | State::Reached => {}
        }
    }

    /// Goes to this reload command, or is through with them.
    pub(super) fn reload_stage(&mut self, name: &UnitName, wanted: usize) {
        let units = self.units.clone();
        let Some(service) = course(&units, name) else { return };
        let count = match &service.reload {
            Reload::Commands(commands) => commands.len(),
            Reload::Signal(_) | Reload::Unsupported => 0,
        };
        if wanted >= count {
            return self.reload_done(name, &Outcome::Ok);
        }
        if let Some(State::Reloading { stage, .. }) = self.slots.get_mut(name).map(|slot| &mut slot.state) {
            *stage = Reloading::Command(wanted);
        }
        self.spawn(name, Phase::Reload, wanted);
    }

    pub(super) fn reload_failed(&mut self, name: &UnitName, why: &str) {
        self.reload_done(name, &Outcome::Failed(why.into()));
    }

    pub(super) fn reload_done(&mut self, name: &UnitName, outcome: &Outcome) {
        let Some(slot) = self.slots.get_mut(name) else { return };
        if let State::Reloading { alive, tickets, .. } = &mut slot.state {
            let alive = core::mem::replace(alive, Alive::new(alive.life));
            let tickets = core::mem::take(tickets);
            let left = (!alive.has_main()).then_some(alive.life);
            slot.state = State::Up { alive };
            if let Some(life) = left {
                self.order(Action::Drain(life));
            }
            tickets.into_iter().for_each(|ticket| self.report(ticket, name, outcome.clone()));
        }
    }

    /// The deadline of one that reloads has come: that of the reload, or of its vigil.
    pub(super) fn reload_is_over(&mut self, name: &UnitName) {
        let Some(State::Reloading { until, alive, .. }) = self.slots.get(name).map(|slot| &slot.state) else { return };
        if until.is_some_and(|until| until <= self.now) {
            if alive.running.iter().any(|run| run.phase == Phase::Reload) {
                let life = alive.life;
                self.order(Action::Signal(life, Whom::Control, Signal::KILL));
            }
            self.reload_failed(name, "reload took too long");
        }
        if self.slots.get(name).is_some_and(Slot::is_up) {
            self.vigil_is_over(name);
        }
    }
}
