//! What follows a life: another one, rest, or the end of the system.

use super::Supervisor;
use super::course::course;
use super::slot::{Down, Ending, JobKind, Slot, State};
use crate::{Action, Afterwards, Cause, Ended, Exit, Moment, Notice, Phase};
use alloc::string::ToString;
use units::UnitName;
use units::control::Outcome;
use units::unit::{RestartMode, RestartPolicy, Service, Statuses};
use units::value::Signal;

impl Supervisor {
    /// How the life that ends went.
    pub(super) fn ended(&self, name: &UnitName) -> Option<Ended> {
        let State::Stopping { alive, ending, .. } = &self.slots.get(name)?.state else { return None };
        Some(Ended { result: result(ending, alive.out_of_memory), exit: alive.main_exit })
    }

    /// Nothing of this life is left.
    pub(super) fn gone(&mut self, name: &UnitName) {
        let units = self.units.clone();
        let Some(service) = course(&units, name) else { return };
        let Some(slot) = self.slots.get_mut(name) else { return };
        let State::Stopping { alive, ending, .. } = &slot.state else { return };
        let (life, exit) = (alive.life, alive.main_exit);
        let mut ending = ending.clone();
        if let Ending::Fell(cause) = &mut ending
            && alive.out_of_memory
            && is_kill(cause)
        {
            *cause = Cause::OutOfMemory;
        }
        let again_at = self.again_at(name, &service, &ending, exit);
        let restarting = self.slots.get(name).is_some_and(|slot| slot.has_job(|kind| kind == JobKind::Restart));
        let afterwards = if again_at.is_some() || restarting && !self.is_leaving() { Afterwards::Restart } else { Afterwards::Rest };
        if let Some(slot) = self.slots.get_mut(name) {
            slot.history.exit = exit;
        }
        self.lives.remove(&life);
        self.order(Action::Release(life, name.clone(), afterwards));
        self.after_life(name, ending, again_at, exit);
    }

    /// When it is started again by itself.
    fn again_at(&mut self, name: &UnitName, service: &Service, ending: &Ending, exit: Option<Exit>) -> Option<Moment> {
        let other_plans = self.slots.get(name).and_then(|slot| slot.job.as_ref());
        if self.is_leaving() || other_plans.is_some_and(|job| job.kind != JobKind::Start || !job.begun) {
            return None;
        }
        let history = &mut self.slots.get_mut(name)?.history;
        let (wanted, tries) = match ending {
            Ending::Asked | Ending::Skipped(_) => (false, 0),
            Ending::Delayed(_) => (true, history.delays),
            Ending::Finished => (restarts(service, None, exit), 0),
            Ending::Fell(cause) => (restarts(service, Some(cause), exit), history.failures.saturating_add(1)),
        };
        let restarts = history.restarts;
        wanted.then(|| self.now.plus(service.restart.pause(tries, restarts)))
    }

    fn after_life(&mut self, name: &UnitName, ending: Ending, again_at: Option<Moment>, exit: Option<Exit>) {
        let units = self.units.clone();
        let Some(manner) = units.unit(name).map(|unit| &unit.manner) else { return };
        let code = match exit {
            Some(Exit::Code(code)) => code,
            Some(Exit::Signal(_)) => u8::MAX,
            None => 0,
        };
        let resting = again_at.map(|retry_at| State::Resting { retry_at });
        match ending {
            Ending::Asked => {
                self.enter(name, State::Down(Down::Idle));
                self.tell(Notice::Stopped(name.clone()));
                self.stopped(name);
                self.unbind(name);
            }
            Ending::Finished => {
                let rests = resting.is_some();
                self.enter(name, resting.unwrap_or(State::Down(Down::Finished)));
                if self.is_unseen(name) {
                    return;
                }
                self.settle_start(name, &Outcome::Ok);
                self.stopped(name);
                self.unbind(name);
                if !rests {
                    self.tell(Notice::Finished(name.clone()));
                    self.take_action(name, manner.success_action, manner.success_exit.unwrap_or(code));
                }
            }
            Ending::Skipped(why) => {
                self.enter(name, State::Down(Down::Skipped(why.clone())));
                self.tell(Notice::Skipped(name.clone(), why.clone()));
                self.settle_start(name, &Outcome::Skipped(why));
                self.stopped(name);
                self.unbind(name);
            }
            Ending::Fell(cause) => {
                if let Some(slot) = self.slots.get_mut(name) {
                    slot.history.result = Some(cause.to_string());
                    slot.history.failures = slot.history.failures.saturating_add(1);
                }
                match again_at {
                    Some(again_at) => {
                        self.enter(name, State::Resting { retry_at: again_at });
                        self.tell(Notice::Fell { unit: name.clone(), cause: cause.clone(), again_at });
                    }
                    None => {
                        self.enter(name, State::Failed(cause.clone()));
                        self.tell(Notice::Failed(name.clone(), cause.clone()));
                        let code = if code == 0 { 1 } else { code };
                        self.take_action(name, manner.failure_action, manner.failure_exit.unwrap_or(code));
                    }
                }
                if self.is_unseen(name) {
                    return;
                }
                self.start_failed(name, &cause);
                self.stopped(name);
                self.unbind(name);
            }
            Ending::Delayed(why) => match again_at {
                None => {
                    self.enter(name, State::Down(Down::Idle));
                    self.stopped(name);
                }
                Some(again_at) => {
                    let starts = self.slots.get_mut(name).map(|slot| &mut slot.history.starts);
                    // It was no start.
                    let _ = starts.and_then(alloc::collections::VecDeque::pop_back);
                    self.enter(name, State::Resting { retry_at: again_at });
                    let cause = Cause::CouldNotExecute(Phase::Start, why);
                    self.tell(Notice::Fell { unit: name.clone(), cause, again_at });
                }
            },
        }
    }

