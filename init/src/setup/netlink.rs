//! Requests to the kernel about links, addresses and routes, one at a time. netlink(7), rtnetlink(7).

use std::net::IpAddr;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket};
use units::networkd::{Kind, Prefix, Route};

/// `NLM_F_REQUEST | NLM_F_ACK`, and for what is to be there afterwards `NLM_F_REPLACE | NLM_F_CREATE`.
const PLAIN: u16 = 0x1 | 0x4;
const PUT: u16 = PLAIN | 0x100 | 0x400;
/// linux/if_addr.h, linux/if_link.h, linux/rtnetlink.h.
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_BROADCAST: u16 = 4;
const IFA_F_NODAD: u8 = 0x02;
const IFLA_MTU: u16 = 4;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RTA_PREFSRC: u16 = 7;
const RTA_TABLE: u16 = 15;
const RTNH_F_ONLINK: u32 = 4;
const RT_TABLE_MAIN: u32 = 254;
/// Anybody's; an administrator's.
const RTPROT_UNSPEC: u8 = 0;
const RTPROT_STATIC: u8 = 4;
const RT_SCOPE_UNIVERSE: u8 = 0;
const RT_SCOPE_LINK: u8 = 253;
const RT_SCOPE_NOWHERE: u8 = 255;

/// A message that is being made.
struct Request(Vec<u8>);

