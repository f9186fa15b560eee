//! A fault of init's own is caught, told, and followed by an ordered end.
//!
//! ```text
//! turn, turn, turn ── panic ──▶ told ──▶ turn, turn (everything is stopped) ──▶ the end
//!                                             └── panic again, or too long ──────┘
//! ```
//!
//! Invariant: no panic leaves [`until_the_end`], whoever panics in whichever turn (test
//! `a_fault_is_told_and_the_end_is_in_order`). What is in the way of that is only what no program
//! survives: a fault in the fault's own drop, a stack that is full, SIGSEGV.

use std::panic::{AssertUnwindSafe, catch_unwind};

use units::control::Way;

use crate::fault;
use crate::leave::Ending;

/// Something that goes on by turns until it has an end.
pub(crate) trait Work {
    /// One turn. The way, once everything is down.
    fn turn(&mut self) -> Option<Way>;
    /// A turn has panicked, saying this: tell it, and begin to leave.
    fn broke(&mut self, what: &str);
    /// Whether it is leaving because of that, from before this life of the program.
    fn is_broken(&self) -> bool;
    /// After that: whether it takes too long.
    fn takes_too_long(&self) -> bool;
}

/// Do the work.
pub(crate) fn until_the_end(work: &mut impl Work) -> Ending {
    let mut broken = work.is_broken();
    loop {
        match caught(|| work.turn()) {
            Some(None) => {}
            Some(Some(way)) if !broken => return Ending::Asked(way),
            Some(Some(_)) => return Ending::Broken,
            None if broken => return Ending::Broken,
            None => {
                broken = true;
                if caught(|| work.broke(&fault::last())).is_none() {
                    return Ending::Broken;
                }
            }
        }
        if broken && caught(|| work.takes_too_long()) != Some(false) {
            return Ending::Broken;
        }
    }
}

/// What comes of it, unless it panics.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;

    /// Panics in these turns.
    struct Faulty {
        turn: u32,
        panics: &'static [u32],
        end: u32,
        told: Vec<String>,
        telling_panics: bool,
        patience: u32,
    }

    impl Work for Faulty {
        fn turn(&mut self) -> Option<Way> {
            self.turn += 1;
            assert!(!self.panics.contains(&self.turn), "in turn {}", self.turn);
            (self.turn >= self.end).then_some(Way::Reboot)
        }

        fn broke(&mut self, what: &str) {
            self.told.push(what.to_owned());
            assert!(!self.telling_panics);
        }

        fn is_broken(&self) -> bool {
            false
        }

        fn takes_too_long(&self) -> bool {
            self.turn > self.patience
        }
    }

    fn ending(panics: &'static [u32], telling_panics: bool, patience: u32) -> (Ending, u32, usize) {
        let mut work = Faulty { turn: 0, panics, end: 9, told: Vec::new(), telling_panics, patience };
        let ending = until_the_end(&mut work);
        (ending, work.turn, work.told.len())
    }

    #[test]
    fn a_fault_is_told_and_the_end_is_in_order() {
        assert_eq!(ending(&[], false, 99), (Ending::Asked(Way::Reboot), 9, 0));
        assert_eq!(ending(&[3], false, 99), (Ending::Broken, 9, 1));
        assert_eq!(ending(&[3, 5], false, 99), (Ending::Broken, 5, 1));
        assert_eq!(ending(&[3], true, 99), (Ending::Broken, 3, 1));
        assert_eq!(ending(&[3], false, 6), (Ending::Broken, 7, 1));
    }
}
