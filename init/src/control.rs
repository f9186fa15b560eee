//! The control socket: who may ask, what goes to the supervisor, what is answered here.
//!
//! ```text
//! client ─line→ Connection ─Request→ Event::Asked(ticket) → supervisor → Action::Answer(ticket)
//!                               └ who only wants to know is told here, piece by piece: see [`telling`]
//! ```
//!
//! Everybody may connect; what is not harmless is root's alone, by SO_PEERCRED (unix(7)).
//!
//! Invariant: nobody but root can keep root from being heard. A client has one request under way
//! and the next is read when the answer has been taken; users share the places between them, and
//! root has some of its own.

mod connection;
mod keep;
mod properties;
mod telling;

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

use supervisor::{Event, Supervisor, Ticket};
use units::control::{CONTROL_SOCKET, Refusal, Reply, Request};
use units::{Map, UnitName};

use crate::hands::{Hands, Queue};
use crate::journal::Journal;
use crate::kept::Kept;
use crate::manner::Manner;
use crate::reactor::{Reactor, Source, Watch};
use crate::stamps::Stamps;
use crate::system;
use crate::turns::Turns;
use connection::{Connection, Gone};
use telling::Telling;

/// Clients at a time.
const MOST_CLIENTS: usize = 128;
/// Of these, for users that are not root; and for each of them.
const MOST_USERS: usize = 96;
const MOST_OF_ONE: usize = 16;
/// Clients taken in per turn of the loop.
const DOOR: usize = 32;
/// Nothing more is told while this much waits for the reader already, bytes.
const ENOUGH_BACKLOG: usize = 64 * 1024;

/// The socket and its clients.
#[derive(Debug)]
pub(crate) struct Control {
    listener: Option<(UnixListener, Watch)>,
    clients: Kept<u64, Client>,
    tickets: Map<u64, u64>,
    next: u64,
    /// Given up for a moment when descriptors run out, so that a caller is turned away instead
    /// of waking us for ever.
    reserve: Option<OwnedFd>,
}

#[derive(Debug)]
struct Client {
    connection: Connection,
    watch: Watch,
    /// A long answer is under way.
    telling: Option<Telling>,
    /// Its request is with the supervisor.
    asking: bool,
}

/// Out of what is told.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) supervisor: &'a Supervisor,
    pub(crate) hands: &'a Hands,
    pub(crate) journal: &'a Journal,
    pub(crate) turns: &'a Turns,
    pub(crate) manners: &'a Map<UnitName, Manner>,
    pub(crate) stamps: &'a Stamps,
}

impl Client {
    /// Whether its next request may be taken.
    fn is_free(&self) -> bool {
        !self.asking && self.telling.is_none() && !self.connection.waits_for_room()
    }

    fn has_next(&self) -> bool {
        self.is_free() && self.connection.has_line()
    }

    fn is_behind(&self, newest: u64) -> bool {
        self.telling.as_ref().is_some_and(|telling| telling.has_more(newest)) && self.connection.backlog() < ENOUGH_BACKLOG
    }
}

impl Control {
    /// Without a socket yet.
    pub(crate) fn new() -> Self {
        Self { listener: None, clients: Kept::default(), tickets: Map::new(), next: 1, reserve: spare() }
    }

    /// Bind the socket, anew if it was bound; whoever is connected stays so.
    pub(crate) fn bind(&mut self, reactor: &mut Reactor) -> io::Result<()> {
        if let Some((listener, watch)) = self.listener.take() {
            reactor.forget(&listener, watch);
        }
        if let Some(folder) = Path::new(CONTROL_SOCKET).parent() {
            fs::create_dir_all(folder)?;
        }
        let _ = fs::remove_file(CONTROL_SOCKET);
        let listener = UnixListener::bind(Path::new(CONTROL_SOCKET))?;
        listener.set_nonblocking(true)?;
        fs::set_permissions(CONTROL_SOCKET, fs::Permissions::from_mode(0o666))?;
        let watch = reactor.watch(&listener, Source::Listener)?;
        self.listener = Some((listener, watch));
        Ok(())
    }

