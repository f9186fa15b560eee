//! What is asked over the control socket. Every request is answered exactly once.

use super::slot::{Alive, Down, JobKind, Slot, State, Why};
use super::{Supervisor, Waiting};
use crate::{Action, Cause, Phase, Ticket, Whom};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use units::control::{Job, KillWhom, Outcome, Refusal, Reply, Request, UnitResult};
use units::unit::{Manner, Reload, ServiceType};
use units::value::Signal;
use units::{Entry, Set, UnitKind, UnitName};

pub(super) const LEAVING: &str = "the system is shutting down";
const NO_PROCESSES: &str = "it has no processes";

impl Supervisor {
    pub(super) fn asked(&mut self, ticket: Ticket, request: Request) {
        match request {
            Request::Hello {} | Request::Turns {} | Request::List { .. } | Request::Logs(_) => {
                self.refuse_request(ticket, "it is answered without a step")
            }
            Request::Start { units } => self.carry_out(ticket, units, Self::ask_start),
            Request::Stop { units } => self.carry_out_unless(Self::unfit_to_stop, ticket, units, Self::ask_stop),
            Request::Restart { units } => self.carry_out(ticket, units, Self::ask_restart),
            Request::TryRestart { units } => self.carry_out(ticket, units, Self::ask_try_restart),
            Request::Reload { units } => self.carry_out(ticket, units, Self::ask_reload),
            Request::ReloadOrRestart { units } => self.carry_out(ticket, units, Self::ask_reload_or_restart),
            Request::TryReloadOrRestart { units } => self.carry_out(ticket, units, Self::ask_try_reload_or_restart),
            Request::Queue { job, units } => {
                self.carry_out_unless(
                    if job == Job::Stop { Self::unfit_to_stop } else { Self::unfit },
                    ticket,
                    units,
                    match job {
                        Job::Start => Self::ask_start,
                        Job::Stop => Self::ask_stop,
                        Job::Restart => Self::ask_restart,
                        Job::TryRestart => Self::ask_try_restart,
                        Job::Reload => Self::ask_reload,
                        Job::ReloadOrRestart => Self::ask_reload_or_restart,
                        Job::TryReloadOrRestart => Self::ask_try_reload_or_restart,
                    },
                );
                self.leave_waiting(ticket);
            }
            Request::Isolate { unit } => self.carry_out(ticket, alloc::vec![unit], Self::ask_isolate),
            Request::Kill { units, whom, signal } => {
                let whom = match whom {
                    KillWhom::Main => Whom::Main,
                    KillWhom::Control => Whom::Control,
                    KillWhom::All => Whom::All,
                };
                self.carry_out_unless(Self::unfit_to_stop, ticket, units, |s, ticket, name| s.ask_kill(ticket, name, whom, signal));
            }
            Request::Freeze { units } => {
                self.carry_out_unless(Self::unfit_to_stop, ticket, units, |s, ticket, name| s.ask_freeze(ticket, name, true))
            }
            Request::Thaw { units } => {
                self.carry_out_unless(Self::unfit_to_stop, ticket, units, |s, ticket, name| s.ask_freeze(ticket, name, false))
            }
            Request::Limit { units } => self.carry_out(ticket, units, Self::ask_limit),
            Request::ResetFailed { units } => {
                let units = if units.is_empty() { self.slots.keys().cloned().collect() } else { units };
                self.carry_out_unless(Self::unfit_to_stop, ticket, units, Self::reset_failed);
            }
            Request::Run { .. } if self.is_leaving() => self.refuse_request(ticket, LEAVING),
            Request::Run { units, collect, then } => self.ask_run(ticket, units, collect, then),
            Request::Entered { units } => self.carry_out(ticket, units, Self::ask_entered),
            Request::Cancel { .. } if self.is_leaving() => self.refuse_request(ticket, LEAVING),
            Request::Cancel { jobs } => self.cancel(ticket, &jobs),
            Request::Environment(change) => self.order(Action::Environment(ticket, change)),
            Request::DaemonReload {} => self.order(Action::Reread(ticket)),
            Request::Reexec {} if self.is_leaving() => self.refuse_request(ticket, LEAVING),
            Request::Reexec {} => self.order(Action::Reexec(ticket)),
            Request::Leave { way, at_once } => {
                self.order(Action::Answer(ticket, Reply::Leaving { way }));
                self.leave(way, at_once);
            }
        }
    }