    /// Whether it comes again before anybody hears of its end; its start is then as far from done as before.
    pub(super) fn is_unseen(&self, name: &UnitName) -> bool {
        let is_direct = course(&self.units, name).is_some_and(|service| service.restart.mode == RestartMode::Direct);
        is_direct && self.slots.get(name).is_some_and(Slot::rests)
    }

    /// What is bound to a unit that is down goes down as well.
    pub(super) fn unbind(&mut self, name: &UnitName) {
        let units = self.units.clone();
        let Some(node) = units.graph().node(name) else { return };
        for other in &node.bound_by {
            let Some(slot) = self.slots.get(other) else { continue };
            if slot.is_down() || slot.is_stopping() || slot.has_job(JobKind::stops) {
                continue;
            }
            match &slot.state {
                State::Reached | State::Resting { .. } => {
                    self.refuse(other, Cause::Requirement(name.clone()));
                }
                State::Checking { life } => {
                    let life = *life;
                    self.lives.remove(&life);
                    self.enter(other, State::Down(Down::Idle));
                    self.refuse(other, Cause::Requirement(name.clone()));
                }
                State::Preparing { .. }
                | State::Starting { .. }
                | State::Up { .. }
                | State::Done { .. }
                | State::Watching { .. }
                | State::Reloading { .. }
                | State::Stopping { .. }
                | State::Down(_)
                | State::Failed(_) => self.end(other, Ending::Fell(Cause::Requirement(name.clone()))),
            }
        }
    }
}

/// Whether this policy starts a unit again that ended like this, with success where there is no cause;
/// systemd.service(5), the table under `Restart=`.
fn allows(policy: RestartPolicy, cause: Option<&Cause>) -> bool {
    let Some(cause) = cause else { return matches!(policy, RestartPolicy::Always | RestartPolicy::OnSuccess) };
    let is_code = match cause {
        Cause::Exited(_, Exit::Code(_)) | Cause::CouldNotExecute(..) => true,
        Cause::Exited(_, Exit::Signal(_))
        | Cause::OutOfMemory
        | Cause::TimedOut(_)
        | Cause::RanTooLong
        | Cause::Watchdog
        | Cause::Protocol(_)
        | Cause::CouldNotPrepare(_) => false,
        // Trying again would change nothing.
        Cause::AssertionFailed(_)
        | Cause::Requirement(_)
        | Cause::TooManyStarts
        | Cause::TooManyHits
        | Cause::ServiceGaveUp(_)
        | Cause::AlreadyServed(_)
        | Cause::BadSetting(_)
        | Cause::Masked
        | Cause::NotFound => return false,
    };
    match policy {
        RestartPolicy::Always | RestartPolicy::OnFailure => true,
        RestartPolicy::OnAbnormal => !is_code,
        RestartPolicy::OnAbort => matches!(cause, Cause::Exited(_, Exit::Signal(_))),
        RestartPolicy::OnWatchdog => matches!(cause, Cause::Watchdog),
        RestartPolicy::No | RestartPolicy::OnSuccess => false,
    }
}

fn restarts(service: &Service, cause: Option<&Cause>, exit: Option<Exit>) -> bool {
    let among = |statuses: &Statuses| match exit {
        Some(Exit::Code(code)) => statuses.codes.contains(&code),
        Some(Exit::Signal(signal)) => statuses.signals.contains(&signal),
        None => false,
    };
    // Whoever cannot be started at all is restarted by no policy, and so by no status.
    let forced = || among(&service.restart.force) && allows(RestartPolicy::Always, cause);
    !among(&service.restart.prevent) && (forced() || allows(service.restart.policy, cause))
}

/// Word for how a life ends; systemd.exec(5), `$SERVICE_RESULT`.
fn result(ending: &Ending, out_of_memory: bool) -> &'static str {
    match ending {
        Ending::Asked | Ending::Finished => "success",
        Ending::Skipped(_) => "exec-condition",
        Ending::Delayed(_) => "resources",
        Ending::Fell(cause) if out_of_memory && is_kill(cause) => "oom-kill",
        Ending::Fell(cause) => word(cause),
    }
}

/// The same of a unit that has failed.
pub(super) fn word(cause: &Cause) -> &'static str {
    match cause {
        Cause::OutOfMemory => "oom-kill",
        Cause::Exited(_, Exit::Code(_)) | Cause::CouldNotExecute(..) => "exit-code",
        Cause::Exited(_, Exit::Signal(_)) => "signal",
        Cause::TimedOut(_) | Cause::RanTooLong => "timeout",
        Cause::Watchdog => "watchdog",
        Cause::Protocol(_) => "protocol",
        Cause::CouldNotPrepare(_) => "resources",
        Cause::TooManyStarts => "start-limit-hit",
        Cause::TooManyHits => "trigger-limit-hit",
        Cause::ServiceGaveUp(_) => "service-start-limit-hit",
        // It was well itself.
        Cause::AssertionFailed(_)
        | Cause::Requirement(_)
        | Cause::AlreadyServed(_)
        | Cause::BadSetting(_)
        | Cause::Masked
        | Cause::NotFound => "success",
    }
}

fn is_kill(cause: &Cause) -> bool {
    matches!(cause, Cause::Exited(_, Exit::Signal(signal)) if *signal == Signal::KILL)
}
