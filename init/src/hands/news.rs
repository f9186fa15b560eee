//! Who a process is: the main one of a forking service, and the sender of a notification.

use std::path::Path;
use std::time::Duration;

use kernel::cgroup::Group;
use kernel::pidfd::PidFd;
use kernel::wait::How;
use nix::sys::inotify::AddWatchFlags;
use nix::unistd::Pid;
use supervisor::{Event, Life, Moment, Phase, Run};
use units::notify::Word;
use units::unit::NotifyAccess;
use units::{UnitName, UnitSet};

use super::body::Body;
use super::inotify::Purpose;
use super::{Hands, Process, Queue, main_pid};
use crate::notify::Told;
use crate::reactor::{Reactor, Source};

impl Hands {
    /// Look for the main process of a forking service. Where it is to name itself in a file that is not there yet, the answer
    /// comes when the file does, or when no process is left to write it.
    pub(crate) fn find_main(&mut self, life: Life, name: &UnitName, units: &UnitSet, reactor: &mut Reactor, queue: &mut Queue) {
        let Some(service) = units.unit(name).and_then(|unit| unit.service()) else { return };
        let group = self.bodies.get(&life).and_then(|body| body.group.clone());
        let file = main_pid::file_of(service);
        if let Some(path) = file {
            // Watched before it is read: what is written in between is not missed.
            let wanted = AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_MODIFY;
            let _ = self.watches.follow(Purpose::PidFile(life), Path::new(path), wanted, reactor);
        }
        let found = main_pid::find(service, group.as_ref()).filter(|pid| self.adopt(life, *pid, reactor));
        let hopeful = file.is_some() && group.as_ref().is_none_or(Group::is_populated);
        if let Some(body) = self.bodies.get_mut(&life) {
            body.looking = found.is_none() && hopeful;
            if body.looking {
                self.watch_emptying(life, reactor);
                self.look_whether_empty(life, reactor, queue);
                return;
            }
        }
        self.watches.forget(Purpose::PidFile(life), reactor);
        queue.push_back(Event::MainFound(life, found.map(i32::unsigned_abs)));
    }

    /// A pid file, or something on the way to it, has changed.
    pub(super) fn pid_file_changed(&mut self, life: Life, units: &UnitSet, reactor: &mut Reactor, queue: &mut Queue) {
        let looked_for = self.bodies.get(&life).filter(|body| body.looking).map(|body| body.unit.clone());
        if let Some(unit) = looked_for {
            self.find_main(life, &unit, units, reactor, queue);
        }
    }

    /// Takes up the main process that one who has ended named before, in its pid file: as when a daemon is replaced by a newer program of
    /// it. Then nothing has ended. systemd.service(5), `PIDFile=`; service_sigchld_event() reads it in the same place.
    pub(crate) fn follow(&mut self, pid: i32, life: Life, units: &UnitSet, reactor: &mut Reactor, queue: &mut Queue) -> bool {
        let was_main = self.processes.get(&pid).is_some_and(|process| super::is_main(process, life));
        let Some(body) = self.bodies.get(&life).filter(|_| was_main) else { return false };
        let service = units.unit(&body.unit).and_then(|unit| unit.service()).filter(|service| main_pid::file_of(service).is_some());
        let found = service.and_then(|service| main_pid::find(service, body.group.as_ref())).filter(|found| *found != pid);
        let Some(found) = found.filter(|found| self.adopt(life, *found, reactor)) else { return false };
        queue.push_back(Event::MainFound(life, Some(found.unsigned_abs())));
        true
    }

