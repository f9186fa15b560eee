//! Addresses and routes. See rtnetlink(7), linux/if_addr.h, linux/rtnetlink.h.

use std::net::{IpAddr, Ipv4Addr};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_REPLACE};
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::route::{RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::{NetlinkError, Rtnl, wire};
use crate::config::Cidr;

/// Where `struct rtmsg` has the destination's length and who made the route, and how long it is.
const RTM_DST_LEN: usize = 1;
const RTM_PROTOCOL: usize = 5;
const RTMSG: usize = 12;
const RTA_OIF: u16 = 4;
/// `RTPROT_RA`: learnt from a router advertisement.
const LEARNT: u8 = 9;

impl Rtnl {
    /// Gives the link with number `index` an address, if it does not have it already.
    ///
    /// IPv6 addresses are used at once, without asking the neighbours first (`IFA_F_NODAD`): the pool knows
    /// whose they are, and a service that binds to one at boot must not fail for a second.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn replace_address(&mut self, index: u32, address: Cidr) -> Result<(), NetlinkError> {
        let mut message = AddressMessage::default();
        message.header.family = family(address.address());
        message.header.prefix_len = address.prefix();
        message.header.index = index;
        message.attributes.push(AddressAttribute::Address(address.address()));
        match address.address() {
            IpAddr::V4(v4) => {
                message.attributes.push(AddressAttribute::Local(v4.into()));
                if let Some(broadcast) = broadcast(v4, address.prefix()) {
                    message.attributes.push(AddressAttribute::Broadcast(broadcast));
                }
            }
            IpAddr::V6(_) => message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad)),
        }
        let doing = || format!("set address {address}");
        let flags = NLM_F_CREATE | NLM_F_REPLACE;
        self.change(doing, RouteNetlinkMessage::NewAddress(message), flags)
    }

    /// Sends everything that has no better route to `gateway`, which the link with number `index` reaches.
    ///
    /// # Errors
    /// When the kernel refuses: `ENETUNREACH` if the link has no address of the gateway's network.
    pub fn replace_default_route(&mut self, index: u32, gateway: IpAddr) -> Result<(), NetlinkError> {
        let mut route = RouteMessage::default();
        route.header.address_family = family(gateway);
        route.header.table = RouteHeader::RT_TABLE_MAIN;
        route.header.protocol = RouteProtocol::Boot;
        route.header.scope = RouteScope::Universe;
        route.header.kind = RouteType::Unicast;
        route.attributes.push(RouteAttribute::Gateway(gateway.into()));
        route.attributes.push(RouteAttribute::Oif(index));
        let doing = || format!("set the default route to {gateway}");
        let flags = NLM_F_CREATE | NLM_F_REPLACE;
        self.change(doing, RouteNetlinkMessage::NewRoute(route), flags)
    }

    /// The names of the links whose router told the host to send it all IPv6 that has no better route.
    ///
    /// # Errors
    /// When the kernel cannot be asked.
    pub fn links_with_learnt_default_route(&mut self) -> Result<Vec<String>, NetlinkError> {
        let mut question = RouteMessage::default();
        question.header.address_family = AddressFamily::Inet6;
        let doing = || "list the IPv6 routes".into();
        let routes = self.dump(doing, RouteNetlinkMessage::GetRoute(question))?;
        let through: Vec<u32> = routes.iter().filter_map(|body| learnt_default_through(body)).collect();
        if through.is_empty() {
            return Ok(Vec::new());
        }
        let links = self.links()?.into_iter().filter(|link| through.contains(&link.index));
        Ok(links.map(|link| link.name).collect())
    }
}

/// The number of the link that a default route goes through, if a router advertisement brought it.
fn learnt_default_through(route: &[u8]) -> Option<u32> {
    if route.get(RTM_DST_LEN) != Some(&0) || route.get(RTM_PROTOCOL) != Some(&LEARNT) {
        return None;
    }
    wire::attributes(route.get(RTMSG..)?).find(|(kind, _)| *kind == RTA_OIF).and_then(|(_, value)| wire::u32_at(value, 0))
}

fn family(address: IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}

/// The broadcast address of a network that has one: /31 (RFC 3021) and /32 do not.
fn broadcast(address: Ipv4Addr, prefix: u8) -> Option<Ipv4Addr> {
    let host_bits = 32_u32.checked_sub(u32::from(prefix)).filter(|bits| *bits > 1)?;
    let mask = u32::MAX.checked_shr(32 - host_bits).unwrap_or(u32::MAX);
    Some(Ipv4Addr::from_bits(address.to_bits() | mask))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_broadcast_address_is_the_last() {
        let address = Ipv4Addr::new(10, 209, 3, 4);
        assert_eq!(broadcast(address, 16), Some(Ipv4Addr::new(10, 209, 255, 255)));
        assert_eq!(broadcast(address, 30), Some(Ipv4Addr::new(10, 209, 3, 7)));
        assert_eq!(broadcast(address, 31), None);
        assert_eq!(broadcast(address, 32), None);
        assert_eq!(broadcast(address, 0), Some(Ipv4Addr::BROADCAST));
    }
}
