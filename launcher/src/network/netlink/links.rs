//! Links: bridges, veth pairs, and what can be asked of any link. See rtnetlink(7), linux/if_link.h.

use std::os::fd::{AsRawFd as _, BorrowedFd};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{InfoData, InfoKind, InfoVeth, LinkAttribute, LinkExtentMask, LinkFlags, LinkInfo, LinkMessage};
use nix::errno::Errno;

use super::{NetlinkError, Refusal, Rtnl, wire};
use crate::store::MacAddress;

const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
/// `struct ifinfomsg` of linux/rtnetlink.h: family, type, index, flags, change.
const IFINFOMSG: usize = 16;

/// What the kernel says about a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its number in its namespace.
    pub index: u32,
    /// Its name there.
    pub name: String,
    /// Whether it has been switched on (`IFF_UP`).
    pub up: bool,
    /// The largest packet it takes, in bytes.
    pub mtu: u32,
    /// The number of the bridge it is a port of.
    pub master: Option<u32>,
    /// Its Ethernet address.
    pub mac: Option<[u8; 6]>,
    /// "bridge", "veth"; a physical device has none.
    pub kind: Option<String>,
}

/// A veth pair to be made: this end here, the other end born in another namespace.
#[derive(Debug, Clone, Copy)]
pub struct VethPlan<'a> {
    /// The name of the end here.
    pub name: &'a str,
    /// The Ethernet address of the end here.
    pub mac: MacAddress,
    /// The number of the bridge it becomes a port of.
    pub master: u32,
    /// The largest packet both ends take, in bytes.
    pub mtu: u32,
    /// The namespace of the other end.
    pub netns: BorrowedFd<'a>,
    /// The name of the other end.
    pub peer_name: &'a str,
    /// The Ethernet address of the other end.
    pub peer_mac: MacAddress,
}

