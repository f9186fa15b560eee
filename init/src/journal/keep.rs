//! The lines outlive the program: each is written to a ledger as it is said, and the ledger is written anew when most
//! of it is lines that had to make way.
//!
//! ```text
//! push ─▶ batch ─▶ ledger ──────────────────────────── give way ─▶ (closed)
//!            └───▶ copy ◀─ chunks of rings, some per turn ─┘ └──▶ the ledger
//! ```
//!
//! A record is lines of one ring as the ring holds them, one after the other: a flood costs one record for what is read of it at once. All
//! rings are more than a turn may take: so they are copied one by one over some turns, while new lines are written to both. In a
//! copy the lines of a ring may therefore stand in any order and twice, and some may have had to make way since; their numbers tell.

use std::rc::Rc;

use serde::{Deserialize, Serialize};
use units::UnitName;
use units::control::LogStream;

use super::ring::{Line, Lines};
use super::{Journal, Ring};
use crate::again;
use crate::ledger::{Ledger, Pages};

/// Bytes copied per turn.
const PER_TURN: usize = if cfg!(test) { 4096 } else { 1 << 20 };

/// What a ring has lost: how many lines, the number of the last.
#[derive(Serialize, Deserialize)]
struct RingNote(Whose, u64, u64);

/// Whose lines, in the order of the copying.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Whose {
    Unit(UnitName),
    Init,
    Syslog,
}

/// Lines of one ring that are not in the ledger yet.
#[derive(Debug)]
pub(super) struct Batch {
    of: Whose,
    lines: Vec<u8>,
}

impl Default for Batch {
    fn default() -> Self {
        Self { of: Whose::Init, lines: Vec::new() }
    }
}

/// A ledger that is to take the other's place.
#[derive(Debug)]
pub(super) struct Copying {
    ledger: Ledger,
    /// What was said later is written to both.
    up_to: u64,
    /// The ring that is being copied, and the number of the last line that has been.
    of: Whose,
    done: u64,
}

impl Journal {
    /// Write every line to this ledger from now on, those there are first.
    pub(crate) fn write_to(&mut self, ledger: Option<Ledger>) {
        self.ledger = ledger;
        self.write_anew();
    }

    /// The ledger.
    pub(crate) fn ledger(&self) -> Option<&Ledger> {
        self.ledger.as_ref()
    }

    pub(super) fn note(&mut self, unit: Option<&UnitName>, line: &Line<'_>) {
        if self.ledger.is_none() {
            return;
        }
        let is_same = match (&self.batch.of, unit) {
            (Whose::Unit(of), Some(unit)) => of == unit,
            (Whose::Init, None) => line.stream != LogStream::Syslog,
            (Whose::Syslog, None) => line.stream == LogStream::Syslog,
            (Whose::Unit(_), None) | (Whose::Init | Whose::Syslog, Some(_)) => false,
        };
        if !is_same {
            self.write_batch();
            self.batch.of = Whose::of(unit, line.stream);
        }
        line.write(&mut self.batch.lines);
    }

    fn write_batch(&mut self) {
        if self.batch.lines.is_empty() {
            return;
        }
        for ledger in self.ledger.iter_mut().chain(self.copying.as_mut().map(|copying| &mut copying.ledger)) {
            ledger.say(again::LINES, &self.batch.of, &self.batch.lines);
        }
        self.batch.lines.clear();
        self.batch.lines.shrink_to(super::BUDGET);
    }

    /// Everything said so far is written.
    pub(crate) fn commit(&mut self) {
        self.write_batch();
        for ledger in self.ledger.iter_mut().chain(self.copying.as_mut().map(|copying| &mut copying.ledger)) {
            ledger.commit();
        }
    }

    /// Some of what the ledger asks for. True while there is more.
    pub(crate) fn turn(&mut self) -> bool {
        if self.copying.is_none() && self.ledger.as_ref().is_some_and(Ledger::is_long) {
            self.begin_copy();
        }
        self.copy_some()
    }

    /// Write only what is still there, all of it at once.
    pub(crate) fn write_anew(&mut self) {
        self.begin_copy();
        while self.copy_some() {}
    }

    fn begin_copy(&mut self) {
        self.write_batch();
        // Without room for it the lines are here all the same, and it is tried again.
        let copy = self.ledger.as_ref().and_then(|ledger| ledger.successor().ok());
        let of = self.units.keys().next().cloned().map_or(Whose::Init, Whose::Unit);
        self.copying = copy.map(|ledger| Copying { ledger, up_to: self.said, of, done: 0 });
    }

