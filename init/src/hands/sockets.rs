//! What socket units listen on, and the connections accepted for them.
//!
//! ```text
//! Listen ─▶ Listener { ears } ─attended─▶ Incoming            the descriptors go to the service, and stay here
//!                         └─ accept ─▶ Connected ─Give─▶ the instance that is started next ─▶ closed at its end
//! ```
//!
//! Invariant: an ear stays open from `Listen` to `Unlisten` or the unit's release, whatever becomes of the service:
//! who connects in between waits in the kernel.

mod bind;
mod keep;
mod options;
mod peer;

use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kernel::socket;
use nix::errno::Errno;
use nix::unistd::{Gid, Uid};
use supervisor::{Connection, Event, Life};
use units::unit::{Body, Socket};
use units::{UnitName, UnitSet};

use super::{Hands, Queue};
use crate::accounts::Accounts;
use crate::kept::Kept;
use crate::reactor::{Reactor, Source, Watch};
use bind::{Made, Owner};
pub(super) use options::set_non_blocking;
use peer::Peer;

/// Connections accepted per turn and ear.
const PER_TURN: usize = 64;
/// Where no descriptor is to be had, connections wait for so long.
const BREATH: Duration = Duration::from_millis(500);

/// What is listened on for one socket unit.
#[derive(Debug)]
struct Listener {
    unit: UnitName,
    ears: Vec<Ear>,
    /// With `accept`: how many there were, and how many there may be of one origin.
    accept: Option<Accepting>,
    /// Somebody wants to hear of it.
    attended: bool,
    /// Links to it.
    links: Vec<PathBuf>,
    /// Not listened to before this moment.
    paused: Option<Duration>,
}

#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
struct Accepting {
    count: u64,
    per_origin: u32,
}

#[derive(Debug)]
struct Ear {
    made: Made,
    /// While it is listened to.
    watch: Option<Watch>,
}

/// A connection that has no process yet, or whose process has it too.
#[derive(Debug)]
struct Accepted {
    of: Life,
    fd: OwnedFd,
    peer: Peer,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    listeners: Kept<Life, Listener>,
    connections: Kept<Connection, Accepted>,
    given: Kept<UnitName, Accepted>,
    next: u64,
    any_paused: bool,
}

impl Sockets {
    /// What the listeners for a unit hear by, in the order of its own `sockets`, then by name.
    pub(super) fn of<'a>(&'a self, unit: &UnitName, units: &'a UnitSet) -> Vec<(&'a str, BorrowedFd<'a>)> {
        let wanted = units.unit(unit).and_then(|unit| unit.service()).map(|service| service.sockets.as_slice()).unwrap_or_default();
        let rank = |listener: &Listener| wanted.iter().position(|name| units.resolve(name) == &listener.unit);
        let triggers = |listener: &Listener| {
            units.unit(&listener.unit).and_then(|socket| socket.triggers()).is_some_and(|other| units.resolve(&other) == unit)
        };
        let mut listeners: Vec<&Listener> =
            self.listeners.values().filter(|l| l.accept.is_none() && (rank(l).is_some() || triggers(l))).collect();
        units::order::by_key(&mut listeners, |listener| (rank(listener).unwrap_or(usize::MAX), &listener.unit));
        let name = |listener: &'a Listener| {
            socket_of(units, &listener.unit).and_then(|socket| socket.name.as_deref()).unwrap_or(listener.unit.as_str())
        };
        listeners.into_iter().flat_map(|listener| listener.ears.iter().map(move |ear| (name(listener), ear.made.fd.as_fd()))).collect()
    }

    /// The connection a unit serves.
    pub(super) fn connection_of(&self, unit: &UnitName) -> Option<BorrowedFd<'_>> {
        self.given.get(unit).map(|accepted| accepted.fd.as_fd())
    }

    /// What is told of the other end to who serves a connection.
    pub(super) fn variables(&self, unit: &UnitName) -> Vec<(String, String)> {
        self.given.get(unit).map(|accepted| accepted.peer.variables()).unwrap_or_default()
    }

    /// A unit is at its end, and so is the connection it served.
    pub(super) fn served(&mut self, unit: &UnitName) {
        self.given.remove(unit);
    }

    /// The moment at which somebody wants to be listened to again.
    pub(super) fn deadline(&self) -> Option<Duration> {
        if self.any_paused { self.listeners.values().filter_map(|listener| listener.paused).min() } else { None }
    }

    fn has_room(&self, life: Life, peer: &Peer, most: u32) -> bool {
        let Some(origin) = peer.origin().filter(|_| most > 0) else { return true };
        let all = self.connections.values().chain(self.given.values());
        let same = all.filter(|other| other.of == life && other.peer.origin() == Some(origin)).count();
        same < usize::try_from(most).unwrap_or(usize::MAX)
    }

    fn close(&mut self, life: Life, reactor: &mut Reactor) -> Option<Listener> {
        let mut listener = self.listeners.remove(&life)?;
        listener.listen_to(life, false, reactor);
        self.connections.retain(|_, accepted| accepted.of != life);
        Some(listener)
    }
}

