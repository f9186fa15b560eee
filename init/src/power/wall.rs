//! A word to everybody who is logged in, as `wall` has it.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};

use units::control::Way;

use super::plan;
use crate::utmp;

/// Who says it.
pub(super) struct Caller {
    pub(super) name: String,
    /// His terminal's name below /dev.
    pub(super) terminal: Option<String>,
}

/// That the system is leaving, now or at that moment.
pub(super) fn warn(way: Way, at: Option<u64>, message: &str, caller: &Caller) {
    let way = match way {
        Way::Poweroff | Way::Exit(_) => "power-off",
        Way::Reboot => "reboot",
        Way::Halt => "halt",
    };
    let when = at.map_or_else(|| "NOW".to_owned(), |at| format!("at {}", plan::date(at)));
    let message = if message.is_empty() { String::new() } else { format!("{message}\n") };
    broadcast(&format!("{message}The system is going down for {way} {when}!"), caller);
}

/// Nobody is waited for: who does not read, misses it.
pub(super) fn broadcast(message: &str, caller: &Caller) {
    let host = nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let on = caller.terminal.as_ref().map(|terminal| format!(" on {terminal}")).unwrap_or_default();
    // What a terminal would take for an order, it shall not be given.
    let shown: String = message.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '?' } else { c }).collect();
    let text = format!(
        "\r\nBroadcast message from {}@{host}{on} ({}):\r\n\r\n{}\r\n\r\n",
        caller.name,
        plan::date(plan::now()),
        shown.replace('\n', "\r\n")
    );
    for person in utmp::people(utmp::books()) {
        let path = format!("/dev/{}", person.line);
        if person.line.split('/').any(|part| matches!(part, "" | "." | "..")) {
            continue;
        }
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_NOFOLLOW;
        let Ok(mut terminal) = OpenOptions::new().write(true).custom_flags(flags).open(path) else { continue };
        if terminal.metadata().is_ok_and(|about| about.file_type().is_char_device()) {
            let _ = terminal.write_all(text.as_bytes());
        }
    }
}
