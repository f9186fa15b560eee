//! Who a process is: the main one of a forking service, and the sender of a notification.

use std::time::Duration;

use kernel::cgroup::Group;
use kernel::pidfd::PidFd;
use nix::unistd::Pid;
use supervisor::{Event, Life, Phase, Run};
use units::unit::NotifyAccess;
use units::{UnitName, UnitSet};

use super::{Hands, Process, Queue, main_pid};
use crate::notify::Word;

/// How long a pid file may come after the first process has ended.
const LONGEST_LOOK: Duration = Duration::from_secs(5);
/// A file is looked for so often; only while one is missing.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

impl Hands {
    /// Look for the main process of a forking service, until it is there or it takes too long.
    pub(crate) fn find_main(&mut self, life: Life, name: &UnitName, units: &UnitSet, queue: &mut Queue) {
        let service = units.unit(name).and_then(|unit| unit.service());
        let group = self.bodies.get(&life).and_then(|body| body.group.clone());
        let found = service.and_then(|service| main_pid::find(service, group.as_ref())).filter(|pid| self.adopt(life, *pid));
        let now = kernel::time::boottime();
        let hopeful = service.is_some_and(main_pid::has_file) && group.as_ref().is_none_or(Group::is_populated);
        if let Some(body) = self.bodies.get_mut(&life) {
            let until = *body.looking.get_or_insert(now + LONGEST_LOOK);
            if found.is_none() && hopeful && now < until {
                return;
            }
            body.looking = None;
        }
        queue.push_back(Event::MainFound(life, found.map(i32::unsigned_abs)));
    }

    /// Look again for those not found yet.
    pub(crate) fn look_again(&mut self, units: &UnitSet, queue: &mut Queue) {
        let looking = self.bodies.iter().filter(|(_, body)| body.looking.is_some());
        let looking: Vec<_> = looking.map(|(life, body)| (*life, body.unit.clone())).collect();
        for (life, unit) in looking {
            self.find_main(life, &unit, units, queue);
        }
    }

    /// When it is worth to look again; `None` when nobody is looked for.
    pub(super) fn next_look(&self) -> Option<Duration> {
        let anybody = self.bodies.values().any(|body| body.looking.is_some());
        anybody.then(|| kernel::time::boottime() + BETWEEN_LOOKS)
    }

    /// Take a process for the main one of a life from now on. False when it is no more.
    fn adopt(&mut self, life: Life, pid: i32) -> bool {
        let run = Run { life, phase: Phase::Start, index: 0 };
        if self.processes.get(&pid).is_some_and(|process| process.run == run) {
            return true;
        }
        let Ok(pidfd) = PidFd::open(Pid::from_raw(pid)) else { return false };
        self.processes.retain(|_, process| process.run != run);
        self.processes.insert(pid, Process { run, pidfd, report: None });
        true
    }

    /// What a process has told, as facts, if it may tell them.
    pub(crate) fn told(&mut self, pid: i32, words: Vec<Word>, queue: &mut Queue) {
        let Some((life, is_main)) = self.who_is(pid) else { return };
        let Some(body) = self.bodies.get(&life) else { return };
        let may = match body.access {
            NotifyAccess::None => false,
            NotifyAccess::Main => is_main,
            NotifyAccess::All => true,
        };
        if !may {
            return;
        }
        for word in words {
            queue.push_back(match word {
                Word::Ready => Event::Readied(life),
                Word::Stopping => Event::StoppingSaid(life),
                Word::Reloading => Event::Reloading(life),
                Word::Status(text) => Event::Stated(life, text),
                Word::Extend(span) => Event::Extended(life, span),
                Word::MainPid(main) => {
                    let group = self.bodies.get(&life).and_then(|body| body.group.as_ref());
                    let belongs = group.map_or_else(|| main_pid::is_ours(main), |group| group.processes().contains(&Pid::from_raw(main)));
                    if !belongs || !self.adopt(life, main) {
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
