//! What is kept is handed on to a syslog daemon, where one listens: rsyslogd binds the socket, or is given it by `syslog.socket`.
//!
//! Invariant: nobody is waited for. What the daemon is too slow for is not sent, and counted.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;

use super::civil::Here;

const PATH: &str = "/run/systemd/journal/syslog";
/// The way there.
#[derive(Debug)]
pub(super) struct Forward {
    socket: Option<UnixDatagram>,
    here: Here,
    lost: u64,
}

impl Forward {
    /// To nobody, unless `wanted`.
    pub(super) fn new(wanted: bool) -> Self {
        let socket =
            if wanted { UnixDatagram::unbound().and_then(|socket| socket.set_nonblocking(true).map(|()| socket)).ok() } else { None };
        Self { socket, here: Here::found(), lost: 0 }
    }

    /// A message as it came.
    pub(super) fn raw(&mut self, datagram: &[u8]) {
        let Some(socket) = &self.socket else { return };
        // Nobody listening, or no longer, is the usual case.
        if socket.send_to(datagram, PATH).is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
            self.lost += 1;
        }
    }

    /// What did not come that way, in the words of RFC 3164.
    pub(super) fn words(&mut self, (facility, level): (u8, u8), realtime: u64, (name, pid): (&str, Option<u32>), text: &[u8]) {
        if self.socket.is_none() || std::fs::symlink_metadata(PATH).is_err() {
            return;
        }
        let pid = pid.map_or_else(String::new, |pid| format!("[{pid}]"));
        let head = format!("<{}>{} {name}{pid}: ", u32::from(facility) << 3 | u32::from(level), self.here.at(realtime).syslog());
        self.raw(&[head.as_bytes(), text].concat());
    }

    /// How many were not sent since this was asked last.
    pub(super) fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }
}
