//! Saying that one is up by a newline on a descriptor, as s6 has it (s6-supervise, `notification-fd`).
//!
//! ```text
//! pipe ─ writing end ─▶ the main process under its number; ours is closed with its birth
//!     └─ reading end: a newline ─▶ Readied; anything else, and the end, nothing
//! ```

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::pipe2;
use supervisor::{Event, Life};

use super::{Hands, Queue};
use crate::reactor::{Reactor, Source, Watch};

/// What a life says that it is up by.
#[derive(Debug)]
pub(super) struct Ready {
    read: OwnedFd,
    watch: Watch,
    /// Until the process has it.
    write: Option<OwnedFd>,
}

impl AsFd for Ready {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.read.as_fd()
    }
}

impl Ready {
    /// What a process of an earlier life of the program says that it is up by.
    pub(super) fn resumed(read: OwnedFd, life: Life, reactor: &mut Reactor) -> Option<Self> {
        let watch = reactor.watch(&read, Source::Ready(life)).ok()?;
        Some(Self { read, watch, write: None })
    }

    /// The end that the process gets.
    pub(super) fn theirs(&self) -> Option<BorrowedFd<'_>> {
        self.write.as_ref().map(AsFd::as_fd)
    }
}

impl Hands {
    /// Make the pipe for the next main process of a life.
    pub(super) fn open_ready(&mut self, life: Life, reactor: &mut Reactor) -> Result<(), Errno> {
        self.close_ready(life, reactor);
        let (read, write) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        // Theirs waits like any other.
        super::sockets::set_non_blocking(&write, false)?;
        let watch = reactor.watch(&read, Source::Ready(life))?;
        if let Some(body) = self.bodies.get_mut(&life) {
            body.ready = Some(Ready { read, watch, write: Some(write) });
        }
        Ok(())
    }

    /// The process has it now, or never will.
    pub(super) fn give_ready(&mut self, life: Life) {
        if let Some(ready) = self.bodies.get_mut(&life).and_then(|body| body.ready.as_mut()) {
            ready.write = None;
        }
    }

    /// Something was said, or will never be.
    pub(crate) fn ready_said(&mut self, life: Life, reactor: &mut Reactor, queue: &mut Queue) {
        let Some(ready) = self.bodies.get(&life).and_then(|body| body.ready.as_ref()) else { return };
        let mut buffer = [0; 64];
        match nix::unistd::read(&ready.read, &mut buffer) {
            Ok(length) if buffer.iter().take(length).any(|byte| *byte == b'\n') => {
                self.close_ready(life, reactor);
                queue.push_back(Event::Readied(life));
            }
            Ok(0) => self.close_ready(life, reactor),
            // More may come.
            Ok(_) | Err(_) => {}
        }
    }

    /// Listen to it no more.
    pub(super) fn close_ready(&mut self, life: Life, reactor: &mut Reactor) {
        if let Some(ready) = self.bodies.get_mut(&life).and_then(|body| body.ready.take()) {
            reactor.forget(&ready.read, ready.watch);
        }
    }
}
