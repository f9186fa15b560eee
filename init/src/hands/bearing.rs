//! Commands of units become processes: what each needs is got together here, and what it told on its way is passed on.

use kernel::pidfd::PidFd;
use kernel::spawn::{Child, Outcome, Report, Told};
use nix::sys::signal::Signal;
use supervisor::{Because, Ended, Event, Exit, Phase, Run};
use units::unit::{Command, Service};
use units::{UnitName, UnitSet};

use super::birth::{self, Joined, Stillborn, Wanted};
use super::environment::{self, Telling};
use super::groups::way_in;
use super::{Hands, Process, Queue, commands, identity, mounts, opened, pressure};
use crate::reactor::{Reactor, Source, Watch};
use crate::{file, say, utmp};

impl Hands {
    /// Run one command of a unit.
    pub(crate) fn spawn(
        &mut self,
        run: Run,
        name: &UnitName,
        (main_pid, ended, because): (Option<u32>, Option<Ended>, Option<Because>),
        units: &UnitSet,
        reactor: &mut Reactor,
        queue: &mut Queue,
    ) {
        let service = units.unit(name).and_then(commands::of);
        let Some((service, command)) = service.as_deref().and_then(|service| Some((service, commands::meant(service, run)?))) else {
            queue.push_back(Event::SpawnFailed(run, "there is no such command".to_owned()));
            return;
        };
        if units.unit(name).is_some_and(|unit| mounts::is_done(run, unit)) {
            queue.extend([Event::Executed(run), Event::Exited(run, Exit::Code(0))]);
            return;
        }
        let born = self.give_birth(run, (service, command), (main_pid, ended, because), units, reactor);
        match born {
            Ok((pid, process)) => {
                queue.push_back(Event::Spawned(run, pid.unsigned_abs()));
                // A number used again: what had it before is long gone.
                self.forget(pid, reactor);
                self.processes.insert(pid, process);
            }
            Err(Stillborn::Delayed(why)) => queue.push_back(Event::SpawnDelayed(run, why)),
            Err(Stillborn::Failed(why)) => queue.push_back(Event::SpawnFailed(run, why)),
        }
    }

    fn give_birth(
        &mut self,
        run: Run,
        (service, command): (&Service, &Command),
        (main_pid, ended, because): (Option<u32>, Option<Ended>, Option<Because>),
        units: &UnitSet,
        reactor: &mut Reactor,
    ) -> Result<(i32, Process), Stillborn> {
        let identity = identity::resolve(service).map_err(Stillborn::of)?;
        self.open_outlets(run.life, service, reactor)?;
        if run.phase == Phase::Start && service.notify_descriptor.is_some() {
            let delayed = |errno: nix::errno::Errno| Stillborn::Delayed(format!("no pipe to be had: {}", errno.desc()));
            self.open_ready(run.life, reactor).map_err(delayed)?;
        }
        self.complete_private(run.life, service)?;
        let (input, joined) = (birth::input(service)?, Joined::open(service)?);
        let body = self.bodies.get(&run.life).ok_or_else(|| Stillborn::Failed("it was never prepared".to_owned()))?;
        let outlets = body.outlets.as_ref().ok_or_else(|| Stillborn::Failed("it has no log".to_owned()))?;
        let opened = opened::of(run, service)?;
        let handed = self.handed(run, service, &body.unit, units, &opened);
        if handed.collides() {
            return Err(Stillborn::Failed("the number of `notify-fd` is that of a socket handed over".to_owned()));
        }
        let telling = Telling {
            surroundings: &self.surroundings,
            invocation: &body.invocation,
            main_pid,
            ended,
            cause: self.cause(because.as_ref()),
            handed: &handed,
            stream: outlets.stream(service),
            pressure: body.group.as_ref().map(|group| pressure::told(group, service, &identity)).unwrap_or_default(),
        };
        let environment = environment::build(service, &identity, &telling).map_err(Stillborn::of)?;
        let entering = |error: std::io::Error| {
            let why = format!("entering cgroup failed: {}", say::reason(&error));
            if file::is_shortage(&error) { Stillborn::Delayed(why) } else { Stillborn::Failed(why) }
        };
        let (cgroup, procs) = way_in(body.group.as_ref(), body.unharmed).map_err(entering)?;
        let (child, asked) = birth::give(&Wanted {
            service,
            command,
            is_main: run.phase == Phase::Start,
            identity: &identity,
            environment: &environment,
            outlets,
            handed: &handed,
            shared: &body.private,
            joined: &joined,
            input: input.as_ref().map(std::os::fd::AsFd::as_fd),
            procs: &procs,
            cgroup: cgroup.as_ref().map(std::os::fd::AsFd::as_fd),
        })?;
        let pid = child.pid.as_raw();
        self.give_ready(run.life);
        let (pidfd, report, watch) = listen(child, reactor)?;
        let report = Some(Box::new((report, watch, command.clone(), asked)));
        let recorded = run.phase == Phase::Start && record(service, pid);
        Ok((pid, Process { run, pidfd, report, stranger: None, recorded }))
    }

