//! The control socket: who may ask, what goes to the supervisor, what is answered here.
//!
//! ```text
//! client ─line→ Connection ─Request→ Event::Asked(ticket) → supervisor → Action::Answer(ticket)
//!                               └ logs are answered here, out of the journal
//! ```
//!
//! Everybody may connect; what is not harmless is root's alone, by SO_PEERCRED (unix(7)).
//!
//! Invariant: nobody but root can keep root from being heard. A client has one request under way
//! and the next is read when the answer has been taken; users share the places between them, and
//! root has some of its own.

mod connection;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

use supervisor::{Event, Ticket};
use units::UnitName;
use units::control::{CONTROL_SOCKET, LogLine, LogStream, LogsRequest, Reply, Request};

use crate::hands::Queue;
use crate::journal::{self, Journal};
use crate::reactor::{Reactor, Source, Watch};
use connection::{Connection, Gone};

/// Clients at a time.
const MOST_CLIENTS: usize = 128;
/// Of these, for users that are not root; and for each of them.
const MOST_USERS: usize = 96;
const MOST_OF_ONE: usize = 16;
/// Clients taken in per turn of the loop.
const DOOR: usize = 32;
/// Lines wait in the journal while this much waits for the reader already, bytes.
const ENOUGH_BACKLOG: usize = 64 * 1024;
/// Lines given to one reader per turn of the loop.
const PIECE: usize = 64;

/// The socket and its clients.
#[derive(Debug)]
pub(crate) struct Control {
    listener: Option<(UnixListener, Watch)>,
    clients: BTreeMap<u64, Client>,
    tickets: BTreeMap<u64, u64>,
    next: u64,
    /// Given up for a moment when descriptors run out, so that a caller is turned away instead
    /// of waking us for ever.
    reserve: Option<OwnedFd>,
}

#[derive(Debug)]
struct Client {
    connection: Connection,
    watch: Watch,
    reading: Option<Reading>,
    /// Its request is with the supervisor.
    asking: bool,
}

/// Somebody reading the log, piece by piece.
#[derive(Debug)]
struct Reading {
    unit: Option<UnitName>,
    seen: u64,
    /// The last line to give; none for a reader who stays.
    until: Option<u64>,
    /// Lines lost that have been told of.
    lost: u64,
}

impl Client {
    /// Whether its next request may be taken.
    fn is_free(&self) -> bool {
        !self.asking && self.reading.is_none() && !self.connection.waits_for_room()
    }

    fn has_next(&self) -> bool {
        self.is_free() && self.connection.has_line()
    }

    fn is_behind(&self, newest: u64) -> bool {
        let behind = self.reading.as_ref().is_some_and(|reading| reading.until.is_some() || reading.seen < newest);
        behind && self.connection.backlog() < ENOUGH_BACKLOG
    }
}

