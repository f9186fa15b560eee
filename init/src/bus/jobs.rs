//! What PID 1 takes its time for: a connection to it for each, so that nobody waits for another's.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use units::UnitName;
use units::control::{CONTROL_SOCKET, Outcome, Reply, Request};

use crate::fiefctl::session::{self, Failed};

/// No answer is longer, bytes: what is wrong with unit files is told in it.
const LONGEST: usize = 4 << 20;

/// Why it is asked.
#[derive(Debug)]
pub(super) enum Purpose {
    /// Everybody is told when the job is over.
    Job { id: u32, unit: UnitName, verb: &'static str },
    /// The same of one that comes with a call; if it is a scope, these are to be in it.
    Transient { id: u32, unit: UnitName, pids: Vec<u32> },
    /// This call is answered then.
    Call { client: u64, serial: u32 },
}

/// One request under way.
#[derive(Debug)]
pub(super) struct Errand {
    stream: UnixStream,
    words: Vec<u8>,
    pub(super) purpose: Purpose,
}

impl Errand {
    pub(super) fn begin(request: &Request, purpose: Purpose) -> Result<Self, Failed> {
        let mut stream = UnixStream::connect(CONTROL_SOCKET).map_err(Failed::Connect)?;
        let text = session::written(request)?;
        stream.write_all(text.as_bytes()).and_then(|()| stream.set_nonblocking(true)).map_err(Failed::Talk)?;
        Ok(Self { stream, words: Vec::new(), purpose })
    }

    /// Reads some of the answer; the answer, once it is whole.
    pub(super) fn turn(&mut self) -> Option<Result<Reply, Failed>> {
        let mut buffer = [0; 16 * 1024];
        let gone = |kind: ErrorKind| Some(Err(Failed::Talk(io::Error::from(kind))));
        match self.stream.read(&mut buffer) {
            Ok(0) => return gone(ErrorKind::UnexpectedEof),
            Ok(count) => self.words.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return None,
            Err(error) => return gone(error.kind()),
        }
        if self.words.len() > LONGEST {
            return gone(ErrorKind::InvalidData);
        }
        let line = self.words.strip_suffix(b"\n")?;
        Some(session::read(line))
    }
}

impl AsFd for Errand {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// The word for how a job ended, in the signal JobRemoved; org.freedesktop.systemd1(5). `verdict` is the unit's.
pub(super) fn result(verb: &str, outcome: &Outcome, verdict: &str) -> &'static str {
    match (outcome, verdict) {
        (Outcome::Ok | Outcome::Skipped(_) | Outcome::Queued, _) => "done",
        (Outcome::Cancelled, _) => "canceled",
        (Outcome::Timeout, _) => "timeout",
        (Outcome::Refused(_), _) if verb == "reload" => "invalid",
        (Outcome::Failed(_), "dependency") => "dependency",
        (Outcome::Failed(_), "assert") => "assert",
        (Outcome::Failed(_) | Outcome::Refused(_), _) => "failed",
    }
}