impl Rtnl {
    /// The link called `name`, if there is one.
    ///
    /// # Errors
    /// When the kernel cannot be asked.
    pub fn link(&mut self, name: &str) -> Result<Option<Link>, NetlinkError> {
        // A name the kernel could never have would be an error of its own, not an absence.
        if name.is_empty() || name.len() > 15 {
            return Ok(None);
        }
        let question = named(name, [LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats])]);
        let doing = || format!("look up link {name}");
        match self.ask(doing, RouteNetlinkMessage::GetLink(question)) {
            Ok(body) => Ok(body.as_deref().and_then(read)),
            Err(error) if error.errno() == Some(Errno::ENODEV) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The link called `name`, which the caller knows to be there.
    ///
    /// # Errors
    /// When it is not, or the kernel cannot be asked.
    pub fn must_have(&mut self, name: &str) -> Result<Link, NetlinkError> {
        let gone = Refusal::Kernel { errno: Errno::ENODEV, words: None };
        let doing = || format!("look up link {name}");
        self.link(name)?.ok_or_else(|| NetlinkError { doing: doing(), source: gone })
    }

    /// All links of the namespace.
    ///
    /// # Errors
    /// When the kernel cannot be asked.
    pub fn links(&mut self) -> Result<Vec<Link>, NetlinkError> {
        let mut question = LinkMessage::default();
        question.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
        let links = self.dump(|| "list the links".into(), RouteNetlinkMessage::GetLink(question))?;
        Ok(links.iter().filter_map(|body| read(body)).collect())
    }

    /// All links that are ports of the bridge with number `bridge`.
    ///
    /// # Errors
    /// When the kernel cannot be asked.
    pub fn ports(&mut self, bridge: u32) -> Result<Vec<Link>, NetlinkError> {
        let links = self.links()?;
        Ok(links.into_iter().filter(|link| link.master == Some(bridge)).collect())
    }

    /// Makes a bridge that is up and whose address does not follow its ports'.
    ///
    /// # Errors
    /// When the kernel refuses; `EEXIST` if the name is taken.
    pub fn create_bridge(&mut self, name: &str, mac: MacAddress) -> Result<(), NetlinkError> {
        let mut bridge =
            named(name, [LinkAttribute::Address(mac.bytes().to_vec()), LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bridge)])]);
        switch_on(&mut bridge);
        let doing = || format!("create bridge {name}");
        self.change(doing, RouteNetlinkMessage::NewLink(bridge), NLM_F_CREATE | NLM_F_EXCL)
    }

    /// Makes a veth pair in one request: this end up and on its bridge, the other end born in its namespace.
    ///
    /// So whoever dies when, nothing is left over: before the request there is nothing, after it the pair goes
    /// with the other end's namespace.
    ///
    /// # Errors
    /// When the kernel refuses; `EEXIST` if a name is taken on its side.
    pub fn create_veth(&mut self, plan: &VethPlan<'_>) -> Result<(), NetlinkError> {
        let peer = named(
            plan.peer_name,
            [
                LinkAttribute::Address(plan.peer_mac.bytes().to_vec()),
                LinkAttribute::Mtu(plan.mtu),
                LinkAttribute::NetNsFd(plan.netns.as_raw_fd()),
            ],
        );
        let mut host = named(
            plan.name,
            [
                LinkAttribute::Address(plan.mac.bytes().to_vec()),
                LinkAttribute::Mtu(plan.mtu),
                LinkAttribute::Controller(plan.master),
                LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Veth), LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer)))]),
            ],
        );
        switch_on(&mut host);
        let doing = || format!("create the pair of links {} and {}", plan.name, plan.peer_name);
        self.change(doing, RouteNetlinkMessage::NewLink(host), NLM_F_CREATE | NLM_F_EXCL)
    }

    /// Switches the link called `name` on.
    ///
    /// # Errors
    /// When the kernel refuses; `ENODEV` if there is none.
    pub fn set_up(&mut self, name: &str) -> Result<(), NetlinkError> {
        let mut link = named(name, []);
        switch_on(&mut link);
        self.change(|| format!("switch on link {name}"), RouteNetlinkMessage::SetLink(link), 0)
    }

    /// Deletes the link called `name`; a veth's other end goes with it. Says whether there was one.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn delete_link(&mut self, name: &str) -> Result<bool, NetlinkError> {
        let doing = || format!("delete link {name}");
        match self.change(doing, RouteNetlinkMessage::DelLink(named(name, [])), 0) {
            Ok(()) => Ok(true),
            Err(error) if error.errno() == Some(Errno::ENODEV) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn named(name: &str, others: impl IntoIterator<Item = LinkAttribute>) -> LinkMessage {
    let mut link = LinkMessage::default();
    link.attributes.push(LinkAttribute::IfName(name.to_owned()));
    link.attributes.extend(others);
    link
}

fn switch_on(link: &mut LinkMessage) {
    link.header.flags = LinkFlags::Up;
    link.header.change_mask = LinkFlags::Up;
}

/// Reads one `RTM_NEWLINK`; `None` if it is none.
fn read(body: &[u8]) -> Option<Link> {
    let mut link = Link {
        index: wire::u32_at(body, 4)?,
        name: String::new(),
        up: wire::u32_at(body, 8)? & LinkFlags::Up.bits() != 0,
        mtu: 0,
        master: None,
        mac: None,
        kind: None,
    };
    for (kind, value) in wire::attributes(body.get(IFINFOMSG..)?) {
        match kind {
            IFLA_ADDRESS => link.mac = value.try_into().ok(),
            IFLA_IFNAME => link.name = wire::text(value)?,
            IFLA_MTU => link.mtu = wire::u32_at(value, 0)?,
            IFLA_MASTER => link.master = wire::u32_at(value, 0),
            IFLA_LINKINFO => {
                link.kind = wire::attributes(value).find(|(kind, _)| *kind == IFLA_INFO_KIND).and_then(|(_, value)| wire::text(value));
            }
            _ => {}
        }
    }
    Some(link)
}
