//! The host's side: the bridge with its addresses, the sysctls that let packets through.
//!
//! What is made here is shared by all containers, so everything happens under one lock, and making it again is
//! nothing: the next start repairs what somebody else's `nft flush ruleset` took away.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use super::guest::or_without_ipv6;
use super::identity::bridge_mac;
use super::netlink::{Link as KernelLink, NetlinkError, Rtnl};
use super::nft::{self, NftError, Rules};
use super::pool;
use crate::config::{Cidr, HostConfig};

/// Why the host's side could not be set up or taken down.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// A bridge the host's owner is to make is not there.
    #[error("there is no link {bridge} on this host")]
    NoSuchBridge {
        /// Its name.
        bridge: String,
    },
    /// There is a link of that name, but it is no bridge.
    #[error("{link} is no bridge")]
    NotABridge {
        /// Its name.
        link: String,
    },
    /// The bridge we would make exists and is not of our making.
    #[error("bridge {bridge} exists, and fief did not make it")]
    NotOurs {
        /// Its name.
        bridge: String,
    },
    /// The container was made for a bridge that `fief.toml` no longer names.
    #[error("the container hangs on bridge {bridge}, but fief.toml says bridge = {configured:?}")]
    AnotherBridge {
        /// The container's.
        bridge: String,
        /// The config's.
        configured: String,
    },
    /// The kernel refused.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// nft is missing or refused.
    #[error(transparent)]
    Nft(#[from] NftError),
}

/// The host's own addresses on our bridge: the containers' gateways.
#[must_use]
pub(super) fn gateways(config: &HostConfig) -> Vec<Cidr> {
    [config.pool4, config.pool6].into_iter().filter_map(pool::gateway).collect()
}

/// Makes our bridge ready: rules first, because they are what a host may lack, then forwarding, bridge, addresses.
/// The caller holds the lock.
///
/// # Errors
/// When the name belongs to somebody else's link, nft is missing, or the kernel refuses.
pub(super) fn ensure(rtnl: &mut Rtnl, config: &HostConfig) -> Result<KernelLink, HostError> {
    let found = our_bridge(rtnl, &config.bridge)?;
    let pools = vec![config.pool4, config.pool6];
    Rules { table: &config.nft_table, bridge: &config.bridge, pools }.apply()?;
    let bridge = match found {
        Some(bridge) => bridge,
        None => {
            rtnl.create_bridge(&config.bridge, bridge_mac(&config.bridge))?;
            log::info!("made bridge {} and table inet {}", config.bridge, config.nft_table);
            warn_of_firewalls(config);
            rtnl.must_have(&config.bridge)?
        }
    };
    settle(&config.bridge);
    for address in gateways(config) {
        or_without_ipv6(rtnl.replace_address(bridge.index, address), address.address().is_ipv6())?;
    }
    rtnl.set_up(&config.bridge)?;
    forward_ipv4();
    forward_ipv6(rtnl)?;
    Ok(bridge)
}

/// The last one turns out the lights: without ports our bridge goes, and the table with it. Whatever is already gone
/// is fine. The caller holds the lock. What others may have come to rely on, forwarding, stays on.
///
/// # Errors
/// When the kernel or nft refuses.
pub(super) fn retire(rtnl: &mut Rtnl, bridge: &str, table: &str) -> Result<(), HostError> {
    match our_bridge(rtnl, bridge) {
        Ok(Some(link)) if rtnl.ports(link.index)?.is_empty() => {
            rtnl.delete_link(bridge)?;
            log::info!("removed bridge {bridge} and table inet {table}");
        }
        // Killed between the rules and the bridge, or removed by hand.
        Ok(None) => {}
        Ok(Some(_)) | Err(HostError::NotOurs { .. } | HostError::NotABridge { .. }) => return Ok(()),
        Err(error) => return Err(error),
    }
    match nft::remove(table) {
        // Then there is no table of ours either.
        Err(NftError::Missing) => Ok(()),
        other => other.map_err(HostError::from),
    }
}

/// The bridge `name` of the host's owner.
///
/// # Errors
/// [`HostError::NoSuchBridge`], [`HostError::NotABridge`], or the kernel cannot be asked.
pub(super) fn foreign_bridge(rtnl: &mut Rtnl, name: &str) -> Result<KernelLink, HostError> {
    let link = rtnl.link(name)?.ok_or_else(|| HostError::NoSuchBridge { bridge: name.to_owned() })?;
    if is_bridge(&link) { Ok(link) } else { Err(HostError::NotABridge { link: name.to_owned() }) }
}

