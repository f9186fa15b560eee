//! The folders and files under /run that programs expect after a boot, and what the packages' tmpfiles.d says. tmpfiles.d(5), utmp(5).

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};

use super::Trouble;
use crate::accounts::Accounts;
use crate::{say, tools, utmp};

/// Where no file speaks of the same path: what Debian's systemd has of its own, as far as a container has use for it.
const STOCK: &str = "\
d /run/lock 1777 root root
d /run/lock/subsys 0755 root root
L /var/lock - - - - ../run/lock
d /run/log 0755 root root
d /run/user 0755 root root
d /run/sendsigs.omit.d 0755 root root
d /run/systemd/shutdown 0755 root root
d /var/tmp 1777 root root 30d
D! /tmp 1777 root root 10d
D! /tmp/.X11-unix 1777 root root
D! /tmp/.ICE-unix 1777 root root
f /var/log/wtmp 0664 root utmp
f /var/log/btmp 0660 root utmp
d /var/lib/systemd 0755 root root
x /tmp/systemd-private-%b-*
x /var/tmp/systemd-private-%b-*
";

pub(super) fn apply() -> Result<(), Trouble> {
    // Some lines cannot be done, as a container is bound to meet: each was told.
    let status = tools::tmpfiles_at_boot(STOCK);
    if status != 0 {
        say::line(format_args!("tmpfiles.d: status {status}"));
    }
    // Package systemd's lines make it, for a unit of its own to remove; it would keep everybody
    // but root out.
    let _ = fs::remove_file("/run/nologin");
    accounting()
}

/// What has been there for too long goes.
pub(super) fn clean() -> Result<(), Trouble> {
    match tools::tmpfiles_that_are_old(STOCK) {
        0 | tools::NOT_ALL_UNDERSTOOD => Ok(()),
        status => Err(Trouble::Wrong(format!("status {status}"))),
    }
}

/// /run/utmp with the record of this boot, so that who(1) and uptime(1) have something to read and write.
pub(super) fn accounting() -> Result<(), Trouble> {
    let books = utmp::books();
    let path = books.utmp;
    if utmp::has_boot(books) {
        return Ok(());
    }
    if !path.exists() {
        fs::write(path, "").map_err(|error| Trouble::file("write", path, error))?;
    }
    utmp::boot(books);
    let group = Accounts::read().ok().and_then(|accounts| accounts.group("utmp"));
    let _ = chown(path, Some(0), group);
    fs::set_permissions(path, fs::Permissions::from_mode(0o664)).map_err(|error| Trouble::file("set the mode of", path, error))
}
