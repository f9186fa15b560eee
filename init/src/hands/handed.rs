//! Descriptors a process is born with from 3 on; sd_listen_fds(3).

use std::os::fd::BorrowedFd;

use kernel::spawn::{self, Step};
use supervisor::{Phase, Run};
use units::unit::{Input, Output, Service};
use units::{UnitName, UnitSet};

use super::Hands;
use super::sockets::set_non_blocking;

/// What one process gets, in its order.
#[derive(Debug, Default)]
pub(super) struct Handed<'a> {
    names: Vec<&'a str>,
    descriptors: Vec<BorrowedFd<'a>>,
    /// The one there is becomes standard input or output, and nobody looks for it from 3 on.
    for_stdio: bool,
    /// Who is at the other end of a connection.
    peer: Vec<(String, String)>,
}

impl<'a> Handed<'a> {
    /// The step that puts them where they are looked for, if there are any.
    pub(super) fn step(&self) -> Option<Step<'a>> {
        let handed = || self.descriptors.iter().map(|fd| spawn::Handed::new(*fd)).collect();
        (!self.is_none()).then(|| Step::HandOver(handed()))
    }

    /// How many, what they are called, and who is at the other end.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let mut all = self.peer.clone();
        if !self.is_none() {
            all.push(("LISTEN_FDS".to_owned(), self.descriptors.len().to_string()));
            all.push(("LISTEN_FDNAMES".to_owned(), self.names.join(":")));
        }
        all
    }

    fn is_none(&self) -> bool {
        self.descriptors.is_empty() || self.for_stdio
    }

    /// Variables whose value is the process's own number: whoever inherits the environment is not meant.
    pub(super) fn own_pid(&self) -> &'static [&'static str] {
        if self.is_none() { &[] } else { &["LISTEN_PID"] }
    }
}

impl<'a> Extend<(&'a str, BorrowedFd<'a>)> for Handed<'a> {
    fn extend<T: IntoIterator<Item = (&'a str, BorrowedFd<'a>)>>(&mut self, all: T) {
        for (name, fd) in all {
            self.names.push(name);
            self.descriptors.push(fd);
        }
    }
}

impl Hands {
    /// What the process of a run gets: the connection it is to serve, or what is listened on for its unit, then what is
    /// stored for it. Helpers get nothing, but where standard input or output is to be a socket.
    pub(super) fn handed<'a>(&'a self, run: Run, service: &Service, unit: &'a UnitName, units: &'a UnitSet) -> Handed<'a> {
        let log = &service.log;
        let for_stdio = log.stdin == Input::Socket || log.stdout == Output::Socket || log.stderr == Some(Output::Socket);
        let mut handed = Handed { for_stdio, peer: self.sockets.variables(unit), ..Handed::default() };
        if run.phase != Phase::Start && !for_stdio {
            return handed;
        }
        match self.sockets.connection_of(unit) {
            Some(connection) => handed.extend([("connection", connection)]),
            None => handed.extend(self.sockets.of(unit, units)),
        }
        for fd in &handed.descriptors {
            // Of the open file, not of the descriptor: ours does not wait either, and never did.
            let _ = set_non_blocking(fd, service.non_blocking);
        }
        handed.extend(self.store.of(unit));
        handed
    }
}
