//! Bringing a unit up.

use super::Supervisor;
use super::course::{MANY, course};
use super::slot::{Alive, Down, Ending, Starting, State};
use crate::{Action, Cause, Moment, Notice, Phase};
use alloc::string::{String, ToString};
use core::time::Duration;
use units::control::Outcome;
use units::unit::{Body, Restart, Service, ServiceType, Verdict};
use units::value::Limit;
use units::{UnitKind, UnitName};

/// How long a service of type `idle` waits for all others; as systemd has it.
const IDLE: Duration = Duration::from_secs(5);

impl Supervisor {
    /// Starts `name` now: what it waited for is settled.
    pub(super) fn start(&mut self, name: &UnitName) {
        if let Some(cause) = self.missing(name) {
            return self.refuse(name, cause);
        }
        let units = self.units.clone();
        let Some(unit) = units.unit(name) else { return };
        if self.started_too_often(name) {
            self.refuse(name, Cause::TooManyStarts);
            return self.take_action(name, unit.manner.start_limit_action, 1);
        }
        if let Body::Socket(_) = &unit.body
            && let Some(other) = self.served_already(name)
        {
            return self.refuse(name, Cause::AlreadyServed(other));
        }
        let now = self.now;
        if let Some(slot) = self.slots.get_mut(name) {
            slot.history.began = now;
            slot.history.status = None;
            slot.history.again_at = None;
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
        let (burst, interval) = match course(&units, name) {
            Some(service) => (service.restart.burst, service.restart.interval),
            None => (Limit::At(MANY), Restart::default().interval),
        };
        let Some(slot) = self.slots.get_mut(name) else { return false };
        let Limit::At(burst) = burst else { return false };
        let starts = &mut slot.history.starts;
        let now = self.now;
        while starts.front().is_some_and(|start| now.since(*start) >= interval) {
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
            Verdict::Go if self.in_the_way(name).is_some() => self.start_over(name),
            Verdict::Go => self.start_body(name),
            Verdict::Skip(condition) => {
                if let Some(slot) = self.slots.get_mut(name) {
                    slot.history.result = None;
                    // It was no start. Whoever tries again and again has a limit of his own, or a pause.
                    slot.history.starts.pop_back();
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

    /// While its conditions were judged, files were read by which it has to wait for somebody to go.
    fn start_over(&mut self, name: &UnitName) {
        if let Some(slot) = self.slots.get_mut(name) {
            slot.history.starts.pop_back();
            slot.job.iter_mut().for_each(|job| job.begun = false);
        }
        self.enter(name, State::Down(Down::Idle));
    }

    fn start_body(&mut self, name: &UnitName) {
        let units = self.units.clone();
        let Some(service) = course(&units, name) else {
            self.enter(name, State::Reached);
            self.came_up(name);
            return self.leave_by(name);
        };
        self.tell(Notice::Starting(name.clone()));
        let life = self.new_life(name);
        let until = self.after(service.start_timeout);
        self.enter(name, State::Preparing { life, until });
        self.order(Action::Prepare(life, name.clone()));
    }

    pub(super) fn after(&self, span: Limit<Duration>) -> Option<Moment> {
        span.at().map(|span| self.now.plus(span))
    }

    pub(super) fn prepared(&mut self, name: &UnitName) {
        let Some(State::Preparing { life, until }) = self.slots.get(name).map(|slot| &slot.state) else { return };
        let (life, until) = (*life, *until);
        self.enter(name, State::Starting { alive: Alive::new(life), stage: Starting::Condition(0), until });
        self.start_stage(name, Starting::Condition(0));
    }

    pub(super) fn prepare_failed(&mut self, name: &UnitName, why: String) {
        if let Some(State::Preparing { .. }) = self.slots.get(name).map(|slot| &slot.state) {
            self.end(name, Ending::Fell(Cause::CouldNotPrepare(why)));
        }
    }

    /// Goes to this stage of the start, or on to the first after it that has something to do. Each command has
    /// the whole time limit to itself, as with systemd.
    pub(super) fn start_stage(&mut self, name: &UnitName, wanted: Starting) {
        let units = self.units.clone();
        let Some(service) = course(&units, name) else { return };
        let (stage, run) = self.first_stage(name, &service, wanted);
        let limit = match stage {
            Starting::Idling => Some(self.now.plus(IDLE)),
            Starting::Condition(_) | Starting::Pre(_) | Starting::Listening | Starting::Main(_) | Starting::Post(_) => {
                self.after(service.start_timeout)
            }
            Starting::Finding => None,
        };
        let Some(State::Starting { stage: present, until, alive }) = self.slots.get_mut(name).map(|slot| &mut slot.state) else { return };
        let life = alive.life;
        *present = stage;
        *until = if let Starting::Finding = stage { *until } else { limit };
        match (run, stage) {
            (Some((phase, index)), _) => self.spawn(name, phase, index),
            (None, Starting::Idling) => {}
            (None, Starting::Listening) => self.order(Action::Listen(life, name.clone())),
            (None, Starting::Finding) => self.order(Action::FindMain(life, name.clone())),
            (None, Starting::Condition(_) | Starting::Pre(_) | Starting::Main(_) | Starting::Post(_)) => self.start_done(name),
        }
    }

    /// The first stage from `wanted` on that has something to do; [`Starting::Post`] without a run if there is none.
    fn first_stage(&self, name: &UnitName, service: &Service, wanted: Starting) -> (Starting, Option<(Phase, usize)>) {
        let is_socket = || matches!(self.units.unit(name).map(|unit| &unit.body), Some(Body::Socket(_)));
        let mut stage = wanted;
        loop {
            stage = match stage {
                Starting::Condition(index) if index < service.start_conditions.len() => return (stage, Some((Phase::Condition, index))),
                Starting::Condition(_) if service.kind == ServiceType::Idle => return (Starting::Idling, None),
                Starting::Condition(_) | Starting::Idling => Starting::Pre(0),
                Starting::Pre(index) if index < service.start_pre.len() => return (stage, Some((Phase::StartPre, index))),
                Starting::Pre(_) if is_socket() => return (Starting::Listening, None),
                Starting::Pre(_) => Starting::Main(0),
                Starting::Main(index) if index < service.start.len() => return (stage, Some((Phase::Start, index))),
                Starting::Main(_) | Starting::Listening => Starting::Post(0),
                Starting::Finding => return (stage, None),
                Starting::Post(index) if index < service.start_post.len() => return (stage, Some((Phase::StartPost, index))),
                Starting::Post(_) => return (stage, None),
            };
        }
    }

    /// Nothing else is wanted, or it has waited long enough.
    pub(super) fn idle_no_more(&mut self, name: &UnitName) {
        if let Some(State::Starting { stage: Starting::Idling, .. }) = self.slots.get(name).map(|slot| &slot.state) {
            self.start_stage(name, Starting::Pre(0));
        }
    }

    /// All stages are through.
    fn start_done(&mut self, name: &UnitName) {
        let units = self.units.clone();
        let Some(service) = course(&units, name) else { return };
        let Some(slot) = self.slots.get_mut(name) else { return };
        slot.history.delays = 0;
        match core::mem::replace(&mut slot.state, State::Reached) {
            State::Starting { alive, .. } => {
                let life = alive.life;
                let has_main = alive.has_main();
                match (&service.kind, service.remain_after_exit) {
                    (ServiceType::Oneshot, true) => {
                        self.enter(name, State::Done { alive });
                        self.came_up(name);
                        self.begin_watch(name);
                    }
                    (ServiceType::Oneshot, false) => {
                        self.enter(name, State::Up { alive });
                        self.note_up(name);
                        // That it fell before is over.
                        if let Some(slot) = self.slots.get_mut(name) {
                            slot.history.result = None;
                        }
                        self.settle_start(name, &Outcome::Ok);
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
                        self.begin_vigil(name, &service);
                        self.came_up(name);
                        // Without a main process to watch, it is up as long as any is left. Into a scope they are still to come.
                        if name.kind() == UnitKind::Scope {
                            self.await_processes(name);
                        } else if !has_main {
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
            | State::Watching { .. }
            | State::Reloading { .. }
            | State::Stopping { .. }
            | State::Reached) => slot.state = other,
        }
    }

    fn came_up(&mut self, name: &UnitName) {
        let took = self.slots.get(name).map_or(Duration::ZERO, |slot| self.now.since(slot.history.began));
        if let Some(slot) = self.slots.get_mut(name) {
            slot.history.result = None;
        }
        self.note_up(name);
        self.tell(Notice::Started(name.clone(), took));
        self.settle_start(name, &Outcome::Ok);
    }

    fn note_up(&mut self, name: &UnitName) {
        let now = self.now;
        if let Some(slot) = self.slots.get_mut(name) {
            slot.history.up_at = Some(now);
        }
    }

    pub(super) fn main_found(&mut self, name: &UnitName, pid: Option<u32>) {
        let units = self.units.clone();
        let Some(service) = course(&units, name) else { return };
        let Some(slot) = self.slots.get_mut(name) else { return };
        let finding = match &slot.state {
            // A command before the main one has none to name yet: there would be two of it.
            State::Starting { stage: Starting::Condition(_) | Starting::Idling | Starting::Pre(_) | Starting::Listening, .. } => return,
            State::Starting { stage, .. } => matches!(stage, Starting::Finding),
            State::Up { .. } | State::Reloading { .. } | State::Done { .. } | State::Watching { .. } | State::Stopping { .. } => false,
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
            // Nobody is left who could write it.
            return self.end(name, Ending::Fell(Cause::Protocol("left no daemon that its pid file names".into())));
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
