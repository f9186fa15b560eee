//! The host name from /etc/hostname, so that what the guest's root wrote there holds after a
//! reboot. sethostname(2), hostname(5).

use std::path::Path;

use super::{Trouble, text};
use crate::say;

/// Whether a host may be called so.
pub(crate) fn is_good(name: &str) -> bool {
    let bytes = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
    !name.is_empty() && name.len() <= 64 && bytes && !name.starts_with(['-', '.'])
}

pub(super) fn apply() -> Result<(), Trouble> {
    let Some(file) = text(Path::new("/etc/hostname"))? else { return Ok(()) };
    let Some(name) = file.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')) else {
        return Ok(());
    };
    if !is_good(name) {
        return Err(Trouble::Wrong(format!("/etc/hostname: {name:?} is no host name")));
    }
    if nix::unistd::gethostname().is_ok_and(|now| now == name) {
        return Ok(());
    }
    match nix::unistd::sethostname(name) {
        Ok(()) => say::line(format_args!("host name is {name}")),
        Err(error) => say::line(format_args!("host name stays as it is: {}", error.desc())),
    }
    Ok(())
}