    pub(super) fn hung_up(&mut self, ticket: Ticket) {
        self.tickets.remove(&ticket);
        self.stop_waiting(ticket);
        // A job may never end; whoever asks for it and leaves, again and again, must leave nothing.
        let waits = |slot: &Slot| {
            let of_reload = if let State::Reloading { tickets, .. } = &slot.state { tickets.contains(&ticket) } else { false };
            of_reload || slot.job.as_ref().is_some_and(|job| job.tickets.contains(&ticket))
        };
        for name in self.slots.names(waits) {
            let Some(slot) = self.slots.get_mut(&name) else { continue };
            if let Some(job) = &mut slot.job {
                job.tickets.retain(|other| *other != ticket);
            }
            if let State::Reloading { tickets, .. } = &mut slot.state {
                tickets.retain(|other| *other != ticket);
            }
        }
    }

    pub(super) fn refuse_request(&mut self, ticket: Ticket, reason: &str) {
        self.order(Action::Answer(ticket, Reply::Refused { reason: reason.into(), kind: Refusal::Impossible }));
    }

    pub(super) fn carry_out(&mut self, ticket: Ticket, names: Vec<UnitName>, what: impl Fn(&mut Self, Ticket, &UnitName)) {
        self.carry_out_unless(Self::unfit, ticket, names, what);
    }

    fn carry_out_unless(
        &mut self,
        unfit: fn(&Self, &UnitName) -> Option<String>,
        ticket: Ticket,
        names: Vec<UnitName>,
        what: impl Fn(&mut Self, Ticket, &UnitName),
    ) {
        if self.is_leaving() {
            return self.refuse_request(ticket, LEAVING);
        }
        // What cannot be made is not there, and is told below.
        let names: Vec<UnitName> = names.iter().map(|name| self.make(name)).collect();
        if names.is_empty() {
            return self.order(Action::Answer(ticket, Reply::Done { results: Vec::new() }));
        }
        let waiting = Waiting::new(names);
        let names: Vec<UnitName> = waiting.results.iter().map(|(name, _)| name.clone()).collect();
        self.tickets.insert(ticket, waiting);
        for name in &names {
            match unfit(self, name) {
                Some(reason) => self.report(ticket, name, Outcome::Refused(reason)),
                None => what(self, ticket, name),
            }
            // A slice that was made for this and is not up goes again.
            self.forget_transient(name);
        }
    }

    /// The unit of this name, made where nobody has named it before; what cannot be made is not there.
    fn make(&mut self, name: &UnitName) -> UnitName {
        match self.make_instance(name) {
            Ok(made) => made,
            Err(_) => {
                if name.kind() == UnitKind::Slice && !is_perpetual(name) {
                    self.make_slice(name);
                }
                name.clone()
            }
        }
    }

    /// Answers what is still open: nobody waits for it.
    pub(super) fn leave_waiting(&mut self, ticket: Ticket) {
        let Some(waiting) = self.tickets.get(&ticket) else { return };
        let open: Vec<UnitName> = waiting.results.iter().filter(|(_, outcome)| outcome.is_none()).map(|(name, _)| name.clone()).collect();
        for name in &open {
            self.report(ticket, name, Outcome::Queued);
        }
        self.hung_up(ticket);
    }

    /// Why nothing can be done with this unit.
    fn unfit(&self, name: &UnitName) -> Option<String> {
        let cause = match self.units.entry(name) {
            Some(Entry::Unit(_)) => self.is_past(name)?,
            Some(Entry::Bad { first }) => Cause::BadSetting(first.message.clone()),
            Some(Entry::Masked { .. }) => Cause::Masked,
            None => Cause::NotFound,
        };
        Some(cause.to_string())
    }

    /// A masked unit is down already, which is what was asked for: systemctl(1) `stop` succeeds, and prerm scripts rest on it.
    fn unfit_to_stop(&self, name: &UnitName) -> Option<String> {
        match self.units.entry(name) {
            Some(Entry::Unit(_) | Entry::Masked { .. }) => None,
            Some(Entry::Bad { .. }) | None => self.unfit(name),
        }
    }

    fn forgive(&mut self, name: &UnitName) {
        if let Some(slot) = self.slots.get_mut(name) {
            slot.history.starts.clear();
            slot.history.failures = 0;
            slot.history.delays = 0;
            slot.history.restarts = 0;
        }
    }

