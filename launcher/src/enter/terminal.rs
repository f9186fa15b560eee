//! The caller's terminal: what of ours is one, its size, its modes, and the signals that a person or a script sends us.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use nix::sys::termios::{self, InputFlags, SetArg, Termios};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;

/// A standard stream of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    In,
    Out,
    Err,
}

impl Stream {
    pub(super) const ALL: [Self; 3] = [Self::In, Self::Out, Self::Err];

    /// Its descriptor.
    pub(super) const fn number(self) -> i32 {
        match self {
            Self::In => 0,
            Self::Out => 1,
            Self::Err => 2,
        }
    }

    pub(super) fn is_terminal(self) -> bool {
        match self {
            Self::In => io::stdin().is_terminal(),
            Self::Out => io::stdout().is_terminal(),
            Self::Err => io::stderr().is_terminal(),
        }
    }

    /// The same open file under another number, close-on-exec.
    ///
    /// # Errors
    /// When the descriptors are used up.
    pub(super) fn copy(self) -> io::Result<OwnedFd> {
        match self {
            Self::In => io::stdin().as_fd().try_clone_to_owned(),
            Self::Out => io::stdout().as_fd().try_clone_to_owned(),
            Self::Err => io::stderr().as_fd().try_clone_to_owned(),
        }
    }
}

/// A terminal in raw mode; dropped, it is as before, also when a panic unwinds.
#[derive(Debug)]
pub(super) struct Raw {
    terminal: OwnedFd,
    before: Termios,
}

impl Raw {
    /// Puts standard input into raw mode: keys come one by one, none of them means anything here.
    ///
    /// # Errors
    /// When it is no terminal.
    pub(super) fn set() -> io::Result<Self> {
        let terminal = Stream::In.copy()?;
        let before = termios::tcgetattr(&terminal)?;
        let raw = Self { terminal, before };
        raw.again()?;
        Ok(raw)
    }

    /// Once more: a shell that had us stopped set its own modes meanwhile.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn again(&self) -> io::Result<()> {
        let mut raw = self.before.clone();
        termios::cfmakeraw(&mut raw);
        Ok(termios::tcsetattr(&self.terminal, SetArg::TCSADRAIN, &raw)?)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // A terminal that is gone needs no modes. DRAIN: what was written in raw mode is shown as such.
        let _ = termios::tcsetattr(&self.terminal, SetArg::TCSADRAIN, &self.before);
    }
}

/// Lets a new terminal's line editing delete whole characters. Soft.
pub(super) fn expect_utf8(terminal: BorrowedFd<'_>) {
    if let Ok(mut modes) = termios::tcgetattr(terminal) {
        modes.input_flags |= InputFlags::IUTF8;
        let _ = termios::tcsetattr(terminal, SetArg::TCSANOW, &modes);
    }
}

/// Signals to us, as events.
pub(super) struct Signals(SignalDelivery<UnixStream, SignalOnly>);

/// What a signal means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// The terminal has another size.
    Resized,
    /// We go on after a stop.
    Continued,
    /// Somebody wants something of the program.
    Asked(i32),
}

impl Signals {
    /// Takes them over. Those that our caller has us ignore stay ignored: nohup(1), a shell's background.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(super) fn take() -> io::Result<Self> {
        let ignored = ignored();
        let wanted = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT];
        let wanted = wanted.into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
        let (read, write) = UnixStream::pair()?;
        Ok(Self(SignalDelivery::with_pipe(read, write, SignalOnly, wanted)?))
    }

    /// What came.
    pub(super) fn events(&mut self) -> Vec<Event> {
        self.0
            .pending()
            .map(|signal| match signal {
                SIGWINCH => Event::Resized,
                SIGCONT => Event::Continued,
                other => Event::Asked(other),
            })
            .collect()
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_read().as_fd()
    }
}

/// The mask of ignored signals: `SigIgn` of proc_pid_status(5).
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|m| u64::from_str_radix(m.trim(), 16).ok()).unwrap_or(0)
}
