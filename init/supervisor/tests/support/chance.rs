//! What happens to units by chance.

use super::dice::Dice;
use super::facts::life_of;
use super::made_up::{self, NAMES};
use super::{Connection, World, name};
use std::time::Duration;
use supervisor::{Event, Exit, Life, Moment, Phase, Run, Ticket};
use units::control::{EnvironmentRequest, Fragment, Job, KillWhom, Request, Then};
use units::unit::Verdict;
use units::value::Signal;
use units::{UnitKind, UnitName};

const PHASES: [Phase; 7] = [Phase::Condition, Phase::StartPre, Phase::Start, Phase::StartPost, Phase::Reload, Phase::Stop, Phase::StopPost];

impl World {
    /// Something happens that the number decides.
    pub fn happen(&mut self, number: u64) {
        let mut dice = Dice(number);
        match dice.roll(64) {
            0..36 => self.something(&mut dice),
            36..46 => self.ask_something(&mut dice),
            46..52 => self.catch_up(dice.roll(4)),
            52..56 => self.out_of_place(&mut dice),
            56..58 => self.hang_up(&mut dice),
            58..62 => self.wait(Duration::from_millis(dice.number() % 1500)),
            _ => self.wait(Duration::from_secs(dice.number() % 100)),
        }
        self.follow_up();
    }

    /// What is late arrives, so much of it.
    fn catch_up(&mut self, count: usize) {
        for _ in 0..=count {
            match self.late.pop_front() {
                // Said only of what is so.
                Some(Event::Emptied(life)) if !self.is_empty(life) => _ = self.drained.insert(life),
                Some(event) => self.queue.push_back(event),
                None => {}
            }
        }
    }

    /// Something a unit's processes do, or somebody with it, if it can be.
    fn something(&mut self, dice: &mut Dice) {
        let unit = name(dice.one_of(&NAMES));
        let life = self.lives.iter().find(|(_, n)| **n == unit).map(|(life, _)| *life);
        let runs: Vec<Run> = self.processes.keys().filter(|run| Some(run.life) == life).copied().collect();
        let run = (!runs.is_empty()).then(|| dice.one_of(&runs));
        match (dice.roll(16), life, run) {
            (0..=2, _, Some(run)) => self.end_process(run, Exit::Code(0)),
            (3, _, Some(run)) => self.end_process(run, Exit::Code(1)),
            (4, _, Some(run)) => self.end_process(run, Exit::Code(255)),
            (5, _, Some(run)) => self.end_process(run, Exit::Signal(dice.one_of(&[Signal::KILL, Signal::TERM, Signal::HUP]))),
            (6, _, Some(run)) => {
                self.processes.remove(&run);
                self.answer(if dice.once_in(2) {
                    Event::SpawnDelayed(run, "fork: EAGAIN".to_owned())
                } else {
                    Event::SpawnFailed(run, "exec: ENOENT".to_owned())
                });
                self.look_for_empty();
            }
            (7, Some(life), _) if unit.kind() == UnitKind::Service && self.has_main_begun(life) => {
                self.processes.insert(Run { life, phase: Phase::Start, index: 0 }, unit);
                self.answer(Event::MainFound(life, Some(7)));
            }
            (8, _, _) => _ = self.strays.insert(unit, 1),
            (9, _, _) => {
                self.strays.remove(&unit);
                self.look_for_empty();
            }
            (10, Some(life), _) => {
                self.connections += 1;
                let connection = Connection(self.connections);
                self.open.insert(connection);
                self.queue.push_back(Event::Connected(life, connection, format!("{}-x", self.connections)));
            }
            (_, Some(life), _) => {
                let said = said(dice, life, self.now);
                self.queue.push_back(said);
            }
            (_, None, _) => self.queue.push_back(Event::Ticked),
        }
    }

