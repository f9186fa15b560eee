//! Descriptors kept for units while none of their processes has them; sd_pid_notify_with_fds(3), `FDSTORE=1`.
//!
//! ```text
//! FDSTORE=1 ─▶ Store[unit] ─▶ LISTEN_FDS of its next main process
//!                 │  └ the other end hangs up, FDSTOREREMOVE=1
//!                 └ the unit comes to rest
//! ```
//!
//! Invariant: of one unit there are never more than it may have (`FileDescriptorStoreMax=`), and one open file is
//! kept once, however often it is sent.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use kernel::again::hand_over;
use kernel::process::is_same_file;
use units::UnitName;

use super::Hands;
use crate::again::{self, Inherited};
use crate::kept;
use crate::ledger::{Ledger, Pages};
use crate::reactor::{Reactor, Source, Watch};

/// One descriptor.
#[derive(Debug)]
struct Kept {
    number: u64,
    name: String,
    fd: OwnedFd,
    /// Its other end's hanging up.
    watch: Option<Watch>,
}

/// One as it is written down: its number, its name, the descriptor, whether its other end is watched.
type Note = (u64, String, i32, bool);

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Store {
    units: kept::Kept<UnitName, Vec<Kept>>,
    next: u64,
}

impl Store {
    /// Keep a descriptor, if there is room for it; one that is there already keeps its name.
    pub(super) fn keep(&mut self, unit: &UnitName, most: u32, (name, fd): (&str, OwnedFd), poll: bool, reactor: &mut Reactor) {
        let kept = self.units.entry(unit);
        let full = kept.len() >= usize::try_from(most).unwrap_or(usize::MAX);
        if full || kept.iter().any(|other| is_same_file(&other.fd, &fd)) {
            return;
        }
        let number = self.next;
        self.next += 1;
        // What cannot hang up, such as a file, cannot be watched either: EPERM.
        let watch = if poll { reactor.watch_end(&fd, Source::Stored(number)).ok() } else { None };
        kept.push(Kept { number, name: name.to_owned(), fd, watch });
    }

    /// Those of a unit, with their names, in the order they came.
    pub(super) fn of(&self, unit: &UnitName) -> impl Iterator<Item = (&str, BorrowedFd<'_>)> {
        self.units.get(unit).into_iter().flatten().map(|kept| (kept.name.as_str(), kept.fd.as_fd()))
    }

    /// The other end of one has hung up.
    pub(super) fn hung_up(&mut self, number: u64, reactor: &mut Reactor) {
        self.drop_where(reactor, |_, kept| kept.number == number);
    }

    /// Keep those of that name no longer.
    pub(super) fn remove(&mut self, unit: &UnitName, name: &str, reactor: &mut Reactor) {
        self.drop_where(reactor, |of, kept| of == unit && kept.name == name);
    }

    /// Keep nothing of a unit.
    pub(super) fn clear(&mut self, unit: &UnitName, reactor: &mut Reactor) {
        self.drop_where(reactor, |of, _| of == unit);
    }

    /// Write down what has changed, everything if `all`. Whether there was anything.
    pub(super) fn note(&mut self, ledger: &mut Ledger, all: bool) -> bool {
        if all {
            self.units.touch_all();
        }
        let mut any = false;
        for (unit, kept) in self.units.changes() {
            any = true;
            let note = |one: &Kept| (one.number, one.name.clone(), hand_over(&one.fd), one.watch.is_some());
            match kept {
                Some(kept) => ledger.put(again::STORED, unit.as_str(), &kept.iter().map(note).collect::<Vec<Note>>(), &[]),
                None => ledger.drop(again::STORED, unit.as_str()),
            }
        }
        any
    }

    /// Keep what an earlier life of the program kept.
    pub(super) fn restore(&mut self, pages: &mut Pages, inherited: &mut Inherited, reactor: &mut Reactor, remarks: &mut Vec<String>) {
        for (unit, record) in pages.all(again::STORED) {
            let (Some(notes), Ok(unit)) = (again::read::<Vec<Note>>(&record, "stored descriptors", remarks), UnitName::new(&unit)) else {
                continue;
            };
            let kept = notes.into_iter().filter_map(|(number, name, fd, polled)| {
                let fd = inherited.take(fd)?;
                let watch = if polled { reactor.watch_end(&fd, Source::Stored(number)).ok() } else { None };
                Some(Kept { number, name, fd, watch })
            });
            let kept = kept.collect();
            self.units.insert(unit, kept);
        }
    }

    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Numbers are never used twice.
    pub(super) fn go_on_from(&mut self, next: u64) {
        self.next = self.next.max(next);
    }

    fn drop_where(&mut self, reactor: &mut Reactor, unwanted: impl Fn(&UnitName, &Kept) -> bool) {
        for (unit, kept) in self.units.touched_where(|unit, kept| kept.iter().any(|one| unwanted(unit, one))) {
            let gone = kept.extract_if(.., |one| unwanted(unit, one));
            for Kept { fd, watch, .. } in gone {
                if let Some(watch) = watch {
                    reactor.forget(&fd, watch);
                }
            }
        }
        self.units.retain(|_, kept| !kept.is_empty());
    }
}

impl Hands {
    /// The other end of a stored descriptor has hung up.
    pub(crate) fn stored_hung_up(&mut self, number: u64, reactor: &mut Reactor) {
        self.store.hung_up(number, reactor);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn there_is_a_most_and_nothing_is_kept_twice() {
        let (mut store, mut reactor) = (Store::default(), Reactor::new().unwrap());
        let unit = UnitName::new("web").unwrap();
        let (one, two) = UnixStream::pair().unwrap();
        let (three, _four) = UnixStream::pair().unwrap();
        store.keep(&unit, 2, ("a", one.try_clone().unwrap().into()), true, &mut reactor);
        store.keep(&unit, 2, ("again", one.into()), true, &mut reactor);
        store.keep(&unit, 2, ("b", two.into()), false, &mut reactor);
        store.keep(&unit, 2, ("too many", three.into()), true, &mut reactor);
        let names: Vec<&str> = store.of(&unit).map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "b"]);
        store.remove(&unit, "b", &mut reactor);
        // With that its other end has hung up.
        let heard: Vec<_> = reactor.wait(None).into_iter().map(|(watch, hung_up)| (reactor.source(watch), hung_up)).collect();
        assert_eq!(heard, [(Some(Source::Stored(0)), true)]);
        store.hung_up(0, &mut reactor);
        assert_eq!(store.of(&unit).count(), 0);
        assert!(store.units.is_empty());
    }

    #[test]
    fn a_file_is_kept_though_it_cannot_hang_up() {
        let (mut store, mut reactor) = (Store::default(), Reactor::new().unwrap());
        let unit = UnitName::new("web").unwrap();
        let file = tempfile::tempfile().unwrap();
        store.keep(&unit, 1, ("f", file.into()), true, &mut reactor);
        assert_eq!(store.of(&unit).count(), 1);
        store.clear(&unit, &mut reactor);
        assert_eq!(store.of(&unit).count(), 0);
    }
}
