//! The lines outlive the program: each is written to a ledger as it is said, and the ledger is written anew when most
//! of it is lines that had to make way.
//!
//! ```text
//! push ─▶ ledger ──────────────────────────── give way ─▶ (closed)
//!    └──▶ copy ◀─ lines said before, some per turn ─┘ └──▶ the ledger
//! ```
//!
//! A hundred thousand lines are more than a turn may take, and their text is not to be in memory once more: so they are copied
//! ring by ring over some turns, while new ones are written to both. In a copy the lines of a ring may therefore stand
//! in any order, and some of them may have had to make way since; their numbers tell.

use serde::{Deserialize, Serialize};
use units::UnitName;
use units::control::LogStream;

use super::{Journal, Line, Ring};
use crate::again;
use crate::ledger::{Ledger, Pages};

/// Lines copied per turn.
const PER_TURN: usize = if cfg!(test) { 64 } else { 4096 };

/// A line but for its text: of whom, number, milliseconds, stream, priority.
#[derive(Serialize, Deserialize)]
struct LineNote(Option<UnitName>, u64, u64, LogStream, u8);

/// What a ring has lost: of whom, how many lines, the number of the last. The stream says which of init's own two it is.
#[derive(Serialize, Deserialize)]
struct RingNote(Option<UnitName>, LogStream, u64, u64);

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

/// Whose ring, in the order of the copying.
#[derive(Debug, Clone)]
enum Whose {
    Unit(UnitName),
    Init,
    Syslog,
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

    pub(super) fn note(&mut self, unit: Option<&UnitName>, line: &Line) {
        for ledger in self.ledger.iter_mut().chain(self.copying.as_mut().map(|copying| &mut copying.ledger)) {
            ledger.say(again::LINE, &LineNote::of(unit, line), &line.text);
        }
    }

    /// Everything said so far is written.
    pub(crate) fn commit(&mut self) {
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
        // Without room for it the lines are here all the same, and it is tried again.
        let copy = self.ledger.as_ref().and_then(|ledger| ledger.successor().ok());
        let of = self.units.keys().next().cloned().map_or(Whose::Init, Whose::Unit);
        self.copying = copy.map(|ledger| Copying { ledger, up_to: self.said, of, done: 0 });
    }

    fn copy_some(&mut self) -> bool {
        let Some(mut copying) = self.copying.take() else { return false };
        let mut left = PER_TURN;
        while left > 0 {
            let (unit, stream, ring) = match &copying.of {
                Whose::Unit(name) => (Some(name), LogStream::Init, self.units.get(name)),
                Whose::Init => (None, LogStream::Init, Some(&self.init)),
                Whose::Syslog => (None, LogStream::Syslog, Some(&self.syslog)),
            };
            if let Some(ring) = ring {
                let (lost, up_to) = ring.lost();
                if copying.done == 0 && lost > 0 {
                    copying.ledger.say(again::RING, &RingNote(unit.cloned(), stream, lost, up_to), &[]);
                }
                for line in ring.after(copying.done).take_while(|line| line.number <= copying.up_to).take(left) {
                    copying.ledger.say(again::LINE, &LineNote::of(unit, line), &line.text);
                    copying.done = line.number;
                    left -= 1;
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
    pub(crate) fn restore(&mut self, pages: Pages) {
        let (rings, lines): (Vec<_>, Vec<_>) = pages.said.into_iter().partition(|(kind, _)| *kind == again::RING);
        for (_, record) in rings {
            if let Ok(RingNote(unit, stream, lost, up_to)) = serde_json::from_slice(&record.note) {
                self.ring(unit.as_ref(), stream).set_lost(lost, up_to);
                self.said = self.said.max(up_to);
            }
        }
        let line = |record: crate::ledger::Record| Some((serde_json::from_slice::<LineNote>(&record.note).ok()?, record.raw));
        let mut lines: Vec<(LineNote, Vec<u8>)> = lines.into_iter().filter_map(|(_, record)| line(record)).collect();
        units::order::by_key(&mut lines, |(note, _)| note.1);
        for (LineNote(unit, number, time_ms, stream, priority), text) in lines {
            // Of a ring the oldest make way: what is older than the last lost is lost too.
            if number > self.ring(unit.as_ref(), stream).lost().1 {
                self.keep(unit.as_ref(), Line { number, time_ms, stream, priority, text: text.into() });
            }
        }
    }

    fn ring(&mut self, unit: Option<&UnitName>, stream: LogStream) -> &mut Ring {
        match (unit, stream) {
            (Some(unit), _) => self.units.entry(unit.clone()).or_insert_with(|| Ring::new(super::ROOM)),
            (None, LogStream::Syslog) => &mut self.syslog,
            (None, LogStream::Init | LogStream::Stdout | LogStream::Stderr) => &mut self.init,
        }
    }
}

impl LineNote {
    fn of(unit: Option<&UnitName>, line: &Line) -> Self {
        Self(unit.cloned(), line.number, line.time_ms, line.stream, line.priority)
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
        for number in 0..20_000 {
            journal.push(units.last(), LogStream::Stderr, format!("line {number} of many").as_bytes());
            journal.commit();
            journal.turn();
        }
        journal.push(None, LogStream::Syslog, b"\xff not text");
        journal.commit();
        let file = journal.ledger().unwrap().as_fd().try_clone_to_owned().unwrap();
        memfd::seal(&file).unwrap();
        let mut other = Journal::with_room(200 * 1024);
        other.restore(ledger::read(&file).unwrap());
        let all = |journal: &Journal| journal.after(0, &Wanted::default(), 100_000);
        assert_eq!(all(&journal), all(&other));
        assert_eq!(journal.newest(), other.newest());
        assert_eq!(journal.lost_after(0, &Wanted::default()), other.lost_after(0, &Wanted::default()));
        assert!(journal.ledger().unwrap().length() < 3 << 20);
    }
}
