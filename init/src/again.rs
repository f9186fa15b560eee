//! PID 1 outlives its program: what it has is written down as it changes, and another life of the program reads it.
//!
//! ```text
//! asked for (fiefctl reexec, SIGRTMIN+25) ─ written anew ──┐
//! a panic in a turn ─ what it said ────────────────────────┼─▶ execve ─▶ Restored ─▶ reconciled ─▶ turn, turn, …
//! SEGV BUS FPE ILL ABRT SYS ─ which one ───────────────────┘     └ the third fault in ten seconds ─▶ leave in order
//! ```
//!
//! Two ledgers ([`crate::ledger`]) hold everything: the state, and the lines of the journal. The supervisor's part of the
//! state is its last snapshot and the events since, which it hears once more: what it has become is worked out again
//! instead of being copied from memory that a fault may have spoilt. The hands' part is a record for each thing they hold.
//!
//! ```text
//! queued E ─▶ begun ─▶ (step) ─▶ stepped ─▶ (action) ─▶ done ─▶ (action) ─▶ done …
//! ```
//!
//! Invariant: what is to be done is written down before it is done, and what has been done right after. So of a fault
//! it is known in which event or action it was: that event is dropped, that action is not repeated where repeating it
//! would do harm.

mod library;
mod note;
#[cfg(debug_assertions)]
pub(crate) mod rehearsal;
mod restore;

use std::os::fd::{AsRawFd, OwnedFd};

use serde::{Deserialize, Serialize};

use units::Map;

use crate::ledger::{Kind, Record};

pub(crate) use library::{Library, text_of};
pub(crate) use note::Notes;
pub(crate) use restore::{Lost, restore};

/// The version of what is written: another one is not read.
pub(crate) const VERSION: u32 = 3;
/// How the program ends when even leaving in order has failed.
pub(crate) const HOPELESS: u8 = 255;
/// The word of the command line by which the ledger's number comes.
pub(crate) const OPTION: &str = "--restore";

/// What stands in the first record.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) version: u32,
    /// The journal's ledger.
    pub(crate) journal: i32,
    /// When faults were outlived, the last few; nanoseconds of `CLOCK_BOOTTIME`.
    pub(crate) faults: Vec<u64>,
}

pub(crate) const HEADER: Kind = Kind(b'V');
pub(crate) const SYSTEM: Kind = Kind(b'O');
pub(crate) const UNITS: Kind = Kind(b'U');
pub(crate) const BRAIN: Kind = Kind(b'W');
pub(crate) const SLOT: Kind = Kind(b's');
pub(crate) const HANDS: Kind = Kind(b'h');
pub(crate) const BODY: Kind = Kind(b'b');
pub(crate) const PROCESS: Kind = Kind(b'p');
pub(crate) const PIPE: Kind = Kind(b'i');
pub(crate) const LISTENER: Kind = Kind(b'l');
pub(crate) const ACCEPTED: Kind = Kind(b'a');
pub(crate) const GIVEN: Kind = Kind(b'g');
pub(crate) const STORED: Kind = Kind(b'f');
pub(crate) const TIMER: Kind = Kind(b't');
pub(crate) const ELAPSED: Kind = Kind(b'e');
pub(crate) const PATHS: Kind = Kind(b'w');
pub(crate) const GENERATORS: Kind = Kind(b'G');
/// Why the unit files are going to be read.
pub(crate) const READING: Kind = Kind(b'r');
pub(crate) const CONTROL: Kind = Kind(b'C');
pub(crate) const CLIENT: Kind = Kind(b'c');
pub(crate) const CONSOLE: Kind = Kind(b'y');
/// An event that waits.
pub(crate) const QUEUED: Kind = Kind(b'Q');
/// The first of them is heard, at this moment.
pub(crate) const BEGUN: Kind = Kind(b'S');
/// It has been heard.
pub(crate) const STEPPED: Kind = Kind(b'T');
/// The next of its actions has been carried out.
pub(crate) const DONE: Kind = Kind(b'A');
/// A turn has panicked, saying this.
pub(crate) const PANIC: Kind = Kind(b'P');
/// Lines of the journal, and what a ring has lost.
pub(crate) const LINES: Kind = Kind(b'J');
pub(crate) const RING: Kind = Kind(b'R');

/// Every descriptor that came through execve(2). What nobody takes is closed with it.
#[derive(Debug, Default)]
pub(crate) struct Inherited(Map<i32, OwnedFd>);

impl Inherited {
    pub(crate) fn new(all: Vec<OwnedFd>) -> Self {
        Self(all.into_iter().map(|fd| (fd.as_raw_fd(), fd)).collect())
    }

    /// The one that was handed over under this number.
    pub(crate) fn take(&mut self, number: i32) -> Option<OwnedFd> {
        self.0.remove(&number)
    }
}

/// What a record says, or what is wrong with it, for a person.
pub(crate) fn read<'a, T: Deserialize<'a>>(record: &'a Record, what: &str, remarks: &mut Vec<String>) -> Option<T> {
    match serde_json::from_slice(&record.note) {
        Ok(read) => Some(read),
        Err(error) => {
            remarks.push(format!("what was written down of {what} cannot be read: {error}"));
            None
        }
    }
}
