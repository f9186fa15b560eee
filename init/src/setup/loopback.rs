//! `lo` up, by one rtnetlink message. rtnetlink(7), netdevice(7).

use std::io;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket};

use super::Trouble;
use crate::say;

/// RTM_NEWLINK for interface 1, which is lo in every network namespace: flag IFF_UP, and only
/// that flag changes. A header of 16 bytes, an ifinfomsg of 16.
fn message() -> Vec<u8> {
    let (len, kind, flags, sequence, port) = (32_u32, libc::RTM_NEWLINK, 5_u16 /* REQUEST | ACK */, 1_u32, 0_u32);
    let (family, hardware, index, up, change) = (0_u16, 0_u16, 1_i32, 1_u32, 1_u32);
    let mut bytes = Vec::with_capacity(32);
    bytes.extend(len.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(port.to_ne_bytes());
    bytes.extend(family.to_ne_bytes());
    bytes.extend(hardware.to_ne_bytes());
    bytes.extend(index.to_ne_bytes());
    bytes.extend(up.to_ne_bytes());
    bytes.extend(change.to_ne_bytes());
    bytes
}

pub(super) fn apply() -> Result<(), Trouble> {
    if is_up() {
        return Ok(());
    }
    match raise() {
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

fn raise() -> Result<(), Errno> {
    let netlink = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)?;
    let fd = std::os::fd::AsRawFd::as_raw_fd(&netlink);
    sendto(fd, &message(), &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
    let mut answer = [0_u8; 512];
    let length = recv(fd, &mut answer, MsgFlags::empty())?;
    // nlmsgerr: after the header a negative errno, 0 for success.
    let code = answer
        .get(..length)
        .and_then(|message| message.get(16..20))
        .and_then(|code| <[u8; 4]>::try_from(code).ok())
        .map_or(0, i32::from_ne_bytes);
    if code == 0 { Ok(()) } else { Err(Errno::from_raw(-code)) }
}
