//! `lo` up. netdevice(7).

use std::io;
use std::path::Path;

use nix::errno::Errno;

use super::{Trouble, netlink};
use crate::say;

/// In every network namespace.
const INDEX: u32 = 1;

pub(super) fn apply() -> Result<(), Trouble> {
    if is_up() {
        return Ok(());
    }
    match netlink::raise(INDEX) {
        Ok(()) => say::line(format_args!("loopback is up")),
        Err(Errno::EPERM | Errno::EACCES) => say::line(format_args!("loopback stays as it is: not permitted")),
        Err(error) => {
            return Err(Trouble::File { what: "cannot bring lo up".to_owned(), source: io::Error::from(error) });
        }
    }
    Ok(())
}

fn is_up() -> bool {
    super::text(Path::new("/sys/class/net/lo/flags"))
        .ok()
        .flatten()
        .and_then(|text| u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok())
        .is_some_and(|flags| flags & 1 == 1)
}
