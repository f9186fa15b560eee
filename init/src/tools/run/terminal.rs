//! A terminal for the service, whose other end is the caller's.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;

use kernel::pty::{self, Pty};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use units::control::Reply;

use crate::fiefctl::session::{Failed, Session};

/// As much as is passed on at once, bytes.
const BUFFER: usize = 16 * 1024;

pub(super) struct Terminal(Pty);

/// The caller's terminal is as it was when this goes.
struct Raw(Termios);

impl Raw {
    /// What is typed goes on as it is; `None` where nobody types.
    fn begin() -> Option<Self> {
        let before = tcgetattr(io::stdin()).ok()?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(io::stdin(), SetArg::TCSADRAIN, &raw).ok().map(|()| Self(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), SetArg::TCSADRAIN, &self.0);
    }
}

impl Terminal {
    pub(super) fn open() -> io::Result<Self> {
        let devpts = File::open("/dev/pts")?;
        let pty = pty::open_in(devpts.as_fd())?;
        if let Ok(size) = pty::window_size(io::stdin()) {
            let _ = pty::set_window_size(&pty.master, &size);
        }
        fcntl(&pty.master, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(Self(pty))
    }

    /// The service's end.
    pub(super) fn path(&self) -> String {
        format!("/dev/pts/{}", self.0.number)
    }

    /// Both ways, until init says how it ended.
    pub(super) fn forward(self, session: &mut Session) -> Result<Option<Reply>, Failed> {
        let raw = Raw::begin();
        let Pty { master, peer, .. } = self.0;
        let mut master = File::from(master);
        let mut typing = true;
        let reply = loop {
            let (any, stdin) = (PollFlags::POLLIN, io::stdin());
            let ours = if typing { any } else { PollFlags::empty() };
            let mut watched = [PollFd::new(session.as_fd(), any), PollFd::new(master.as_fd(), any), PollFd::new(stdin.as_fd(), ours)];
            match poll(&mut watched, PollTimeout::NONE) {
                Ok(_) | Err(nix::errno::Errno::EINTR) => {}
                Err(errno) => break Err(Failed::Talk(errno.into())),
            }
            let happened = watched.map(|one| one.revents().is_some_and(|flags| !flags.is_empty()));
            let [answered, said, typed] = happened;
            if said {
                pass(&mut master);
            }
            if typed && typing {
                typing = type_on(&mut master);
            }
            if answered {
                break session.next();
            }
        };
        // What it said last.
        pass(&mut master);
        drop((peer, raw));
        reply
    }
}

/// All there is to be read of the service's words.
fn pass(master: &mut File) {
    let mut buffer = [0; BUFFER];
    while let Ok(length @ 1..) = master.read(&mut buffer) {
        let mut out = io::stdout().lock();
        let _ = out.write_all(buffer.get(..length).unwrap_or_default()).and_then(|()| out.flush());
    }
}

/// What was typed; false when nothing more is to come, which a terminal says by ^D.
fn type_on(master: &mut File) -> bool {
    let mut buffer = [0; BUFFER];
    match io::stdin().read(&mut buffer) {
        Ok(length @ 1..) => {
            let _ = master.write_all(buffer.get(..length).unwrap_or_default());
            true
        }
        Ok(_) | Err(_) => {
            let _ = master.write_all(b"\x04");
            false
        }
    }
}
