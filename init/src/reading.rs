//! When the unit files are read: at boot, and again when somebody asks, after the generators of packages have written theirs.
//!
//! ```text
//!  boot ──────────┐  generators, if any   files, some in each turn     ┌─ First: the supervisor begins, Booted is its first event
//!                 ├─▶ begin ─ turn, turn, … ─ turn, turn, … ─▶ take effect ┤
//!  reload, HUP ───┘                                                    └─ Again: the difference is told to everybody who waits
//! ```
//!
//! Nothing waits for it but who asked: before the first reading events are kept in the queue, later all goes on with the units there
//! are. Who asks while generators are at work or files are being read may have changed some since: for him it is all done once more.
//!
//! Invariant: units change between two events of the supervisor, never within one, and are written down at once; so the units
//! it has are always those that are written down with it ([`crate::again`]). What has been read and has not taken effect is
//! nowhere written down: another life of the program reads from the beginning.

use serde::{Deserialize, Serialize};
use supervisor::{Event, Supervisor, Ticket};
use units::UnitName;
use units::control::Reply;
use units::search;

use crate::boot::{self, Read, Slices, files::Here};
use crate::console::Tone;
use crate::system::System;
use crate::turns::Piece;

/// Problems of unit files told to who has them read again; all are in the log.
const MOST_PROBLEMS: usize = 100;

/// The unit files are to be read.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Reading {
    what: What,
    /// And then once more, for these.
    next: Option<Vec<Ticket>>,
    #[serde(skip)]
    stage: Stage,
}

#[derive(Debug, Serialize, Deserialize)]
enum What {
    First,
    /// Who is to be told what came of it.
    Again(Vec<Ticket>),
}

/// How far it has come.
#[derive(Debug, Default)]
enum Stage {
    #[default]
    Generating,
    UnderWay(Box<Slices>),
    /// All has been read, and waits for the end of a step.
    Over(Box<Read>),
}

impl System {
    /// The system has come up: read its units, and start them.
    pub(crate) fn read_first(&mut self) {
        self.begin_reading(What::First);
    }

    /// Somebody wants changes to be seen; an answer is owed to `ticket`.
    pub(crate) fn read_again(&mut self, ticket: Option<Ticket>) {
        match &mut self.reading {
            Some(reading) => reading.next.get_or_insert_default().extend(ticket),
            None => self.begin_reading(What::Again(ticket.into_iter().collect())),
        }
        self.note_reading();
    }

    fn begin_reading(&mut self, what: What) {
        self.hands.surroundings.read_language();
        let wanted = if boot::reads_the_usual(&self.options) { search::generators(&Here) } else { Vec::new() };
        for remark in self.hands.generate(wanted, &mut self.reactor) {
            self.say(Tone::Bad, &remark);
        }
        self.reading = Some(Reading { what, next: None, stage: Stage::Generating });
    }

    /// Whether no unit is known yet: what happens waits.
    pub(crate) fn is_before_first_reading(&self) -> bool {
        self.reading.as_ref().is_some_and(|reading| matches!(reading.what, What::First))
    }

    /// Whether there is more to do without anything happening.
    pub(crate) fn reads(&self) -> bool {
        self.reading.is_some() && !self.hands.waits_for_generators()
    }

    /// Whether all has been read, and is to take effect.
    pub(crate) fn has_read(&self) -> bool {
        self.reading.as_ref().is_some_and(|reading| matches!(reading.stage, Stage::Over(_)))
    }

    /// Go on for a part of a turn.
    pub(crate) fn read_on(&mut self) {
        if self.orders.is_empty() && self.has_read() {
            self.take_effect();
        }
        let Some(reading) = &mut self.reading else { return };
        match &mut reading.stage {
            Stage::Generating if self.hands.have_generated() => {
                reading.stage = Stage::UnderWay(Box::new(Slices::begin(&self.options)));
                self.turns.was(Piece::Reading("finding unit files"));
            }
            Stage::UnderWay(slices) => {
                let (read, what) = slices.go_on();
                if let Some(read) = read {
                    reading.stage = Stage::Over(Box::new(read));
                }
                self.turns.was(Piece::Reading(what));
            }
            Stage::Generating | Stage::Over(_) => {}
        }
    }

    fn take_effect(&mut self) {
        let Some(Reading { what, next, stage: Stage::Over(read) }) = self.reading.take() else { return };
        match what {
            What::First => self.boot_units(*read),
            What::Again(tickets) => {
                let reply = self.change_units(*read);
                for ticket in tickets {
                    self.control.answer(ticket, &reply, &mut self.reactor, &mut self.queue);
                }
            }
        }
        self.turns.was(Piece::Reading("changing units"));
        if let Some(tickets) = next {
            self.begin_reading(What::Again(tickets));
        }
        // The supervisor that is written down has other units.
        self.write_anew();
        self.turns.was(Piece::Writing);
        // What the units were before, and the texts they were read from.
        kernel::heap::give_back();
        self.turns.was(Piece::Reading("giving memory back"));
    }

    fn boot_units(&mut self, read: Read) {
        self.tell_of(&read, Tone::Plain, &format!("fief-init {}: {} units", env!("CARGO_PKG_VERSION"), read.count));
        self.library.take(read.text, read.stamps, &[]);
        if let Some(config) = boot::config(&self.options, &read.units) {
            self.supervisor = Supervisor::new(read.units, config);
        }
        boot::logging(self);
        self.queue.push_front(Event::Booted);
    }

    /// What came of it, for who asked.
    fn change_units(&mut self, read: Read) -> Reply {
        self.tell_of(&read, Tone::Notice, &format!("unit files read again: {} units", read.count));
        let difference = self.supervisor.units().difference(&read.units);
        let mut kept: Vec<UnitName> =
            self.supervisor.slots().map(|(name, _)| name).filter(|name| read.units.unit(name).is_none()).cloned().collect();
        self.supervisor.reread(read.units);
        kept.retain(|name| self.supervisor.units().unit(name).is_some());
        self.library.take(read.text, read.stamps, &kept);
        boot::logging(self);
        let problems = read.diagnostics.iter().take(MOST_PROBLEMS).map(ToString::to_string).collect();
        Reply::Reread { difference, problems }
    }

    fn tell_of(&mut self, read: &Read, tone: Tone, sum: &str) {
        self.say(tone, sum);
        for remark in &read.remarks {
            self.say(Tone::Bad, remark);
        }
        for diagnostic in &read.diagnostics {
            self.diagnose(diagnostic);
        }
    }
}
