//! `/dev/log` for as long as no syslog daemon has taken it over.
//!
//! It must exist from the first moment: logger(1) fails without it, and maintainer scripts
//! with it. A daemon such as rsyslog removes the name and binds its own; ours then hears
//! nothing more. syslog(3), RFC 3164 as glibc writes it.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use crate::journal::{INFO, Priority, USER};

const PATH: &str = "/dev/log";
/// Datagrams taken per turn of the loop.
const BUDGET: usize = 64;
/// And lines: one datagram may be four thousand of them, and everybody may write. The last one is taken whole.
const LINES: usize = 2048;

/// The socket bound at `/dev/log`.
#[derive(Debug)]
pub(crate) struct Syslog(UnixDatagram);

impl Syslog {
    /// Bind it, unless something is there already.
    pub(crate) fn bind() -> io::Result<Option<Self>> {
        if fs::symlink_metadata(PATH).is_ok() {
            return Ok(None);
        }
        let socket = UnixDatagram::bind(Path::new(PATH))?;
        socket.set_nonblocking(true)?;
        fs::set_permissions(PATH, fs::Permissions::from_mode(0o666))?;
        Ok(Some(Self(socket)))
    }

    /// The one of an earlier life of the program.
    pub(crate) fn resumed(socket: OwnedFd) -> Self {
        Self(socket.into())
    }

    /// Give each waiting message to `each`, its priority apart and without its time.
    pub(crate) fn turn(&self, mut each: impl FnMut(Priority, &[u8])) {
        let mut buffer = [0_u8; 8192];
        let mut lines = 0;
        for _ in 0..BUDGET {
            if lines >= LINES {
                return;
            }
            let Ok(length) = self.0.recv(&mut buffer) else { return };
            let datagram = buffer.get(..length).unwrap_or_default();
            for line in datagram.split(|byte| matches!(byte, b'\n' | 0)).filter(|line| !line.is_empty()) {
                let (priority, text) = message(line);
                each(priority, text);
                lines += 1;
            }
        }
    }
}

impl AsFd for Syslog {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// `<38>Nov 23 16:48:01 sshd[42]: text` → auth (4) and info (6), `sshd[42]: text`.
fn message(line: &[u8]) -> (Priority, &[u8]) {
    let end = line.iter().take(6).position(|byte| *byte == b'>').filter(|_| line.starts_with(b"<"));
    let (number, line) = match end {
        Some(end) => (line.get(1..end).unwrap_or_default(), line.get(end + 1..).unwrap_or_default()),
        None => (&[][..], line),
    };
    let number = std::str::from_utf8(number).ok().and_then(|number| number.parse::<u8>().ok());
    let priority = number.map_or(Priority::new(USER, INFO), |number| Priority::new(number >> 3, number));
    // "Mmm dd hh:mm:ss " is 16 bytes with the colons at 9 and 12.
    let stamped = line.get(9) == Some(&b':') && line.get(12) == Some(&b':') && line.get(15) == Some(&b' ');
    (priority, if stamped { line.get(16..).unwrap_or_default() } else { line })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_turn_is_short_however_many_lines_are_in_a_datagram() {
        let (one, two) = UnixDatagram::pair().unwrap();
        two.set_nonblocking(true).unwrap();
        let syslog = Syslog(two);
        for _ in 0..4 {
            one.send(&b"x\n".repeat(2000)).unwrap();
        }
        let mut turns = Vec::new();
        while turns.iter().sum::<usize>() < 8000 {
            let mut count = 0;
            syslog.turn(|_, _| count += 1);
            turns.push(count);
        }
        assert_eq!(turns, [4000, 4000]);
    }

    #[test]
    fn priority_and_time_are_taken_off() {
        assert_eq!(message(b"<38>Nov 23 16:48:01 sshd[42]: hi"), (Priority::new(4, 6), &b"sshd[42]: hi"[..]));
        assert_eq!(message(b"<11>plain"), (Priority::new(1, 3), &b"plain"[..]));
        assert_eq!(message(b"no priority"), (Priority::new(USER, INFO), &b"no priority"[..]));
        assert_eq!(message(b"<broken"), (Priority::new(USER, INFO), &b"<broken"[..]));
        assert_eq!(message(b"<38>"), (Priority::new(4, 6), &b""[..]));
        assert_eq!(message(b"<300>much"), (Priority::new(USER, INFO), &b"much"[..]));
    }
}