    fn copy_some(&mut self) -> bool {
        self.write_batch();
        let Some(mut copying) = self.copying.take() else { return false };
        let mut left = PER_TURN;
        loop {
            let ring = match &copying.of {
                Whose::Unit(name) => self.units.get(name),
                Whose::Init => Some(&self.init),
                Whose::Syslog => Some(&self.syslog),
            };
            if let Some(ring) = ring {
                let (lost, up_to) = ring.lost();
                if copying.done == 0 && lost > 0 {
                    copying.ledger.say(again::RING, &RingNote(copying.of.clone(), lost, up_to), &[]);
                }
                for chunk in ring.chunks_after(copying.done) {
                    copying.ledger.say(again::LINES, &copying.of, chunk);
                    copying.done = Lines(chunk).last().map_or(u64::MAX, |line| line.number);
                    left = left.saturating_sub(chunk.len());
                    if copying.done >= copying.up_to || left == 0 {
                        break;
                    }
                }
            }
            if left == 0 {
                break;
            }
            copying.done = 0;
            copying.of = match &copying.of {
                Whose::Unit(name) => self.units.after(name).next().map_or(Whose::Init, |(name, _)| Whose::Unit(name.clone())),
                Whose::Init => Whose::Syslog,
                Whose::Syslog => {
                    if let Some(ledger) = &mut self.ledger {
                        ledger.give_way(copying.ledger);
                    }
                    return false;
                }
            };
        }
        copying.ledger.commit();
        self.copying = Some(copying);
        true
    }

    /// What an earlier life of the program kept. Units whose rings are to have another size than the usual are reserved
    /// before.
    pub(crate) fn restore(&mut self, pages: &Pages) {
        let mut lines: Vec<(Rc<Whose>, Line<'_>)> = Vec::new();
        for (kind, record) in &pages.said {
            match *kind {
                again::LINES => {
                    if let Ok(of) = serde_json::from_slice(&record.note).map(Rc::new) {
                        lines.extend(Lines(&record.raw).map(|line| (Rc::clone(&of), line)));
                    }
                }
                again::RING => {
                    if let Ok(RingNote(of, lost, up_to)) = serde_json::from_slice(&record.note) {
                        self.ring(&of).set_lost(lost, up_to);
                        self.said = self.said.max(up_to);
                    }
                }
                _ => {}
            }
        }
        units::order::by_key(&mut lines, |(_, line)| line.number);
        lines.dedup_by_key(|(_, line)| line.number);
        for (of, line) in lines {
            // Of a ring the oldest make way: what is older than the last lost is lost too.
            if line.number > self.ring(&of).lost().1 {
                self.keep(of.unit(), &line);
            }
        }
    }

    fn ring(&mut self, of: &Whose) -> &mut Ring {
        match of {
            Whose::Unit(unit) => self.units.entry(unit.clone()).or_insert_with(|| Ring::new(super::ROOM)),
            Whose::Init => &mut self.init,
            Whose::Syslog => &mut self.syslog,
        }
    }
}

impl Whose {
    fn of(unit: Option<&UnitName>, stream: LogStream) -> Self {
        match (unit, stream) {
            (Some(unit), _) => Self::Unit(unit.clone()),
            (None, LogStream::Syslog) => Self::Syslog,
            (None, LogStream::Init | LogStream::Stdout | LogStream::Stderr) => Self::Init,
        }
    }

    fn unit(&self) -> Option<&UnitName> {
        match self {
            Self::Unit(name) => Some(name),
            Self::Init | Self::Syslog => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::journal::Wanted;
    use crate::ledger;
    use kernel::memfd;
    use std::os::fd::AsFd;

    #[test]
    fn lines_outlive_the_program_and_what_was_lost_stays_counted() {
        let mut journal = Journal::with_room(200 * 1024);
        journal.write_to(Ledger::new(c"test").ok());
        let units = ["quiet", "loud"].map(|name| UnitName::new(name).unwrap());
        journal.push(units.first(), LogStream::Stdout, b"once");
        for number in 0..40_000 {
            journal.push(units.last(), LogStream::Stderr, format!("line {number} of many").as_bytes());
            if number % 7 == 0 {
                journal.push(units.first(), LogStream::Stdout, b"again");
            }
            journal.commit();
            journal.turn();
        }
        journal.push(None, LogStream::Syslog, b"\xff not text");
        journal.commit();
        let file = journal.ledger().unwrap().as_fd().try_clone_to_owned().unwrap();
        memfd::seal(&file).unwrap();
        let mut other = Journal::with_room(200 * 1024);
        other.restore(&ledger::read(&file).unwrap());
        let all = |journal: &Journal| journal.after(0, &Wanted::default(), 100_000);
        assert_eq!(all(&journal), all(&other));
        assert_eq!(journal.newest(), other.newest());
        assert_eq!(journal.lost_after(0, &Wanted::default()), other.lost_after(0, &Wanted::default()));
        assert!(journal.ledger().unwrap().length() < 2 << 20);
    }
}
