//! The lines outlive the program: each is written to a ledger as it is said, and the ledger is written anew when most
//! of it is lines that had to make way.

use serde::{Deserialize, Serialize};
use units::UnitName;
use units::control::LogStream;

use super::{Journal, Line, Ring};
use crate::again;
use crate::ledger::{Ledger, Pages};

/// A line but for its text: of whom, number, milliseconds, stream, priority.
#[derive(Serialize, Deserialize)]
struct LineNote(Option<UnitName>, u64, u64, LogStream, u8);

/// What a ring has lost: of whom, how many lines, the number of the last. The stream says which of init's own two it is.
#[derive(Serialize, Deserialize)]
struct RingNote(Option<UnitName>, LogStream, u64, u64);

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
        if let Some(ledger) = &mut self.ledger {
            ledger.say(again::LINE, &LineNote::of(unit, line), &line.text);
        }
    }

    /// Everything said so far is written.
    pub(crate) fn commit(&mut self) {
        if let Some(ledger) = &mut self.ledger {
            ledger.commit();
            if ledger.is_long() {
                self.write_anew();
            }
        }
    }

    /// Write only what is still there.
    pub(crate) fn write_anew(&mut self) {
        let Some(mut ledger) = self.ledger.take() else { return };
        let written = ledger.renew(|ledger| {
            let own = [(None, LogStream::Init, &self.init), (None, LogStream::Syslog, &self.syslog)];
            for (unit, stream, ring) in self.units.iter().map(|(name, ring)| (Some(name), LogStream::Init, ring)).chain(own) {
                let (lost, up_to) = ring.lost();
                if lost > 0 {
                    ledger.say(again::RING, &RingNote(unit.cloned(), stream, lost, up_to), &[]);
                }
                for line in ring.after(0) {
                    ledger.say(again::LINE, &LineNote::of(unit, line), &line.text);
                }
            }
        });
        // Without room for it the lines are here all the same, and it is tried again.
        let _ = written;
        self.ledger = Some(ledger);
    }

    /// What an earlier life of the program kept. Units whose rings are to have another size than the usual are reserved
    /// before.
    pub(crate) fn restore(&mut self, pages: Pages) {
        for (kind, record) in pages.said {
            if kind == again::RING {
                if let Ok(RingNote(unit, stream, lost, up_to)) = serde_json::from_slice(&record.note) {
                    self.ring(unit.as_ref(), stream).set_lost(lost, up_to);
                    self.said = self.said.max(up_to);
                }
            } else if let Ok(LineNote(unit, number, time_ms, stream, priority)) = serde_json::from_slice(&record.note) {
                self.keep(unit.as_ref(), Line { number, time_ms, stream, priority, text: record.raw.into() });
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
        }
        journal.push(None, LogStream::Syslog, b"\xff not text");
        journal.commit();
        let file = journal.ledger().unwrap().as_fd().try_clone_to_owned().unwrap();
        memfd::seal(&file).unwrap();
        let mut other = Journal::with_room(200 * 1024);
        other.restore(Pages::read(&file).unwrap());
        let all = |journal: &Journal| journal.after(0, &Wanted::default(), 100_000);
        assert_eq!(all(&journal), all(&other));
        assert_eq!(journal.newest(), other.newest());
        assert_eq!(journal.lost_after(0, &Wanted::default()), other.lost_after(0, &Wanted::default()));
        assert!(journal.ledger().unwrap().length() < 3 << 20);
    }
}