impl Listener {
    fn listen_to(&mut self, life: Life, wanted: bool, reactor: &mut Reactor) {
        for (index, ear) in self.ears.iter_mut().enumerate() {
            match (wanted, ear.watch) {
                // An open file that is never readable, such as a character device without poll: EPERM.
                (true, None) => ear.watch = reactor.watch(&ear.made.fd, Source::Socket(life, index)).ok(),
                (false, Some(watch)) => {
                    reactor.forget(&ear.made.fd, watch);
                    ear.watch = None;
                }
                (true, Some(_)) | (false, None) => {}
            }
        }
    }
}

impl Hands {
    /// Make what a socket unit listens on. Returns what could not be had and is worth a line in its log.
    pub(crate) fn listen(&mut self, life: Life, name: &UnitName, units: &UnitSet, queue: &mut Queue) -> Vec<String> {
        let mut remarks = Vec::new();
        let Some(socket) = socket_of(units, name) else {
            queue.push_back(Event::ListenFailed(life, "there is nothing to listen on".to_owned()));
            return remarks;
        };
        match listener(name, socket, &mut remarks) {
            Ok(listener) => {
                self.sockets.listeners.insert(life, listener);
                queue.push_back(Event::Listening(life));
            }
            Err(why) => queue.push_back(Event::ListenFailed(life, why)),
        }
        remarks
    }

    /// Tell of who wants something from now on, or no longer.
    pub(crate) fn attend(&mut self, life: Life, wanted: bool, reactor: &mut Reactor) {
        if let Some(listener) = self.sockets.listeners.get_mut(&life) {
            listener.attended = wanted;
            listener.paused = None;
            listener.listen_to(life, wanted, reactor);
        }
    }

    /// Something is to be read from an ear.
    pub(crate) fn heard(&mut self, life: Life, index: usize, reactor: &mut Reactor, queue: &mut Queue) {
        let Some(listener) = self.sockets.listeners.get_mut(&life).filter(|listener| listener.attended) else { return };
        if listener.accept.is_some() {
            self.accept(life, index, reactor, queue);
        } else {
            listener.attended = false;
            listener.listen_to(life, false, reactor);
            queue.push_back(Event::Incoming(life));
        }
    }

    fn accept(&mut self, life: Life, index: usize, reactor: &mut Reactor, queue: &mut Queue) {
        for _ in 0..PER_TURN {
            let Some(listener) = self.sockets.listeners.get_mut(&life) else { return };
            let (Some(ear), Some(accepting)) = (listener.ears.get(index), &mut listener.accept) else { return };
            let fd = match socket::accept(&ear.made.fd) {
                Ok(fd) => fd,
                // It has gone before it was accepted, or something is wrong with it alone; accept(2), "Error handling".
                Err(Errno::EINTR | Errno::ECONNABORTED | Errno::EPROTO) => continue,
                Err(Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM) => {
                    listener.paused = Some(kernel::time::boottime() + BREATH);
                    listener.listen_to(life, false, reactor);
                    self.sockets.any_paused = true;
                    return;
                }
                Err(_) => return,
            };
            let peer = Peer::of(&fd);
            let (number, most) = (accepting.count, accepting.per_origin);
            accepting.count += 1;
            if !self.sockets.has_room(life, &peer, most) {
                continue;
            }
            let connection = Connection(self.sockets.next);
            self.sockets.next += 1;
            queue.push_back(Event::Connected(life, connection, peer.instance(number)));
            self.sockets.connections.insert(connection, Accepted { of: life, fd, peer });
        }
    }

    /// Listen again to those that had to wait for a descriptor.
    pub(crate) fn resume_sockets(&mut self, reactor: &mut Reactor) {
        if !std::mem::take(&mut self.sockets.any_paused) {
            return;
        }
        let now = kernel::time::boottime();
        for (life, listener) in self.sockets.listeners.quietly() {
            match listener.paused {
                Some(until) if until <= now => {
                    listener.paused = None;
                    listener.listen_to(*life, listener.attended, reactor);
                }
                Some(_) => self.sockets.any_paused = true,
                None => {}
            }
        }
    }