    /// Take a process of a life for its main one from now on. False when it is none, or is no more.
    fn adopt(&mut self, life: Life, pid: i32, reactor: &mut Reactor) -> bool {
        let run = Run { life, phase: Phase::Start, index: 0 };
        if self.processes.get(&pid).is_some_and(|process| process.run == run) {
            return true;
        }
        let Ok(pidfd) = PidFd::open(Pid::from_raw(pid)) else { return false };
        // Asked once it is held: the number may have become somebody else's since it was read, whom the end of this unit would be the end of. A
        // child of ours keeps its number until it is reaped.
        let is_ours = main_pid::is_ours(pid);
        let belongs = if self.root.is_some() { self.life_of(pid) == Some(life) } else { is_ours };
        if !belongs || pidfd.has_ended() && !is_ours {
            return false;
        }
        let former: Vec<i32> = self.processes.iter().filter(|(_, process)| process.run == run).map(|(pid, _)| *pid).collect();
        for pid in former.into_iter().chain([pid]) {
            self.forget(pid, reactor);
        }
        // One that is not a child of ours will be reaped by somebody else: its end is heard of here.
        let stranger = if is_ours { None } else { reactor.watch(&pidfd, Source::Stranger(pid)).ok() };
        self.processes.insert(pid, Process { run, pidfd, report: None, stranger, recorded: false });
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
        if let Some(report) = process.report.take() {
            let (report, watch, ..) = *report;
            reactor.forget(&report, watch);
        }
        if let Some(watch) = process.stranger.take() {
            reactor.forget(&process.pidfd, watch);
        }
        Some(process)
    }

    /// What a process has told, as facts, if it may tell them.
    pub(crate) fn told(&mut self, told: Told, reactor: &mut Reactor, queue: &mut Queue) {
        let Some((life, role)) = self.sender(&told) else { return };
        let Some(body) = self.bodies.get(&life) else { return };
        let may = match body.access {
            NotifyAccess::None => false,
            NotifyAccess::Main => role == Role::Main,
            NotifyAccess::Exec => role != Role::Other,
            NotifyAccess::All => true,
        };
        if !may {
            return;
        }
        let (unit, store_max) = (body.unit.clone(), body.store_max);
        let mut descriptors = told.descriptors;
        for word in told.words {
            queue.push_back(match word {
                Word::Ready => Event::Readied(life),
                Word::Stopping => Event::StoppingSaid(life),
                Word::Reloading(since) => Event::Reloading(life, since.map(moment)),
                Word::Status(text) => Event::Stated(life, text),
                Word::Errno(number) => Event::ErrnoTold(life, number),
                Word::Extend(span) => Event::Extended(life, span),
                Word::Alive => Event::WatchdogPinged(life),
                Word::Broken => Event::WatchdogTriggered(life),
                Word::Watchdog(span) => Event::WatchdogChanged(life, span),
                Word::MainPid(main) => {
                    if !self.adopt(life, main, reactor) {
                        continue;
                    }
                    Event::MainFound(life, Some(main.unsigned_abs()))
                }
                Word::Store { name, poll } => {
                    for fd in descriptors.drain(..) {
                        self.store.keep(&unit, store_max, (&name, fd), poll, reactor);
                    }
                    continue;
                }
                Word::Unstore(name) => {
                    self.store.remove(&unit, &name, reactor);
                    continue;
                }
                // Its descriptor is held where it was received.
                Word::Barrier => continue,
            });
        }
    }

    /// The life a sender belongs to, and what he is there: by our own knowledge, else by his group.
    fn sender(&self, told: &Told) -> Option<(Life, Role)> {
        if let Some(process) = self.processes.get(&told.pid) {
            let role = if process.run.phase == Phase::Start { Role::Main } else { Role::Command };
            return Some((process.run.life, role));
        }
        let life = self.life_of(told.pid)?;
        // Had he ended meanwhile, what was read may have been somebody else's of the same number.
        let has_ended = told.process.as_ref().is_some_and(PidFd::has_ended);
        (!has_ended).then_some((life, Role::Other))
    }

    /// The life in whose group a process is. `None` where there are no groups.
    fn life_of(&self, pid: i32) -> Option<Life> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        let path = Path::new(text.lines().find_map(|line| line.strip_prefix("0::/"))?);
        let inside = |(life, body): (&Life, &Body)| {
            let own = body.group.as_ref()?.path();
            path.starts_with(own).then(|| (own.components().count(), *life))
        };
        // The innermost, and of one unit the newest: an older life has no process left.
        self.bodies.iter().filter_map(inside).max().map(|(_, life)| life)
    }
}

/// What a sender is to the unit he belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Main,
    /// One of its other commands.
    Command,
    /// Somebody these have started.
    Other,
}

/// A time of `CLOCK_MONOTONIC` as the supervisor counts, which is on through suspend.
fn moment(monotonic: Duration) -> Moment {
    let ago = kernel::time::monotonic().saturating_sub(monotonic);
    Moment(kernel::time::boottime().saturating_sub(ago))
}
