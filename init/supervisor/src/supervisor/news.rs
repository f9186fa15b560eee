//! What is heard of a unit's processes.

use super::Supervisor;
use super::course::course;
use super::slot::{Ending, Reloading, Slot, Starting, State, Stopping};
use crate::{Action, Cause, Exit, Notice, Phase, Run};
use alloc::string::String;
use core::time::Duration;
use units::UnitName;
use units::control::Outcome;
use units::unit::{Command, ExitType, OomPolicy, Reload, Service, ServiceType};
use units::value::Signal;

impl Supervisor {
    pub(super) fn spawned(&mut self, name: &UnitName, run: Run, pid: u32) {
        let units = self.units.clone();
        let Some(service) = course(&units, name) else { return };
        let Some(slot) = self.slots.get_mut(name) else { return };
        if run.phase == Phase::Start
            && let Some(alive) = slot.alive_mut()
        {
            alive.main_pid = Some(pid);
        }
        if matches!(service.kind, ServiceType::Simple | ServiceType::Idle) {
            self.main_goes_on(name, run);
        }
    }

    pub(super) fn executed(&mut self, name: &UnitName, run: Run) {
        let units = self.units.clone();
        let Some(service) = course(&units, name) else { return };
        if service.kind == ServiceType::Dbus
            && run.phase == Phase::Start
            && let Some(slot) = self.slots.get_mut(name)
            && !core::mem::replace(&mut slot.history.bus_told, true)
        {
            self.tell(Notice::BusNotAsked(name.clone()));
        }
        if matches!(service.kind, ServiceType::Exec | ServiceType::Dbus) {
            self.main_goes_on(name, run);
        }
    }

    /// The main command has come so far that the next stage of the start may begin.
    fn main_goes_on(&mut self, name: &UnitName, run: Run) {
        let stage = self.starting(name);
        if run.phase == Phase::Start && stage == Some(Starting::Main(run.index)) {
            self.start_stage(name, Starting::Post(0));
        }
    }

    fn starting(&self, name: &UnitName) -> Option<Starting> {
        match self.slots.get(name).map(|slot| &slot.state) {
            Some(State::Starting { stage, .. }) => Some(*stage),
            Some(
                State::Down(_)
                | State::Failed(_)
                | State::Resting { .. }
                | State::Checking { .. }
                | State::Preparing { .. }
                | State::Up { .. }
                | State::Done { .. }
                | State::Watching { .. }
                | State::Reloading { .. }
                | State::Stopping { .. }
                | State::Reached,
            )
            | None => None,
        }
    }

    pub(super) fn readied(&mut self, name: &UnitName) {
        let units = self.units.clone();
        let notify = course(&units, name).is_some_and(|service| matches!(service.kind, ServiceType::Notify | ServiceType::NotifyReload));
        if let (true, Some(Starting::Main(_))) = (notify, self.starting(name)) {
            self.start_stage(name, Starting::Post(0));
        }
        if let Some(State::Reloading { stage: Reloading::Said, .. }) = self.slots.get(name).map(|slot| &slot.state) {
            self.reload_done(name, &Outcome::Ok);
        }
    }

    pub(super) fn stated(&mut self, name: &UnitName, text: String) {
        if let Some(slot) = self.slots.get_mut(name)
            && slot.history.status.as_ref() != Some(&text)
        {
            slot.history.status = Some(text.clone());
            self.tell(Notice::Status(name.clone(), text));
        }
    }

    pub(super) fn extended(&mut self, name: &UnitName, span: Duration) {
        let wanted = self.now.plus(span);
        let clipped = self.clipped(Some(wanted));
        let Some(slot) = self.slots.get_mut(name) else { return };
        match &mut slot.state {
            // One without a limit gets none by asking for more time.
            State::Starting { until: until @ Some(_), .. } | State::Reloading { until: until @ Some(_), .. } => {
                *until = (*until).max(Some(wanted));
            }
            State::Stopping { until: until @ Some(_), .. } => *until = (*until).max(clipped),
            State::Up { .. } => self.run_longer(name, wanted),
            State::Starting { until: None, .. }
            | State::Reloading { until: None, .. }
            | State::Stopping { until: None, .. }
            | State::Down(_)
            | State::Failed(_)
            | State::Resting { .. }
            | State::Checking { .. }
            | State::Preparing { .. }
            | State::Done { .. }
            | State::Watching { .. }
            | State::Reached => {}
        }
    }