    /// Take in who waits at the door.
    pub(crate) fn accept(&mut self, reactor: &mut Reactor) {
        for _ in 0..DOOR {
            let Some((listener, _)) = &self.listener else { return };
            let stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
                    self.reserve = None;
                    drop(listener.accept());
                    self.reserve = spare();
                    return;
                }
                Err(_) => return,
            };
            let Ok(connection) = Connection::new(stream) else { continue };
            if !self.has_place_for(&connection) {
                continue;
            }
            let number = self.next;
            self.next += 1;
            if let Ok(watch) = reactor.watch(&connection, Source::Client(number)) {
                self.clients.insert(number, Client { connection, watch, telling: None, asking: false });
            }
        }
    }

    fn has_place_for(&self, new: &Connection) -> bool {
        if new.is_root() {
            // Those who have gone take nobody's place: a thousand may have, in the turn in which root comes to look.
            let there = || self.clients.values().filter(|client| !client.connection.has_gone()).count();
            return self.clients.len() < MOST_CLIENTS || there() < MOST_CLIENTS;
        }
        let users = || self.clients.values().filter(|client| !client.connection.is_root());
        users().count() < MOST_USERS && users().filter(|client| client.connection.uid() == new.uid()).count() < MOST_OF_ONE
    }

    /// Whether there is more to do without anything happening.
    pub(crate) fn is_busy(&self, journal: &Journal) -> bool {
        self.clients.values().any(|client| client.has_next() || client.is_behind(journal.newest()))
    }

    /// A client has said something, can take more, or has gone.
    pub(crate) fn heed(&mut self, number: u64, hung_up: bool, known: Known<'_>, reactor: &mut Reactor, queue: &mut Queue) {
        let Some(client) = self.clients.get_mut(&number) else { return };
        let filled = client.connection.fill();
        let flushed = client.connection.flush();
        if hung_up || flushed.is_err() {
            self.last_wishes(number, queue);
        }
        if hung_up || filled.is_err() || flushed.is_err() {
            self.part(number, reactor, queue);
        } else {
            self.take_next(number, known, reactor, queue);
        }
    }

    /// What nobody waits for an answer to.
    pub(crate) fn ask_for_nobody(&mut self, request: Request, queue: &mut Queue) {
        ask_for_nobody(&mut self.next, request, queue);
    }

    /// Whoever asks and leaves at once has asked all the same, unless only to know.
    fn last_wishes(&mut self, number: u64, queue: &mut Queue) {
        let Some(client) = self.clients.get_mut(&number).filter(|client| client.connection.is_root()) else { return };
        while let Some(line) = client.connection.next_line() {
            match serde_json::from_slice::<Request>(line.as_bytes()) {
                Ok(request) if !request.is_harmless() && !matches!(request, Request::Logs(_)) => {
                    ask_for_nobody(&mut self.next, request, queue);
                }
                _ => {}
            }
        }
    }

    /// Take the next request of a client that has got its answer.
    fn take_next(&mut self, number: u64, known: Known<'_>, reactor: &mut Reactor, queue: &mut Queue) {
        let Some(client) = self.clients.get_mut(&number) else { return };
        if client.is_free()
            && let Some(line) = client.connection.next_line()
        {
            self.asked(number, &line, known, reactor, queue);
        }
        self.settle(number, reactor, queue);
    }

    fn asked(&mut self, number: u64, line: &str, known: Known<'_>, reactor: &mut Reactor, queue: &mut Queue) {
        let Some(client) = self.clients.get_mut(&number) else { return };
        let request: Request = match serde_json::from_slice(line.as_bytes()) {
            Ok(request) => request,
            Err(error) => {
                let reason = format!("not understood: {error}");
                return self.reply(number, &Reply::Refused { reason, kind: Refusal::NotUnderstood }, reactor, queue);
            }
        };
        if !request.is_harmless() && !client.connection.is_root() {
            let reason = "only root may ask this".to_owned();
            return self.reply(number, &Reply::Refused { reason, kind: Refusal::NotAllowed }, reactor, queue);
        }
        match request {
            Request::Logs(wanted) => client.telling = Some(Telling::lines(wanted, known.journal)),
            Request::List { units, with } => client.telling = Some(Telling::rows(known.supervisor.named(&units), with)),
            Request::Hello {} => self.reply(number, &Reply::Hello(known.supervisor.hello(system::now())), reactor, queue),
            Request::Turns {} => {
                let told = known.turns.tell(client.connection.is_root());
                self.reply(number, &Reply::Turns(told), reactor, queue);
            }
            request => {
                let ticket = self.next;
                self.next += 1;
                self.tickets.insert(ticket, number);
                client.asking = true;
                queue.push_back(Event::Asked(Ticket(ticket), request));
            }
        }
    }

    /// Go on with whoever is being told something or has more to ask; a piece each.
    pub(crate) fn turn(&mut self, known: Known<'_>, reactor: &mut Reactor, queue: &mut Queue) {
        let newest = known.journal.newest();
        let numbers = |wanted: &dyn Fn(&Client) -> bool| -> Vec<u64> {
            self.clients.iter().filter(|(_, client)| wanted(client)).map(|(number, _)| *number).collect()
        };
        let (behind, asking) = (numbers(&|client| client.is_behind(newest)), numbers(&Client::has_next));
        for number in behind {
            self.tell_on(number, known, reactor, queue);
        }
        for number in asking {
            self.take_next(number, known, reactor, queue);
        }
    }

    fn tell_on(&mut self, number: u64, known: Known<'_>, reactor: &mut Reactor, queue: &mut Queue) {
        let Some(client) = self.clients.get_mut(&number) else { return };
        let Some(telling) = &mut client.telling else { return };
        let (replies, more) = telling.next(known);
        if !more {
            client.telling = None;
        }
        for reply in &replies {
            self.reply(number, reply, reactor, queue);
        }
        self.settle(number, reactor, queue);
    }

    /// Answer a ticket; whoever has gone in the meantime gets nothing.
    pub(crate) fn answer(&mut self, ticket: Ticket, reply: &Reply, reactor: &mut Reactor, queue: &mut Queue) {
        if let Some(number) = self.tickets.remove(&ticket.0) {
            if let Some(client) = self.clients.get_mut(&number) {
                client.asking = false;
            }
            self.reply(number, reply, reactor, queue);
            self.settle(number, reactor, queue);
        }
    }

    fn reply(&mut self, number: u64, reply: &Reply, reactor: &mut Reactor, queue: &mut Queue) {
        let Some(client) = self.clients.get_mut(&number) else { return };
        let line = serde_json::to_string(reply).unwrap_or_else(|_| r#"{"reply":"end"}"#.to_owned());
        match client.connection.send(&line) {
            Ok(()) => {}
            Err(Gone) => self.part(number, reactor, queue),
        }
    }

    /// A client that has said all and has got all its answers is done; one that has not got its
    /// answer is not listened to.
    fn settle(&mut self, number: u64, reactor: &mut Reactor, queue: &mut Queue) {
        let Some(client) = self.clients.get(&number) else { return };
        let connection = &client.connection;
        if connection.is_finishing() && client.is_free() && !connection.has_line() {
            self.part(number, reactor, queue);
        } else {
            let words = !connection.is_finishing() && client.is_free() && !connection.has_line();
            reactor.rewatch(connection, client.watch, words, connection.waits_for_room());
        }
    }

    fn part(&mut self, number: u64, reactor: &mut Reactor, queue: &mut Queue) {
        let Some(client) = self.clients.remove(&number) else { return };
        reactor.forget(&client.connection, client.watch);
        self.tickets.retain(|ticket, owner| {
            let gone = *owner == number;
            if gone {
                queue.push_back(Event::HungUp(Ticket(*ticket)));
            }
            !gone
        });
    }
}

fn spare() -> Option<OwnedFd> {
    File::open("/dev/null").ok().map(OwnedFd::from)
}

/// A request under the next ticket, which nobody waits for.
fn ask_for_nobody(next: &mut u64, request: Request, queue: &mut Queue) {
    let ticket = Ticket(*next);
    *next += 1;
    queue.extend([Event::Asked(ticket, request), Event::HungUp(ticket)]);
}