    /// Whether only other units may do that.
    fn is_refused(&mut self, ticket: Ticket, name: &UnitName, what: fn(&Manner) -> bool, verb: &str) -> bool {
        let refused = self.units.unit(name).is_some_and(|unit| what(&unit.manner));
        if refused {
            self.report(ticket, name, Outcome::Refused(alloc::format!("it is only {verb} by what needs it")));
        }
        refused
    }

    /// A scope begins but once: those who were in it are no more.
    fn begins_once(&mut self, ticket: Ticket, name: &UnitName, but: fn(&Slot) -> bool) -> bool {
        let refused = name.kind() == UnitKind::Scope && self.slots.get(name).is_some_and(|slot| slot.history.was_up && !but(slot));
        if refused {
            self.report(ticket, name, Outcome::Refused("a scope is started but once".into()));
        }
        refused
    }

    pub(super) fn ask_start(&mut self, ticket: Ticket, name: &UnitName) {
        if self.is_refused(ticket, name, |manner| manner.refuse_manual_start, "started") || self.begins_once(ticket, name, Slot::is_up) {
            return;
        }
        self.forgive(name);
        if let Some(slot) = self.slots.get_mut(name) {
            slot.history.by_hand = true;
            if slot.is_down() && slot.job.is_none() {
                slot.history.because = None;
            }
        }
        self.want_start(name, Why::Asked);
        self.follow(ticket, name);
    }

    fn ask_stop(&mut self, ticket: Ticket, name: &UnitName) {
        if self.is_refused(ticket, name, |manner| manner.refuse_manual_stop, "stopped") {
            return;
        }
        if is_perpetual(name) {
            return self.report(ticket, name, Outcome::Refused("all else lies in it".into()));
        }
        self.want_stop(name);
        // One that failed only for want of another is not to rise with it any more.
        if matches!(self.slots.get(name).map(|slot| &slot.state), Some(State::Failed(Cause::Requirement(_)))) {
            self.enter(name, State::Down(Down::Idle));
        }
        self.follow(ticket, name);
    }

    fn ask_restart(&mut self, ticket: Ticket, name: &UnitName) {
        if self.is_refused(ticket, name, |manner| manner.refuse_manual_start || manner.refuse_manual_stop, "restarted")
            || self.begins_once(ticket, name, |_| false)
        {
            return;
        }
        self.forgive(name);
        self.want_restart(name);
        self.follow(ticket, name);
    }

    fn ask_try_restart(&mut self, ticket: Ticket, name: &UnitName) {
        if self.slots.get(name).is_some_and(|slot| !slot.is_down()) {
            self.ask_restart(ticket, name);
        } else {
            self.report(ticket, name, Outcome::Ok);
        }
    }

    fn ask_reload_or_restart(&mut self, ticket: Ticket, name: &UnitName) {
        let can_reload = self
            .units
            .unit(name)
            .and_then(|unit| unit.service())
            .is_some_and(|service| service.reload != Reload::Unsupported || service.kind == ServiceType::NotifyReload);
        let is_up = self.slots.get(name).is_some_and(Slot::is_up);
        match (is_up, can_reload) {
            (true, true) => self.ask_reload(ticket, name),
            (true, false) => self.ask_restart(ticket, name),
            (false, _) => self.ask_start(ticket, name),
        }
    }

    fn ask_try_reload_or_restart(&mut self, ticket: Ticket, name: &UnitName) {
        if self.slots.get(name).is_some_and(Slot::is_up) {
            self.ask_reload_or_restart(ticket, name);
        } else {
            self.report(ticket, name, Outcome::Ok);
        }
    }