    pub(super) fn emptied(&mut self, name: &UnitName) {
        let Some(slot) = self.slots.get_mut(name) else { return };
        match &mut slot.state {
            State::Stopping { emptied, .. } => {
                *emptied = true;
                self.check_gone(name);
            }
            State::Up { alive } | State::Reloading { alive, .. } if !alive.has_main() => self.all_died(name),
            // Nobody is left who could say it.
            State::Starting { alive, stage: Starting::Main(_), .. } if !alive.has_main() => self.ended_unready(name),
            State::Up { .. }
            | State::Down(_)
            | State::Failed(_)
            | State::Resting { .. }
            | State::Checking { .. }
            | State::Preparing { .. }
            | State::Starting { .. }
            | State::Done { .. }
            | State::Watching { .. }
            | State::Reloading { .. }
            | State::Reached => {}
        }
    }

    pub(super) fn oom_killed(&mut self, name: &UnitName) {
        let units = self.units.clone();
        let Some(service) = course(&units, name) else { return };
        let Some(slot) = self.slots.get_mut(name) else { return };
        if let Some(alive) = slot.alive_mut() {
            alive.out_of_memory = true;
        }
        let up = slot.is_up();
        self.tell(Notice::OutOfMemory(name.clone()));
        match service.resources.oom_policy {
            OomPolicy::Stop | OomPolicy::Kill if up => self.end(name, Ending::Fell(Cause::OutOfMemory)),
            OomPolicy::Stop | OomPolicy::Kill | OomPolicy::Continue => {}
        }
    }

    pub(super) fn spawn_delayed(&mut self, name: &UnitName, run: Run, why: String) {
        let Some(slot) = self.slots.get_mut(name) else { return };
        if !slot.alive_mut().is_some_and(|alive| alive.ended(run)) {
            return;
        }
        match &slot.state {
            State::Starting { .. } => self.delay(name, why, run.phase),
            State::Stopping { .. } | State::Reloading { .. } => self.command_ended(name, run, None),
            State::Up { .. } | State::Done { .. } | State::Watching { .. } => {}
            State::Down(_)
            | State::Failed(_)
            | State::Resting { .. }
            | State::Checking { .. }
            | State::Preparing { .. }
            | State::Reached => {}
        }
    }

    pub(super) fn spawn_failed(&mut self, name: &UnitName, run: Run, why: String) {
        let units = self.units.clone();
        let Some(service) = course(&units, name) else { return };
        let Some(slot) = self.slots.get_mut(name) else { return };
        if !slot.alive_mut().is_some_and(|alive| alive.ended(run)) {
            return;
        }
        let optional = run.phase != Phase::Start && command(&service, run).is_some_and(|c| c.ignore_failure);
        let cause = (!optional).then_some(Cause::CouldNotExecute(run.phase, why));
        self.run_ended(name, run, cause);
    }

    pub(super) fn exited(&mut self, name: &UnitName, run: Run, exit: Exit) {
        let units = self.units.clone();
        let Some(service) = course(&units, name) else { return };
        let Some(slot) = self.slots.get_mut(name) else { return };
        let Some(alive) = slot.alive_mut() else { return };
        if !alive.ended(run) {
            return;
        }
        if run.phase == Phase::Start {
            alive.main_exit = Some(exit);
        }
        let good = is_success(&service, run, exit);
        let optional = command(&service, run).is_some_and(|command| command.ignore_failure);
        if !good && optional {
            self.tell(Notice::Ignored(name.clone(), run, exit));
        }
        if let (Phase::Condition, false, false, Exit::Code(code @ 1..=254)) = (run.phase, good, optional, exit) {
            return self.end(name, Ending::Skipped(alloc::format!("exec-condition ended with exit code {code}")));
        }
        let cause = (!good && !optional).then_some(Cause::Exited(run.phase, exit));
        self.run_ended(name, run, cause);
    }

    /// The last process of a service has ended, and the main one before it. Its end is as good as that one's was.
    fn all_died(&mut self, name: &UnitName) {
        let units = self.units.clone();
        let Some(service) = course(&units, name) else { return };
        let Some(alive) = self.slots.get(name).and_then(Slot::alive) else { return };
        let run = Run { life: alive.life, phase: Phase::Start, index: 0 };
        let is_failure = |exit: &Exit| !is_success(&service, run, *exit) && !command(&service, run).is_some_and(|c| c.ignore_failure);
        let cause = alive.main_exit.filter(is_failure).map(|exit| Cause::Exited(Phase::Start, exit));
        self.service_ended(name, cause);
    }

    fn ended_unready(&mut self, name: &UnitName) {
        self.end(name, Ending::Fell(Cause::Protocol("ended without saying that it is ready".into())));
    }

