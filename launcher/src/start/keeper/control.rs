//! The control socket: who asks, and what for.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use nix::poll::PollFlags;
use nix::pty::Winsize;

use super::console::Console;
use super::{Init, Keeper};
use crate::start::message::{Reply, Request, Size};

/// The longest request.
const LONGEST: usize = 4096;
/// What an attached terminal that does not read may fall behind; then it is let go.
const BEHIND: usize = 256 << 10;
/// What waits to be typed at most; the rest waits in the client's socket.
const TYPED: usize = 4096;

/// One connection.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) stream: UnixStream,
    state: State,
    out: Vec<u8>,
    gone: bool,
}

#[derive(Debug)]
enum State {
    /// A request is coming.
    Asking(Vec<u8>),
    /// It waits for the guest's end: its own connection's.
    Waiting,
    /// It is a terminal.
    Console,
}

impl Client {
    /// Whoever knocks. Only root can reach the socket; the check is for the day its folder's mode is wrong.
    pub(super) fn accept(listener: &UnixListener) -> Option<Self> {
        let (stream, _) = listener.accept().ok()?;
        stream.set_nonblocking(true).ok()?;
        let root = kernel::unix::peer(&stream).is_ok_and(|p| p.uid() == 0);
        root.then(|| Self { stream, state: State::Asking(Vec::new()), out: Vec::new(), gone: false })
    }

    pub(super) fn interest(&self, console: &Console) -> PollFlags {
        let mut flags = PollFlags::empty();
        if !(matches!(self.state, State::Console) && console.typed() >= TYPED) {
            flags |= PollFlags::POLLIN;
        }
        if !self.out.is_empty() {
            flags |= PollFlags::POLLOUT;
        }
        flags
    }

    /// Shows it what the guest wrote.
    pub(super) fn show(&mut self, bytes: &[u8]) {
        if matches!(self.state, State::Console) {
            self.say(bytes);
        }
    }

    fn say(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        self.flush();
        self.gone |= self.out.len() > BEHIND;
    }

    fn flush(&mut self) {
        while !self.out.is_empty() {
            match self.stream.write(&self.out) {
                Ok(n) => drop(self.out.drain(..n)),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.gone = true;
                    return;
                }
            }
        }
    }

    /// What it sent, if it is time to look at it.
    fn read(&mut self) -> Option<Vec<u8>> {
        let mut bytes = [0; LONGEST];
        match self.stream.read(&mut bytes) {
            Ok(0) => self.gone = true,
            Ok(n) => return bytes.get(..n).map(<[u8]>::to_vec),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => self.gone = true,
        }
        None
    }

    fn reply(&mut self, reply: &Reply) {
        let line = serde_json::to_string(reply).unwrap_or_default() + "\n";
        self.say(line.as_bytes());
    }
}

impl Keeper<'_> {
    /// Serves the connections that have something for us.
    pub(super) fn serve(&mut self, ready: &[bool], console: &mut Console, init: &Init) {
        let mut clients = std::mem::take(&mut self.clients);
        for (client, _) in clients.iter_mut().zip(ready).filter(|(_, ready)| **ready) {
            client.flush();
            let Some(bytes) = client.read() else { continue };
            match &mut client.state {
                State::Console => console.type_in(&bytes),
                State::Waiting => {}
                State::Asking(sofar) => {
                    sofar.extend_from_slice(&bytes);
                    let Some(end) = sofar.iter().position(|b| *b == b'\n') else {
                        client.gone |= sofar.len() > LONGEST;
                        continue;
                    };
                    let line = sofar.get(..end).unwrap_or_default().to_vec();
                    self.answer(client, &line, console, init);
                }
            }
        }
        clients.retain(|c| !c.gone);
        self.clients = clients;
    }

    fn answer(&mut self, client: &mut Client, line: &[u8], console: &mut Console, init: &Init) {
        match serde_json::from_slice(line) {
            Ok(Request::Stop { timeout_ms, fast }) => {
                self.stop(init, Duration::from_millis(timeout_ms), fast);
                client.state = State::Waiting;
                client.reply(&Reply::Done);
            }
            Ok(Request::Wait) => {
                client.state = State::Waiting;
                client.reply(&Reply::Done);
            }
            Ok(Request::Console { size }) => {
                client.reply(&Reply::Done);
                client.say(&console.recent());
                client.state = State::Console;
                if let Some(size) = size {
                    console.resize(&winsize(size));
                }
            }
            Ok(Request::Resize(size)) => {
                console.resize(&winsize(size));
                client.state = State::Waiting;
                client.reply(&Reply::Done);
            }
            Err(e) => {
                client.reply(&Reply::Refused(e.to_string()));
                client.gone = true;
            }
        }
    }
}

fn winsize(size: Size) -> Winsize {
    Winsize { ws_row: size.rows, ws_col: size.cols, ws_xpixel: 0, ws_ypixel: 0 }
}
