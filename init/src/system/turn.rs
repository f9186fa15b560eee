//! One turn of the loop: some of what is to be done, some of what has happened, and back to the reactor.
//!
//! ```text
//! orders and events ─ SPAN ─▶ clients, console, ledger ─▶ wait ─▶ urgent sources ─▶ usual ones ─ SPAN ─▶ next turn
//!     └ the rest stays, in its order ─────────────────────────────────────────────────────┘
//! ```
//!
//! Invariant: nothing new is begun after [`SPAN`], and the rest is as it was: orders in the sequence of their step, all of
//! them before the next event is heard; sources in the order in which they had something. So a turn takes two spans and
//! the longest pieces at most, however much there is to do, and who asks is answered in between. What must not be in the middle
//! of a step (the ledger written anew, the program begun anew) waits for its end.

use std::time::Duration;

use kernel::wait::reap_any;
use supervisor::{Action, Event, Moment};
use units::control::{LogStream, Way};

use super::{System, now};
use crate::console::Tone;
use crate::control::Known;
use crate::reactor::Source;
use crate::turns::Piece;

/// Nothing new is begun after so long.
const SPAN: Duration = Duration::from_millis(4);
/// Children reaped per turn, so that a flood of orphans does not keep the rest waiting.
const REAP_BATCH: usize = 128;
/// Of these, children of units, whose last lines are read first: up to two full pipes each, 128 KiB together.
const OURS_BATCH: usize = 8;
/// Turns of notifications heard before an end is acted upon: of 64 messages each, so more than net.unix.max_dgram_qlen is
/// ever set to.
const LAST_WORDS_TURNS: usize = 16;
/// While so many events wait, no more of those are made that somebody else can make without end: what services tell and who connects waits
/// in its socket, and who has ended is a zombie.
const MOST_EVENTS: usize = 4096;

impl System {
    pub(super) fn one_turn(&mut self) -> Option<Way> {
        if let Some(way) = self.carry_out() {
            return Some(way);
        }
        self.read_on();
        if let Some((notify, _)) = &mut self.notify {
            notify.lift_barriers(self.heard - u64::from(!self.orders.is_empty()));
        }
        self.control.turn(known!(self), &mut self.reactor, &mut self.queue);
        self.turns.was(Piece::Clients);
        self.mind_console();
        self.settle();
        self.turns.was(Piece::Writing);
        self.turns.over();
        kernel::again::rest();
        if self.happened.is_empty() {
            self.happened.extend(self.reactor.wait(self.patience()));
        }
        let urgent = self.reactor.urgent();
        kernel::again::work();
        self.turns.begin();
        for (watch, hung_up) in urgent {
            if let Some(source) = self.reactor.source(watch) {
                self.heed(source, hung_up);
                self.commit();
                self.turns.was(if source == Source::Signals { Piece::Signals } else { Piece::Clients });
            }
        }
        self.heed_usual();
        if self.more_to_reap && self.queue.len() < MOST_EVENTS {
            self.reap();
            self.turns.was(Piece::Reaping);
        }
        self.hands.resume_pipes(&mut self.reactor);
        self.hands.resume_sockets(&mut self.reactor);
        self.hands.look_again_for_oom(&mut self.queue);
        let supervisor = &self.supervisor;
        self.more_to_sweep = self.hands.sweep() | self.hands.let_go_of_groups(|unit| supervisor.comes_again(unit));
        self.turns.was(Piece::Sweeping);
        for (unit, remark) in self.hands.take_remarks() {
            self.journal.push(Some(&unit), LogStream::Init, remark.as_bytes());
        }
        if !self.ticking && self.deadline.is_some_and(|deadline| now() >= deadline) {
            self.ticking = true;
            self.queue.push_back(Event::Ticked);
        }
        None
    }

    /// How long nothing needs to be done.
    fn patience(&self) -> Option<Duration> {
        let waits = (!self.queue.is_empty() && !self.is_before_first_reading()) || !self.orders.is_empty() || self.reads();
        if waits || self.more_to_reap || self.more_to_sweep || self.more_to_copy || self.control.is_busy(&self.journal) {
            return Some(Duration::ZERO);
        }
        let deadlines = [self.deadline, self.broken, self.hands.deadline().map(Moment)];
        deadlines.into_iter().flatten().min().map(|deadline| deadline.since(now()))
    }

