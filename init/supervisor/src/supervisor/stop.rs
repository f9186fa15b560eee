//! Bringing a unit down, for whatever reason, and what follows.
//!
//! ```text
//!   Commands(0) … ─▶ Terminate ─ until ─▶ (Abort ─ until ─▶) Kill ─ until ─▶ (left behind)
//!                        └─ all gone ──────┴──▶ Post(0) … ─▶ FinalTerminate ─ until ─▶ (FinalAbort ─ until ─▶) FinalKill
//!                                                                └─ all gone ──────────────┴──▶ Down | Failed | Resting
//! ```

use super::course::{course, has_processes};
use super::slot::{Alive, Down, Ending, JobKind, Slot, Starting, State, Stopping, Why};
use super::vigil::Vigil;
use super::{Supervisor, System};
use crate::{Action, Cause, Moment, Notice, Phase, Whom};
use core::time::Duration;
use units::control::Outcome;
use units::unit::{Service, Stop, StopMode, Strike};
use units::value::{Limit, Signal};
use units::{Map, UnitName};

/// How long processes are waited for after `SIGKILL`; those that hang in the kernel are left behind.
const KILL_GRACE: Duration = Duration::from_secs(10);

impl Supervisor {
    /// Ends the present life of `name`.
    pub(super) fn end(&mut self, name: &UnitName, ending: Ending) {
        let units = self.units.clone();
        let Some(service) = course(&units, name) else { return };
        let Some((mut alive, orderly)) = self.take_alive(name) else { return };
        if core::mem::take(&mut alive.frozen) {
            // Frozen it would hear of no signal but the last.
            self.order(Action::Freeze(alive.life, false));
        }
        alive.vigil = Vigil::default();
        if matches!(ending, Ending::Asked) {
            self.tell(Notice::Stopping(name.clone()));
        }
        // They are for whatever was up, however it came down; systemd.service(5), `ExecStop=`.
        let in_order = match &ending {
            Ending::Fell(cause) => !matches!(cause, Cause::Watchdog | Cause::OutOfMemory),
            Ending::Asked | Ending::Finished | Ending::Skipped(_) | Ending::Delayed(_) => true,
        };
        let strike = match &ending {
            Ending::Fell(Cause::Watchdog) => Strike::Abort,
            Ending::Fell(Cause::TimedOut(_)) => service.stop.start_failure,
            Ending::Fell(_) | Ending::Asked | Ending::Finished | Ending::Skipped(_) | Ending::Delayed(_) => Strike::Terminate,
        };
        let until = self.fair(name, self.after(service.stop.timeout));
        let stage = Stopping::Commands(0);
        self.enter(name, State::Stopping { alive, stage, until, ending, emptied: false });
        if in_order && orderly && !service.stop_commands.is_empty() {
            self.spawn(name, Phase::Stop, 0);
        } else {
            self.strike(name, strike);
        }
    }

    /// Leaves out every command and signal; the caller kills.
    pub(super) fn skip_to_stopping(&mut self, name: &UnitName) {
        if let Some((alive, _)) = self.take_alive(name) {
            let (stage, ending) = (Stopping::Kill, Ending::Asked);
            self.enter(name, State::Stopping { alive, stage, until: None, ending, emptied: false });
        }
    }

    /// The processes of a unit that has or is to have any, out of its state; and whether it was up.
    fn take_alive(&mut self, name: &UnitName) -> Option<(Alive, bool)> {
        let slot = self.slots.get_mut(name)?;
        match core::mem::replace(&mut slot.state, State::Down(Down::Idle)) {
            State::Preparing { life, .. } => Some((Alive::new(life), false)),
            State::Starting { alive, .. } => Some((alive, false)),
            State::Up { alive } | State::Done { alive } | State::Watching { alive, .. } => Some((alive, true)),
            State::Reloading { alive, tickets, .. } => {
                for ticket in tickets {
                    self.report(ticket, name, Outcome::Cancelled);
                }
                Some((alive, true))
            }
            other @ (State::Down(_)
            | State::Failed(_)
            | State::Resting { .. }
            | State::Checking { .. }
            | State::Stopping { .. }
            | State::Reached) => {
                slot.state = other;
                None
            }
        }
    }

    /// The next stop command, or the signal.
    pub(super) fn next_stop_command(&mut self, name: &UnitName, index: usize) {
        let units = self.units.clone();
        let Some(service) = course(&units, name) else { return };
        if index >= service.stop_commands.len() {
            return self.strike(name, Strike::Terminate);
        }
        self.enter_stage(name, Stopping::Commands(index), self.after(service.stop.timeout));
        self.spawn(name, Phase::Stop, index);
    }

