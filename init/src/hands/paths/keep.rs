//! The paths that are waited for, written down and taken over by another life of the program. What happens to them
//! between the two is noticed where it shows: that something has come or gone, not that it was written to.

use serde::{Deserialize, Serialize};
use supervisor::Life;
use units::unit::PathEvent;

use super::{Awaited, Hands, Purpose, Queue};
use crate::again;
use crate::ledger::{Ledger, Pages};
use crate::reactor::Reactor;

#[derive(Debug, Serialize, Deserialize)]
struct PathNote {
    life: Life,
    paths: Vec<(PathEvent, String, bool)>,
    /// Whether they are watched now.
    watched: bool,
}

impl Hands {
    /// Write down what has changed, everything if `all`. Whether there was anything.
    pub(in crate::hands) fn note_paths(&mut self, ledger: &mut Ledger, all: bool) -> bool {
        if all {
            self.paths.lives.touch_all();
        }
        let mut any = false;
        for (life, paths) in self.paths.lives.changes() {
            any = true;
            let key = life.number().to_string();
            match paths {
                Some(paths) => {
                    let watched = self.watches.has(Purpose::Path(life, 0));
                    let paths = paths.iter().map(|one| (one.event, one.path.clone(), one.was_there)).collect();
                    ledger.put(again::PATHS, &key, &PathNote { life, paths, watched }, &[]);
                }
                None => ledger.drop(again::PATHS, &key),
            }
        }
        any
    }

    /// Those that were watched are returned, to be looked at.
    pub(in crate::hands) fn restore_paths(&mut self, pages: &mut Pages, remarks: &mut Vec<String>) -> Vec<Life> {
        let mut watched = Vec::new();
        for (_, record) in pages.all(again::PATHS) {
            let Some(note) = again::read::<PathNote>(&record, "a path", remarks) else { continue };
            let paths = note.paths.into_iter().map(|(event, path, was_there)| Awaited { event, path, was_there });
            self.paths.lives.insert(note.life, paths.collect());
            watched.extend(note.watched.then_some(note.life));
        }
        watched
    }

    /// Watch all of a life again.
    pub(in crate::hands) fn rewatch_paths(&mut self, life: Life, reactor: &mut Reactor, queue: &mut Queue) {
        let count = self.paths.lives.get(&life).map_or(0, Vec::len);
        for index in 0..count {
            if self.look_at(life, index, None, reactor, queue) {
                return;
            }
        }
    }
}
