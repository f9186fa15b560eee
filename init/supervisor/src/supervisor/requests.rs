//! What is asked over the control socket. Every request is answered exactly once.

use super::slot::{Down, State, Why};
use super::{Supervisor, Waiting, service};
use crate::{Action, Cause, Ticket, Whom};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use units::control::{Outcome, Reply, Request};
use units::unit::Reload;
use units::{Entry, UnitName};

impl Supervisor {
    pub(super) fn asked(&mut self, ticket: Ticket, request: Request) {
        match request {
            Request::List => {
                let units = self.all_rows();
                self.order(Action::Answer(ticket, Reply::Units { units }));
            }
            Request::Status { units } | Request::Account { units } => {
                let rows = if units.is_empty() { self.all_rows() } else { self.rows_of(&units) };
                self.order(Action::Answer(ticket, Reply::Units { units: rows }));
            }
            Request::Start { units } => self.carry_out(ticket, units, Self::ask_start),
            Request::Stop { units } => self.carry_out(ticket, units, Self::ask_stop),
            Request::Restart { units } => self.carry_out(ticket, units, Self::ask_restart),
            Request::Reload { units } => self.carry_out(ticket, units, Self::ask_reload),
            Request::ResetFailed { units } => {
                let units = if units.is_empty() { self.slots.keys().cloned().collect() } else { units };
                self.carry_out(ticket, units, Self::reset_failed);
            }
            Request::DaemonReload => self.order(Action::Reread(ticket)),
            Request::Logs(_) => self.refuse_request(ticket, "logs are not kept here"),
            Request::Leave { way, at_once } => {
                self.order(Action::Answer(ticket, Reply::Leaving { way }));
                self.leave(way, at_once);
            }
        }
    }

    pub(super) fn hung_up(&mut self, ticket: Ticket) {
        self.tickets.remove(&ticket);
        // A job may never end; whoever asks for it and leaves, again and again, must leave nothing.
        for slot in self.slots.values_mut() {
            if let Some(job) = &mut slot.job {
                job.tickets.retain(|other| *other != ticket);
            }
            if let State::Reloading { tickets, .. } = &mut slot.state {
                tickets.retain(|other| *other != ticket);
            }
        }
    }

    fn refuse_request(&mut self, ticket: Ticket, reason: &str) {
        self.order(Action::Answer(ticket, Reply::Refused { reason: reason.into() }));
    }

    fn carry_out(&mut self, ticket: Ticket, names: Vec<UnitName>, what: fn(&mut Self, Ticket, &UnitName)) {
        if self.is_leaving() {
            return self.refuse_request(ticket, "the system is shutting down");
        }
        if names.is_empty() {
            return self.order(Action::Answer(ticket, Reply::Done { results: Vec::new() }));
        }
        let waiting = Waiting::new(names);
        let names: Vec<UnitName> = waiting.results.iter().map(|(name, _)| name.clone()).collect();
        self.tickets.insert(ticket, waiting);
        for name in &names {
            match self.unfit(name) {
                Some(reason) => self.report(ticket, name, Outcome::Refused(reason)),
                None => what(self, ticket, name),
            }
        }
    }

    /// Why nothing can be done with this unit.
    fn unfit(&self, name: &UnitName) -> Option<String> {
        let cause = match self.units.entry(name) {
            Some(Entry::Unit(_)) => return None,
            Some(Entry::Bad { first }) => Cause::BadSetting(first.message.clone()),
            Some(Entry::Masked { .. }) => Cause::Masked,
            None => Cause::NotFound,
        };
        Some(cause.to_string())
    }

    fn forgive(&mut self, name: &UnitName) {
        if let Some(slot) = self.slots.get_mut(name) {
            slot.history.starts.clear();
            slot.history.failures = 0;
            slot.history.delays = 0;
            slot.history.restarts = 0;
        }
    }

    fn ask_start(&mut self, ticket: Ticket, name: &UnitName) {
        self.forgive(name);
        self.want_start(name, Why::Asked);
        self.follow(ticket, name);
    }

    fn ask_stop(&mut self, ticket: Ticket, name: &UnitName) {
        self.want_stop(name);
        // One that failed only for want of another is not to rise with it any more.
        if matches!(self.slots.get(name).map(|slot| &slot.state), Some(State::Failed(Cause::Requirement(_)))) {
            self.enter(name, State::Down(Down::Idle));
        }
        self.follow(ticket, name);
    }

    fn ask_restart(&mut self, ticket: Ticket, name: &UnitName) {
        self.forgive(name);
        self.want_restart(name);
        self.follow(ticket, name);
    }

    fn reset_failed(&mut self, ticket: Ticket, name: &UnitName) {
        self.forgive(name);
        if let Some(slot) = self.slots.get_mut(name) {
            slot.history.result = None;
            if matches!(slot.state, State::Failed(_)) {
                self.enter(name, State::Down(Down::Idle));
            }
        }
        self.report(ticket, name, Outcome::Ok);
    }

    fn ask_reload(&mut self, ticket: Ticket, name: &UnitName) {
        let units = self.units.clone();
        let Some(service) = service(&units, name) else {
            return self.report(ticket, name, Outcome::Refused("it has no configuration".into()));
        };
        let until = self.after(service.start_timeout);
        let Some(slot) = self.slots.get_mut(name) else { return };
        match (core::mem::replace(&mut slot.state, State::Reached), &service.reload) {
            (State::Up { alive }, Reload::Signal(signal)) => {
                let life = alive.life;
                slot.state = State::Up { alive };
                self.order(Action::Signal(life, Whom::Main, *signal));
                self.report(ticket, name, Outcome::Ok);
            }
            (State::Up { alive }, Reload::Commands(_)) => {
                slot.state = State::Reloading { alive, index: 0, until, tickets: alloc::vec![ticket] };
                self.reload_stage(name, 0);
            }
            (State::Reloading { alive, index, until, mut tickets }, _) => {
                tickets.push(ticket);
                slot.state = State::Reloading { alive, index, until, tickets };
            }
            (state @ State::Up { .. }, Reload::Unsupported) => {
                slot.state = state;
                self.report(ticket, name, Outcome::Refused("it cannot reload".into()));
            }
            (
                state @ (State::Down(_)
                | State::Failed(_)
                | State::Resting { .. }
                | State::Checking { .. }
                | State::Preparing { .. }
                | State::Starting { .. }
                | State::Done { .. }
                | State::Stopping { .. }
                | State::Reached),
                _,
            ) => {
                slot.state = state;
                self.report(ticket, name, Outcome::Refused("it is not up".into()));
            }
        }
    }
}
