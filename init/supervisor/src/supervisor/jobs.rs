//! What is wanted, and in which order it is begun.
//!
//! Starts wait for everything they come after; stops wait for everything that comes after them to
//! be stopped. Both follow the graph, which has no cycle, so somebody can always go on.

use super::react::Change;
use super::slot::{Ending, Job, JobKind, Slot, State, Why};
use super::{Supervisor, slot};
use crate::{Action, Cause, Notice, Ticket};
use alloc::string::ToString;
use alloc::vec::Vec;
use units::control::{Outcome, Reply};
use units::graph::Node;
use units::{Entry, Names, Set, UnitKind, UnitName};

impl Supervisor {
    /// Wants `name` up, and all it requires or wants; what it conflicts with is to go down.
    ///
    /// Who asks again for what is up wants what that lacks, as when units were enabled since. On the way to
    /// another, what is up has had what it wants: with systemd every start of a service has all that
    /// `sysinit.target` wants begun again, also what somebody has stopped, and for each connection anew.
    pub(super) fn want_start(&mut self, name: &UnitName, why: Why) {
        let units = self.units.clone();
        let stays = |s: &Self, name: &UnitName| s.slots.get(name).is_some_and(|slot| slot.is_up() && !slot.has_job(JobKind::stops));
        let asked_again = stays(self, name);
        let mut seen = Set::new();
        let mut open = alloc::vec![name.clone()];
        while let Some(name) = open.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            let Some(node) = units.graph().node(&name) else { continue };
            for other in &node.conflicts {
                if self.slots.get(other).is_some_and(|slot| !slot.is_down() || slot.job.is_some()) {
                    self.want_stop(other);
                }
            }
            open.extend(node.requires.iter().chain(&node.binds_to).cloned());
            if !stays(self, &name) {
                self.want(&name, JobKind::Start, why);
            } else if !asked_again {
                continue;
            }
            open.extend(node.wants.iter().chain(&node.upholds).cloned());
            let never_up = |other: &&UnitName| self.slots.get(other).is_some_and(|slot| !slot.history.was_up);
            open.extend(node.needs_once.iter().filter(never_up).cloned());
        }
    }

    /// Wants `name` down, and all that require it, are bound to it, are part of it or lie in it.
    pub(super) fn want_stop(&mut self, name: &UnitName) {
        let mut with_it = false;
        for other in self.dependents(name) {
            if self.slots.get(&other).is_some_and(|slot| !slot.is_down() || slot.job.is_some()) {
                self.want(&other, JobKind::Stop, Why::Asked);
                with_it |= other != *name;
            }
        }
        // Also one that is down itself is not done with before those that come after it are.
        if with_it {
            self.want(name, JobKind::Stop, Why::Asked);
        }
    }

    /// Wants `name` down and up again, and so all that depend on it and are up.
    pub(super) fn want_restart(&mut self, name: &UnitName) {
        let dependents = self.dependents(name);
        self.want_start(name, Why::Asked);
        for other in dependents {
            let up = self.slots.get(&other).is_some_and(|slot| !slot.is_down());
            if other == *name || up {
                self.want(&other, JobKind::Restart, Why::Asked);
            }
        }
    }

    /// `name` and all that go down with it.
    fn dependents(&self, name: &UnitName) -> Set<UnitName> {
        let mut seen = Set::new();
        let mut open = alloc::vec![name.clone()];
        while let Some(name) = open.pop() {
            if let Some(node) = self.units.graph().node(&name) {
                let with_it = node.required_by.iter().chain(&node.bound_by).chain(&node.consists_of).chain(&node.stops);
                open.extend(with_it.chain(self.inside(&name)).filter(|other| !seen.contains(*other)).cloned());
            }
            seen.insert(name);
        }
        seen
    }

    /// What lies in a slice, however deep.
    fn inside<'a>(&'a self, slice: &'a UnitName) -> impl Iterator<Item = &'a UnitName> {
        let all = (slice.kind() == UnitKind::Slice).then(|| self.slots.keys());
        all.into_iter().flatten().filter(|other| self.units.unit(other).is_some_and(|unit| unit.lies_in(slice)))
    }

    /// Puts a job on one unit. What contradicts it is cancelled.
    pub(super) fn want(&mut self, name: &UnitName, kind: JobKind, why: Why) {
        let now = self.now;
        let until = self.patience(name);
        let Some(slot) = self.slots.get_mut(name) else { return };
        match &mut slot.job {
            Some(job) if job.kind == kind && !(kind == JobKind::Restart && job.begun) => {
                if job.why == Why::Again {
                    job.why = why;
                }
            }
            Some(_) | None => {
                self.jobs = self.jobs.wrapping_add(1);
                let former = slot.job.replace(Job { number: self.jobs, kind, why, begun: false, tickets: Vec::new(), until });
                if kind != JobKind::Stop {
                    slot.history.asked = Some(now);
                }
                for ticket in former.into_iter().flat_map(|job| job.tickets) {
                    self.report(ticket, name, Outcome::Cancelled);
                }
            }
        }
    }

    /// Has `ticket` told when the job of `name` is done; at once where there is none.
    pub(super) fn follow(&mut self, ticket: Ticket, name: &UnitName) {
        match self.slots.get_mut(name).and_then(|slot| slot.job.as_mut()) {
            Some(job) => {
                if !job.tickets.contains(&ticket) {
                    job.tickets.push(ticket);
                }
            }
            None => self.report(ticket, name, Outcome::Ok),
        }
    }

    /// Notes what became of one unit of a request; answers when all are known.
    pub(super) fn report(&mut self, ticket: Ticket, name: &UnitName, outcome: Outcome) {
        let Some(waiting) = self.tickets.get_mut(&ticket) else { return };
        if let Some((_, open)) = waiting.results.iter_mut().find(|(unit, open)| unit == name && open.is_none()) {
            *open = Some(outcome);
        }
        if let Some(results) = waiting.all() {
            self.tickets.remove(&ticket);
            self.order(Action::Answer(ticket, Reply::Done { results }));
        }
    }

    /// The job of `name` is done.
    pub(super) fn settle(&mut self, name: &UnitName, outcome: &Outcome) {
        let Some(slot) = self.slots.get_mut(name) else { return };
        let job = slot.job.take();
        if job.is_some() && slot.is_down() {
            // Whoever waits for it to be quiet hears of it only now.
            self.changes.push_back(Change::Down { unit: name.clone(), fresh: false });
        }
        for ticket in job.into_iter().flat_map(|job| job.tickets) {
            self.report(ticket, name, outcome.clone());
        }
    }

    /// Settles the start of `name`, if one is under way.
    pub(super) fn settle_start(&mut self, name: &UnitName, outcome: &Outcome) {
        let starting = self.slots.get(name).and_then(|slot| slot.job.as_ref());
        if starting.is_some_and(|job| job.kind == JobKind::Start && job.begun) {
            self.settle(name, outcome);
        }
    }

    /// Begins the job of `name` if it is its turn, else remembers whom it waits for.
    pub(super) fn take_turn(&mut self, name: &UnitName) {
        let Some(job) = self.slots.get(name).and_then(|slot| slot.job.as_ref()) else { return };
        if job.begun {
            return;
        }
        match self.blocker(name, job.kind) {
            Some(blocker) => self.slots.wait(name.clone(), blocker),
            None => self.begin(name),
        }
    }

    /// Somebody because of whom the job of `name` may not begin: the last in the alphabet, since turns are taken in
    /// its order. A target after a thousand units then waits for the thousandth, and not for each in its turn.
    fn blocker(&self, name: &UnitName, kind: JobKind) -> Option<UnitName> {
        let node = self.units.graph().node(name)?;
        let last = |names: &Names, what: fn(&Slot) -> bool| names.iter().rfind(|other| self.slots.get(other).is_some_and(what)).cloned();
        let stops = |slot: &Slot| slot.has_job(JobKind::stops);
        match kind {
            JobKind::Start if self.slots.get(name).is_some_and(Slot::is_stopping) => Some(name.clone()),
            JobKind::Start => {
                let held = last(&node.after, Slot::holds_up).or_else(|| last(&node.before, stops));
                held.or_else(|| last(&node.conflicts, stops))
            }
            JobKind::Stop | JobKind::Restart => last(&node.before, stops)
                .or_else(|| self.inside(name).filter(|other| self.slots.get(other).is_some_and(stops)).last().cloned()),
        }
    }

    /// Somebody whom `name` may not be beside. Whoever wanted `name` up had all such stopped, but since then they may
    /// have been wanted again, or files have been read that say so only now.
    pub(super) fn in_the_way(&self, name: &UnitName) -> Option<UnitName> {
        let conflicts = &self.units.graph().node(name)?.conflicts;
        conflicts.iter().find(|other| self.slots.get(other).is_some_and(|slot| !slot.is_down())).cloned()
    }

    pub(super) fn begin(&mut self, name: &UnitName) {
        let comes_up = |slot: &Slot| slot.life().is_none() && !slot.is_up() && slot.has_job(|kind| kind == JobKind::Start);
        if self.slots.get(name).is_some_and(comes_up)
            && let Some(other) = self.in_the_way(name)
        {
            self.want_stop(&other);
            return self.slots.wait(name.clone(), other);
        }
        let patience = self.patience_once_begun(name);
        let Some(slot) = self.slots.get_mut(name) else { return };
        let down = slot.is_down();
        let Some(job) = &mut slot.job else { return };
        job.begun = true;
        job.until = job.until.into_iter().chain(patience).min();
        match job.kind {
            JobKind::Start => self.begin_start(name),
            JobKind::Stop => self.begin_stop(name),
            JobKind::Restart => {
                if down {
                    job.kind = JobKind::Start;
                    job.begun = false;
                } else {
                    self.begin_stop(name);
                }
            }
        }
    }

    fn begin_start(&mut self, name: &UnitName) {
        let Some(slot) = self.slots.get(name) else { return };
        match &slot.state {
            State::Up { .. } | State::Done { .. } | State::Watching { .. } | State::Reloading { .. } | State::Reached => {
                self.settle(name, &Outcome::Ok);
            }
            State::Down(_) | State::Failed(_) | State::Resting { .. } => self.start(name),
            // Under way already; the job is settled with it.
            State::Checking { .. } | State::Preparing { .. } | State::Starting { .. } | State::Stopping { .. } => {}
        }
    }

    fn begin_stop(&mut self, name: &UnitName) {
        let Some(slot) = self.slots.get_mut(name) else { return };
        match &mut slot.state {
            State::Down(_) | State::Failed(_) => self.stopped(name),
            State::Resting { .. } | State::Reached => {
                self.enter(name, State::Down(slot::Down::Idle));
                self.stopped(name);
            }
            State::Checking { life } => {
                let life = *life;
                self.lives.remove(&life);
                self.enter(name, State::Down(slot::Down::Idle));
                self.stopped(name);
            }
            State::Preparing { .. }
            | State::Starting { .. }
            | State::Up { .. }
            | State::Done { .. }
            | State::Watching { .. }
            | State::Reloading { .. } => self.end(name, Ending::Asked),
            // It is going down by itself; from now on because it was asked to.
            State::Stopping { ending, .. } => *ending = Ending::Asked,
        }
    }

    /// The unit is down as its job wanted.
    pub(super) fn stopped(&mut self, name: &UnitName) {
        let Some(job) = self.slots.get_mut(name).and_then(|slot| slot.job.as_mut()) else { return };
        match job.kind {
            JobKind::Stop => self.settle(name, &Outcome::Ok),
            JobKind::Restart => {
                job.kind = JobKind::Start;
                job.begun = false;
            }
            JobKind::Start => {}
        }
    }

    /// The start of `name` has failed: so has that of whoever requires it and has not begun.
    pub(super) fn start_failed(&mut self, name: &UnitName, cause: &Cause) {
        let outcome = Outcome::Failed(cause.to_string());
        self.settle_start(name, &outcome);
        self.fail_waiting(name);
    }

    /// Who requires `name` and waits for it has failed.
    pub(super) fn fail_waiting(&mut self, name: &UnitName) {
        let units = self.units.clone();
        let Some(node) = units.graph().node(name) else { return };
        let never_up = self.slots.get(name).is_some_and(|slot| !slot.history.was_up);
        for other in node.required_by.iter().chain(&node.needed_once_by) {
            // Who was on the way up already when that was called off and wanted again just goes on.
            let waiting = self.slots.get(other).filter(|slot| slot.is_down() || slot.rests()).and_then(|slot| slot.job.as_ref());
            let needs = units
                .graph()
                .node(other)
                .is_some_and(|n| n.requires.contains(name) || n.binds_to.contains(name) || never_up && n.needs_once.contains(name));
            if needs && waiting.is_some_and(|job| job.kind == JobKind::Start && !job.begun) {
                self.refuse(other, Cause::Requirement(name.clone()));
            }
        }
    }

    /// The unit cannot even be tried; nor can those that require it, and so on. One after the other
    /// and not each within the one before: a chain may be longer than a stack.
    pub(super) fn refuse(&mut self, name: &UnitName, cause: Cause) {
        let is_first = self.refusals.is_empty();
        self.refusals.push_back((name.clone(), cause));
        while is_first && let Some((name, cause)) = self.refusals.front().cloned() {
            self.refuse_one(&name, cause);
            self.refusals.pop_front();
        }
    }

    fn refuse_one(&mut self, name: &UnitName, cause: Cause) {
        if let Some(job) = self.slots.get_mut(name).and_then(|slot| slot.job.as_mut()) {
            job.begun = true;
        }
        let alive = self.slots.get(name).is_some_and(|slot| slot.life().is_some());
        if !alive {
            if let Some(slot) = self.slots.get_mut(name) {
                slot.history.result = Some(cause.to_string());
                slot.history.exit = None;
            }
            self.enter(name, State::Failed(cause.clone()));
        }
        self.tell(Notice::Failed(name.clone(), cause.clone()));
        self.start_failed(name, &cause);
        if !alive {
            // Who is up may never have heard that it was down.
            self.unbind(name);
        }
    }

    /// The unit is up: whoever failed only for want of it is tried again.
    pub(super) fn recover_dependents(&mut self, name: &UnitName) {
        if self.is_leaving() {
            return;
        }
        let units = self.units.clone();
        let Some(node) = units.graph().node(name) else { return };
        for other in node.required_by.iter().chain(&node.needed_once_by) {
            let waiting = self.slots.get(other).is_some_and(|slot| match &slot.state {
                State::Failed(Cause::Requirement(missing)) => missing == name && slot.job.is_none(),
                State::Failed(_)
                | State::Down(_)
                | State::Resting { .. }
                | State::Checking { .. }
                | State::Preparing { .. }
                | State::Starting { .. }
                | State::Up { .. }
                | State::Done { .. }
                | State::Watching { .. }
                | State::Reloading { .. }
                | State::Stopping { .. }
                | State::Reached => false,
            });
            if waiting {
                self.want_start(other, Why::Again);
            }
        }
    }

    /// What `name` needs and does not have.
    pub(super) fn missing(&self, name: &UnitName) -> Option<Cause> {
        let node: &Node = self.units.graph().node(name)?;
        let absent = |other: &&UnitName| !matches!(self.units.entry(other), Some(Entry::Unit(_)));
        if let Some(other) = node.requires.iter().chain(&node.binds_to).chain(&node.needs_once).find(absent) {
            return Some(Cause::Requirement(other.clone()));
        }
        let up = |other: &UnitName| self.slots.get(other).is_some_and(Slot::is_up);
        let never_up = |other: &&UnitName| self.slots.get(other).is_none_or(|slot| !slot.history.was_up);
        if let Some(other) = node.needs_once.iter().find(never_up) {
            return Some(Cause::Requirement(other.clone()));
        }
        let bound = node.binds_to.iter().find(|other| node.after.contains(other) && !up(other));
        let other = bound.or_else(|| node.requisite.iter().find(|other| !up(other)))?;
        Some(Cause::Requirement(other.clone()))
    }
}
