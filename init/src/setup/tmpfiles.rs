//! The folders and files under /run that programs expect after a boot, and the packages' own
//! tmpfiles.d lines where a systemd-tmpfiles is installed. tmpfiles.d(5), utmp(5).

#![allow(clippy::disallowed_methods)] // A child of PID 1 may start a program and wait for it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Trouble, folder, program};
use crate::accounts::Accounts;
use crate::{say, utmp};

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
pub(super) fn accounting() -> Result<(), Trouble> {
    let books = utmp::books();
    let path = books.utmp;
    if path.exists() {
        return Ok(());
    }
    fs::write(path, "").map_err(|error| Trouble::file("write", path, error))?;
    utmp::boot(books);
    let group = Accounts::read().ok().and_then(|accounts| accounts.group("utmp"));
    let _ = chown(path, Some(0), group);
    fs::set_permissions(path, fs::Permissions::from_mode(0o664)).map_err(|error| Trouble::file("set the mode of", path, error))
}
