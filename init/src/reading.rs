//! When the unit files are read: at boot, and again when somebody asks, after the generators of packages have written theirs.
//!
//! ```text
//!  boot ──────────┐  generators, if any        ┌─ First: the supervisor begins, Booted is its first event
//!                 ├─▶ begin ─ turn, turn, … ───┤
//!  reload, HUP ───┘  (no turn without any)     └─ Again: the difference is told to everybody who waits for it
//! ```
//!
//! Nothing waits for a generator but the reading itself: before the first one events are kept in the queue, later all
//! goes on. Who asks while generators are at work may have changed files since they began: for him they run once more.
//!
//! Invariant: between two events of the supervisor, never within one; so the units it has are always those that are
//! written down with it ([`crate::again`]).

use serde::{Deserialize, Serialize};
use supervisor::{Event, Supervisor, Ticket};
use units::UnitName;
use units::control::Reply;
use units::search;

use crate::boot::{self, files::Here};
use crate::console::Tone;
use crate::system::System;
use crate::turns::Piece;

/// Problems of unit files told to who has them read again; all are in the log.
const MOST_PROBLEMS: usize = 100;

/// The unit files are to be read as soon as the generators have ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Reading {
    what: What,
    /// And then once more, for these.
    next: Option<Vec<Ticket>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum What {
    First,
    /// Who is to be told what came of it.
    Again(Vec<Ticket>),
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
        let wanted = if boot::reads_the_usual(&self.options) { search::generators(&Here) } else { Vec::new() };
        for remark in self.hands.generate(wanted, &mut self.reactor) {
            self.say(Tone::Bad, &remark);
        }
        self.reading = Some(Reading { what, next: None });
    }

    /// Whether no unit is known yet: what happens waits.
    pub(crate) fn is_before_first_reading(&self) -> bool {
        self.reading.as_ref().is_some_and(|reading| matches!(reading.what, What::First))
    }

    /// Whether there is more to do without anything happening.
    pub(crate) fn reads(&self) -> bool {
        self.reading.is_some() && !self.hands.waits_for_generators()
    }

    /// Read, if it is time; only between two events.
    pub(crate) fn read_when_generated(&mut self) {
        while self.reading.is_some() && self.hands.have_generated() {
            let Some(Reading { what, next }) = self.reading.take() else { return };
            match what {
                What::First => self.boot_units(),
                What::Again(tickets) => {
                    let reply = self.reread();
                    for ticket in tickets {
                        self.control.answer(ticket, &reply, &mut self.reactor, &mut self.queue);
                    }
                }
            }
            if let Some(tickets) = next {
                self.begin_reading(What::Again(tickets));
            }
            // The supervisor that is written down has other units.
            self.write_anew();
            self.turns.was(Piece::Reading);
        }
    }

    fn boot_units(&mut self) {
        let read = boot::read_units(&self.options);
        self.say(Tone::Plain, &format!("fief-init {}: {} units", env!("CARGO_PKG_VERSION"), read.count));
        for remark in &read.remarks {
            self.say(Tone::Notice, remark);
        }
        for diagnostic in &read.diagnostics {
            self.diagnose(diagnostic);
        }
        self.library.read_again(&read.sources, &[]);
        if let Some(config) = boot::config(&self.options, &read.units) {
            self.supervisor = Supervisor::new(read.units, config);
        }
        boot::logging(self);
        self.queue.push_front(Event::Booted);
    }

    /// Read the unit files again; what came of it, for who asked.
    fn reread(&mut self) -> Reply {
        let read = boot::read_units(&self.options);
        self.say(Tone::Notice, &format!("unit files read again: {} units", read.count));
        for remark in &read.remarks {
            self.say(Tone::Bad, remark);
        }
        for diagnostic in &read.diagnostics {
            self.diagnose(diagnostic);
        }
        let difference = self.supervisor.units().difference(&read.units);
        let mut kept: Vec<UnitName> =
            self.supervisor.slots().map(|(name, _)| name).filter(|name| read.units.unit(name).is_none()).cloned().collect();
        self.supervisor.reread(read.units);
        kept.retain(|name| self.supervisor.units().unit(name).is_some());
        self.library.read_again(&read.sources, &kept);
        boot::logging(self);
        let problems = read.diagnostics.iter().take(MOST_PROBLEMS).map(ToString::to_string).collect();
        Reply::Reread { difference, problems }
    }
}
