//! What addresses there are. The launcher configures the interface before init runs; this does what the tenant's own files say besides,
//! tells the result in the unit's log, and gives "the network is there" its place in the order.

use std::io;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

use super::given::Given;
use super::{Trouble, networkd};
use units::Map;

use crate::say;

pub(super) fn apply() -> Result<(), Trouble> {
    // ifupdown, which came before, takes away what it does not know of.
    if let Some(given) = Given::by_host()? {
        given.restore();
    }
    networkd::apply()?;
    let all =
        getifaddrs().map_err(|error| Trouble::File { what: "cannot list the addresses".to_owned(), source: io::Error::from(error) })?;
    let mut found: Map<String, Vec<String>> = Map::new();
    for interface in all.filter(|interface| !interface.flags.contains(InterfaceFlags::IFF_LOOPBACK)) {
        let address = interface.address.as_ref().and_then(|address| {
            let v4 = address.as_sockaddr_in().map(|address| address.ip().to_string());
            v4.or_else(|| address.as_sockaddr_in6().map(|address| address.ip().to_string()))
        });
        found.entry(interface.interface_name).or_default().extend(address);
    }
    if found.is_empty() {
        say::line(format_args!("no interface but loopback"));
    }
    for (name, addresses) in found {
        say::line(format_args!("{name}: {}", if addresses.is_empty() { "no address".to_owned() } else { addresses.join(" ") }));
    }
    Ok(())
}
