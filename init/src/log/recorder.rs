//! The process beside PID 1 that receives the log and writes it down: `fief-init log`, the unit fief-log.
//!
//! ```text
//! PID 1 holds the sockets (fief-log.socket) ─ 3 ─ /run/systemd/journal/dev-log   datagrams of syslog(3); /dev/log leads there
//!                                             4 ─ /run/systemd/journal/socket    datagrams of sd_journal_send(3), or files that come with one
//!                                             5 ─ /run/systemd/journal/stdout    connections of sd_journal_stream_fd(3)
//!                                             6 ─ /run/fief/log                  journalctl: wait until, sync, rotate
//! ```
//!
//! One thread, and one place that blocks. While we are away what is sent waits in the sockets, and PID 1's lines in its rings.
//!
//! Invariant: each source is read so much at a time, so none keeps another waiting; nothing grows with what is sent; and nothing wakes us but what is
//! sent, and once an interval's end where something was suppressed in it.

mod keep;

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::Duration;

use kernel::socket;
use kernel::unix::{self, Message};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::signalfd::SignalFd;

use super::feed::{Came, Feed};
use super::sender::Sender;
use super::stream::{Garbled, Stream};
use crate::say;
use keep::{Keep, Sent};

/// Datagrams read of one socket before another has its turn.
const DATAGRAMS: usize = 64;
/// A datagram is no longer: as an entry may be, and what it is written with. Who may not send so much, as most programs, sends a file. Of this buffer
/// only what was needed once takes memory.
const LONGEST: usize = super::record::LONGEST + 4096;
/// Connections at a time, of programs and of readers together.
const MOST_CONNECTIONS: usize = 512;
/// Nobody who asks to be told when we have seen something waits longer.
const PATIENCE: Duration = Duration::from_secs(2);
/// PID 1 is asked for its lines again after so long, where it did not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// What epoll knows the descriptors by; connections come after them.
const SYSLOG: u64 = 0;
const NATIVE: u64 = 1;
const STREAMS: u64 = 2;
const READERS: u64 = 3;
const SIGNALS: u64 = 4;
const FEED: u64 = 5;
const FIRST: u64 = 16;

/// Somebody who is connected.
#[derive(Debug)]
enum Connection {
    Program { stream: UnixStream, words: Stream, sender: Box<Sender> },
    Reader { stream: UnixStream, words: Vec<u8>, is_root: bool },
}

/// A reader who waits until we have seen this line of PID 1, and whatever was sent to us before he came.
#[derive(Debug)]
struct Waiting {
    who: u64,
    line: u64,
    until: Duration,
}

#[derive(Debug)]
struct Recorder {
    epoll: Epoll,
    sockets: [OwnedFd; 4],
    signals: SignalFd,
    feed: Option<Feed>,
    again_at: Option<Duration>,
    connections: BTreeMap<u64, Connection>,
    next: u64,
    waiting: Vec<Waiting>,
    buffer: Vec<u8>,
    keep: Keep,
}

