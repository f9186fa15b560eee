//! What init says of itself: sd_notify(3) datagrams.

use std::os::unix::net::UnixDatagram;

use kernel::power::Way;

use super::{Init, Keeper};
use crate::error::Error;

/// The longest message worth reading; systemd's own limit.
const LONGEST: usize = 4096;

impl Keeper<'_> {
    /// Takes what lies at the notify socket; only init itself is heard.
    pub(super) fn listen(&mut self, notify: &UnixDatagram, init: &Init) -> Result<(), Error> {
        let mut buffer = [0; LONGEST];
        // Bounded: a guest that never stops talking must not keep us from the others.
        for _ in 0..64 {
            let Ok(message) = kernel::unix::receive(notify, &mut buffer) else { break };
            if message.truncated || message.sender.is_none_or(|s| s.pid() != init.pid.as_raw()) {
                continue;
            }
            let text = String::from_utf8_lossy(buffer.get(..message.length).unwrap_or_default()).into_owned();
            for line in text.lines() {
                self.heard(line)?;
            }
        }
        Ok(())
    }

    fn heard(&mut self, line: &str) -> Result<(), Error> {
        match line.split_once('=') {
            Some(("READY", "1")) if !self.record.ready => self.ready(),
            Some(("STATUS", text)) => {
                self.record.status = text.chars().filter(|c| !c.is_control()).take(200).collect();
                self.write_record()
            }
            Some(("X_FIEF_LEAVING" | "X_SYSTEMD_SHUTDOWN", way)) => {
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
