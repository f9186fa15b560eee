//! The guest's side: loopback, addresses and routes inside its network namespace.
//!
//! Done from the host through a netlink socket that was opened in there, so nothing of the guest's is run or read.

use std::fs;
use std::os::fd::BorrowedFd;
use std::path::Path;

use nix::errno::Errno;

use super::netlink::{NetlinkError, Rtnl};
use super::netns;
use crate::store::{Link, LinkKind};

/// Switches the loopback on and gives every link that was born there its addresses and routes.
///
/// # Errors
/// When the kernel refuses. A kernel without IPv6 is no error: the log says that the guest has none.
pub(super) fn configure(netns: BorrowedFd<'_>, links: &[Link]) -> Result<(), NetlinkError> {
    let mut rtnl = Rtnl::open_in(netns)?;
    rtnl.set_up("lo")?;
    for link in links {
        let index = rtnl.must_have(&link.guest_link)?.index;
        if link.kind == LinkKind::Bridge {
            ignore_advertisements(netns, &link.guest_link);
        }
        for address in &link.addresses {
            or_without_ipv6(rtnl.replace_address(index, *address), address.address().is_ipv6())?;
        }
        rtnl.set_up(&link.guest_link)?;
        for gateway in &link.gateways {
            or_without_ipv6(rtnl.replace_default_route(index, *gateway), gateway.is_ipv6())?;
        }
    }
    Ok(())
}

/// On our bridge the router is the host and is known, so whoever advertises himself as one is another guest.
fn ignore_advertisements(netns: BorrowedFd<'_>, link: &str) {
    let path = format!("/proc/sys/net/ipv6/conf/{link}/accept_ra");
    // Without IPv6 there is no such file, and nothing to be ignored.
    if let Err(error) = netns::inside(netns, || Path::new(&path).exists().then(|| fs::write(&path, "0")).transpose())
        .map_err(|error| error.source)
        .flatten()
    {
        log::warn!("cannot have {link} ignore the router advertisements of other guests: {error}");
    }
}

/// Lets a refusal pass that only means that IPv6 is switched off here.
pub(super) fn or_without_ipv6(result: Result<(), NetlinkError>, ipv6: bool) -> Result<(), NetlinkError> {
    match result {
        Err(error) if ipv6 && error.errno().is_some_and(means_no_ipv6) => {
            log::warn!("{error}: IPv6 is switched off on this host");
            Ok(())
        }
        other => other,
    }
}

/// `ipv6.disable=1` on the kernel's command line: no such family. `disable_ipv6=1`: no permission, and then no
/// device with an address through which the gateway could be reached.
fn means_no_ipv6(errno: Errno) -> bool {
    [Errno::EOPNOTSUPP, Errno::EAFNOSUPPORT, Errno::EACCES, Errno::EHOSTUNREACH, Errno::ENODEV].contains(&errno)
}
