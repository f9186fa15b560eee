//! PID 1's lines: what units write to their standard output, and what init tells of itself. We are a client of the control socket that stays.
//!
//! PID 1 makes no line for us that we have not room for, and its rings keep what waits, the lines of each unit apart. So it neither waits nor grows, a
//! service that floods costs others nothing, and what had to make way shows as a gap in the numbers. After a fall we ask for what came after the last
//! line that the store has.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use units::control::{CONTROL_SOCKET, LogLine, LogsRequest, Reply, Request};

/// No answer is longer: a line of [`crate::journal`] is cut at 4 KiB, and each byte of it may take six.
const LONGEST: usize = 64 * 1024;

/// The connection.
#[derive(Debug)]
pub(super) struct Feed {
    stream: UnixStream,
    partial: Vec<u8>,
    /// The number of the last line; none before the first.
    last: Option<u64>,
}

/// Something that came.
#[derive(Debug)]
pub(super) enum Came {
    Line(Box<LogLine>),
    /// So many lines before the next are nowhere any more.
    Gap(u64),
}

impl Feed {
    /// Asks for what comes after this line.
    pub(super) fn open(after: u64) -> io::Result<Self> {
        let mut stream = UnixStream::connect(CONTROL_SOCKET)?;
        let request = Request::Logs(LogsRequest { follow: true, after: Some(after), ..LogsRequest::default() });
        let mut text = serde_json::to_string(&request)?;
        text.push('\n');
        stream.write_all(text.as_bytes())?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, partial: Vec::new(), last: (after > 0).then_some(after) })
    }

    /// The number of the last line that came.
    pub(super) fn last(&self) -> u64 {
        self.last.unwrap_or(0)
    }

    /// Reads some of what has come. An error where the connection is over.
    pub(super) fn turn(&mut self, mut each: impl FnMut(Came)) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        let count = match self.stream.read(&mut buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => return Ok(()),
            Err(error) => return Err(error),
        };
        self.partial.extend_from_slice(buffer.get(..count).unwrap_or_default());
        let whole = self.partial.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let rest = self.partial.split_off(whole);
        for line in std::mem::replace(&mut self.partial, rest).split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match serde_json::from_slice(line) {
                Ok(Reply::Log(line)) => self.came(line, &mut each),
                Ok(other) => return Err(io::Error::other(format!("init answers what was not asked: {other:?}"))),
                Err(error) => return Err(error.into()),
            }
        }
        if self.partial.len() > LONGEST { Err(io::ErrorKind::InvalidData.into()) } else { Ok(()) }
    }

    fn came(&mut self, line: LogLine, each: &mut impl FnMut(Came)) {
        // What PID 1 says of lost lines shows in the numbers as well, and exactly.
        if line.number == 0 {
            return;
        }
        let gap = match self.last {
            Some(last) if line.number > last => line.number - last - 1,
            // Its count was begun anew.
            Some(_) => 0,
            None => line.number - 1,
        };
        if gap > 0 {
            each(Came::Gap(gap));
        }
        self.last = Some(line.number);
        each(Came::Line(Box::new(line)));
    }
}

impl AsFd for Feed {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
