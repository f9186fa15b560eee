//! What is listened on and who has connected, written down and taken over by another life of the program.

use std::path::PathBuf;

use kernel::again::hand_over;
use serde::{Deserialize, Serialize};
use supervisor::{Connection, Life};
use units::UnitName;

use super::{Accepted, Accepting, Ear, Listener, Made, Peer, Sockets};
use crate::again::{self, Inherited};
use crate::ledger::{Ledger, Pages};
use crate::reactor::Reactor;

#[derive(Debug, Serialize, Deserialize)]
struct ListenerNote {
    life: Life,
    unit: UnitName,
    ears: Vec<(i32, Option<PathBuf>)>,
    accept: Option<Accepting>,
    attended: bool,
    links: Vec<PathBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
struct AcceptedNote {
    of: Life,
    fd: i32,
}

impl Sockets {
    /// Write down what has changed, everything if `all`. Whether there was anything.
    pub(in crate::hands) fn note(&mut self, ledger: &mut Ledger, all: bool) -> bool {
        if all {
            self.listeners.touch_all();
            self.connections.touch_all();
            self.given.touch_all();
        }
        let mut any = false;
        for (life, listener) in self.listeners.changes() {
            any = true;
            match listener {
                Some(listener) => ledger.put(again::LISTENER, &life.number().to_string(), &ListenerNote::of(life, listener), &[]),
                None => ledger.drop(again::LISTENER, &life.number().to_string()),
            }
        }
        for (connection, accepted) in self.connections.changes() {
            any = true;
            match accepted {
                Some(accepted) => ledger.put(again::ACCEPTED, &connection.0.to_string(), &AcceptedNote::of(accepted), &[]),
                None => ledger.drop(again::ACCEPTED, &connection.0.to_string()),
            }
        }
        for (unit, accepted) in self.given.changes() {
            any = true;
            match accepted {
                Some(accepted) => ledger.put(again::GIVEN, unit.as_str(), &AcceptedNote::of(accepted), &[]),
                None => ledger.drop(again::GIVEN, unit.as_str()),
            }
        }
        any
    }

    /// Go on listening where an earlier life of the program did.
    pub(in crate::hands) fn restore(
        &mut self,
        pages: &mut Pages,
        inherited: &mut Inherited,
        reactor: &mut Reactor,
        remarks: &mut Vec<String>,
    ) {
        for (_, record) in pages.all(again::LISTENER) {
            let Some(note) = again::read::<ListenerNote>(&record, "a socket", remarks) else { continue };
            let ears = note
                .ears
                .into_iter()
                .filter_map(|(number, path)| Some(Ear { made: Made { fd: inherited.take(number)?, path }, watch: None }));
            let (unit, accept, attended, links) = (note.unit, note.accept, note.attended, note.links);
            let mut listener = Listener { unit, ears: ears.collect(), accept, attended, links, paused: None };
            listener.listen_to(note.life, attended, reactor);
            self.listeners.insert(note.life, listener);
        }
        let mut take = |note: AcceptedNote| {
            let fd = inherited.take(note.fd)?;
            Some(Accepted { of: note.of, peer: Peer::of(&fd), fd })
        };
        for (number, record) in pages.all(again::ACCEPTED) {
            let accepted = again::read(&record, "a connection", remarks).and_then(&mut take);
            if let (Some(accepted), Ok(number)) = (accepted, number.parse()) {
                self.connections.insert(Connection(number), accepted);
            }
        }
        for (unit, record) in pages.all(again::GIVEN) {
            let accepted = again::read(&record, "a connection", remarks).and_then(&mut take);
            if let (Some(accepted), Ok(unit)) = (accepted, UnitName::new(&unit)) {
                self.given.insert(unit, accepted);
            }
        }
    }

    pub(in crate::hands) fn next(&self) -> u64 {
        self.next
    }

    /// Numbers of connections are never used twice.
    pub(in crate::hands) fn go_on_from(&mut self, next: u64) {
        self.next = self.next.max(next);
    }
}

impl ListenerNote {
    fn of(life: Life, listener: &Listener) -> Self {
        Self {
            life,
            unit: listener.unit.clone(),
            ears: listener.ears.iter().map(|ear| (hand_over(&ear.made.fd), ear.made.path.clone())).collect(),
            accept: listener.accept,
            attended: listener.attended,
            links: listener.links.clone(),
        }
    }
}

impl AcceptedNote {
    fn of(accepted: &Accepted) -> Self {
        Self { of: accepted.of, fd: hand_over(&accepted.fd) }
    }
}
