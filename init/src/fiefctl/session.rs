//! Talking to init: one request, its answers, until the last.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use units::control::{CONTROL_SOCKET, Detail, Hello, Refusal, Reply, Request, Turns, UnitResult, UnitRow};
use units::{Difference, NameError, UnitName};

use super::line::Unclear;

/// The exit codes, as `--help` has them.
pub(crate) mod code {
    pub(crate) const OK: u8 = 0;
    pub(crate) const FAILED: u8 = 1;
    pub(crate) const USAGE: u8 = 2;
    pub(crate) const INACTIVE: u8 = 3;
    pub(crate) const NO_SUCH_UNIT: u8 = 4;
    pub(crate) const NO_INIT: u8 = 5;
}

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error("cannot reach init at {CONTROL_SOCKET}")]
    Connect(#[source] std::io::Error),
    #[error("init does not answer")]
    Talk(#[source] std::io::Error),
    #[error("init answers nonsense")]
    Nonsense(#[source] serde_json::Error),
    #[error("{0}")]
    Refused(String, Refusal),
    #[error(transparent)]
    Unclear(#[from] Unclear),
    #[error("{0}: {1}")]
    Name(String, NameError),
    #[error("{0}: no such unit")]
    NoSuchUnit(String),
    #[error("writing the output")]
    Output(#[source] std::io::Error),
    #[error("{0}")]
    File(String, #[source] std::io::Error),
    #[error("{0}")]
    Told(String),
}

impl Failed {
    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Connect(_) | Self::Talk(_) | Self::Nonsense(_) | Self::Refused(_, Refusal::NotAllowed) => code::NO_INIT,
            Self::Unclear(_) | Self::Name(..) => code::USAGE,
            Self::NoSuchUnit(_) => code::NO_SUCH_UNIT,
            Self::Refused(_, Refusal::Impossible | Refusal::NotUnderstood) | Self::File(..) | Self::Output(_) | Self::Told(_) => {
                code::FAILED
            }
        }
    }
}

/// A connection to init.
pub(crate) struct Session(BufReader<UnixStream>);

impl Session {
    /// Where an answer can be waited for together with other things.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }

    /// Connect.
    pub(crate) fn open() -> Result<Self, Failed> {
        UnixStream::connect(CONTROL_SOCKET).map(|stream| Self(BufReader::new(stream))).map_err(Failed::Connect)
    }

    /// Send a request. Its answers are to be read to the last before the next.
    pub(crate) fn ask(&mut self, request: &Request) -> Result<(), Failed> {
        self.0.get_mut().write_all(written(request)?.as_bytes()).map_err(Failed::Talk)
    }

    /// The next answer; a refusal is an error, the end of the connection none.
    pub(crate) fn next(&mut self) -> Result<Option<Reply>, Failed> {
        let mut line = String::new();
        if self.0.read_line(&mut line).map_err(Failed::Talk)? == 0 {
            return Ok(None);
        }
        read(line.as_bytes()).map(Some)
    }

    fn one(&mut self, request: &Request) -> Result<Reply, Failed> {
        self.ask(request)?;
        self.next()?.ok_or_else(|| Failed::Talk(std::io::ErrorKind::UnexpectedEof.into()))
    }

    /// Who is there.
    pub(crate) fn hello(&mut self) -> Result<Hello, Failed> {
        match self.one(&Request::Hello {})? {
            Reply::Hello(hello) => Ok(hello),
            other => Err(odd(&other)),
        }
    }

    /// How long init was away; `None` if it is too old to know.
    pub(crate) fn turns(&mut self) -> Result<Option<Turns>, Failed> {
        match self.one(&Request::Turns {}) {
            Ok(Reply::Turns(turns)) => Ok(Some(turns)),
            Ok(other) => Err(odd(&other)),
            Err(Failed::Refused(_, Refusal::NotUnderstood)) => Ok(None),
            Err(why) => Err(why),
        }
    }

    /// Rows of these units, of all when none is named.
    pub(crate) fn rows(&mut self, units: &[UnitName], with: &[Detail]) -> Result<Vec<UnitRow>, Failed> {
        self.ask(&Request::List { units: units.to_vec(), with: with.to_vec() })?;
        let mut rows = Vec::new();
        loop {
            match self.next()? {
                Some(Reply::Units { units }) => rows.extend(units),
                Some(Reply::End) => return Ok(rows),
                Some(other) => return Err(odd(&other)),
                None => return Err(Failed::Talk(std::io::ErrorKind::UnexpectedEof.into())),
            }
        }
    }

    /// Has the unit files read again; what has changed, and what is wrong with them.
    pub(crate) fn reread(&mut self) -> Result<(Difference, Vec<String>), Failed> {
        match self.one(&Request::DaemonReload {})? {
            Reply::Reread { difference, problems } => Ok((difference, problems)),
            other => Err(odd(&other)),
        }
    }

    /// What became of the units of a request.
    pub(crate) fn done(&mut self, request: &Request) -> Result<Vec<UnitResult>, Failed> {
        match self.one(request)? {
            Reply::Done { results } => Ok(results),
            other => Err(odd(&other)),
        }
    }
}

/// A request as it is sent: a line.
pub(crate) fn written(request: &Request) -> Result<String, Failed> {
    let mut text = serde_json::to_string(request).map_err(Failed::Nonsense)?;
    text.push('\n');
    Ok(text)
}

/// An answer of one line; a refusal is an error.
pub(crate) fn read(line: &[u8]) -> Result<Reply, Failed> {
    match serde_json::from_slice(line).map_err(Failed::Nonsense)? {
        Reply::Refused { reason, kind } => Err(Failed::Refused(reason, kind)),
        reply => Ok(reply),
    }
}

fn odd(reply: &Reply) -> Failed {
    Failed::Told(format!("init answers what was not asked: {reply:?}"))
}
