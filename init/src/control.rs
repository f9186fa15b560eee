//! The control socket: who may ask, what goes to the supervisor, what is answered here.
//!
//! ```text
//! client ─line→ Connection ─Request→ Event::Asked(ticket) → supervisor → Action::Answer(ticket)
//!                               └ logs are answered here, out of the journal
//! ```
//!
//! Everybody may connect; what is not harmless is root's alone, by SO_PEERCRED (unix(7)).

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
/// Lines for a follower wait in the journal while this much waits for it already, bytes.
const ENOUGH_BACKLOG: usize = 256 * 1024;

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
    follow: Option<Follow>,
}

/// A reader of the log who stays.
#[derive(Debug)]
struct Follow {
    unit: Option<UnitName>,
    seen: u64,
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
        while let Some((listener, _)) = &self.listener {
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
            if self.clients.len() >= MOST_CLIENTS {
                continue;
            }
            let number = self.next;
            self.next += 1;
            if let Ok(connection) = Connection::new(stream)
                && let Ok(watch) = reactor.watch(&connection, Source::Client(number))
            {
                self.clients.insert(number, Client { connection, watch, follow: None });
            }
        }
    }

    /// A client has said something, can take more, or has gone.
    pub(crate) fn heed(&mut self, number: u64, hung_up: bool, journal: &Journal, reactor: &mut Reactor, queue: &mut Queue) {
        let Some(client) = self.clients.get_mut(&number) else { return };
        // Whoever asks and leaves at once has asked all the same.
        let lines = client.connection.lines();
        let flushed = client.connection.flush();
        for line in lines.iter().flatten() {
            self.asked(number, line, journal, reactor, queue);
        }
        if hung_up || lines.is_err() || flushed.is_err() {
            self.part(number, reactor, queue);
        } else {
            self.settle(number, reactor, queue);
        }
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
            Request::Logs(wanted) => self.logs(number, wanted, journal, reactor, queue),
            request => {
                let ticket = self.next;
                self.next += 1;
                self.tickets.insert(ticket, number);
                queue.push_back(Event::Asked(Ticket(ticket), request));
            }
        }
    }

    fn logs(&mut self, number: u64, wanted: LogsRequest, journal: &Journal, reactor: &mut Reactor, queue: &mut Queue) {
        let unit = wanted.unit.as_ref();
        let mut lines = journal.after(0, unit);
        let lost = journal.lost_after(0, unit);
        let count = wanted.lines.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX);
        let skipped = lines.len().saturating_sub(count);
        lines.drain(..skipped);
        if lost > 0 && skipped == 0 {
            self.reply(number, &Reply::Log(lost_line(unit, lost)), reactor, queue);
        }
        for (_, line) in lines {
            self.reply(number, &Reply::Log(line), reactor, queue);
        }
        if wanted.follow {
            let seen = journal.newest();
            if let Some(client) = self.clients.get_mut(&number) {
                client.follow = Some(Follow { unit: wanted.unit, seen });
            }
        } else {
            self.reply(number, &Reply::End, reactor, queue);
        }
    }

    /// Give followers what has been said since.
    pub(crate) fn follow(&mut self, journal: &Journal, reactor: &mut Reactor, queue: &mut Queue) {
        let behind: Vec<u64> = self
            .clients
            .iter()
            .filter(|(_, client)| client.follow.as_ref().is_some_and(|follow| follow.seen < journal.newest()))
            .filter(|(_, client)| client.connection.backlog() < ENOUGH_BACKLOG)
            .map(|(number, _)| *number)
            .collect();
        for number in behind {
            let Some(follow) = self.clients.get_mut(&number).and_then(|client| client.follow.as_mut()) else { continue };
            let (unit, seen) = (follow.unit.clone(), follow.seen);
            follow.seen = journal.newest();
            let lost = journal.lost_after(seen, unit.as_ref());
            if lost > 0 {
                self.reply(number, &Reply::Log(lost_line(unit.as_ref(), lost)), reactor, queue);
            }
            for (_, line) in journal.after(seen, unit.as_ref()) {
                self.reply(number, &Reply::Log(line), reactor, queue);
            }
        }
    }

    /// Answer a ticket; whoever has gone in the meantime gets nothing.
    pub(crate) fn answer(&mut self, ticket: Ticket, reply: &Reply, reactor: &mut Reactor, queue: &mut Queue) {
        if let Some(number) = self.tickets.remove(&ticket.0) {
            self.reply(number, reply, reactor, queue);
            self.settle(number, reactor, queue);
        }
    }

    fn reply(&mut self, number: u64, reply: &Reply, reactor: &mut Reactor, queue: &mut Queue) {
        let Some(client) = self.clients.get_mut(&number) else { return };
        let line = serde_json::to_string(reply).unwrap_or_else(|_| r#"{"reply":"end"}"#.to_owned());
        match client.connection.send(&line) {
            Ok(()) => {
                let (words, room) = (!client.connection.is_finishing(), client.connection.waits_for_room());
                reactor.rewatch(&client.connection, client.watch, words, room);
            }
            Err(Gone) => self.part(number, reactor, queue),
        }
    }

    /// A client that has said all and has got all its answers is done.
    fn settle(&mut self, number: u64, reactor: &mut Reactor, queue: &mut Queue) {
        let Some(client) = self.clients.get(&number) else { return };
        let connection = &client.connection;
        let owed = client.follow.is_some() || connection.waits_for_room() || self.tickets.values().any(|owner| *owner == number);
        if connection.is_finishing() && !owed {
            self.part(number, reactor, queue);
        } else {
            reactor.rewatch(connection, client.watch, !connection.is_finishing(), connection.waits_for_room());
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

fn refused(reason: String) -> Reply {
    Reply::Refused { reason }
}

fn lost_line(unit: Option<&UnitName>, lost: u64) -> LogLine {
    LogLine { time_ms: journal::now_ms(), unit: unit.cloned(), stream: LogStream::Init, text: format!("{lost} older lines were not kept") }
}

fn spare() -> Option<OwnedFd> {
    File::open("/dev/null").ok().map(OwnedFd::from)
}
