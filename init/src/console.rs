//! The console: said into a bounded queue, written as fast as the other end reads.
//!
//! A pty takes some 15 KB unread, then blocks; ^S or a keeper that is away must never stop
//! PID 1. So the console is a *reopened* description with O_NONBLOCK (the inherited one is
//! shared: the flag would leak to whoever else holds it), a queue with an end, and a count of
//! what did not fit. EIO (the other end has gone) closes it; the next line tries to reopen.

use std::collections::VecDeque;
use std::io::IsTerminal;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;

/// Bytes that wait for a slow reader before lines are dropped.
const ROOM: usize = 64 * 1024;

/// How a line is marked for the eye.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Good,
    Notice,
    Bad,
    /// Output of services: dimmed, so that state changes stand out.
    Quiet,
}

impl Tone {
    /// How urgent what is said so is; syslog(3).
    pub(crate) fn priority(self) -> u8 {
        match self {
            Self::Bad => 3,
            Self::Notice => 5,
            Self::Plain | Self::Good | Self::Quiet => 6,
        }
    }
}

/// Where init speaks to a person.
#[derive(Debug)]
pub(crate) struct Console {
    out: Option<OwnedFd>,
    terminal: bool,
    /// False for a regular file, which epoll refuses and which never blocks.
    pollable: bool,
    queue: VecDeque<u8>,
    dropped: u64,
    /// Changes of the queue.
    said: u64,
    /// The other end has gone; nothing more is said on it.
    hung_up: bool,
    /// Where it is, the first that opens.
    places: &'static [&'static str],
}

/// Descriptor 1, opened again through /proc so that O_NONBLOCK stays ours. A socket cannot be.
const STANDARD_OUTPUT: &str = "/proc/self/fd/1";

impl Console {
    /// The system's console; where there is none (docker without -t), standard output. Without
    /// either, what is said is only kept in the journal.
    pub(crate) fn of_system() -> Self {
        Self::at(&["/dev/console", STANDARD_OUTPUT])
    }

    /// Standard output, for an init that is not PID 1: the console is somebody else's.
    pub(crate) fn standard_output() -> Self {
        Self::at(&[STANDARD_OUTPUT])
    }

    fn at(places: &'static [&'static str]) -> Self {
        let (queue, dropped, said) = (VecDeque::new(), 0, 0);
        let mut console = Self { out: None, terminal: false, pollable: true, queue, dropped, said, hung_up: false, places };
        console.reopen();
        console
    }

    /// What waits for the reader, with a mark of it, if that is another one than `mark`.
    pub(crate) fn waiting(&mut self, mark: (u64, usize)) -> Option<((u64, usize), &[u8])> {
        let now = (self.said, self.queue.len());
        (now != mark).then(|| (now, &*self.queue.make_contiguous()))
    }

    /// This waited in an earlier life of the program.
    pub(crate) fn resume(&mut self, waited: &[u8]) {
        self.queue.extend(waited);
    }

    /// Say one line, stamped with the time since start.
    pub(crate) fn say(&mut self, at: Duration, tone: Tone, text: &str) {
        let line = self.render(at, tone, text);
        self.put(line.as_bytes());
    }

    /// Say several lines as they are, such as a diagnostic with its caret.
    pub(crate) fn block(&mut self, text: &str) {
        for line in text.lines() {
            let mut line = printable(line.as_bytes());
            line.push('\n');
            self.put(line.as_bytes());
        }
    }

    /// Write what waits, as far as the reader takes it. True when something still waits.
    pub(crate) fn flush(&mut self) -> bool {
        while !self.queue.is_empty() {
            let Some(out) = self.out.as_ref().filter(|_| !self.hung_up) else { return false };
            let (front, _) = self.queue.as_slices();
            match nix::unistd::write(out, front) {
                Ok(count) => {
                    self.queue.drain(..count.min(self.queue.len()));
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return true,
                Err(_) => {
                    // EIO: hung up. What waited was for a reader who has left.
                    self.hung_up = true;
                    self.queue.clear();
                    return false;
                }
            }
        }
        if self.dropped > 0 {
            let text = format!("{} console lines lost\n", self.dropped);
            self.dropped = 0;
            self.queue.extend(text.as_bytes());
            return self.flush();
        }
        false
    }

    /// The descriptor to watch for writability while [`flush`](Self::flush) says true.
    pub(crate) fn watch(&self) -> Option<BorrowedFd<'_>> {
        self.out.as_ref().filter(|_| self.pollable).map(AsFd::as_fd)
    }

    /// Whether it is to be closed.
    pub(crate) fn has_hung_up(&self) -> bool {
        self.hung_up
    }

    /// Let go of it; the next line tries to open it again.
    pub(crate) fn close(&mut self) {
        self.out = None;
        self.hung_up = false;
    }

    /// Write what waits, at the reader's pace; for the very end, when nothing else is to be done.
    pub(crate) fn wait_for_reader(&mut self, patience: Duration) {
        let until = Instant::now() + patience;
        while self.flush() {
            let left = until.saturating_duration_since(Instant::now());
            let (Some(fd), false) = (self.watch(), left.is_zero()) else { return };
            let left = PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::ZERO);
            let _ = poll(&mut [PollFd::new(fd, PollFlags::POLLOUT)], left);
        }
    }

    fn put(&mut self, line: &[u8]) {
        if self.hung_up {
            return;
        }
        if self.out.is_none() {
            self.reopen();
            if self.out.is_none() {
                return;
            }
        }
        if self.queue.len() + line.len() > ROOM {
            self.dropped += 1;
            return;
        }
        self.queue.extend(line);
        self.said += 1;
        self.flush();
    }

    fn reopen(&mut self) {
        let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC | OFlag::O_APPEND;
        let out = self.places.iter().find_map(|path| open(*path, flags, Mode::empty()).ok());
        self.terminal = out.as_ref().is_some_and(IsTerminal::is_terminal);
        self.pollable =
            out.as_ref().and_then(|fd| nix::sys::stat::fstat(fd).ok()).is_none_or(|stat| stat.st_mode & libc::S_IFMT != libc::S_IFREG);
        self.out = out;
    }

    fn render(&self, at: Duration, tone: Tone, text: &str) -> String {
        let text = printable(text.as_bytes());
        let stamp = format!("[{:3}.{:03}]", at.as_secs(), at.subsec_millis());
        if !self.terminal {
            return format!("{stamp} {text}\n");
        }
        let (on, off) = match tone {
            Tone::Plain => ("", ""),
            Tone::Good => ("\x1b[32m", "\x1b[0m"),
            Tone::Notice => ("\x1b[33m", "\x1b[0m"),
            Tone::Bad => ("\x1b[1;31m", "\x1b[0m"),
            Tone::Quiet => ("\x1b[2m", "\x1b[0m"),
        };
        format!("\x1b[2m{stamp}\x1b[0m {on}{text}{off}\n")
    }
}