    /// Starts `name`, and wants all down that it does not need; systemctl(1), `isolate`.
    fn ask_isolate(&mut self, ticket: Ticket, name: &UnitName) {
        let units = self.units.clone();
        if !units.unit(name).is_some_and(|unit| unit.manner.allow_isolate) {
            return self.report(ticket, name, Outcome::Refused("it does not allow to be isolated".into()));
        }
        let mut needed = Set::new();
        let mut open = alloc::vec![name];
        while let Some(name) = open.pop() {
            if needed.insert(name)
                && let Some(node) = units.graph().node(name)
            {
                open.extend(node.requires.iter().chain(&node.binds_to).chain(&node.wants));
            }
        }
        let stays = |other: &UnitName| match other.kind() {
            UnitKind::Slice | UnitKind::Scope | UnitKind::Device | UnitKind::Swap | UnitKind::Mount | UnitKind::Automount => true,
            UnitKind::Service | UnitKind::Target | UnitKind::Socket | UnitKind::Timer | UnitKind::Path => {
                units.unit(other).is_none_or(|unit| unit.manner.ignore_on_isolate)
            }
        };
        let others: Vec<UnitName> = self.slots.keys().filter(|other| !needed.contains(*other) && !stays(other)).cloned().collect();
        for other in others {
            if self.slots.get(&other).is_some_and(|slot| !slot.is_down() || slot.job.is_some()) {
                self.want(&other, JobKind::Stop, Why::Asked);
            }
        }
        self.ask_start(ticket, name);
    }

    /// As when a job has taken too long, but for what is done about that; systemctl(1), `cancel`.
    fn cancel(&mut self, ticket: Ticket, jobs: &[u32]) {
        let is_meant = |slot: &Slot| slot.job.as_ref().is_some_and(|job| jobs.is_empty() || jobs.contains(&job.number));
        let names = self.slots.names(is_meant);
        let is_start = |name: &&UnitName| self.slots.get(name).is_some_and(|slot| slot.has_job(|kind| kind == JobKind::Start));
        let starts: Vec<UnitName> = names.iter().filter(is_start).cloned().collect();
        names.iter().for_each(|name| self.settle(name, &Outcome::Cancelled));
        starts.iter().for_each(|name| self.fail_waiting(name));
        let results = names.into_iter().map(|unit| UnitResult { unit, outcome: Outcome::Ok }).collect();
        self.order(Action::Answer(ticket, Reply::Done { results }));
    }

    fn ask_kill(&mut self, ticket: Ticket, name: &UnitName, whom: Whom, signal: Signal) {
        let is_there = |alive: &&Alive| match whom {
            Whom::All => true,
            Whom::Main => alive.main_pid.is_some(),
            Whom::Control => alive.running.iter().any(|run| run.phase != Phase::Start),
        };
        match self.slots.get(name).and_then(Slot::alive).filter(is_there).map(|alive| alive.life) {
            Some(life) => {
                self.order(Action::Signal(life, whom, signal));
                self.report(ticket, name, Outcome::Ok);
            }
            None => self.report(ticket, name, Outcome::Refused(NO_PROCESSES.into())),
        }
    }

    fn ask_freeze(&mut self, ticket: Ticket, name: &UnitName, frozen: bool) {
        let alive = self.slots.get_mut(name).filter(|slot| slot.is_up()).and_then(Slot::alive_mut);
        let Some(alive) = alive else { return self.report(ticket, name, Outcome::Refused(NO_PROCESSES.into())) };
        alive.frozen = frozen;
        let life = alive.life;
        // It could not say that it is well while it stood still.
        self.watchdog_pinged(name);
        self.order(Action::Freeze(life, frozen));
        self.report(ticket, name, Outcome::Ok);
    }

    fn ask_entered(&mut self, ticket: Ticket, name: &UnitName) {
        let outcome = if self.stop_awaiting(name) { Outcome::Ok } else { Outcome::Refused("it awaits nobody".into()) };
        self.report(ticket, name, outcome);
    }

    /// Whoever has no processes now has the new limits when it is started.
    fn ask_limit(&mut self, ticket: Ticket, name: &UnitName) {
        if let Some(life) = self.slots.get(name).and_then(Slot::alive).map(|alive| alive.life) {
            self.order(Action::Limit(life, name.clone()));
        }
        self.report(ticket, name, Outcome::Ok);
    }

    fn reset_failed(&mut self, ticket: Ticket, name: &UnitName) {
        self.forgive(name);
        if let Some(slot) = self.slots.get_mut(name) {
            slot.history.result = None;
            if matches!(slot.state, State::Failed(_)) {
                self.enter(name, State::Down(Down::Idle));
            }
        }
        self.forget_transient(name);
        self.forget_past(name);
        self.report(ticket, name, Outcome::Ok);
    }
}

/// The slices that are there as long as anything is; systemd.special(7).
fn is_perpetual(name: &UnitName) -> bool {
    matches!(name.as_str(), "-.slice" | "system.slice")
}
