//! What is kept is handed on to a syslog daemon, where one listens: rsyslogd binds the socket, or is given it by `syslog.socket`.
//!
//! Invariant: nobody is waited for. What the daemon is too slow for is not sent, and counted.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use super::civil::Here;

const PATH: &str = "/run/systemd/journal/syslog";
/// Where nobody listens it is looked so often whether somebody does.
const PAUSE: Duration = Duration::from_secs(1);

/// The way there.
#[derive(Debug)]
pub(super) struct Forward {
    socket: Option<UnixDatagram>,
    here: Here,
    not_before: Duration,
    lost: u64,
}

impl Forward {
    /// To nobody, unless `wanted`.
    pub(super) fn new(wanted: bool) -> Self {
        let socket =
            if wanted { UnixDatagram::unbound().and_then(|socket| socket.set_nonblocking(true).map(|()| socket)).ok() } else { None };
        Self { socket, here: Here::found(), not_before: Duration::ZERO, lost: 0 }
    }

    /// Whether somebody may be listening.
    pub(super) fn is_open(&self, now: Duration) -> bool {
        self.socket.is_some() && now >= self.not_before
    }

    /// A message as it came.
    pub(super) fn raw(&mut self, datagram: &[u8], now: Duration) {
        let Some(socket) = self.socket.as_ref().filter(|_| now >= self.not_before) else { return };
        match socket.send_to(datagram, PATH) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.lost += 1,
            Err(_) => self.not_before = now + PAUSE,
        }
    }

    /// What did not come that way, in the words of RFC 3164.
    pub(super) fn words(
        &mut self,
        (facility, level): (u8, u8),
        realtime: u64,
        (name, pid): (&str, Option<u32>),
        text: &[u8],
        now: Duration,
    ) {
        if !self.is_open(now) {
            return;
        }
        let pid = pid.map_or_else(String::new, |pid| format!("[{pid}]"));
        let head = format!("<{}>{} {name}{pid}: ", u32::from(facility) << 3 | u32::from(level), self.here.at(realtime).syslog());
        self.raw(&[head.as_bytes(), text].concat(), now);
    }

    /// How many were not sent since this was asked last.
    pub(super) fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }
}