    fn enter_stage(&mut self, name: &UnitName, wanted: Stopping, limit: Option<Moment>) {
        let limit = self.fair(name, limit);
        if let Some(State::Stopping { stage, until, .. }) = self.slots.get_mut(name).map(|slot| &mut slot.state) {
            *stage = wanted;
            *until = limit;
        }
    }

    /// During a shutdown nothing may last longer than that.
    pub(super) fn clipped(&self, until: Option<Moment>) -> Option<Moment> {
        match self.system {
            System::Leaving { kill_at, give_up_at, hurried, .. } => {
                let most = if hurried { give_up_at } else { kill_at };
                Some(until.map_or(most, |until| until.min(most)))
            }
            System::Idle | System::Booting { .. } | System::Running | System::Left => until,
        }
    }

    /// During a shutdown: a share of the time left, so that whoever is stopped after `name` has
    /// some too.
    fn fair(&self, name: &UnitName, until: Option<Moment>) -> Option<Moment> {
        let System::Leaving { kill_at, hurried: false, .. } = self.system else { return self.clipped(until) };
        let links = self.links(name);
        let share = self.now.plus(kill_at.since(self.now) / links.max(1));
        self.clipped(Some(until.map_or(share, |until| until.min(share))))
    }

    /// How many units with processes have to be stopped one after the other, from `name` on.
    fn links<'s>(&'s self, name: &'s UnitName) -> u32 {
        let graph = self.units.graph();
        let after = |name: &UnitName| graph.node(name).into_iter().flat_map(|node| &node.after);
        let mut known: Map<&UnitName, u32> = Map::new();
        let mut open = alloc::vec![name];
        while let Some(name) = open.last().copied() {
            let before = open.len();
            open.extend(after(name).filter(|other| !known.contains_key(other)));
            if open.len() > before {
                continue;
            }
            let below = after(name).filter_map(|other| known.get(other)).max().copied().unwrap_or(0);
            let busy = self.slots.get(name).and_then(Slot::alive).is_some_and(|alive| !alive.running.is_empty());
            known.insert(name, below.saturating_add(u32::from(busy)));
            open.pop();
        }
        known.get(name).copied().unwrap_or(0)
    }

    /// Ends what runs, in this way.
    fn strike(&mut self, name: &UnitName, strike: Strike) {
        match strike {
            Strike::Terminate => self.signal_first(name, Stopping::Terminate),
            Strike::Abort => self.signal_first(name, Stopping::Abort),
            Strike::Kill if self.may_kill(name) => {
                self.forget_emptied(name);
                if let Some(life) = self.slots.get(name).and_then(Slot::life) {
                    self.order(Action::Drain(life));
                }
                self.kill(name);
            }
            Strike::Kill => {
                self.tell(Notice::LeftBehind(name.clone()));
                self.next_stop_post(name, 0);
            }
        }
    }

    /// Sends the first signal of this stage.
    fn signal_first(&mut self, name: &UnitName, stage: Stopping) {
        let units = self.units.clone();
        let Some(service) = course(&units, name) else { return };
        let (first, limit) = self.first_signal(name, &service, stage);
        self.enter_stage(name, stage, self.after(limit));
        self.close(name);
        self.forget_emptied(name);
        let Some(alive) = self.slots.get(name).and_then(Slot::alive) else { return };
        let (life, has_main) = (alive.life, alive.has_main());
        if alive.running.is_empty() && !has_processes(&units, name) {
            return self.next_stop_post(name, 0);
        }
        let signals = [Some(first), Some(Signal::CONT), service.stop.send_hangup.then_some(Signal::HUP)];
        let whom = match service.stop.mode {
            StopMode::ControlGroup => Some(Whom::All),
            StopMode::Mixed | StopMode::Process => has_main.then_some(Whom::Main),
            StopMode::None => None,
        };
        if let Some(whom) = whom {
            for signal in signals.into_iter().flatten() {
                // SIGKILL needs no waking up.
                if signal != Signal::CONT || first != Signal::KILL {
                    self.order(Action::Signal(life, whom, signal));
                }
            }
        }
        match service.stop.mode {
            StopMode::ControlGroup => self.order(Action::Drain(life)),
            StopMode::Mixed => {
                if !has_main && service.stop.send_kill {
                    self.order(Action::Kill(life));
                }
                self.order(Action::Drain(life));
            }
            StopMode::Process | StopMode::None => self.check_gone(name),
        }
    }

    /// What was heard before is no answer to what is asked now.
    fn forget_emptied(&mut self, name: &UnitName) {
        if let Some(State::Stopping { emptied, .. }) = self.slots.get_mut(name).map(|slot| &mut slot.state) {
            *emptied = false;
        }
    }

    /// With which signal a stage begins, and how long it may take.
    fn first_signal(&self, name: &UnitName, service: &Service, stage: Stopping) -> (Signal, Limit<Duration>) {
        let Stop { signal, timeout, abort_timeout, restart_signal, .. } = service.stop;
        match stage {
            Stopping::Abort | Stopping::FinalAbort => (service.watchdog_signal, abort_timeout.unwrap_or(timeout)),
            Stopping::Terminate if self.slots.get(name).is_some_and(|slot| slot.has_job(|kind| kind == JobKind::Restart)) => {
                (restart_signal.unwrap_or(signal), timeout)
            }
            Stopping::Terminate
            | Stopping::FinalTerminate
            | Stopping::Commands(_)
            | Stopping::Kill
            | Stopping::Post(_)
            | Stopping::FinalKill => (signal, timeout),
        }
    }

    /// Sends the final signal.
    pub(super) fn kill(&mut self, name: &UnitName) {
        let units = self.units.clone();
        let Some(service) = course(&units, name) else { return };
        let Some(State::Stopping { alive, stage, .. }) = self.slots.get(name).map(|slot| &slot.state) else { return };
        let life = alive.life;
        let stage = match stage {
            Stopping::Commands(_) | Stopping::Terminate | Stopping::Abort | Stopping::Kill => Stopping::Kill,
            Stopping::Post(_) | Stopping::FinalTerminate | Stopping::FinalAbort | Stopping::FinalKill => Stopping::FinalKill,
        };
        self.enter_stage(name, stage, Some(self.now.plus(KILL_GRACE)));
        let last = service.stop.final_signal;
        match service.stop.mode {
            StopMode::ControlGroup | StopMode::Mixed if last == Signal::KILL => self.order(Action::Kill(life)),
            StopMode::ControlGroup | StopMode::Mixed => self.order(Action::Signal(life, Whom::All, last)),
            StopMode::Process => self.order(Action::Signal(life, Whom::Main, last)),
            StopMode::None => {}
        }
        self.check_gone(name);
    }

    /// A process of a unit that is going down has ended, or its cgroup is empty: what now?
    pub(super) fn check_gone(&mut self, name: &UnitName) {
        let units = self.units.clone();
        let Some(service) = course(&units, name) else { return };
        let Some(State::Stopping { alive, stage, emptied, .. }) = self.slots.get(name).map(|slot| &slot.state) else {
            return;
        };
        let gone = match service.stop.mode {
            StopMode::ControlGroup | StopMode::Mixed => *emptied && alive.running.is_empty(),
            StopMode::Process => !alive.has_main(),
            StopMode::None => true,
        };
        match stage {
            Stopping::Terminate | Stopping::Abort | Stopping::Kill if gone => self.next_stop_post(name, 0),
            Stopping::FinalTerminate | Stopping::FinalAbort | Stopping::FinalKill if gone => self.gone(name),
            Stopping::Terminate
            | Stopping::Abort
            | Stopping::Kill
            | Stopping::Commands(_)
            | Stopping::Post(_)
            | Stopping::FinalTerminate
            | Stopping::FinalAbort
            | Stopping::FinalKill => {}
        }
    }

    /// The main process ended while the unit goes down: with `mixed` the others are not asked.
    pub(super) fn main_gone_while_stopping(&mut self, name: &UnitName) {
        let units = self.units.clone();
        let mixed = course(&units, name).is_some_and(|service| service.stop.mode == StopMode::Mixed && service.stop.send_kill);
        if let Some(State::Stopping { alive, stage: Stopping::Terminate | Stopping::Abort, .. }) =
            self.slots.get(name).map(|slot| &slot.state)
        {
            let life = alive.life;
            if mixed {
                self.order(Action::Kill(life));
            }
        }
        self.check_gone(name);
    }

    pub(super) fn next_stop_post(&mut self, name: &UnitName, index: usize) {
        let units = self.units.clone();
        let Some(service) = course(&units, name) else { return };
        let hurried = matches!(self.system, System::Leaving { hurried: true, .. });
        if service.stop_post.is_empty() || hurried {
            return self.gone(name);
        }
        if index >= service.stop_post.len() {
            return self.sweep(name, Stopping::FinalTerminate);
        }
        self.enter_stage(name, Stopping::Post(index), self.after(service.stop.timeout));
        self.spawn(name, Phase::StopPost, index);
    }

    /// Ends what the commands after the stop have left in the background, beginning with this stage.
    fn sweep(&mut self, name: &UnitName, stage: Stopping) {
        let units = self.units.clone();
        let Some(service) = course(&units, name) else { return };
        let Some(alive) = self.slots.get(name).and_then(Slot::alive) else { return };
        let (life, hangs) = (alive.life, alive.running.iter().any(|run| run.phase == Phase::StopPost));
        match service.stop.mode {
            StopMode::ControlGroup | StopMode::Mixed => {}
            // Whoever else is there may stay; the command that takes too long may not.
            StopMode::Process | StopMode::None => {
                if hangs {
                    self.order(Action::Signal(life, Whom::Control, Signal::KILL));
                }
                return self.gone(name);
            }
        }
        let (first, limit) = self.first_signal(name, &service, stage);
        self.enter_stage(name, stage, self.after(limit));
        self.forget_emptied(name);
        if service.stop.mode == StopMode::Mixed && service.stop.send_kill || stage == Stopping::FinalKill {
            // The main process, the only one to be asked, is gone, or nobody is to be.
            self.kill(name);
        } else {
            self.order(Action::Signal(life, Whom::All, first));
            self.order(Action::Signal(life, Whom::All, Signal::CONT));
        }
        self.order(Action::Drain(life));
    }

    /// The time of this stage of stopping is over.
    pub(super) fn stop_timed_out(&mut self, name: &UnitName, stage: Stopping) {
        let units = self.units.clone();
        let Some(service) = course(&units, name) else { return };
        match (stage, service.stop.stop_failure) {
            (Stopping::Commands(_), strike) => self.strike(name, strike),
            (Stopping::Terminate, Strike::Abort) => {
                self.tell(Notice::Aborting(name.clone()));
                self.signal_first(name, Stopping::Abort);
            }
            (Stopping::Post(_), Strike::Terminate) => self.sweep(name, Stopping::FinalTerminate),
            (Stopping::Post(_) | Stopping::FinalTerminate, Strike::Abort) => {
                self.tell(Notice::Aborting(name.clone()));
                self.sweep(name, Stopping::FinalAbort);
            }
            (Stopping::Post(_), Strike::Kill) if self.may_kill(name) => {
                self.tell(Notice::Killing(name.clone()));
                self.sweep(name, Stopping::FinalKill);
            }
            (Stopping::Terminate | Stopping::Abort | Stopping::FinalTerminate | Stopping::FinalAbort, _) if self.may_kill(name) => {
                self.tell(Notice::Killing(name.clone()));
                self.kill(name);
            }
            (Stopping::Terminate | Stopping::Abort, _) => {
                self.tell(Notice::LeftBehind(name.clone()));
                self.next_stop_post(name, 0);
            }
            (Stopping::Kill | Stopping::Post(_) | Stopping::FinalTerminate | Stopping::FinalAbort | Stopping::FinalKill, _) => {
                self.tell(Notice::LeftBehind(name.clone()));
                self.gone(name);
            }
        }
    }

    fn may_kill(&self, name: &UnitName) -> bool {
        course(&self.units, name).is_none_or(|service| service.stop.send_kill)
    }

    /// The deadline of a unit has come.
    pub(super) fn time_is_up(&mut self, name: &UnitName) {
        let Some(slot) = self.slots.get_mut(name) else { return };
        match &mut slot.state {
            // A start like any other: it takes its turn behind what the unit comes after, and others wait for it in theirs.
            State::Resting { .. } => {
                if let Some(cause) = self.is_past(name) {
                    return self.refuse(name, cause);
                }
                let Some(slot) = self.slots.get_mut(name) else { return };
                match &mut slot.job {
                    Some(job) if !job.begun => {}
                    Some(job) => {
                        job.begun = false;
                        slot.history.restarts = slot.history.restarts.saturating_add(1);
                    }
                    None => {
                        slot.history.restarts = slot.history.restarts.saturating_add(1);
                        self.want(name, JobKind::Start, Why::Again);
                    }
                }
                self.enter(name, State::Down(Down::Idle));
            }
            State::Preparing { .. } => self.end(name, Ending::Fell(Cause::TimedOut(Phase::StartPre))),
            State::Starting { stage, .. } => {
                let phase = match *stage {
                    Starting::Idling => return self.idle_no_more(name),
                    Starting::Condition(_) => Phase::Condition,
                    Starting::Pre(_) => Phase::StartPre,
                    Starting::Main(_) | Starting::Listening | Starting::Finding => Phase::Start,
                    Starting::Post(_) => Phase::StartPost,
                };
                self.end(name, Ending::Fell(Cause::TimedOut(phase)));
            }
            State::Up { .. } => self.vigil_is_over(name),
            State::Watching { .. } => self.timer_elapsed(name),
            State::Reloading { .. } => self.reload_is_over(name),
            State::Stopping { stage, .. } => {
                let stage = *stage;
                self.stop_timed_out(name, stage);
            }
            // It is kept up by another.
            State::Down(_) | State::Failed(_) => {
                slot.history.again_at = None;
                if self.is_upheld(name) {
                    self.want_start(name, Why::Again);
                }
            }
            State::Checking { .. } | State::Done { .. } | State::Reached => {}
        }
    }
}