impl Control {
    /// Without a socket yet.
    pub(crate) fn new() -> Self {
        Self { listener: None, clients: BTreeMap::new(), tickets: BTreeMap::new(), next: 1, reserve: spare() }
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
                self.clients.insert(number, Client { connection, watch, reading: None, asking: false });
            }
        }
    }

    fn has_place_for(&self, new: &Connection) -> bool {
        if new.is_root() {
            return self.clients.len() < MOST_CLIENTS;
        }
        let users = || self.clients.values().filter(|client| !client.connection.is_root());
        users().count() < MOST_USERS && users().filter(|client| client.connection.uid() == new.uid()).count() < MOST_OF_ONE
    }

    /// Whether there is more to do without anything happening.
    pub(crate) fn is_busy(&self, journal: &Journal) -> bool {
        self.clients.values().any(|client| client.has_next() || client.is_behind(journal.newest()))
    }

    /// Whether somebody still waits for the answer.
    pub(crate) fn is_awaited(&self, ticket: Ticket) -> bool {
        self.tickets.contains_key(&ticket.0)
    }

    /// A client has said something, can take more, or has gone.
    pub(crate) fn heed(&mut self, number: u64, hung_up: bool, journal: &Journal, reactor: &mut Reactor, queue: &mut Queue) {
        let Some(client) = self.clients.get_mut(&number) else { return };
        let filled = client.connection.fill();
        let flushed = client.connection.flush();
        if hung_up || flushed.is_err() {
            self.last_wishes(number, queue);
        }
        if hung_up || filled.is_err() || flushed.is_err() {
            self.part(number, reactor, queue);
        } else {
            self.take_next(number, journal, reactor, queue);
        }
    }

    /// Whoever asks and leaves at once has asked all the same, unless only to know.
    fn last_wishes(&mut self, number: u64, queue: &mut Queue) {
        let Some(client) = self.clients.get_mut(&number).filter(|client| client.connection.is_root()) else { return };
        while let Some(line) = client.connection.next_line() {
            match serde_json::from_str::<Request>(&line) {
                Ok(request) if !request.is_harmless() && !matches!(request, Request::Logs(_)) => {
                    let ticket = self.next;
                    self.next += 1;
                    queue.push_back(Event::Asked(Ticket(ticket), request));
                    queue.push_back(Event::HungUp(Ticket(ticket)));
                }
                _ => {}
            }
        }
    }

    /// Take the next request of a client that has got its answer.
    fn take_next(&mut self, number: u64, journal: &Journal, reactor: &mut Reactor, queue: &mut Queue) {
        let Some(client) = self.clients.get_mut(&number) else { return };
        if client.is_free()
            && let Some(line) = client.connection.next_line()
            && !line.is_empty()
        {
            self.asked(number, &line, journal, reactor, queue);
        }
        self.settle(number, reactor, queue);
    }

    fn asked(&mut self, number: u64, line: &str, journal: &Journal, reactor: &mut Reactor, queue: &mut Queue) {
        let Some(client) = self.clients.get_mut(&number) else { return };
        let request: Request = match serde_json::from_str(line) {
            Ok(request) => request,
            Err(error) => return self.reply(number, &refused(format!("not understood: {error}")), reactor, queue),
        };
        if !request.is_harmless() && !client.connection.is_root() {
            return self.reply(number, &refused("only root may ask this".to_owned()), reactor, queue);
        }
        match request {
            Request::Logs(wanted) => client.reading = Some(reading(wanted, journal)),
            request => {
                let ticket = self.next;
                self.next += 1;
                self.tickets.insert(ticket, number);
                client.asking = true;
                queue.push_back(Event::Asked(Ticket(ticket), request));
            }
        }
    }

    /// Go on with whoever reads the log or has more to ask; a piece each.
    pub(crate) fn turn(&mut self, journal: &Journal, reactor: &mut Reactor, queue: &mut Queue) {
        let newest = journal.newest();
        let numbers = |wanted: &dyn Fn(&Client) -> bool| -> Vec<u64> {
            self.clients.iter().filter(|(_, client)| wanted(client)).map(|(number, _)| *number).collect()
        };
        let (behind, asking) = (numbers(&|client| client.is_behind(newest)), numbers(&Client::has_next));
        for number in behind {
            self.read_on(number, journal, reactor, queue);
        }
        for number in asking {
            self.take_next(number, journal, reactor, queue);
        }
    }

    fn read_on(&mut self, number: u64, journal: &Journal, reactor: &mut Reactor, queue: &mut Queue) {
        let Some(reading) = self.clients.get_mut(&number).and_then(|client| client.reading.as_mut()) else { return };
        let unit = reading.unit.clone();
        let until = reading.until.unwrap_or(u64::MAX);
        let lost = journal.lost_after(reading.seen, unit.as_ref());
        let newly_lost = lost.saturating_sub(reading.lost);
        reading.lost = reading.lost.max(lost);
        let mut lines = journal.after(reading.seen, unit.as_ref(), PIECE);
        let is_all = lines.len() < PIECE || lines.last().is_some_and(|(number, _)| *number >= until);
        lines.retain(|(number, _)| *number <= until);
        reading.seen = if is_all { journal.newest() } else { lines.last().map_or(reading.seen, |(number, _)| *number) };
        if newly_lost > 0 {
            self.reply(number, &Reply::Log(lost_line(unit.as_ref(), newly_lost)), reactor, queue);
        }
        for (_, line) in lines {
            self.reply(number, &Reply::Log(line), reactor, queue);
        }
        if is_all
            && let Some(client) = self.clients.get_mut(&number)
            && client.reading.as_ref().is_some_and(|reading| reading.until.is_some())
        {
            client.reading = None;
            self.reply(number, &Reply::End, reactor, queue);
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

/// Where a reader begins and ends.
fn reading(wanted: LogsRequest, journal: &Journal) -> Reading {
    let unit = wanted.unit;
    let count = wanted.lines.and_then(|count| usize::try_from(count).ok());
    let seen = count.map_or(0, |count| journal.before_last(count, unit.as_ref()));
    // Who wants the last lines only is not told of older ones.
    let lost = if seen == 0 { 0 } else { journal.lost_after(0, unit.as_ref()) };
    let until = (!wanted.follow).then(|| journal.newest());
    Reading { unit, seen, until, lost }
}

fn refused(reason: String) -> Reply {
    Reply::Refused { reason }
}

fn lost_line(unit: Option<&UnitName>, lost: u64) -> LogLine {
    LogLine { time_ms: journal::now_ms(), unit: unit.cloned(), stream: LogStream::Init, text: format!("{lost} older lines were not kept") }
}

fn spare() -> Option<OwnedFd> {
    File::open("/dev/null").ok().map(OwnedFd::from)
}