/// Bytes from a service as text that cannot steer the terminal: escapes and other controls are
/// shown, tabs kept.
pub(crate) fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push('\t'),
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn on(fd: OwnedFd) -> Console {
        Console { out: Some(fd), terminal: false, pollable: true, queue: VecDeque::new(), dropped: 0, said: 0, hung_up: false, places: &[] }
    }

    #[test]
    fn a_reader_who_does_not_read_costs_lines_not_time() {
        let (reader, writer) = nix::unistd::pipe2(OFlag::O_NONBLOCK | OFlag::O_CLOEXEC).unwrap();
        let mut console = on(writer);
        let text = "x".repeat(1000);
        for _ in 0..1000 {
            console.say(Duration::ZERO, Tone::Plain, &text);
        }
        assert!(console.dropped > 500);
        assert!(console.queue.len() <= ROOM);
        let mut buffer = vec![0; 1 << 20];
        let mut all = Vec::new();
        while let Ok(count) = nix::unistd::read(&reader, &mut buffer) {
            all.extend_from_slice(buffer.get(..count).unwrap());
            console.flush();
            if console.queue.is_empty() && count == 0 {
                break;
            }
        }
        assert!(String::from_utf8(all).unwrap().contains("console lines lost"));
    }

    #[test]
    fn last_words_are_read_or_given_up() {
        let (reader, writer) = nix::unistd::pipe2(OFlag::O_NONBLOCK | OFlag::O_CLOEXEC).unwrap();
        let mut console = on(writer);
        console.queue.extend(std::iter::repeat_n(b'x', 70_000));
        let before = Instant::now();
        console.wait_for_reader(Duration::from_millis(30));
        assert!(before.elapsed() >= Duration::from_millis(30) && !console.queue.is_empty());
        nix::unistd::read(&reader, &mut vec![0; 1 << 17]).unwrap();
        console.wait_for_reader(Duration::from_secs(5));
        assert!(console.queue.is_empty());
    }

    #[test]
    fn a_hung_up_console_is_let_go() {
        let (reader, writer) = nix::unistd::pipe2(OFlag::O_NONBLOCK | OFlag::O_CLOEXEC).unwrap();
        drop(reader);
        let mut console = on(writer);
        console.queue.extend(b"hello");
        assert!(!console.flush());
        assert!(console.has_hung_up());
        console.say(Duration::ZERO, Tone::Plain, "into the void");
        assert!(console.queue.is_empty());
        console.close();
        assert!(console.out.is_none());
    }

    #[test]
    fn a_service_cannot_steer_the_terminal() {
        assert_eq!(printable(b"a\tb\x1b[31mred\x07"), "a\tb\\u{1b}[31mred\\u{7}");
    }
}
