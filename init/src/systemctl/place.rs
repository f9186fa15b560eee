//! Where we are: in a system of fief's, beneath another root, or in a chroot where nothing can be started.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use crate::fiefctl::line::Line;
use crate::fiefctl::session::Failed;
use crate::fiefctl::verbs::Group;
use crate::say;

use super::code;

/// Whether the verb can be carried out here at all: its exit code where it cannot.
pub(super) fn refusal(line: &Line) -> Result<Option<u8>, Failed> {
    let verb = line.verb.name;
    let asks = line.verb.group == Group::Doing;
    if line.value("image").is_some() {
        return Err(Failed::Told("Images of disks are not supported.".to_owned()));
    }
    let elsewhere = line.value("root").is_some();
    if asks && elsewhere {
        return Err(Failed::Told(format!("Verb '{verb}' cannot be used with --root= or --image=.")));
    }
    if (line.has("user") || line.has("global")) && line.verb.group != Group::Files {
        return Err(Failed::Told("Failed to connect to bus: No medium found".to_owned()));
    }
    if line.value("host").is_some() || line.value("machine").is_some_and(|machine| ![".host", "root@", "root@.host"].contains(&machine)) {
        return Err(Failed::Told("Failed to connect to bus: Host is down".to_owned()));
    }
    if asks && is_offline() {
        if !line.has("quiet") {
            say::error(format_args!("Running in chroot, ignoring command '{verb}'"));
        }
        return Ok(Some(code::OK));
    }
    Ok(None)
}

/// As `$SYSTEMD_OFFLINE` says, or else whether our root is another than PID 1's.
pub(super) fn is_offline() -> bool {
    match std::env::var("SYSTEMD_OFFLINE").ok().as_deref().and_then(units::systemd::boolean) {
        Some(told) => told,
        None => is_in_chroot(),
    }
}

/// Whether our root is another than PID 1's.
pub(super) fn is_in_chroot() -> bool {
    if std::env::var("SYSTEMD_IGNORE_CHROOT").ok().as_deref().and_then(units::systemd::boolean) == Some(true) {
        return false;
    }
    // Who may not look is in none, as far as he knows.
    let of = |path: &str| fs::metadata(path).map(|about| (about.dev(), about.ino()));
    match (of("/proc/1/root"), of("/")) {
        (Ok(of_init), Ok(ours)) => of_init != ours,
        (Err(_), _) | (_, Err(_)) => false,
    }
}

/// Who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Init is here and is to know of it.
    Init,
    /// The files alone, of another system or of one that does not run.
    Files,
}

/// As systemctl(1) decides it: with any `--root`, even `/`, by itself.
pub(super) fn side(line: &Line) -> Side {
    let alone = line.value("root").is_some() || line.has("global") || is_offline();
    if alone || !std::path::Path::new(units::control::CONTROL_SOCKET).exists() { Side::Files } else { Side::Init }
}