    fn carry_out(&mut self) -> Option<Way> {
        if self.is_before_first_reading() {
            return None;
        }
        let until = kernel::time::boottime() + SPAN;
        let mut anything = false;
        loop {
            while let Some(action) = self.orders.pop_front() {
                let kind = kind_of(&action);
                if let Some(way) = self.perform(action) {
                    return Some(way);
                }
                self.note_done();
                if self.turns.was(Piece::Order(kind)) >= until {
                    break;
                }
            }
            // Between two events is the time for what the ledger waits for.
            if !self.orders.is_empty() || (anything && (kernel::time::boottime() >= until || self.waits_for_the_end_of_a_step())) {
                break;
            }
            if self.queue.is_empty() {
                break;
            }
            anything = true;
            let now = now();
            self.note_begun(now);
            let Some(event) = self.queue.pop_front() else { break };
            self.heard += 1;
            self.ticking &= !matches!(event, Event::Ticked);
            #[cfg(debug_assertions)]
            crate::again::rehearsal::perhaps();
            self.orders.extend(self.supervisor.step(now, event));
            self.note_stepped();
            self.turns.was(Piece::Hearing);
        }
        if anything {
            self.deadline = self.supervisor.deadline();
            let supervisor = &self.supervisor;
            self.more_to_sweep |= self.hands.let_go_of_groups(|unit| supervisor.comes_again(unit));
        }
        None
    }

    /// Those that have something, the first first.
    fn heed_usual(&mut self) {
        let until = kernel::time::boottime() + SPAN;
        while let Some((watch, hung_up)) = self.happened.pop_front() {
            // One that is watched no more has nothing to say.
            let Some(source) = self.reactor.source(watch) else { continue };
            if matches!(source, Source::Notify | Source::Socket(..)) && self.queue.len() >= MOST_EVENTS {
                continue;
            }
            self.heed(source, hung_up);
            self.commit();
            if self.turns.was(if matches!(source, Source::Output(_)) { Piece::Output } else { Piece::Source }) >= until {
                return;
            }
        }
    }

    /// Take what services have told; whether there may be more.
    pub(super) fn hear(&mut self) -> bool {
        let Some((notify, _)) = &mut self.notify else { return false };
        let (hands, reactor, queue) = (&mut self.hands, &mut self.reactor, &mut self.queue);
        let more = notify.turn(|told| hands.told(told, reactor, queue));
        notify.date_barriers(self.heard + u64::try_from(self.queue.len()).unwrap_or(u64::MAX));
        more
    }

    /// Reap everybody who can be reaped.
    pub(crate) fn reap_all(&mut self) {
        self.more_to_reap = true;
        while self.more_to_reap {
            self.reap();
        }
    }

    /// SIGCHLD coalesces: reap until nobody is left, whatever the number of signals.
    fn reap(&mut self) {
        // Who spoke and then ended is looked up in his group: while he is a zombie that can be done.
        self.hear();
        let mut ended = Vec::new();
        self.more_to_reap = true;
        let mut ours = 0;
        while ended.len() < REAP_BATCH && ours < OURS_BATCH && self.more_to_reap {
            match reap_any() {
                Ok(Some((pid, how))) => {
                    ours += usize::from(self.hands.life_of_child(pid.as_raw()).is_some());
                    ended.push((pid, how));
                }
                Ok(None) | Err(_) => self.more_to_reap = false,
            }
        }
        // What a process told before its end was told in its life: the socket holds it by now, behind no more messages than a
        // socket can hold.
        for _ in 0..LAST_WORDS_TURNS {
            if ended.is_empty() || !self.hear() {
                break;
            }
        }
        for (pid, how) in ended {
            if let Some(remark) = self.hands.generator_ended(pid.as_raw(), how) {
                remark.into_iter().for_each(|remark| self.say(Tone::Bad, &remark));
                continue;
            }
            self.hear_out_child(pid.as_raw());
            if !self.handed_over(pid.as_raw()) {
                self.hands.ended(pid.as_raw(), how, &mut self.reactor, &mut self.queue);
            }
        }
        self.hands.after_reaping(&mut self.queue);
    }

    /// Whether a process that has ended was the main one of a unit that is up, and named its successor before.
    pub(super) fn handed_over(&mut self, pid: i32) -> bool {
        let Some(life) = self.hands.life_of_child(pid).filter(|life| self.supervisor.is_up(*life)) else { return false };
        self.hands.follow(pid, life, self.supervisor.units(), &mut self.reactor, &mut self.queue)
    }
}

/// An order in words, for who asks what took so long.
fn kind_of(action: &Action) -> &'static str {
    match action {
        Action::Check(..) => "judging conditions",
        Action::Prepare(..) => "making a group and directories",
        Action::Spawn { .. } => "making a process",
        Action::FindMain(..) => "finding the main process",
        Action::Signal(..) | Action::Kill(_) => "sending a signal",
        Action::Drain(_) => "looking whether a group is empty",
        Action::Release(..) | Action::Forget(_) => "giving up what a life had",
        Action::Reread(_) => "beginning generators",
        Action::Tell(_) => "telling",
        Action::Answer(..) | Action::Environment(..) => "answering",
        Action::Listen(..) | Action::Attend(..) | Action::Flush(_) | Action::Unlisten(..) | Action::Give(..) | Action::Drop(_) => {
            "a socket"
        }
        Action::WatchCalendar(..) | Action::Stamp(_) | Action::WatchPaths(..) | Action::Unwatch(_) => "a watch",
        Action::Limit(..) | Action::Freeze(..) => "changing a group",
        Action::Reexec(_) | Action::Leave(_) => "an end",
    }
}
