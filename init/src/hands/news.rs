//! Who a process is: the main one of a forking service, and the sender of a notification.

use std::time::Duration;

use kernel::cgroup::Group;
use kernel::pidfd::PidFd;
use kernel::wait::How;
use nix::unistd::Pid;
use supervisor::{Event, Life, Phase, Run};
use units::notify::Word;
use units::unit::NotifyAccess;
use units::{UnitName, UnitSet};

use super::{Hands, Process, Queue, main_pid};
use crate::reactor::{Reactor, Source};

/// How long a pid file may come after the first process has ended.
const LONGEST_LOOK: Duration = Duration::from_secs(5);
/// A file is looked for so often; only while one is missing.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

impl Hands {
    /// Look for the main process of a forking service, until it is there or it takes too long.
    pub(crate) fn find_main(&mut self, life: Life, name: &UnitName, units: &UnitSet, reactor: &mut Reactor, queue: &mut Queue) {
        let service = units.unit(name).and_then(|unit| unit.service());
        let group = self.bodies.get(&life).and_then(|body| body.group.clone());
        let found = service.and_then(|service| main_pid::find(service, group.as_ref())).filter(|pid| self.adopt(life, *pid, reactor));
        let now = kernel::time::boottime();
        let hopeful = service.is_some_and(main_pid::has_file) && group.as_ref().is_none_or(Group::is_populated);
        if let Some(body) = self.bodies.get_mut(&life) {
            let until = *body.looking.get_or_insert(now + LONGEST_LOOK);
            if found.is_none() && hopeful && now < until {
                self.any_looked_for = true;
                return;
            }
            body.looking = None;
        }
        queue.push_back(Event::MainFound(life, found.map(i32::unsigned_abs)));
    }

    /// Look again for those not found yet.
    pub(crate) fn look_again(&mut self, units: &UnitSet, reactor: &mut Reactor, queue: &mut Queue) {
        if !std::mem::take(&mut self.any_looked_for) {
            return;
        }
        let looking = self.bodies.iter().filter(|(_, body)| body.looking.is_some());
        let looking: Vec<_> = looking.map(|(life, body)| (*life, body.unit.clone())).collect();
        for (life, unit) in looking {
            self.find_main(life, &unit, units, reactor, queue);
        }
    }

    /// When it is worth to look again; `None` when nobody is looked for.
    pub(super) fn next_look(&self) -> Option<Duration> {
        self.any_looked_for.then(|| kernel::time::boottime() + BETWEEN_LOOKS)
    }

    /// Take a process for the main one of a life from now on. False when it is no more.
    fn adopt(&mut self, life: Life, pid: i32, reactor: &mut Reactor) -> bool {
        let run = Run { life, phase: Phase::Start, index: 0 };
        if self.processes.get(&pid).is_some_and(|process| process.run == run) {
            return true;
        }
        let Ok(pidfd) = PidFd::open(Pid::from_raw(pid)) else { return false };
        let former: Vec<i32> = self.processes.iter().filter(|(_, process)| process.run == run).map(|(pid, _)| *pid).collect();
        for pid in former.into_iter().chain([pid]) {
            self.forget(pid, reactor);
        }
        // One that is not a child of ours will be reaped by somebody else: its end is heard of here.
        let stranger = if main_pid::is_ours(pid) { None } else { reactor.watch(&pidfd, Source::Stranger(pid)).ok() };
        self.processes.insert(pid, Process { run, pidfd, report: None, stranger });
        true
    }

    /// A main process that is not our child has ended, nobody tells how. Unless its parent ended
    /// first: then it has become ours and is reaped like any other.
    pub(crate) fn stranger_ended(&mut self, pid: i32, reactor: &mut Reactor, queue: &mut Queue) {
        if let Some(process) = self.processes.get_mut(&pid)
            && let Some(watch) = process.stranger.take()
        {
            reactor.forget(&process.pidfd, watch);
            if !main_pid::is_ours(pid) {
                self.ended(pid, How::Code(0), reactor, queue);
            }
        }
    }

    /// Know a process no more.
    pub(super) fn forget(&mut self, pid: i32, reactor: &mut Reactor) -> Option<Process> {
        let mut process = self.processes.remove(&pid)?;
        if let Some((report, watch, _)) = process.report.take() {
            reactor.forget(&report, watch);
        }
        if let Some(watch) = process.stranger.take() {
            reactor.forget(&process.pidfd, watch);
        }
        Some(process)
    }

    /// What a process has told, as facts, if it may tell them.
    pub(crate) fn told(&mut self, pid: i32, words: Vec<Word>, reactor: &mut Reactor, queue: &mut Queue) {
        let Some((life, is_main)) = self.who_is(pid) else { return };
        let Some(body) = self.bodies.get(&life) else { return };
        let may = match body.access {
            NotifyAccess::None => false,
            NotifyAccess::Main | NotifyAccess::Exec => is_main,
            NotifyAccess::All => true,
        };
        if !may {
            return;
        }
        for word in words {
            queue.push_back(match word {
                Word::Ready => Event::Readied(life),
                Word::Stopping => Event::StoppingSaid(life),
                Word::Reloading => Event::Reloading(life, None),
                Word::Status(text) => Event::Stated(life, text),
                Word::Extend(span) => Event::Extended(life, span),
                Word::MainPid(main) => {
                    let group = self.bodies.get(&life).and_then(|body| body.group.as_ref());
                    let belongs = group.map_or_else(|| main_pid::is_ours(main), |group| group.processes().contains(&Pid::from_raw(main)));
                    if !belongs || !self.adopt(life, main, reactor) {
                        continue;
                    }
                    Event::MainFound(life, Some(main.unsigned_abs()))
                }
            });
        }
    }

    /// The life a process belongs to, and whether it is the main one: by our own knowledge, else
    /// by its group.
    fn who_is(&self, pid: i32) -> Option<(Life, bool)> {
        if let Some(process) = self.processes.get(&pid) {
            return Some((process.run.life, process.run.phase == Phase::Start));
        }
        let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        let path = text.lines().find_map(|line| line.strip_prefix("0::/"))?;
        let name = path.split('/').next()?;
        // The newest life of the unit: an older one has no process left.
        self.bodies.iter().rev().find(|(_, body)| body.unit.as_str() == name).map(|(life, _)| (*life, false))
    }
}
