//! SSH host keys on the first boot: a template carries none, so that no two guests share them.
//! ssh-keygen(1) -A.

#![allow(clippy::disallowed_methods)] // A child of PID 1 may start a program and wait for it.

use std::path::Path;
use std::process::{Command, Stdio};

use super::{Trouble, program};
use crate::say;

pub(super) fn apply() -> Result<(), Trouble> {
    let missing = ["rsa", "ecdsa", "ed25519"].iter().any(|kind| !Path::new(&format!("/etc/ssh/ssh_host_{kind}_key")).exists());
    if !missing || !Path::new("/etc/ssh").is_dir() {
        return Ok(());
    }
    let Some(keygen) = program("ssh-keygen") else { return Ok(()) };
    let ended = Command::new(&keygen).arg("-A").stdin(Stdio::null()).status().map_err(|error| Trouble::file("run", &keygen, error))?;
    if !ended.success() {
        return Err(Trouble::Wrong(format!("ssh-keygen -A: {ended}")));
    }
    say::line(format_args!("SSH host keys made"));
    Ok(())
}
