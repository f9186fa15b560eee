//! What a new container's links are to be: pure, decided once at `fief create` and kept in container.toml.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::host::{gateways, pool_of};
use super::identity::{guest_mac, host_link};
use super::pool::{self, PoolError};
use crate::config::{Cidr, HostConfig};
use crate::store::{BRIDGE_GUEST_LINK, Link, LinkKind};

/// What kind of network was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Choice {
    /// `--network bridge`: fief's own bridge, NAT, an address of each family from the pool.
    #[default]
    Bridge,
    /// `--network none`: a loopback, nothing else.
    None,
    /// `--network host-bridge NAME`: a bridge of the host's owner; addresses only if given.
    HostBridge(String),
}

/// What was asked for a new container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// `--network`.
    pub choice: Choice,
    /// `--ip`.
    pub addresses: Vec<Cidr>,
    /// `--gateway`.
    pub gateways: Vec<IpAddr>,
}

/// The links of a new container with this `uuid`; `used` are the addresses of all other containers, running or not.
/// The caller holds the lock under which addresses are given away.
///
/// On our own bridge a family without a wanted address gets the next of its pool.
///
/// # Errors
/// When a wanted address or gateway is taken or impossible, or a pool is used up.
pub fn links(config: &HostConfig, uuid: &str, wish: &Wish, used: &BTreeSet<IpAddr>) -> Result<Vec<Link>, PoolError> {
    let Wish { choice, addresses: wanted, gateways: ways_out } = wish;
    if let (Choice::Bridge | Choice::None, [gateway, ..]) = (choice, ways_out.as_slice()) {
        return Err(PoolError::UselessGateway { gateway: *gateway });
    }
    let link = |kind, bridge: &str, addresses, gateways| Link {
        kind,
        bridge: bridge.to_owned(),
        guest_link: BRIDGE_GUEST_LINK.to_owned(),
        host_link: host_link(uuid, 0),
        mac: guest_mac(uuid, 0),
        addresses,
        gateways,
    };
    match choice {
        Choice::None => match wanted.first() {
            Some(cidr) => Err(PoolError::NotForContainers { address: cidr.address(), reason: "of no use without a network" }),
            None => Ok(Vec::new()),
        },
        Choice::HostBridge(bridge) => {
            let addresses = claim_each(wanted, used, pool::claim_anywhere)?;
            let in_none = |gateway: &&IpAddr| !addresses.iter().any(|cidr| cidr.contains(**gateway));
            if let Some(gateway) = ways_out.iter().find(in_none) {
                return Err(PoolError::StrayGateway { gateway: *gateway });
            }
            Ok(vec![link(LinkKind::HostBridge, bridge, addresses, ways_out.clone())])
        }
        Choice::Bridge => {
            let claim = |cidr: Cidr, used: &BTreeSet<IpAddr>| pool::claim(cidr, pool_of(config, cidr.address()), used);
            let mut addresses = claim_each(wanted, used, claim)?;
            for pool in [config.pool4, config.pool6] {
                let is_served = |cidr: &Cidr| cidr.address().is_ipv4() == pool.address().is_ipv4();
                if !addresses.iter().any(is_served) {
                    addresses.push(pool::next(pool, used)?);
                }
            }
            addresses.sort_by_key(|cidr| cidr.address().is_ipv6());
            let gateways = gateways(config).into_iter().map(|cidr| cidr.address()).collect();
            Ok(vec![link(LinkKind::Bridge, &config.bridge, addresses, gateways)])
        }
    }
}

/// Claims one after the other, so that one container cannot ask for an address twice either.
fn claim_each(
    wanted: &[Cidr],
    used: &BTreeSet<IpAddr>,
    claim: impl Fn(Cidr, &BTreeSet<IpAddr>) -> Result<Cidr, PoolError>,
) -> Result<Vec<Cidr>, PoolError> {
    let mut used = used.clone();
    let mut claimed = Vec::new();
    for cidr in wanted {
        claimed.push(claim(*cidr, &used)?);
        used.insert(cidr.address());
    }
    Ok(claimed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    const UUID: &str = "6b1c0a6e-8d8b-4f0e-9d43-0f4b6c1a2f33";

    fn assign(choice: &Choice, wanted: &[&str], used: &[&str]) -> Result<Vec<Link>, String> {
        let wanted: Vec<Cidr> = wanted.iter().map(|text| text.parse().unwrap()).collect();
        let used = used.iter().map(|text| text.parse().unwrap()).collect();
        let wish = Wish { choice: choice.clone(), addresses: wanted, gateways: Vec::new() };
        links(&HostConfig::default(), UUID, &wish, &used).map_err(|error| error.to_string())
    }

    fn addresses(links: &[Link]) -> Vec<String> {
        links.iter().flat_map(|link| &link.addresses).map(ToString::to_string).collect()
    }

    #[test]
    fn a_container_gets_an_address_of_each_family() {
        let links = assign(&Choice::Bridge, &[], &["10.209.0.2"]).unwrap();
        assert_eq!(addresses(&links), ["10.209.0.3/16", "fd5e:f1ef::2/64"]);
        let gateways: Vec<String> = links[0].gateways.iter().map(ToString::to_string).collect();
        assert_eq!(gateways, ["10.209.0.1", "fd5e:f1ef::1"]);
        assert_eq!((links[0].bridge.as_str(), links[0].guest_link.as_str()), ("fief0", "eth0"));
    }

    #[test]
    fn an_address_asked_for_stands_in_for_its_family() {
        let links = assign(&Choice::Bridge, &["fd5e:f1ef::77/64"], &[]).unwrap();
        assert_eq!(addresses(&links), ["10.209.0.2/16", "fd5e:f1ef::77/64"]);
        let twice = assign(&Choice::Bridge, &["10.209.0.9/16", "10.209.0.9/16"], &[]).unwrap_err();
        assert_eq!(twice, "address 10.209.0.9 already belongs to another container");
    }

    #[test]
    fn the_hosts_bridge_gets_only_what_was_asked_for() {
        let links = assign(&Choice::HostBridge("br0".into()), &["192.0.2.7/24"], &[]).unwrap();
        assert_eq!(addresses(&links), ["192.0.2.7/24"]);
        assert!(links[0].gateways.is_empty());
        assert_eq!(links[0].kind, LinkKind::HostBridge);
        assert!(addresses(&assign(&Choice::HostBridge("br0".into()), &[], &[]).unwrap()).is_empty());
    }

    #[test]
    fn a_gateway_is_for_the_hosts_bridge_and_in_reach() {
        let mut wish = Wish {
            choice: Choice::HostBridge("br0".into()),
            addresses: vec!["192.0.2.7/24".parse().unwrap()],
            gateways: vec!["192.0.2.1".parse().unwrap()],
        };
        let assign = |wish: &Wish| links(&HostConfig::default(), UUID, wish, &BTreeSet::new());
        assert_eq!(assign(&wish).unwrap()[0].gateways, wish.gateways);
        wish.gateways = vec!["198.51.100.1".parse().unwrap()];
        assert!(matches!(assign(&wish), Err(PoolError::StrayGateway { .. })));
        wish.choice = Choice::None;
        assert!(matches!(assign(&wish), Err(PoolError::UselessGateway { .. })));
    }

    #[test]
    fn no_network_is_no_link() {
        assert_eq!(assign(&Choice::None, &[], &[]), Ok(vec![]));
        assert!(assign(&Choice::None, &["10.209.0.9/16"], &[]).is_err());
    }
}
