//! Bringing a unit up.

use super::slot::{Alive, Down, Ending, Slot, Starting, State};
use super::{Supervisor, service};
use crate::{Action, Cause, Moment, Notice, Phase};
use alloc::string::{String, ToString};
use core::time::Duration;
use units::UnitName;
use units::control::Outcome;
use units::unit::{Body, ServiceType, Verdict};
use units::value::Limit;

/// How often a pid file that is not there yet is looked for.
const FIND_AGAIN: Duration = Duration::from_millis(100);

impl Supervisor {
    /// Starts `name` now: what it waited for is settled.
    pub(super) fn start(&mut self, name: &UnitName) {
        if let Some(cause) = self.missing(name) {
            return self.refuse(name, cause);
        }
        if self.started_too_often(name) {
            return self.refuse(name, Cause::TooManyStarts);
        }
        let units = self.units.clone();
        let Some(unit) = units.unit(name) else { return };
        let now = self.now;
        if let Some(slot) = self.slots.get_mut(name) {
            slot.history.began = now;
            slot.history.status = None;
        }
        if unit.conditions.is_empty() {
            return self.start_body(name);
        }
        let life = self.new_life(name);
        self.enter(name, State::Checking { life });
        self.order(Action::Check(life, name.clone()));
    }

    fn started_too_often(&mut self, name: &UnitName) -> bool {
        let units = self.units.clone();
        let Some(service) = service(&units, name) else { return false };
        let Some(slot) = self.slots.get_mut(name) else { return false };
        let Limit::At(burst) = service.restart.burst else { return false };
        let starts = &mut slot.history.starts;
        let now = self.now;
        while starts.front().is_some_and(|start| now.since(*start) >= service.restart.interval) {
            starts.pop_front();
        }
        if starts.len() >= usize::try_from(burst).unwrap_or(usize::MAX) {
            return true;
        }
        starts.push_back(now);
        false
    }

    pub(super) fn checked(&mut self, name: &UnitName, verdict: Verdict) {
        let Some(State::Checking { life }) = self.slots.get(name).map(|slot| &slot.state) else { return };
        let life = *life;
        self.lives.remove(&life);
        match verdict {
            Verdict::Go => self.start_body(name),
            Verdict::Skip(condition) => {
                if let Some(slot) = self.slots.get_mut(name) {
                    slot.history.result = None;
                }
                self.enter(name, State::Down(Down::Skipped(condition.clone())));
                self.tell(Notice::Skipped(name.clone(), condition.clone()));
                self.settle_start(name, &Outcome::Skipped(condition));
            }
            Verdict::Refuse(assertion) => {
                self.enter(name, State::Down(Down::Idle));
                self.refuse(name, Cause::AssertionFailed(assertion));
            }
        }
    }

    fn start_body(&mut self, name: &UnitName) {
        let units = self.units.clone();
        let Some(unit) = units.unit(name) else { return };
        match &unit.body {
            Body::Target | Body::Slice(_) => {
                self.enter(name, State::Reached);
                self.is_up(name);
            }
            Body::Service(service) => {
                self.tell(Notice::Starting(name.clone()));
                let life = self.new_life(name);
                let until = self.after(service.start_timeout);
                self.enter(name, State::Preparing { life, until });
                self.order(Action::Prepare(life, name.clone()));
            }
            Body::Socket(_) | Body::Timer(_) | Body::Path(_) | Body::Mount(_) => {
                self.enter(name, State::Down(Down::Idle));
                self.refuse(name, Cause::BadSetting("units of this kind are not started yet".to_string()));
            }
        }
    }

    pub(super) fn after(&self, span: Limit<Duration>) -> Option<Moment> {
        span.at().map(|span| self.now.plus(span))
    }

    pub(super) fn prepared(&mut self, name: &UnitName) {
        let Some(State::Preparing { life, until }) = self.slots.get(name).map(|slot| &slot.state) else { return };
        let (life, until) = (*life, *until);
        self.enter(name, State::Starting { alive: Alive::new(life), stage: Starting::Pre(0), until });
        self.start_stage(name, Starting::Pre(0));
    }

    pub(super) fn prepare_failed(&mut self, name: &UnitName, why: String) {
        if let Some(State::Preparing { .. }) = self.slots.get(name).map(|slot| &slot.state) {
            self.end(name, Ending::Fell(Cause::CouldNotPrepare(why)));
        }
    }

    /// Goes to this stage of the start, or on to the first after it that has something to do.
    pub(super) fn start_stage(&mut self, name: &UnitName, wanted: Starting) {
        let units = self.units.clone();
        let Some(service) = service(&units, name) else { return };
        let (stage, run) = match wanted {
            Starting::Pre(index) if index < service.start_pre.len() => (wanted, Some((Phase::StartPre, index))),
            Starting::Pre(_) => return self.start_stage(name, Starting::Main(0)),
            Starting::Main(index) if index < service.start.len() => (wanted, Some((Phase::Start, index))),
            Starting::Main(_) => return self.start_stage(name, Starting::Post(0)),
            Starting::Finding { .. } => (wanted, None),
            Starting::Post(index) if index < service.start_post.len() => (wanted, Some((Phase::StartPost, index))),
            Starting::Post(_) => return self.start_done(name),
        };
        if let Some(State::Starting { stage: present, .. }) = self.slots.get_mut(name).map(|slot| &mut slot.state) {
            *present = stage;
        }
        match run {
            Some((phase, index)) => self.spawn(name, phase, index),
            None => {
                if let Some(life) = self.slots.get(name).and_then(Slot::life) {
                    self.order(Action::FindMain(life, name.clone()));
                }
            }
        }
    }

