//! One client on the control socket: lines in, lines out, neither without bound.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use kernel::again::hand_over;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::{Deserialize, Serialize};
use units::control::REQUEST_LIMIT;

/// A client that reads nothing is let go once this much waits for it.
const LONGEST_BACKLOG: usize = 4 * 1024 * 1024;

/// The client has gone, or must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

/// A client, written down; what it has asked is text.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ConnectionNote {
    pub(super) stream: i32,
    uid: u32,
    incoming: String,
    finishing: bool,
}

/// A client.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: UnixStream,
    /// Who it was when it connected, by the kernel's word (SO_PEERCRED, unix(7)).
    uid: u32,
    incoming: Vec<u8>,
    outgoing: VecDeque<u8>,
    /// No more requests: close once everything is written.
    finishing: bool,
}

impl Connection {
    /// Take an accepted stream.
    pub(crate) fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let uid = kernel::unix::peer(&stream)?.uid();
        Ok(Self { stream, uid, incoming: Vec::new(), outgoing: VecDeque::new(), finishing: false })
    }

    /// Whether the client has gone for good; nobody may have been told of it yet.
    pub(crate) fn has_gone(&self) -> bool {
        let mut about = [PollFd::new(self.stream.as_fd(), PollFlags::empty())];
        let known = poll(&mut about, PollTimeout::ZERO);
        known.is_ok() && about.iter().filter_map(PollFd::revents).any(|events| events.contains(PollFlags::POLLHUP))
    }

    /// Go on with a client of an earlier life of the program.
    pub(super) fn resumed(stream: OwnedFd, note: ConnectionNote, outgoing: Vec<u8>) -> Self {
        let ConnectionNote { uid, incoming, finishing, .. } = note;
        Self { stream: stream.into(), uid, incoming: incoming.into_bytes(), outgoing: outgoing.into(), finishing }
    }

    /// What of it is to be known, and the bytes on their way.
    pub(super) fn note(&self) -> (ConnectionNote, Vec<u8>) {
        let incoming = String::from_utf8_lossy(&self.incoming).into_owned();
        let note = ConnectionNote { stream: hand_over(&self.stream), uid: self.uid, incoming, finishing: self.finishing };
        (note, self.outgoing.iter().copied().collect())
    }

    /// Whether the client may change things. In a user namespace the outside's ids show as the
    /// overflow id, so a process that joined as root of the guest is 0 here.
    pub(crate) fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// The user it was when it connected.
    pub(crate) fn uid(&self) -> u32 {
        self.uid
    }

    /// Take in what has come, up to the length of a request: what is beyond waits in the socket,
    /// and so does the client. At the end of its words the connection stays for the answers due.
    pub(crate) fn fill(&mut self) -> Result<(), Gone> {
        let mut buffer = [0_u8; 4096];
        while self.incoming.len() <= REQUEST_LIMIT {
            match self.stream.read(&mut buffer) {
                Ok(0) => {
                    self.finishing = true;
                    return Ok(());
                }
                Ok(count) => self.incoming.extend_from_slice(buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(_) => return Err(Gone),
            }
        }
        if self.has_line() { Ok(()) } else { Err(Gone) }
    }

    /// Whether a complete line has come in.
    pub(crate) fn has_line(&self) -> bool {
        self.incoming.contains(&b'\n')
    }

    /// The next complete line that says something, without its end.
    pub(crate) fn next_line(&mut self) -> Option<String> {
        let blank = self.incoming.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.incoming.drain(..blank);
        let end = self.incoming.iter().position(|byte| *byte == b'\n')?;
        let line: Vec<u8> = self.incoming.drain(..=end).collect();
        if self.incoming.is_empty() {
            self.incoming.shrink_to(512);
        }
        Some(String::from_utf8_lossy(&line).trim().to_owned())
    }

    /// Put one line on its way.
    pub(crate) fn send(&mut self, line: &str) -> Result<(), Gone> {
        if self.outgoing.len() + line.len() > LONGEST_BACKLOG {
            return Err(Gone);
        }
        self.outgoing.extend(line.as_bytes());
        self.outgoing.push_back(b'\n');
        self.flush()
    }

    /// Write what waits.
    pub(crate) fn flush(&mut self) -> Result<(), Gone> {
        while !self.outgoing.is_empty() {
            let (front, _) = self.outgoing.as_slices();
            match self.stream.write(front) {
                Ok(0) => return Err(Gone),
                Ok(count) => {
                    self.outgoing.drain(..count.min(self.outgoing.len()));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(_) => return Err(Gone),
            }
        }
        Ok(())
    }

    /// Whether answers wait for the client to read.
    pub(crate) fn waits_for_room(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Bytes that wait.
    pub(crate) fn backlog(&self) -> usize {
        self.outgoing.len()
    }

    /// Whether the client has said its last request.
    pub(crate) fn is_finishing(&self) -> bool {
        self.finishing
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_come_whole_and_an_endless_one_ends_the_client() {
        let (client, server) = UnixStream::pair().unwrap();
        let mut connection = Connection::new(server).unwrap();
        let mut client = client;
        client.write_all(b"one\ntw").unwrap();
        connection.fill().unwrap();
        assert_eq!(connection.next_line().unwrap(), "one");
        assert!(!connection.has_line());
        client.write_all(b"o\n\n \r\nthree\n\n").unwrap();
        connection.fill().unwrap();
        assert_eq!((connection.next_line().unwrap(), connection.next_line().unwrap()), ("two".into(), "three".into()));
        assert!(connection.next_line().is_none() && !connection.has_line());
        client.write_all(&[b'x'; REQUEST_LIMIT / 2]).unwrap();
        connection.fill().unwrap();
        assert_eq!(connection.next_line(), None);
        client.write_all(&[b'x'; REQUEST_LIMIT / 2 + 4096]).unwrap();
        assert_eq!(connection.fill(), Err(Gone));
    }

    #[test]
    fn a_flood_of_requests_waits_in_the_socket() {
        let (client, server) = UnixStream::pair().unwrap();
        let mut connection = Connection::new(server).unwrap();
        client.set_nonblocking(true).unwrap();
        let mut sent = 0;
        let many = b"{\"request\":\"list\"}\n".repeat(1000);
        while let Ok(count) = (&client).write(&many) {
            sent += count;
        }
        connection.fill().unwrap();
        assert!(connection.incoming.len() <= REQUEST_LIMIT + 4096 && sent > connection.incoming.len());
        assert!(connection.next_line().unwrap().ends_with('}'));
    }

    #[test]
    fn a_client_that_never_reads_is_let_go() {
        let (_client, server) = UnixStream::pair().unwrap();
        let mut connection = Connection::new(server).unwrap();
        let line = "x".repeat(1 << 20);
        let sent = (0..20).take_while(|_| connection.send(&line).is_ok()).count();
        assert!((3..20).contains(&sent));
    }
}
