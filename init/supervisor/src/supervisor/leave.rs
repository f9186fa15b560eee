//! The end of the system: everything is stopped in order, each within its own limit and all within
//! the budget; then what is left is killed; then the reactor leaves.

use super::slot::{Down, Ending, JobKind, Slot, State, Stopping, Why};
use super::{Supervisor, System};
use crate::{Action, Notice};
use alloc::vec::Vec;
use core::time::Duration;
use units::UnitName;
use units::control::Way;
use units::unit::EmergencyAction;

/// What is left after everything was killed gets this much at least to be gone.
const LAST: Duration = Duration::from_secs(2);

impl Supervisor {
    /// What a unit wants of the system when it has ended in some way; systemd.unit(5), `FailureAction=`.
    pub(super) fn take_action(&mut self, name: &UnitName, action: EmergencyAction, code: u8) {
        let way = match action {
            EmergencyAction::None => return,
            EmergencyAction::Reboot => Way::Reboot,
            EmergencyAction::PowerOff => Way::Poweroff,
            EmergencyAction::Halt => Way::Halt,
            EmergencyAction::Exit => Way::Exit(code),
        };
        if !self.is_leaving() {
            self.tell(Notice::Wanted(name.clone(), way));
            self.leave(way, false);
        }
    }

    /// A target has been reached, by request or because somebody wants it: some of them are the end of the system; systemd.special(7).
    pub(super) fn leave_by(&mut self, target: &UnitName) {
        let way = match target.as_str() {
            "poweroff.target" => Way::Poweroff,
            // A container has no kernel of its own to execute.
            "reboot.target" | "kexec.target" => Way::Reboot,
            "halt.target" => Way::Halt,
            "exit.target" => Way::Exit(0),
            _ => return,
        };
        if !self.is_leaving() {
            self.leave(way, false);
        }
    }

    pub(super) fn leave(&mut self, way: Way, at_once: bool) {
        match self.system {
            System::Idle | System::Booting { .. } | System::Running => {
                let budget = self.config.shutdown_budget;
                let reserve = (budget / 4).min(LAST);
                let kill_at = self.now.plus(budget.saturating_sub(reserve));
                let give_up_at = self.now.plus(budget);
                self.system = System::Leaving { way, kill_at, give_up_at, hurried: false };
                self.tell(Notice::Leaving(way, give_up_at));
                self.refuse_waiting();
                self.stop_everything();
                if at_once {
                    self.hurry();
                }
            }
            System::Leaving { kill_at, give_up_at, hurried, .. } => {
                self.system = System::Leaving { way, kill_at, give_up_at, hurried };
                self.hurry();
            }
            System::Left => {}
        }
    }

    fn stop_everything(&mut self) {
        let names: Vec<UnitName> = self.slots.keys().cloned().collect();
        for name in &names {
            if let Some(job) = self.slots.get_mut(name).and_then(|slot| slot.job.as_mut()) {
                job.until = None;
            }
        }
        // All of them: there is nobody else who goes down with one.
        for name in &names {
            if self.slots.get(name).is_some_and(|slot| !slot.is_down() || slot.job.is_some()) {
                self.want(name, JobKind::Stop, Why::Asked);
            }
        }
        let clipped = |s: &Self, until| s.clipped(until);
        for name in names {
            let Some(State::Stopping { until, .. }) = self.slots.get(&name).map(|slot| &slot.state) else { continue };
            let shorter = clipped(self, *until);
            if let Some(State::Stopping { until, .. }) = self.slots.get_mut(&name).map(|slot| &mut slot.state) {
                *until = shorter;
            }
        }
    }

    /// No more waiting, no more order: everything is killed.
    fn hurry(&mut self) {
        let System::Leaving { way, kill_at, give_up_at, hurried: false } = self.system else { return };
        let give_up_at = give_up_at.min(self.now.plus(LAST));
        self.system = System::Leaving { way, kill_at, give_up_at, hurried: true };
        self.tell(Notice::Hurrying(way));
        let names: Vec<UnitName> = self.slots.keys().cloned().collect();
        for name in names {
            if let Some(job) = self.slots.get_mut(&name).and_then(|slot| slot.job.as_mut()) {
                job.begun = true;
            }
            let Some(slot) = self.slots.get(&name) else { continue };
            match &slot.state {
                State::Down(_) | State::Failed(_) => self.stopped(&name),
                State::Resting { .. } | State::Reached => {
                    self.enter(&name, State::Down(Down::Idle));
                    self.stopped(&name);
                }
                State::Checking { life } => {
                    let life = *life;
                    self.lives.remove(&life);
                    self.enter(&name, State::Down(Down::Idle));
                    self.stopped(&name);
                }
                State::Preparing { .. }
                | State::Starting { .. }
                | State::Up { .. }
                | State::Done { .. }
                | State::Watching { .. }
                | State::Reloading { .. }
                | State::Stopping { .. } => self.kill_now(&name),
            }
        }
    }

    fn kill_now(&mut self, name: &UnitName) {
        self.skip_to_stopping(name);
        let now_until = self.clipped(None);
        let Some(State::Stopping { alive, stage, until, ending, emptied }) = self.slots.get_mut(name).map(|slot| &mut slot.state) else {
            return;
        };
        *ending = Ending::Asked;
        *stage = Stopping::Kill;
        *until = now_until;
        *emptied = false;
        let life = alive.life;
        self.order(Action::Kill(life));
        self.order(Action::Drain(life));
    }

    /// What remains to be seen when everything else is through.
    pub(super) fn end_leaving(&mut self) {
        let System::Leaving { way, .. } = self.system else { return };
        if self.slots.are_at_rest() {
            self.system = System::Left;
            self.order(Action::Leave(way));
        }
    }

    pub(super) fn leaving_ticked(&mut self) {
        let System::Leaving { kill_at, hurried, .. } = self.system else { return };
        if !hurried && kill_at <= self.now {
            self.hurry();
        }
        let System::Leaving { give_up_at, hurried: true, .. } = self.system else { return };
        if give_up_at <= self.now {
            self.give_up();
        }
    }

    /// The budget is spent: what is still there is the reactor's to kill with all the rest.
    fn give_up(&mut self) {
        let names = self.slots.names(|slot| !slot.is_down());
        for name in names {
            self.tell(Notice::LeftBehind(name.clone()));
            if self.slots.get(&name).is_some_and(Slot::is_stopping) {
                self.gone(&name);
            } else {
                self.enter(&name, State::Down(Down::Idle));
            }
        }
        for name in self.slots.names(|slot| slot.job.is_some()) {
            if self.slots.get(&name).is_some_and(|slot| slot.has_job(|kind| kind == JobKind::Stop)) {
                self.stopped(&name);
            } else {
                self.settle(&name, &units::control::Outcome::Cancelled);
            }
        }
    }
}