    /// A run has ended; with success unless there is a cause.
    fn run_ended(&mut self, name: &UnitName, run: Run, cause: Option<Cause>) {
        let Some(slot) = self.slots.get(name) else { return };
        match &slot.state {
            State::Starting { stage, .. } => {
                let stage = *stage;
                self.ended_while_starting(name, stage, run, cause);
            }
            State::Up { .. } => {
                if run.phase == Phase::Start {
                    self.main_died(name, cause);
                }
            }
            State::Reloading { .. } => {
                if run.phase == Phase::Start {
                    self.main_died(name, cause);
                } else {
                    self.command_ended(name, run, cause);
                }
            }
            State::Stopping { .. } => self.command_ended(name, run, cause),
            State::Done { .. }
            | State::Watching { .. }
            | State::Down(_)
            | State::Failed(_)
            | State::Resting { .. }
            | State::Checking { .. }
            | State::Preparing { .. }
            | State::Reached => {}
        }
    }

    fn ended_while_starting(&mut self, name: &UnitName, stage: Starting, run: Run, cause: Option<Cause>) {
        let units = self.units.clone();
        let Some(service) = course(&units, name) else { return };
        let is_first = matches!(service.kind, ServiceType::Forking { .. }) && matches!(stage, Starting::Main(_));
        let leaves = run.phase == Phase::Start && !is_first && is_outlived(&service, cause.as_ref());
        if let Some(cause) = cause.filter(|_| !leaves) {
            return self.end(name, Ending::Fell(cause));
        }
        match (run.phase, stage) {
            (Phase::Condition, Starting::Condition(index)) if run.index == index => {
                self.start_stage(name, Starting::Condition(index + 1));
            }
            (Phase::StartPre, Starting::Pre(index)) if run.index == index => {
                self.start_stage(name, Starting::Pre(index + 1));
            }
            (Phase::StartPost, Starting::Post(index)) if run.index == index => {
                self.start_stage(name, Starting::Post(index + 1));
            }
            (Phase::Start, Starting::Main(index)) => match &service.kind {
                ServiceType::Oneshot => self.start_stage(name, Starting::Main(index + 1)),
                ServiceType::Forking { pid_file: None } if !service.guess_main_pid => self.start_stage(name, Starting::Post(0)),
                ServiceType::Forking { .. } => self.start_stage(name, Starting::Finding),
                ServiceType::Notify | ServiceType::NotifyReload if leaves => self.await_last(name),
                ServiceType::Notify | ServiceType::NotifyReload => self.ended_unready(name),
                // So short a life that its beginning was not heard of before its end.
                ServiceType::Exec | ServiceType::Simple | ServiceType::Idle | ServiceType::Dbus => self.main_died(name, None),
            },
            (
                Phase::Start,
                Starting::Condition(_) | Starting::Idling | Starting::Pre(_) | Starting::Listening | Starting::Finding | Starting::Post(_),
            ) => self.main_died(name, None),
            (
                Phase::Condition | Phase::StartPre | Phase::StartPost | Phase::Reload | Phase::Stop | Phase::StopPost,
                Starting::Condition(_)
                | Starting::Idling
                | Starting::Pre(_)
                | Starting::Listening
                | Starting::Main(_)
                | Starting::Finding
                | Starting::Post(_),
            ) => {}
        }
    }

    /// The main process has ended by itself.
    fn main_died(&mut self, name: &UnitName, cause: Option<Cause>) {
        let units = self.units.clone();
        let Some(service) = course(&units, name) else { return };
        if !is_outlived(&service, cause.as_ref()) {
            return self.service_ended(name, cause);
        }
        match self.starting(name) {
            // Once it is up, those left are waited for.
            Some(Starting::Main(_)) => self.start_stage(name, Starting::Post(0)),
            Some(
                Starting::Condition(_) | Starting::Idling | Starting::Pre(_) | Starting::Listening | Starting::Finding | Starting::Post(_),
            ) => {}
            None => self.await_last(name),
        }
    }

    /// Whatever is left of it is waited for.
    fn await_last(&mut self, name: &UnitName) {
        if let Some(life) = self.slots.get(name).and_then(Slot::life) {
            self.order(Action::Drain(life));
        }
    }