impl Request {
    fn new(kind: u16, flags: u16, body: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(128);
        // The length is filled in at the end; a sequence and a port of no meaning.
        bytes.extend(0_u32.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend(body);
        Self(bytes)
    }

    /// Attributes begin at multiples of four, as all bodies here end.
    fn with(mut self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    fn with_address(self, kind: u16, address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => self.with(kind, &v4.octets()),
            IpAddr::V6(v6) => self.with(kind, &v6.octets()),
        }
    }

    /// The message whole.
    fn finish(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        for (byte, of_length) in self.0.iter_mut().zip(length.to_ne_bytes()) {
            *byte = of_length;
        }
        self.0
    }

    fn ask(self) -> Result<(), Errno> {
        let netlink = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)?;
        let fd = std::os::fd::AsRawFd::as_raw_fd(&netlink);
        sendto(fd, &self.finish(), &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
        let mut answer = [0_u8; 512];
        let length = recv(fd, &mut answer, MsgFlags::empty())?;
        // nlmsgerr: after the header a negative errno, 0 for success.
        let code = answer
            .get(..length)
            .and_then(|message| message.get(16..20))
            .and_then(|code| <[u8; 4]>::try_from(code).ok())
            .map_or(0, i32::from_ne_bytes);
        if code == 0 { Ok(()) } else { Err(Errno::from_raw(code.saturating_neg())) }
    }
}

/// `struct ifinfomsg`: only these flags change.
fn link(index: u32, flags: u32) -> Vec<u8> {
    let mut body = vec![0; 4];
    body.extend(index.to_ne_bytes());
    body.extend(flags.to_ne_bytes());
    body.extend(flags.to_ne_bytes());
    body
}

/// The link with this number is up: flag `IFF_UP`.
pub(super) fn raise(index: u32) -> Result<(), Errno> {
    Request::new(libc::RTM_NEWLINK, PLAIN, &link(index, 1)).ask()
}

/// How many bytes a packet may have.
pub(super) fn set_mtu(index: u32, mtu: u32) -> Result<(), Errno> {
    Request::new(libc::RTM_NEWLINK, PLAIN, &link(index, 0)).with(IFLA_MTU, &mtu.to_ne_bytes()).ask()
}

/// The link has this address, if it had it or not.
pub(super) fn put_address(index: u32, prefix: Prefix) -> Result<(), Errno> {
    address(libc::RTM_NEWADDR, PUT, index, prefix).ask()
}

/// As the launcher gives addresses: those of IPv6 are good at once (`IFA_F_NODAD`), for a service that binds to one must not fail for a second.
fn address(message: u16, flags: u16, index: u32, prefix: Prefix) -> Request {
    let at_once = if prefix.address.is_ipv6() { IFA_F_NODAD } else { 0 };
    let mut body = vec![family(prefix.address), prefix.length, at_once, RT_SCOPE_UNIVERSE];
    body.extend(index.to_ne_bytes());
    let request = Request::new(message, flags, &body).with_address(IFA_ADDRESS, prefix.address);
    match prefix.address {
        // The last of a network that has one: /31 (RFC 3021) and /32 do not.
        IpAddr::V4(v4) if prefix.length < 31 => {
            let last = v4.to_bits() | u32::MAX.checked_shr(prefix.length.into()).unwrap_or(0);
            request.with_address(IFA_LOCAL, prefix.address).with(IFA_BROADCAST, &last.to_be_bytes())
        }
        IpAddr::V4(_) => request.with_address(IFA_LOCAL, prefix.address),
        IpAddr::V6(_) => request,
    }
}

/// The link has this address no more; it need not have had it.
pub(super) fn take_address(index: u32, prefix: Prefix) -> Result<(), Errno> {
    unless(Errno::EADDRNOTAVAIL, address(libc::RTM_DELADDR, PLAIN, index, prefix).ask())
}

fn unless(this: Errno, done: Result<(), Errno>) -> Result<(), Errno> {
    if done == Err(this) { Ok(()) } else { done }
}

/// There is this route, in the place of one to the same destination with the same metric.
pub(super) fn put_route(index: u32, one: &Route) -> Result<(), Errno> {
    let is_direct = one.kind == Kind::Unicast && one.gateway.is_none() && one.destination.address.is_ipv4();
    let scope = if is_direct { RT_SCOPE_LINK } else { RT_SCOPE_UNIVERSE };
    route(libc::RTM_NEWROUTE, PUT, [RTPROT_STATIC, scope], index, one).ask()
}

/// There is no such route any more, whoever made it; there need not have been one.
pub(super) fn take_route(index: u32, one: &Route) -> Result<(), Errno> {
    unless(Errno::ESRCH, route(libc::RTM_DELROUTE, PLAIN, [RTPROT_UNSPEC, RT_SCOPE_NOWHERE], index, one).ask())
}

/// `by` is who made it, and how far it leads.
fn route(message: u16, flags: u16, by: [u8; 2], index: u32, route: &Route) -> Request {
    let kind: u8 = match route.kind {
        Kind::Unicast => 1,
        Kind::Blackhole => 6,
        Kind::Unreachable => 7,
        Kind::Prohibit => 8,
    };
    let on_link = if route.is_on_link { RTNH_F_ONLINK } else { 0 };
    // The number of the table is the attribute's.
    let mut body = vec![family(route.destination.address), route.destination.length, 0, 0, 0, by[0], by[1], kind];
    body.extend(on_link.to_ne_bytes());
    let mut request = Request::new(message, flags, &body).with(RTA_TABLE, &route.table.unwrap_or(RT_TABLE_MAIN).to_ne_bytes());
    if route.destination.length > 0 {
        request = request.with_address(RTA_DST, route.destination.network());
    }
    if route.kind == Kind::Unicast {
        request = request.with(RTA_OIF, &index.to_ne_bytes());
    }
    for (attribute, address) in [(RTA_GATEWAY, route.gateway), (RTA_PREFSRC, route.source)] {
        if let Some(address) = address {
            request = request.with_address(attribute, address);
        }
    }
    match route.metric {
        Some(metric) => request.with(RTA_PRIORITY, &metric.to_ne_bytes()),
        None => request,
    }
}

fn family(address: IpAddr) -> u8 {
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    u8::try_from(family).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    /// In numbers of 16 bits, as they are read on this machine.
    fn of(request: Request) -> Vec<u16> {
        let bytes = request.finish();
        assert_eq!(bytes.len(), usize::from(u16::from_ne_bytes([bytes[0], bytes[1]])));
        bytes.chunks(2).map(|pair| u16::from_ne_bytes([pair[0], pair[1]])).collect()
    }

    #[test]
    fn an_address_is_said_with_its_networks_last() {
        let said = of(address(libc::RTM_NEWADDR, PUT, 3, Prefix::read("10.0.0.5/24").unwrap()));
        let word = |a: u8, b: u8| u16::from_ne_bytes([a, b]);
        let head = [48, 0, libc::RTM_NEWADDR, 0x505, 0, 0, 0, 0, word(2, 24), 0, 3, 0];
        assert_eq!(said.get(..12), Some(&head[..]));
        let (own, last) = ([word(10, 0), word(0, 5)], [word(10, 0), word(0, 255)]);
        assert_eq!(said.get(12..), Some(&[8, 1, own[0], own[1], 8, 2, own[0], own[1], 8, 4, last[0], last[1]][..]));
        assert_eq!(of(address(libc::RTM_NEWADDR, PUT, 3, Prefix::read("10.0.0.5/32").unwrap())).len(), 20);
        assert_eq!(of(address(libc::RTM_NEWADDR, PUT, 3, Prefix::read("::5/64").unwrap())).len(), 22);
    }
}