/// Receive until somebody ends us.
pub(crate) fn run() -> ExitCode {
    match Recorder::new().and_then(Recorder::work) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::error(format_args!("fief-log: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn now() -> Duration {
    kernel::time::boottime()
}

impl Recorder {
    fn new() -> io::Result<Self> {
        let sockets = socket::handed();
        let sockets: [OwnedFd; 4] =
            sockets.try_into().map_err(|_| io::Error::other("this is a service of fief-init, which gives it four sockets"))?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let signals = kernel::signal::descriptor()?;
        epoll.add(&signals, EpollEvent::new(EpollFlags::EPOLLIN, SIGNALS))?;
        for (socket, number) in sockets.iter().zip([SYSLOG, NATIVE, STREAMS, READERS]) {
            nix::fcntl::fcntl(socket, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK))?;
            if matches!(number, SYSLOG | NATIVE) {
                unix::want_moments(socket)?;
            }
            epoll.add(socket, EpollEvent::new(EpollFlags::EPOLLIN, number))?;
        }
        let mut new = Self {
            epoll,
            sockets,
            signals,
            feed: None,
            again_at: None,
            connections: BTreeMap::new(),
            next: FIRST,
            waiting: Vec::new(),
            buffer: vec![0; LONGEST],
            keep: Keep::new(now()),
        };
        new.ask_init();
        Ok(new)
    }

    fn work(mut self) -> io::Result<()> {
        loop {
            let mut events = [EpollEvent::empty(); 64];
            let count = match self.epoll.wait(&mut events, self.patience()) {
                Err(Errno::EINTR) => continue,
                other => other?,
            };
            let mut is_over = false;
            for event in events.iter().take(count) {
                is_over |= self.heed(event.data());
            }
            let now = now();
            if self.again_at.is_some_and(|at| at <= now) {
                self.ask_init();
            }
            self.keep.tick(now);
            self.answer(now);
            self.keep.settle();
            if is_over {
                return self.leave();
            }
        }
    }

    /// How long nothing is to be done.
    fn patience(&self) -> EpollTimeout {
        let deadlines = [self.again_at, self.keep.deadline(), self.waiting.iter().map(|waiting| waiting.until).min()];
        let span = deadlines.into_iter().flatten().min().map(|deadline| deadline.saturating_sub(now()));
        // Rounded up: a tick that comes early only comes again.
        span.and_then(|span| EpollTimeout::try_from(span.as_millis().saturating_add(1).min(86_400_000)).ok()).unwrap_or(EpollTimeout::NONE)
    }

    /// Whether that was the word to end.
    fn heed(&mut self, number: u64) -> bool {
        match number {
            SYSLOG | NATIVE => drop(self.datagrams(number)),
            STREAMS | READERS => self.accept(number),
            SIGNALS => return self.heed_signals(),
            FEED => self.hear_init(),
            number => self.hear(number),
        }
        false
    }

    /// Some of what waits; whether there may be more.
    fn datagrams(&mut self, number: u64) -> bool {
        let [syslog, native, ..] = &self.sockets;
        let socket = if number == SYSLOG { syslog } else { native };
        for _ in 0..DATAGRAMS {
            let message = match unix::receive(socket, &mut self.buffer) {
                Ok(message) => message,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return false,
            };
            let now = now();
            let Message { length, sender, mut descriptors, truncated, moment, .. } = message;
            let pid = sender.map_or(0, |sender| u32::try_from(sender.pid()).unwrap_or(0));
            let sender = self.keep.senders.of(pid, sender.map(|sender| (sender.uid(), sender.gid())), now);
            let bytes = self.buffer.get(..length).unwrap_or_default();
            let sent = Sent { sender: &sender, moment };
            match (number, descriptors.pop()) {
                (_, _) if truncated => self.keep.too_long(),
                (SYSLOG, _) => self.keep.syslog(bytes, sent, now),
                (_, Some(file)) if bytes.is_empty() => self.keep.native_in(file, sent, now),
                (_, _) => self.keep.native(bytes, sent, now),
            }
        }
        true
    }

    fn accept(&mut self, number: u64) {
        let [_, _, streams, readers] = &self.sockets;
        let Ok(connection) = socket::accept(if number == STREAMS { streams } else { readers }) else { return };
        let stream = UnixStream::from(connection);
        // One too many is turned away.
        let (Ok(peer), true) = (unix::peer(&stream), self.connections.len() < MOST_CONNECTIONS) else { return };
        let pid = u32::try_from(peer.pid()).unwrap_or(0);
        let is_watched =
            stream.set_nonblocking(true).and_then(|()| Ok(self.epoll.add(&stream, EpollEvent::new(EpollFlags::EPOLLIN, self.next))?));
        if is_watched.is_err() {
            return;
        }
        let connection = if number == STREAMS {
            let sender = Box::new(self.keep.senders.of(pid, Some((peer.uid(), peer.gid())), now()));
            Connection::Program { stream, words: Stream::default(), sender }
        } else {
            Connection::Reader { stream, words: Vec::new(), is_root: peer.uid() == 0 }
        };
        self.connections.insert(self.next, connection);
        self.next += 1;
    }

    fn hear(&mut self, number: u64) {
        let Some(connection) = self.connections.get_mut(&number) else { return };
        let mut buffer = [0; 16 * 1024];
        let (Connection::Program { stream, .. } | Connection::Reader { stream, .. }) = connection;
        let count = match stream.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => return,
            Err(_) => 0,
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        let goes_on = match connection {
            Connection::Program { words, sender, .. } => {
                let (keep, now) = (&mut self.keep, now());
                let taken = words.take(bytes, |stream, said| keep.said(stream, said, &speaker(stream, sender), now));
                if count == 0 {
                    words.end(|stream, said| keep.said(stream, said, &speaker(stream, sender), now));
                }
                taken != Err(Garbled) && count > 0
            }
            Connection::Reader { words, is_root, .. } => {
                words.extend_from_slice(bytes);
                let is_root = *is_root;
                let line = words.iter().position(|byte| *byte == b'\n').map(|end| words.drain(..=end).collect::<Vec<u8>>());
                let goes_on = words.len() < 64 && count > 0;
                if let Some(line) = line {
                    self.asked(number, String::from_utf8_lossy(&line).trim(), is_root);
                }
                goes_on
            }
        };
        if !goes_on {
            self.part(number);
        }
    }

    fn part(&mut self, number: u64) {
        self.waiting.retain(|waiting| waiting.who != number);
        if let Some(Connection::Program { stream, .. } | Connection::Reader { stream, .. }) = self.connections.remove(&number) {
            let _ = self.epoll.delete(stream);
        }
    }

    fn asked(&mut self, number: u64, words: &str, is_root: bool) {
        let until = now() + PATIENCE;
        let done = match (words.split_once(' ').unwrap_or((words, "")), is_root) {
            (("seen", line), _) => {
                let line = line.parse().unwrap_or(0);
                self.waiting.push(Waiting { who: number, line, until });
                return;
            }
            (("sync", _), true) => self.keep.sync(),
            (("rotate", _), true) => self.keep.rotate(),
            (("flush", _), true) => {
                self.keep.open();
                Ok(())
            }
            (_, _) => Err(io::Error::other("not understood, or not allowed")),
        };
        self.reply(number, &done.map_or_else(|error| format!("{error}\n"), |()| "ok\n".to_owned()));
    }

    fn reply(&mut self, number: u64, text: &str) {
        if let Some(Connection::Reader { stream, .. }) = self.connections.get_mut(&number) {
            // Room for a word there is, or he does not read.
            let _ = stream.write_all(text.as_bytes());
        }
    }

    /// Tells who waits that what was sent before is written.
    fn answer(&mut self, now: Duration) {
        let seen = self.feed.as_ref().map_or(u64::MAX, Feed::last);
        let is_due = |waiting: &Waiting| waiting.line <= seen || waiting.until <= now;
        if !self.waiting.iter().any(is_due) {
            return;
        }
        self.take_what_waits();
        self.keep.settle();
        let (due, waiting): (Vec<Waiting>, _) = std::mem::take(&mut self.waiting).into_iter().partition(is_due);
        self.waiting = waiting;
        due.iter().for_each(|waiting| self.reply(waiting.who, "ok\n"));
    }

    /// Reads what was sent up to now. Whoever sends on at this very moment is not to keep us.
    fn take_what_waits(&mut self) {
        for number in [SYSLOG, NATIVE] {
            for _ in 0..16 {
                if !self.datagrams(number) {
                    break;
                }
            }
        }
        let is_program = |connection: &Connection| matches!(connection, Connection::Program { .. });
        let programs: Vec<u64> = self.connections.iter().filter(|(_, one)| is_program(one)).map(|(number, _)| *number).collect();
        programs.into_iter().for_each(|number| self.hear(number));
    }

    fn heed_signals(&mut self) -> bool {
        while let Ok(Some(signal)) = self.signals.read_signal() {
            match i32::try_from(signal.ssi_signo) {
                Ok(libc::SIGTERM | libc::SIGINT) => return true,
                // As journald has them; systemd-journald.service(8), "Signals".
                Ok(libc::SIGUSR1) => self.keep.open(),
                Ok(libc::SIGUSR2) => drop(self.keep.rotate()),
                Ok(number) if number == kernel::signal::SIGRTMIN + 1 => drop(self.keep.sync()),
                Ok(_) | Err(_) => {}
            }
        }
        false
    }

    fn ask_init(&mut self) {
        self.again_at = None;
        let opened = Feed::open(self.keep.line()).and_then(|feed| {
            self.epoll.add(&feed, EpollEvent::new(EpollFlags::EPOLLIN, FEED))?;
            Ok(feed)
        });
        match opened {
            Ok(feed) => self.feed = Some(feed),
            Err(_) => self.again_at = Some(now() + PAUSE),
        }
    }

    fn hear_init(&mut self) {
        let (Some(feed), keep, now) = (&mut self.feed, &mut self.keep, now()) else { return };
        let turn = feed.turn(|came| match came {
            Came::Gap(count) => keep.lost_lines(count),
            Came::Line(line) => keep.line_of_init(&line, now),
        });
        if turn.is_err()
            && let Some(feed) = self.feed.take()
        {
            let _ = self.epoll.delete(feed.as_fd());
            self.again_at = Some(now + PAUSE);
        }
    }

    /// Takes what was sent before, and ends.
    fn leave(mut self) -> io::Result<()> {
        self.take_what_waits();
        self.hear_init();
        self.keep.end();
        Ok(())
    }
}

/// Who speaks on a connection: root may say that it is another's, as PID 1 does for its services.
fn speaker(stream: &Stream, sender: &Sender) -> Sender {
    let mut sender = sender.clone();
    if sender.uid == Some(0) && !stream.unit.is_empty() {
        sender.unit = Some(stream.unit.clone());
    }
    sender
}