    /// The service as a whole has ended by itself.
    fn service_ended(&mut self, name: &UnitName, cause: Option<Cause>) {
        let units = self.units.clone();
        let Some(service) = course(&units, name) else { return };
        let now = self.now;
        if let Some(slot) = self.slots.get_mut(name)
            && slot.is_up()
            && now.since(slot.since) >= service.restart.reset_after
        {
            slot.history.failures = 0;
        }
        match cause {
            Some(cause) => self.end(name, Ending::Fell(cause)),
            None if service.remain_after_exit => self.stays_up(name),
            None => self.end(name, Ending::Finished),
        }
    }

    fn stays_up(&mut self, name: &UnitName) {
        if matches!(self.starting(name), Some(Starting::Main(_))) {
            self.start_stage(name, Starting::Post(0));
        }
        let Some(slot) = self.slots.get_mut(name) else { return };
        match core::mem::replace(&mut slot.state, State::Reached) {
            State::Up { mut alive } => {
                alive.vigil = super::vigil::Vigil::default();
                slot.state = State::Done { alive };
            }
            other @ (State::Down(_)
            | State::Failed(_)
            | State::Resting { .. }
            | State::Checking { .. }
            | State::Preparing { .. }
            | State::Starting { .. }
            | State::Done { .. }
            | State::Watching { .. }
            | State::Reloading { .. }
            | State::Stopping { .. }
            | State::Reached) => slot.state = other,
        }
    }

    /// A command of a unit that reloads or goes down has ended.
    fn command_ended(&mut self, name: &UnitName, run: Run, cause: Option<Cause>) {
        let Some(slot) = self.slots.get(name) else { return };
        match &slot.state {
            State::Reloading { stage: Reloading::Command(index), .. } => {
                let index = *index;
                match (run.phase == Phase::Reload && run.index == index, cause) {
                    (true, None) => self.reload_stage(name, index + 1),
                    (true, Some(_)) => self.reload_failed(name, "the reload command failed"),
                    (false, _) => {}
                }
            }
            State::Reloading { stage: Reloading::Signalled(_) | Reloading::Said, .. } => {}
            State::Stopping { stage, .. } => match (run.phase, *stage) {
                // One that fails does not keep the others from running.
                (Phase::Stop, Stopping::Commands(index)) if run.index == index => {
                    self.next_stop_command(name, index + 1);
                }
                (Phase::StopPost, Stopping::Post(index)) if run.index == index => {
                    self.next_stop_post(name, index + 1);
                }
                (Phase::Start, _) => self.main_gone_while_stopping(name),
                (
                    Phase::Condition | Phase::StartPre | Phase::StartPost | Phase::Reload | Phase::Stop | Phase::StopPost,
                    Stopping::Commands(_)
                    | Stopping::Terminate
                    | Stopping::Abort
                    | Stopping::Kill
                    | Stopping::Post(_)
                    | Stopping::FinalTerminate
                    | Stopping::FinalAbort
                    | Stopping::FinalKill,
                ) => self.check_gone(name),
            },
            State::Down(_)
            | State::Failed(_)
            | State::Resting { .. }
            | State::Checking { .. }
            | State::Preparing { .. }
            | State::Starting { .. }
            | State::Up { .. }
            | State::Done { .. }
            | State::Watching { .. }
            | State::Reached => {}
        }
    }
}

fn command(service: &Service, run: Run) -> Option<&Command> {
    let list = match run.phase {
        Phase::Condition => &service.start_conditions,
        Phase::StartPre => &service.start_pre,
        Phase::Start => &service.start,
        Phase::StartPost => &service.start_post,
        Phase::Stop => &service.stop_commands,
        Phase::StopPost => &service.stop_post,
        Phase::Reload => match &service.reload {
            Reload::Commands(commands) => commands,
            Reload::Signal(_) | Reload::Unsupported => return None,
        },
    };
    list.get(run.index)
}

/// Whether what its main process leaves behind, having ended so, is the service still.
fn is_outlived(service: &Service, cause: Option<&Cause>) -> bool {
    service.exit == ExitType::Cgroup && cause.is_none_or(|cause| matches!(cause, Cause::Exited(Phase::Start, _)))
}

/// Whether ending so is a success; systemd.service(5), `SuccessExitStatus=`: a long-running main
/// process may also end by the signals that ask for it.
fn is_success(service: &Service, run: Run, exit: Exit) -> bool {
    match exit {
        Exit::Code(0) => true,
        Exit::Code(code) => run.phase == Phase::Start && service.success_codes.contains(&code),
        Exit::Signal(signal) => {
            run.phase == Phase::Start
                && (service.success_signals.contains(&signal)
                    || service.kind != ServiceType::Oneshot && [Signal::HUP, Signal::INT, Signal::TERM, Signal::PIPE].contains(&signal))
        }
    }
}