    /// News of a life that is over, of another kind of unit, of a run that never was.
    fn out_of_place(&mut self, dice: &mut Dice) {
        let lives: Vec<Life> = self.former.iter().rev().take(3).chain(self.lives.keys()).copied().collect();
        if lives.is_empty() {
            return;
        }
        let life = dice.one_of(&lives);
        let run = Run { life, phase: dice.one_of(&PHASES), index: dice.roll(3) };
        let is_over = !self.lives.contains_key(&life);
        self.queue.push_back(match dice.roll(7) {
            0 if is_over => Event::Prepared(life),
            1 if is_over => Event::Emptied(life),
            2 if is_over => Event::Executed(run),
            3 if !self.processes.contains_key(&run) && !self.is_told_late(life) => Event::Exited(run, Exit::Code(1)),
            4 if !self.processes.contains_key(&run) && !self.is_told_late(life) => Event::SpawnFailed(run, "exec: ENOENT".to_owned()),
            5 if is_over => Event::MainFound(life, Some(1)),
            _ => said(dice, life, self.now),
        });
    }

    fn is_told_late(&self, life: Life) -> bool {
        self.late.iter().any(|event| life_of(event) == Some(life))
    }

    fn hang_up(&mut self, dice: &mut Dice) {
        let ticket = self.next_ticket.saturating_sub(dice.number() % 9);
        self.hung_up.insert(ticket);
        self.queue.push_back(Event::HungUp(Ticket(ticket)));
    }

    fn ask_something(&mut self, dice: &mut Dice) {
        let one = |dice: &mut Dice| name(dice.one_of(&NAMES));
        let units: Vec<UnitName> = (0..=dice.roll(2)).map(|_| one(dice)).collect();
        let request = match dice.roll(39) {
            0..6 => Request::Start { units },
            6..12 => Request::Stop { units },
            12..15 => Request::Restart { units },
            15..18 => Request::Reload { units },
            18 => Request::TryRestart { units },
            19 => Request::ReloadOrRestart { units },
            20 => Request::TryReloadOrRestart { units },
            21..23 => {
                Request::Queue { job: dice.one_of(&[Job::Start, Job::Stop, Job::Restart, Job::TryRestart, Job::ReloadOrRestart]), units }
            }
            23 => Request::Isolate { unit: name(dice.one_of(&["g.target", "h.target", "u0"])) },
            24 => Request::Freeze { units },
            25 => Request::Thaw { units },
            26 => {
                let whom = dice.one_of(&[KillWhom::Main, KillWhom::Control, KillWhom::All]);
                Request::Kill { units, whom, signal: dice.one_of(&[Signal::KILL, Signal::TERM, Signal::HUP]) }
            }
            27 => Request::Limit { units },
            28 => Request::ResetFailed { units: vec![] },
            29 => Request::ResetFailed { units },
            30 => Request::Cancel { jobs: vec![] },
            31 => Request::Cancel {
                jobs: self.supervisor.rows(self.now, &units).into_iter().filter_map(|row| row.job).map(|job| job.number).collect(),
            },
            32 => Request::Environment(EnvironmentRequest::default()),
            33 => {
                std::mem::swap(&mut self.changed, &mut self.next);
                Request::DaemonReload {}
            }
            34..36 => {
                let fragment = Fragment { name: name("x.scope"), text: made_up::scope(dice) };
                let then = dice.one_of(&[Then::AtOnce, Then::Settled, Then::Over]);
                Request::Run { units: vec![fragment], collect: dice.once_in(2), then }
            }
            36..38 => Request::Entered { units: vec![name("x.scope")] },
            _ => Request::Reexec {},
        };
        self.ask(request);
    }
}

/// Something that is said by a unit or of it, whether it is of a kind to say so or not.
fn said(dice: &mut Dice, life: Life, now: Moment) -> Event {
    match dice.roll(18) {
        0..3 => Event::Readied(life),
        3 => Event::Stated(life, "well".to_owned()),
        4 => Event::Reloading(life, Some(now)),
        5 => Event::Reloading(life, None),
        6 => Event::StoppingSaid(life),
        7 => Event::Extended(life, Duration::from_secs(dice.one_of(&[1, 30, 1000]))),
        8 => Event::MainFound(life, None),
        9 => Event::OomKilled(life),
        10 => Event::WatchdogPinged(life),
        11 => Event::WatchdogTriggered(life),
        12 => Event::WatchdogChanged(life, Duration::from_secs(dice.one_of(&[0, 3]))),
        13 => Event::Incoming(life),
        14 => Event::CalendarElapsed(life),
        15 => Event::PathTriggered(life, "/x".to_owned()),
        16 => Event::WatchFailed(life, "no".to_owned()),
        _ => Event::Checked(life, Verdict::Go),
    }
}
