//! The one place that blocks: epoll over everything init listens to. epoll(7).
//!
//! ```text
//! pipes, reports, groups, sockets ─▶ usual ──wait──▶ some at a time
//! signals, clients, console ─▶ urgent ─┘ └─urgent──▶ all of them, in every turn
//! ```
//!
//! What people and the kernel wait for has a set of its own, which lies in the other: it wakes like anything else, and is asked
//! apart, so that nobody waits behind two hundred pipes.
//!
//! A descriptor is taken out before it is closed: a child that has been born but has not yet
//! executed its program still holds a copy, and a closed descriptor with copies goes on
//! reporting under a number nobody knows.

use std::os::fd::AsFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use supervisor::Life;
use units::Map;

/// Events taken at a time.
const BATCH: usize = 64;
/// The number under which the urgent ones lie among the usual ones.
const URGENT: u64 = 0;

/// What a descriptor is to init.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Signals,
    Notify,
    Syslog,
    Console,
    /// The control socket.
    Listener,
    /// A client of it.
    Client(u64),
    /// The report of a child between birth and program, by its pid.
    Report(i32),
    /// A main process that is not our child, by its pid.
    Stranger(i32),
    /// The output of a life, by the journal's number for the pipe.
    Output(u64),
    /// `cgroup.events` of a life.
    Emptying(Life),
    /// What tells that a life's memory has run out.
    Memory(Life),
    /// One of the things listened on for a life.
    Socket(Life, usize),
    /// What a life says that it is up by.
    Ready(Life),
    /// The calendar's clock.
    Clock,
    /// Paths that are watched.
    Paths,
    /// The other end of a stored descriptor.
    Stored(u64),
}

/// The number under which a descriptor is watched: none is used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Watch(u64);

/// The descriptors watched.
#[derive(Debug)]
pub(crate) struct Reactor {
    usual: Epoll,
    urgent: Epoll,
    sources: Map<u64, Source>,
    next: u64,
}

impl Reactor {
    pub(crate) fn new() -> Result<Self, Errno> {
        let usual = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let urgent = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        usual.add(&urgent.0, EpollEvent::new(EpollFlags::EPOLLIN, URGENT))?;
        Ok(Self { usual, urgent, sources: Map::new(), next: URGENT + 1 })
    }

    /// One that can watch nothing.
    #[cfg(test)]
    pub(crate) fn deaf() -> std::io::Result<Self> {
        let nothing = || std::fs::File::open("/dev/null").map(|file| Epoll(file.into()));
        Ok(Self { usual: nothing()?, urgent: nothing()?, sources: Map::new(), next: URGENT + 1 })
    }

    /// Watch for something to read, or the other end's leaving.
    pub(crate) fn watch(&mut self, fd: impl AsFd, source: Source) -> Result<Watch, Errno> {
        self.add(fd, source, EpollFlags::EPOLLIN)
    }

    /// Watch a kernfs file that says by EPOLLPRI that it has changed.
    pub(crate) fn watch_changes(&mut self, fd: impl AsFd, source: Source) -> Result<Watch, Errno> {
        self.add(fd, source, EpollFlags::EPOLLPRI)
    }

    /// Watch for the other end's leaving only, which epoll tells whatever it is asked.
    pub(crate) fn watch_end(&mut self, fd: impl AsFd, source: Source) -> Result<Watch, Errno> {
        self.add(fd, source, EpollFlags::empty())
    }

    /// Watch for room to write only.
    pub(crate) fn watch_room(&mut self, fd: impl AsFd, source: Source) -> Result<Watch, Errno> {
        self.add(fd, source, EpollFlags::EPOLLOUT)
    }

    /// Watch for words of the other end, and for room to write too if `room`.
    pub(crate) fn rewatch(&mut self, fd: impl AsFd, watch: Watch, words: bool, room: bool) {
        let mut flags = EpollFlags::empty();
        flags.set(EpollFlags::EPOLLIN, words);
        flags.set(EpollFlags::EPOLLOUT, room);
        let Some(source) = self.source(watch) else { return };
        let _ = self.set_of(source).modify(fd, &mut EpollEvent::new(flags, watch.0));
    }

    /// Watch no longer. Must come before the descriptor is closed.
    pub(crate) fn forget(&mut self, fd: impl AsFd, watch: Watch) {
        if let Some(source) = self.sources.remove(&watch.0) {
            let _ = self.set_of(source).delete(fd);
        }
    }

    /// Wait until something has happened, or for as long as said: some of the usual sources, one after the other as they
    /// had it to say. The flag says that the other end has gone for good (EPOLLHUP), or never was (EPOLLERR).
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> Vec<(Watch, bool)> {
        let timeout = match timeout {
            None => EpollTimeout::NONE,
            Some(Duration::ZERO) => EpollTimeout::ZERO,
            // Rounded up: a tick that comes early only comes again.
            Some(span) => EpollTimeout::try_from(span.as_millis().saturating_add(1).min(86_400_000)).unwrap_or(EpollTimeout::ZERO),
        };
        happened(&self.usual, timeout)
    }

    /// The urgent ones to which something has happened, without waiting.
    pub(crate) fn urgent(&mut self) -> Vec<(Watch, bool)> {
        happened(&self.urgent, EpollTimeout::ZERO)
    }

    /// What is watched under this number, if it still is.
    pub(crate) fn source(&self, watch: Watch) -> Option<Source> {
        self.sources.get(&watch.0).copied()
    }

    fn add(&mut self, fd: impl AsFd, source: Source, flags: EpollFlags) -> Result<Watch, Errno> {
        let number = self.next;
        self.next += 1;
        self.set_of(source).add(fd, EpollEvent::new(flags, number))?;
        self.sources.insert(number, source);
        Ok(Watch(number))
    }

    fn set_of(&self, source: Source) -> &Epoll {
        if source.is_urgent() { &self.urgent } else { &self.usual }
    }
}

fn happened(set: &Epoll, timeout: EpollTimeout) -> Vec<(Watch, bool)> {
    let mut events = [EpollEvent::empty(); BATCH];
    let count = set.wait(&mut events, timeout).unwrap_or(0);
    let ready = events.get(..count).unwrap_or_default();
    let gone = EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR;
    let known = ready.iter().filter(|event| event.data() != URGENT);
    known.map(|event| (Watch(event.data()), event.events().intersects(gone))).collect()
}

impl Source {
    fn is_urgent(self) -> bool {
        match self {
            Self::Signals | Self::Console | Self::Listener | Self::Client(_) => true,
            Self::Notify
            | Self::Syslog
            | Self::Report(_)
            | Self::Stranger(_)
            | Self::Output(_)
            | Self::Emptying(_)
            | Self::Memory(_)
            | Self::Socket(..)
            | Self::Ready(_)
            | Self::Clock
            | Self::Paths
            | Self::Stored(_) => false,
        }
    }
}
