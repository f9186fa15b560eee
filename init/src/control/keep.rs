//! The clients outlive the program: their connections are handed over with what they have said, what is on its way to
//! them and what they wait for.

use std::os::fd::{AsFd, OwnedFd};

use kernel::again::hand_over;
use serde::{Deserialize, Serialize};

use super::connection::{Connection, ConnectionNote};
use super::telling::Telling;
use super::{Client, Control};
use crate::again::{self, Inherited};
use crate::ledger::{Ledger, Pages};
use crate::reactor::{Reactor, Source};
use units::Map;

#[derive(Debug, Serialize, Deserialize)]
struct ControlNote {
    tickets: Map<u64, u64>,
    next: u64,
}

#[derive(Debug, Serialize)]
struct ClientNote<'a> {
    connection: ConnectionNote,
    telling: &'a Option<Telling>,
    asking: bool,
}

/// The same, read.
#[derive(Debug, Deserialize)]
struct ClientRead {
    connection: ConnectionNote,
    telling: Option<Telling>,
    asking: bool,
}

impl Control {
    /// Write down what has changed, everything if `all`.
    pub(crate) fn note(&mut self, ledger: &mut Ledger, all: bool) {
        if all {
            self.clients.touch_all();
        }
        let mut changed = all;
        for (number, client) in self.clients.changes() {
            changed = true;
            match client {
                Some(client) => {
                    let (connection, outgoing) = client.connection.note();
                    let note = ClientNote { connection, telling: &client.telling, asking: client.asking };
                    ledger.put(again::CLIENT, &number.to_string(), &note, &outgoing);
                }
                None => ledger.drop(again::CLIENT, &number.to_string()),
            }
        }
        if changed {
            ledger.put(again::CONTROL, "", &ControlNote { tickets: self.tickets.clone(), next: self.next }, &[]);
        }
    }

    /// The number of the socket.
    pub(crate) fn listener(&self) -> Option<i32> {
        self.listener.as_ref().map(|(listener, _)| hand_over(listener.as_fd()))
    }

    /// Go on with socket and clients of an earlier life of the program.
    pub(crate) fn restored(
        listener: Option<OwnedFd>,
        pages: &mut Pages,
        inherited: &mut Inherited,
        reactor: &mut Reactor,
        remarks: &mut Vec<String>,
    ) -> Self {
        let mut control = Self::new();
        if let Some(listener) = listener
            && let Ok(watch) = reactor.watch(&listener, Source::Listener)
        {
            control.listener = Some((listener.into(), watch));
        }
        if let Some(note) = pages.one(again::CONTROL).and_then(|record| again::read::<ControlNote>(&record, "the control socket", remarks))
        {
            control.tickets = note.tickets;
            control.next = note.next;
        }
        for (number, record) in pages.all(again::CLIENT) {
            let Some(note) = again::read::<ClientRead>(&record, "a client", remarks) else { continue };
            let ClientRead { connection, telling, asking } = note;
            let (Some(stream), Ok(number)) = (inherited.take(connection.stream), number.parse()) else { continue };
            let connection = Connection::resumed(stream, connection, record.raw);
            if let Ok(watch) = reactor.watch(&connection, Source::Client(number)) {
                let room = connection.waits_for_room();
                let client = Client { connection, watch, telling, asking };
                let words = !client.connection.is_finishing() && client.is_free() && !client.connection.has_line();
                reactor.rewatch(&client.connection, watch, words, room);
                control.clients.insert(number, client);
                control.next = control.next.max(number + 1);
            }
        }
        control
    }
}