    /// Throw away what waits on the sockets of a life.
    pub(crate) fn flush(&mut self, life: Life) {
        let Some(listener) = self.sockets.listeners.get(&life) else { return };
        for ear in &listener.ears {
            let _ = set_non_blocking(&ear.made.fd, true);
            // As much as can wait there; whoever sends on at this very moment is not to keep us.
            for _ in 0..4096 {
                let mut one = [0_u8; 4096];
                let gone = socket::accept(&ear.made.fd).map(drop).or_else(|_| match nix::unistd::read(&ear.made.fd, &mut one) {
                    Ok(0) => Err(Errno::ENODATA),
                    other => other.map(drop),
                });
                if gone.is_err() {
                    break;
                }
            }
        }
    }

    /// Close what a socket unit listens on, and take it out of the file system where the unit wants that.
    pub(crate) fn unlisten(&mut self, life: Life, name: &UnitName, units: &UnitSet, reactor: &mut Reactor) {
        let Some(listener) = self.sockets.close(life, reactor) else { return };
        if socket_of(units, name).is_some_and(|socket| socket.remove_on_stop) {
            let own = listener.ears.iter().filter_map(|ear| ear.made.path.as_deref());
            for path in own.chain(listener.links.iter().map(PathBuf::as_path)) {
                let _ = fs::remove_file(path);
            }
        }
    }

    /// The connection goes to the process of a unit.
    pub(crate) fn give(&mut self, connection: Connection, unit: UnitName) {
        if let Some(accepted) = self.sockets.connections.remove(&connection) {
            self.sockets.given.insert(unit, accepted);
        }
    }

    /// The connection is closed.
    pub(crate) fn drop_connection(&mut self, connection: Connection) {
        self.sockets.connections.remove(&connection);
    }

    /// A life is over: whatever it still listened on is closed.
    pub(super) fn release_sockets(&mut self, life: Life, name: &UnitName, reactor: &mut Reactor) {
        drop(self.sockets.close(life, reactor));
        self.sockets.served(name);
    }
}

fn socket_of<'a>(units: &'a UnitSet, name: &UnitName) -> Option<&'a Socket> {
    match &units.unit(name)?.body {
        Body::Socket(socket) => Some(socket),
        Body::Target | Body::Service(_) | Body::Timer(_) | Body::Path(_) | Body::Mount(_) | Body::Slice(_) | Body::Scope(_) => None,
    }
}

/// Everything of one unit, or nothing. The error is for a person.
fn listener(name: &UnitName, unit: &Socket, remarks: &mut Vec<String>) -> Result<Listener, String> {
    let owner = owner(unit).map_err(|why| format!("listening failed: {why}"))?;
    let mut ears = Vec::new();
    for wanted in &unit.listen {
        let made = bind::make(wanted, unit, owner, remarks).map_err(|why| format!("listening on {} failed: {why}", wanted.address))?;
        ears.push(Ear { made, watch: None });
    }
    let mut paths = ears.iter().filter_map(|ear: &Ear| ear.made.path.as_deref());
    let links = match (paths.next(), paths.next()) {
        (Some(only), None) => links(only, unit, remarks),
        (Some(_), Some(_)) | (None, _) => Vec::new(),
    };
    let accept = unit.accept.then_some(Accepting { count: 0, per_origin: unit.max_connections_per_source });
    Ok(Listener { unit: name.clone(), ears, accept, attended: false, links, paused: None })
}

fn owner(unit: &Socket) -> Result<Owner, String> {
    if unit.user.is_none() && unit.group.is_none() {
        return Ok(Owner { uid: None, gid: None });
    }
    let accounts = Accounts::read().map_err(|error| error.to_string())?;
    let user = match &unit.user {
        Some(name) => Some(accounts.user(name).ok_or_else(|| format!("no user {name}"))?),
        None => None,
    };
    let group = match &unit.group {
        Some(name) => Some(accounts.group(name).ok_or_else(|| format!("no group {name}"))?),
        None => user.as_ref().map(|user| user.gid),
    };
    Ok(Owner { uid: user.map(|user| Uid::from_raw(user.uid)), gid: group.map(Gid::from_raw) })
}

/// Links to the one path there is; what is no link is not replaced.
fn links(path: &Path, unit: &Socket, remarks: &mut Vec<String>) -> Vec<PathBuf> {
    let mut made = Vec::new();
    for link in unit.symlinks.iter().map(PathBuf::from) {
        if fs::symlink_metadata(&link).is_ok_and(|about| about.is_symlink()) {
            let _ = fs::remove_file(&link);
        }
        let done = bind::make_parents(&link, unit).and_then(|()| std::os::unix::fs::symlink(path, &link));
        match done {
            Ok(()) => made.push(link),
            Err(error) => remarks.push(format!("no link {}: {error}", link.display())),
        }
    }
    made
}

#[cfg(test)]
mod tests;