    /// All stages are through.
    fn start_done(&mut self, name: &UnitName) {
        let units = self.units.clone();
        let Some(service) = service(&units, name) else { return };
        let Some(slot) = self.slots.get_mut(name) else { return };
        slot.history.delays = 0;
        match core::mem::replace(&mut slot.state, State::Reached) {
            State::Starting { alive, .. } => {
                let life = alive.life;
                let has_main = alive.has_main();
                match (&service.kind, service.remain_after_exit) {
                    (ServiceType::Oneshot, true) => {
                        self.enter(name, State::Done { alive });
                        self.is_up(name);
                    }
                    (ServiceType::Oneshot, false) => {
                        self.enter(name, State::Up { alive });
                        self.note_up(name);
                        // That it fell before is over.
                        if let Some(slot) = self.slots.get_mut(name) {
                            slot.history.result = None;
                        }
                        self.settle_start(name, &Outcome::Ok);
                        self.recover_dependents(name);
                        self.end(name, Ending::Finished);
                    }
                    (
                        ServiceType::Exec
                        | ServiceType::Simple
                        | ServiceType::Idle
                        | ServiceType::Dbus
                        | ServiceType::Notify
                        | ServiceType::NotifyReload
                        | ServiceType::Forking { .. },
                        _,
                    ) => {
                        self.enter(name, State::Up { alive });
                        self.is_up(name);
                        // Without a main process to watch, it is up as long as any is left.
                        if !has_main {
                            self.order(Action::Drain(life));
                        }
                    }
                }
            }
            other @ (State::Down(_)
            | State::Failed(_)
            | State::Resting { .. }
            | State::Checking { .. }
            | State::Preparing { .. }
            | State::Up { .. }
            | State::Done { .. }
            | State::Reloading { .. }
            | State::Stopping { .. }
            | State::Reached) => slot.state = other,
        }
    }

    fn is_up(&mut self, name: &UnitName) {
        let took = self.slots.get(name).map_or(Duration::ZERO, |slot| self.now.since(slot.history.began));
        if let Some(slot) = self.slots.get_mut(name) {
            slot.history.result = None;
        }
        self.note_up(name);
        self.tell(Notice::Started(name.clone(), took));
        self.settle_start(name, &Outcome::Ok);
        self.recover_dependents(name);
    }

    fn note_up(&mut self, name: &UnitName) {
        let now = self.now;
        if let Some(slot) = self.slots.get_mut(name) {
            slot.history.up_at = Some(now);
        }
    }

    pub(super) fn main_found(&mut self, name: &UnitName, pid: Option<u32>) {
        let units = self.units.clone();
        let Some(service) = service(&units, name) else { return };
        let now = self.now;
        let Some(slot) = self.slots.get_mut(name) else { return };
        let finding = match &slot.state {
            State::Starting { stage, .. } => matches!(stage, Starting::Finding { .. }),
            State::Up { .. } | State::Reloading { .. } | State::Done { .. } | State::Stopping { .. } => false,
            State::Down(_)
            | State::Failed(_)
            | State::Resting { .. }
            | State::Checking { .. }
            | State::Preparing { .. }
            | State::Reached => return,
        };
        if let (Some(pid), Some(alive)) = (pid, slot.alive_mut()) {
            let run = crate::Run { life: alive.life, phase: Phase::Start, index: 0 };
            alive.main_pid = Some(pid);
            if !alive.running.contains(&run) {
                alive.running.push(run);
            }
        }
        if !finding {
            return;
        }
        let wants_file = matches!(&service.kind, ServiceType::Forking { pid_file: Some(_) });
        if pid.is_none() && wants_file {
            // The daemon writes it when it comes to it; until the start takes too long.
            if let State::Starting { stage, .. } = &mut slot.state {
                *stage = Starting::Finding { again_at: Some(now.plus(FIND_AGAIN)) };
            }
            return;
        }
        self.start_stage(name, Starting::Post(0));
    }

    /// No process could be had: everything of this life is undone and tried again later.
    pub(super) fn delay(&mut self, name: &UnitName, why: String, phase: Phase) {
        /// So often, and it is a failure after all.
        const MOST: u32 = 10;
        let Some(slot) = self.slots.get_mut(name) else { return };
        slot.history.delays = slot.history.delays.saturating_add(1);
        slot.history.result = Some(why.to_string());
        if slot.history.delays > MOST {
            slot.history.delays = 0;
            self.end(name, Ending::Fell(Cause::CouldNotExecute(phase, why)));
        } else {
            self.end(name, Ending::Delayed(why));
        }
    }
}
