//! What a program inside has for standard streams.
//!
//! ```text
//!   ours                                   inside
//!   a pipe, file or socket                 the same: binary-clean, its end is its end
//!   terminals as input and output          a terminal of the guest's own devpts, relayed to ours in raw mode
//!   one terminal among pipes               a pipe, relayed
//! ```
//!
//! Invariant: no terminal of the host's is ever handed in. A guest could type on it (TIOCSTI, ioctl_tty(2)), change its modes, or be sent its signals.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use kernel::pty::{self, Pty};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::stat::{SFlag, fstat};
use nix::unistd::pipe2;

use super::relay::Channel;
use super::terminal::{self, Stream};

/// What one stream becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Same,
    Terminal,
    Pipe,
}

/// What `terminal`, which of ours are terminals, makes of each.
fn kinds(terminals: [bool; 3]) -> [Kind; 3] {
    let both = matches!(terminals, [true, true, _]);
    terminals.map(|is| match (is, both) {
        (false, _) => Kind::Same,
        (true, true) => Kind::Terminal,
        (true, false) => Kind::Pipe,
    })
}

/// Whether a program now started would get a terminal.
pub(super) fn want_terminal() -> bool {
    kinds(Stream::ALL.map(Stream::is_terminal)).contains(&Kind::Terminal)
}

/// Both sides of it.
#[derive(Debug)]
pub(super) struct Streams {
    /// What the program gets, by number; nothing for what it shares with us.
    inside: Vec<(OwnedFd, i32)>,
    pty: Option<Pty>,
    /// What is to be relayed; the first is from our input, if `input` says that it is.
    pub(super) channels: Vec<Channel>,
    input: bool,
}

impl Streams {
    /// Makes them; `pty` where [`want_terminal`].
    ///
    /// # Errors
    /// When descriptors are used up.
    pub(super) fn make(pty: Option<Pty>) -> io::Result<Self> {
        let mut streams = Self { inside: Vec::new(), pty: None, channels: Vec::new(), input: false };
        for (stream, kind) in Stream::ALL.into_iter().zip(kinds(Stream::ALL.map(Stream::is_terminal))) {
            match (kind, &pty) {
                (Kind::Same, _) => no_folder(stream)?,
                (Kind::Terminal, Some(pty)) => streams.inside.push((pty.peer.try_clone()?, stream.number())),
                (Kind::Pipe, _) | (Kind::Terminal, None) => streams.pipe(stream)?,
            }
        }
        if let Some(pty) = &pty {
            terminal::expect_utf8(pty.peer.as_fd());
            do_not_block(&pty.master)?;
            streams.channels.push(Channel::new(Stream::In.copy()?, pty.master.try_clone()?));
            streams.channels.push(Channel::new(pty.master.try_clone()?, Stream::Out.copy()?));
            streams.input = true;
        }
        streams.pty = pty;
        streams.resize();
        Ok(streams)
    }

    fn pipe(&mut self, stream: Stream) -> io::Result<()> {
        let (read, write) = pipe2(OFlag::O_CLOEXEC)?;
        if stream == Stream::In {
            do_not_block(&write)?;
            self.inside.push((read, stream.number()));
            self.channels.insert(0, Channel::new(stream.copy()?, write));
            self.input = true;
        } else {
            do_not_block(&read)?;
            self.inside.push((write, stream.number()));
            self.channels.push(Channel::new(read, stream.copy()?));
        }
        Ok(())
    }

    /// What the plan lets the program inherit.
    pub(super) fn inherited(&self) -> Vec<(BorrowedFd<'_>, i32)> {
        self.inside.iter().map(|(fd, number)| (fd.as_fd(), *number)).collect()
    }

    /// Whether 0 is a terminal.
    pub(super) fn is_terminal(&self) -> bool {
        self.pty.is_some()
    }

    /// The program has its own now; ends of pipes that stayed here would hide their end. Of a terminal one end is kept open to its very end:
    /// a program may close its terminal and open it again.
    pub(super) fn handed_over(&mut self) {
        self.inside.clear();
    }

    /// Nothing more goes in.
    pub(super) fn close_input(&mut self) {
        if std::mem::take(&mut self.input) {
            self.channels.remove(0);
        }
    }

    /// When our terminal went away: the program's goes too, and its session is told so (SIGHUP), as when a line drops.
    pub(super) fn hang_up_if_ours_did(&mut self) {
        if self.pty.is_some() && self.channels.iter().any(Channel::is_over) {
            self.channels.clear();
            self.input = false;
            self.pty = None;
        }
    }

    /// Gives the program's terminal the size of ours.
    pub(super) fn resize(&self) {
        if let Some(pty) = &self.pty {
            // A terminal without a size is still one.
            let _ = pty::window_size(io::stdin()).and_then(|size| pty::set_window_size(&pty.master, &size));
        }
    }
}

/// From a folder of the host's one walks to its root, whatever one's own root is: `fief exec NAME -- CMD < /` is no way in.
fn no_folder(stream: Stream) -> io::Result<()> {
    let kind = SFlag::from_bits_truncate(fstat(stream.copy()?)?.st_mode) & SFlag::S_IFMT;
    if kind == SFlag::S_IFDIR { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(()) }
}

/// Only ends that are ours alone: the mark is the open file's, not the descriptor's.
fn do_not_block(fd: &OwnedFd) -> io::Result<()> {
    fcntl(fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Kind::{Pipe, Same, Terminal};
    use super::*;

    #[test]
    fn no_terminal_of_ours_is_handed_in() {
        let (t, f) = (true, false);
        assert_eq!(kinds([f, f, f]), [Same, Same, Same]);
        assert_eq!(kinds([t, t, t]), [Terminal, Terminal, Terminal]);
        assert_eq!(kinds([t, t, f]), [Terminal, Terminal, Same]);
        assert_eq!(kinds([f, t, t]), [Same, Pipe, Pipe]);
        assert_eq!(kinds([t, f, t]), [Pipe, Same, Pipe]);
        for bits in 0..8_u8 {
            let terminals = [bits & 1 != 0, bits & 2 != 0, bits & 4 != 0];
            for (is, kind) in terminals.into_iter().zip(kinds(terminals)) {
                assert_eq!(is, kind != Same);
            }
        }
    }
}
