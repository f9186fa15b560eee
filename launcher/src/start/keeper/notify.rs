//! What init says of itself: sd_notify(3) datagrams.

use std::os::unix::net::UnixDatagram;

use kernel::power::Way;

use super::{Init, Keeper};
use crate::error::Error;

/// The longest message worth reading; systemd's own limit.
const LONGEST: usize = 4096;

/// How many messages are read at once, and how many each second after that; an init has something to say a few times in its life.
pub(super) const AT_ONCE: u32 = 64;
pub(super) const EACH_SECOND: u32 = 32;

impl Keeper<'_> {
    /// Takes what lies at the notify socket and tells how many messages that were; only init itself is heard.
    pub(super) fn listen(&mut self, notify: &UnixDatagram, init: &Init) -> Result<usize, Error> {
        let mut buffer = [0; LONGEST];
        let mut status = None;
        // Bounded: a guest that never stops talking must not keep us from the others.
        for count in 0..16 {
            let Ok(message) = kernel::unix::receive(notify, &mut buffer) else { return self.note(status).map(|()| count) };
            if message.truncated || message.sender.is_none_or(|s| s.pid() != init.pid.as_raw()) {
                continue;
            }
            let text = String::from_utf8_lossy(buffer.get(..message.length).unwrap_or_default()).into_owned();
            for line in text.lines() {
                match line.split_once('=') {
                    // Only the last one counts: a record is written for it.
                    Some(("STATUS", text)) => status = Some(text.chars().filter(|c| !c.is_control()).take(200).collect()),
                    Some((key, value)) => self.heard(key, value)?,
                    None => {}
                }
            }
        }
        self.note(status).map(|()| 16)
    }

    fn note(&mut self, status: Option<String>) -> Result<(), Error> {
        match status {
            Some(status) if status != self.record.status => {
                self.record.status = status;
                self.write_record()
            }
            _ => Ok(()),
        }
    }

    fn heard(&mut self, key: &str, value: &str) -> Result<(), Error> {
        match (key, value) {
            ("READY", "1") if !self.record.ready => self.ready(),
            ("X_FIEF_LEAVING" | "X_SYSTEMD_SHUTDOWN", way) => {
                self.leaving = match way {
                    "reboot" | "kexec" => Some(Way::Reboot),
                    "poweroff" => Some(Way::PowerOff),
                    "halt" => Some(Way::Halt),
                    _ => None,
                };
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