/// Our bridge, if it is there.
///
/// # Errors
/// [`HostError::NotOurs`], [`HostError::NotABridge`], or the kernel cannot be asked.
pub(super) fn our_bridge(rtnl: &mut Rtnl, name: &str) -> Result<Option<KernelLink>, HostError> {
    match rtnl.link(name)? {
        Some(link) if !is_bridge(&link) => Err(HostError::NotABridge { link: name.to_owned() }),
        Some(link) if link.mac != Some(bridge_mac(name).bytes()) => Err(HostError::NotOurs { bridge: name.to_owned() }),
        other => Ok(other),
    }
}

fn is_bridge(link: &KernelLink) -> bool {
    link.kind.as_deref() == Some("bridge")
}

/// The settings of our bridge, whatever the host's defaults for new links are: IPv6 on, and no guest tells the host
/// where to send its packets (Documentation/networking/ip-sysctl.rst).
fn settle(bridge: &str) {
    let settings =
        [("ipv6", "disable_ipv6", "0"), ("ipv6", "accept_ra", "0"), ("ipv6", "accept_redirects", "0"), ("ipv4", "accept_redirects", "0")];
    for (family, name, value) in settings {
        let path = format!("/proc/sys/net/{family}/conf/{bridge}/{name}");
        // Without IPv6 there is no such file.
        if !Path::new(&path).exists() || reads(&path, value) {
            continue;
        }
        if let Err(error) = fs::write(&path, value) {
            log::warn!("cannot set {path} to {value}: {error}");
        }
    }
}

/// Lets the kernel forward IPv4, for all links: what is left of `ip_forward` per link asks for both ends.
fn forward_ipv4() {
    switch_on("/proc/sys/net/ipv4/ip_forward", "net.ipv4.ip_forward");
}

/// Lets the kernel forward IPv6, unless that would cost the host its own default route: a router does not listen to
/// router advertisements any more, except on links with `accept_ra` = 2 (Documentation/networking/ip-sysctl.rst).
fn forward_ipv6(rtnl: &mut Rtnl) -> Result<(), NetlinkError> {
    let path = "/proc/sys/net/ipv6/conf/all/forwarding";
    if !reads(path, "0") {
        return Ok(());
    }
    for link in rtnl.links_with_learnt_default_route()? {
        if reads(format!("/proc/sys/net/ipv6/conf/{link}/accept_ra"), "1") {
            log::warn!(
                "containers have no IPv6 beyond this host: forwarding it would cost {link} the default route it learnt \
                 (set net.ipv6.conf.{link}.accept_ra = 2 and net.ipv6.conf.all.forwarding = 1)"
            );
            return Ok(());
        }
    }
    switch_on(path, "net.ipv6.conf.all.forwarding");
    Ok(())
}

fn switch_on(path: &str, name: &str) {
    if !reads(path, "0") {
        return;
    }
    match fs::write(path, "1") {
        Ok(()) => log::info!("switched on {name}: containers reach beyond this host through it"),
        Err(error) => log::warn!("cannot switch on {name}, so containers do not reach beyond this host: {error}"),
    }
}

fn reads(path: impl AsRef<Path>, value: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.trim() == value)
}

/// Says it when another firewall will drop what the containers send: ours cannot overrule it.
fn warn_of_firewalls(config: &HostConfig) {
    match nft::foreign_forward_drops(&config.nft_table) {
        Ok(drops) if drops.is_empty() => {}
        Ok(drops) => log::warn!(
            "the host's firewall drops what it forwards ({}), perhaps also what containers send: \
             allow link {} there (with Docker: iptables -I DOCKER-USER -i {1} -j ACCEPT, and -o; with ufw: \
             ufw route allow in on {1})",
            drops.join(", "),
            config.bridge,
        ),
        Err(error) => log::debug!("cannot look for other firewalls: {error}"),
    }
}

/// The pool of an address's family.
pub(super) fn pool_of(config: &HostConfig, address: IpAddr) -> Cidr {
    if address.is_ipv4() { config.pool4 } else { config.pool6 }
}
