//! Descriptors a process is born with from 3 on; sd_listen_fds(3).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use kernel::spawn::{self, Step};
use supervisor::{Phase, Run};
use units::unit::{Input, Output, Service};
use units::{UnitName, UnitSet};

use super::Hands;
use super::ready::Ready;
use super::sockets::set_non_blocking;

/// What one process gets, in its order.
#[derive(Debug, Default)]
pub(super) struct Handed<'a> {
    names: Vec<&'a str>,
    descriptors: Vec<BorrowedFd<'a>>,
    /// The one there is becomes standard input or output, and nobody looks for it from 3 on.
    for_stdio: bool,
    /// What it is told besides: who is at the other end of a connection, how often it is to say that it is alive.
    told: Vec<(String, String)>,
    own_pid: Vec<&'static str>,
    /// Where it says that it is up, under the number it expects.
    ready: Option<(BorrowedFd<'a>, i32)>,
}

impl<'a> Handed<'a> {
    /// The step that puts them where they are looked for, if there are any.
    pub(super) fn step(&self) -> Option<Step<'a>> {
        let listed = self.listed().iter().zip(FIRST..).map(|(fd, number)| spawn::Handed::new(*fd, number));
        let handed: Vec<_> = listed.chain(self.ready.map(|(fd, number)| spawn::Handed::new(fd, number))).collect();
        (!handed.is_empty()).then_some(Step::HandOver(handed))
    }

    /// One of them by its name; the first where none is given.
    pub(super) fn find(&self, name: Option<&str>) -> Option<BorrowedFd<'a>> {
        let mut all = self.names.iter().zip(&self.descriptors);
        all.find(|(known, _)| name.is_none_or(|name| **known == name)).map(|(_, fd)| *fd)
    }

    /// The variables that tell of them.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let mut all = self.told.clone();
        if !self.listed().is_empty() {
            all.push(("LISTEN_FDS".to_owned(), self.descriptors.len().to_string()));
            all.push(("LISTEN_FDNAMES".to_owned(), self.names.join(":")));
        }
        all
    }

    /// Variables whose value is the process's own number: whoever inherits the environment is not meant.
    pub(super) fn own_pid(&self) -> Vec<&'static str> {
        let listen = (!self.listed().is_empty()).then_some("LISTEN_PID");
        self.own_pid.iter().copied().chain(listen).chain(["SYSTEMD_EXEC_PID"]).collect()
    }

    /// Whether the number it says that it is up by is one of the others'.
    pub(super) fn collides(&self) -> bool {
        self.ready.is_some_and(|(_, number)| number < FIRST + i32::try_from(self.listed().len()).unwrap_or(i32::MAX))
    }

    fn listed(&self) -> &[BorrowedFd<'a>] {
        if self.for_stdio { &[] } else { &self.descriptors }
    }
}

/// `SD_LISTEN_FDS_START`
const FIRST: i32 = 3;

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
    /// stored for it, then what was opened for it. Helpers get nothing, but where standard input or output is to be a socket.
    pub(super) fn handed<'a>(
        &'a self,
        run: Run,
        service: &Service,
        unit: &'a UnitName,
        units: &'a UnitSet,
        opened: &'a [(&'a str, OwnedFd)],
    ) -> Handed<'a> {
        let log = &service.log;
        let for_stdio = log.stdin == Input::Socket || log.stdout == Output::Socket || log.stderr == Some(Output::Socket);
        let mut handed = Handed { for_stdio, told: self.sockets.variables(unit), ..Handed::default() };
        if let Some(span) = service.watchdog.filter(|_| run.phase == Phase::Start) {
            handed.told.push(("WATCHDOG_USEC".to_owned(), span.as_micros().to_string()));
            handed.own_pid.push("WATCHDOG_PID");
        }
        if let (Phase::Start, Some(number), Some(body)) = (run.phase, service.notify_descriptor, self.bodies.get(&run.life)) {
            handed.ready = body.ready.as_ref().and_then(Ready::theirs).map(|fd| (fd, number.into()));
        }
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
        handed.extend(opened.iter().map(|(name, fd)| (*name, fd.as_fd())));
        handed
    }
}
