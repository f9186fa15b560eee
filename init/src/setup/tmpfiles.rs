//! The folders and files under /run that programs expect after a boot, and the packages' own
//! tmpfiles.d lines where a systemd-tmpfiles is installed. tmpfiles.d(5), utmp(5).

#![allow(clippy::disallowed_methods)] // A child of PID 1 may start a program and wait for it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Trouble, folder, program};
use crate::accounts::Accounts;
use crate::say;

const UTMP: &str = "/run/utmp";

pub(super) fn apply() -> Result<(), Trouble> {
    for (path, mode) in [("/run/lock", 0o1777), ("/run/lock/subsys", 0o755), ("/run/user", 0o755)] {
        folder(Path::new(path), mode)?;
    }
    accounting()?;
    if let Some(tmpfiles) = program("systemd-tmpfiles") {
        let ended = Command::new(&tmpfiles)
            .args(["--create", "--remove", "--boot", "--exclude-prefix=/dev"])
            .stdin(Stdio::null())
            .status()
            .map_err(|error| Trouble::file("run", &tmpfiles, error))?;
        // 65 and 73: some lines could not be done, which a container is bound to meet.
        if !ended.success() {
            say::line(format_args!("{}: {ended}", tmpfiles.display()));
        }
    }
    // Package systemd's lines make it, for a unit of its own to remove; it would keep everybody
    // but root out.
    let _ = fs::remove_file("/run/nologin");
    Ok(())
}

/// A fresh /run/utmp with the record of this boot, so that who(1) and uptime(1) have something
/// to read and write.
fn accounting() -> Result<(), Trouble> {
    let path = Path::new(UTMP);
    if path.exists() {
        return Ok(());
    }
    fs::write(path, boot_record()).map_err(|error| Trouble::file("write", path, error))?;
    let group = Accounts::read().ok().and_then(|accounts| accounts.group("utmp"));
    let _ = chown(path, Some(0), group);
    fs::set_permissions(path, fs::Permissions::from_mode(0o664)).map_err(|error| Trouble::file("set the mode of", path, error))
}

/// One utmp(5) record, type BOOT_TIME, in the layout every 64-bit Linux shares with 32-bit:
/// 384 bytes, seconds in 32 bits at offset 340.
fn boot_record() -> Vec<u8> {
    let mut record = vec![0_u8; 384];
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(place) = record.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    put(0, &2_i16.to_ne_bytes()); // BOOT_TIME
    put(8, b"~");
    put(40, b"~~");
    put(44, b"reboot");
    put(340, &u32::try_from(now.as_secs()).unwrap_or(u32::MAX).to_ne_bytes());
    put(344, &now.subsec_micros().to_ne_bytes());
    record
}