    /// A child has told something on its way to the program.
    pub(crate) fn reported(&mut self, pid: i32, reactor: &mut Reactor, queue: &mut Queue) {
        let outcome = loop {
            let Some(process) = self.processes.get(&pid) else { return };
            let Some((report, _, _, asked)) = process.report.as_deref() else { return };
            match report.hear() {
                None => return,
                Some(Told::Over(outcome)) => break outcome,
                Some(Told::PassedOver(failure)) => {
                    if let Some(directive) = asked.by(&failure) {
                        self.does_without(process.run.life, directive, &failure.to_string());
                    }
                }
            }
        };
        let Some(process) = self.processes.get_mut(&pid) else { return };
        let Some(report) = process.report.take() else { return };
        let (report, watch, command, asked) = *report;
        reactor.forget(&report, watch);
        let run = process.run;
        match outcome {
            Outcome::Became => queue.push_back(Event::Executed(run)),
            Outcome::Failed(why) => {
                self.processes.remove(&pid);
                queue.push_back(Event::SpawnFailed(run, birth::explain(why, &command, &asked)));
            }
            Outcome::Garbled => {
                self.processes.remove(&pid);
                queue.push_back(Event::SpawnFailed(run, "ended before it became the program".to_owned()));
            }
        }
    }
}

/// Has what a child tells heard. One that nobody could hear is not left to run: it is told as one that could not be had, and tried again.
fn listen(child: Child, reactor: &mut Reactor) -> Result<(PidFd, Report, Watch), Stillborn> {
    let Child { pid, pidfd, report } = child;
    match reactor.watch(&report, Source::Report(pid.as_raw())) {
        Ok(watch) => Ok((pidfd, report, watch)),
        Err(errno) => {
            // Whoever it is by now, it is a child of ours, and reaped like any other.
            let _ = pidfd.signal(Signal::SIGKILL);
            Err(Stillborn::Delayed(format!("it could not be listened to: {}", errno.desc())))
        }
    }
}

/// Notes that a service is there for somebody to log in by, if it is; whether that is noted.
fn record(service: &Service, pid: i32) -> bool {
    let (Some(identifier), Some(books)) = (&service.execution.utmp_identifier, utmp::of_pid_1()) else { return false };
    let terminal = service.tty.as_ref().map_or("", |tty| tty.path.as_str());
    let user = service.run_as.user.as_deref().unwrap_or("root");
    utmp::begin(books, &utmp::Place { identifier, terminal, mode: service.execution.utmp_mode, user }, pid);
    true
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use kernel::spawn::{Gate, Plan, spawn};
    use nix::sys::wait::{WaitStatus, waitpid};

    #[test]
    fn a_child_that_nobody_can_hear_does_not_live_on() {
        let gate = Gate::new().unwrap();
        let child = spawn(&Plan { namespaces: nix::sched::CloneFlags::empty(), cgroup: None, steps: &[gate.step()] }).unwrap();
        let pid = child.pid;
        assert!(matches!(listen(child, &mut Reactor::deaf().unwrap()), Err(Stillborn::Delayed(_))));
        assert_eq!(waitpid(pid, None), Ok(WaitStatus::Signaled(pid, Signal::SIGKILL, false)));
    }
}
