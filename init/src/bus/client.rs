//! Somebody who is connected: what has come of it, and what waits until it reads.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use super::greeting::Greeting;
use super::message::Message;
use super::wire::{Garbled, LONGEST};

/// Who has not read so much is not listened to, bytes.
const ENOUGH_BACKLOG: usize = 64 << 10;
/// Who has not read so much never will: it is told news whether it reads or not.
const MOST_BACKLOG: usize = 16 << 20;

#[derive(Debug)]
pub(super) struct Client {
    stream: UnixStream,
    greeting: Option<Greeting>,
    inbox: Vec<u8>,
    outbox: Vec<u8>,
    serial: u32,
}

impl Client {
    pub(super) fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream, greeting: Some(Greeting::new()), inbox: Vec::new(), outbox: Vec::new(), serial: 0 })
    }

    /// Reads some of what has come. An error where nothing more will.
    pub(super) fn fill(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                self.inbox.extend_from_slice(buffer.get(..count).unwrap_or_default());
                Ok(())
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The next message that is whole. Who greets is answered here.
    pub(super) fn next(&mut self, id: &str) -> Result<Option<Vec<u8>>, Garbled> {
        if let Some(greeting) = &mut self.greeting {
            if !greeting.take(&mut self.inbox, id, &mut self.outbox)? {
                return Ok(None);
            }
            self.greeting = None;
        }
        let length = match Message::read(&self.inbox)? {
            Some((_, length)) => length,
            None if self.inbox.len() > LONGEST => return Err(Garbled),
            None => return Ok(None),
        };
        Ok(Some(self.inbox.drain(..length).collect()))
    }

    /// The process that has connected.
    pub(super) fn pid(&self) -> Option<u32> {
        kernel::unix::peer(&self.stream).ok().and_then(|peer| u32::try_from(peer.pid()).ok())
    }

    /// Whether it may be told what concerns everybody.
    pub(super) fn has_greeted(&self) -> bool {
        self.greeting.is_none()
    }

    /// The number of what is said next.
    pub(super) fn serial(&mut self) -> u32 {
        self.serial = self.serial.checked_add(1).unwrap_or(1);
        self.serial
    }

    pub(super) fn say(&mut self, bytes: &[u8]) {
        self.outbox.extend_from_slice(bytes);
    }

    /// Writes what there is room for.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        while !self.outbox.is_empty() {
            match self.stream.write(&self.outbox) {
                Ok(count) => drop(self.outbox.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    pub(super) fn has_backlog(&self) -> bool {
        !self.outbox.is_empty()
    }

    pub(super) fn is_lost(&self) -> bool {
        self.outbox.len() > MOST_BACKLOG
    }

    pub(super) fn is_heard(&self) -> bool {
        self.outbox.len() < ENOUGH_BACKLOG
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
