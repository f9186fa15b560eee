//! A container's network: links, addresses, NAT, and what the guest reads about them.
//!
//! ```text
//!   guest's netns                        host's netns
//!   eth0 ──────── veth pair ──────── vf1a2b3c4d ─┬─ fief0 (10.209.0.1, fd5e:f1ef::1) ── table inet fief ── the world
//!                                    vf99aabbcc ─┘        made with the first container, removed with the last
//!   eth0 ──────── veth pair ──────── vf55667788 ─── br0   the host owner's: only our port is ours
//! ```
//!
//! `assign` decides at `fief create` and writes it down; [`Wiring::attach`] makes it so at every start;
//! [`Wiring::release`] undoes it and is the same call after an ordinary stop, a failed start and a `kill -9`.
//! Invariant: after the release of the last container no link and no table of ours is left (test
//! `release_leaves_nothing`).

use std::fs;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use crate::config::{Host, HostConfig};
use crate::error::{Class, Error, OrFail as _};
use crate::store::lock::{self, Lock};
use crate::store::{Link, LinkKind};

pub mod assign;
pub mod files;
pub mod given;
mod guest;
mod host;
pub mod identity;
pub mod netlink;
mod netns;
pub mod nft;
pub mod pool;

pub use assign::{Choice, Wish};
pub use files::{Existing, GuestFile, Resolver, host_resolver};
pub use host::HostError;
use netlink::{NetlinkError, Rtnl, VethPlan};

const SETTING_UP: &str = "setting up the network";
const TAKING_DOWN: &str = "taking down the network";

/// The network of one running container. Dropping it without [`Wiring::keep`] takes it down.
#[derive(Debug)]
#[must_use = "the network is taken down when dropped"]
pub struct Wiring {
    config: HostConfig,
    lock: PathBuf,
    links: Vec<Link>,
    armed: bool,
}

/// Checks, without changing anything, that the host has what `links` need.
///
/// # Errors
/// When a bridge of the host's owner is missing ([`Class::Unfit`]) or a link of another make is in the way.
pub fn check(config: &HostConfig, links: &[Link]) -> Result<(), Error> {
    if links.is_empty() {
        return Ok(());
    }
    let look = || -> Result<(), HostError> {
        let mut rtnl = Rtnl::open()?;
        links.iter().try_for_each(|link| check_one(&mut rtnl, config, link).map(drop))
    };
    look().map_err(|error| failure(SETTING_UP, error))
}

/// What will be done for `links`, a line for each step, for `fief start --dry-run`.
#[must_use]
pub fn describe(config: &HostConfig, links: &[Link]) -> Vec<String> {
    let mut steps = vec!["guest: switch on lo".to_owned()];
    for link in links {
        if link.kind == LinkKind::Bridge {
            let gateways: Vec<String> = host::gateways(config).iter().map(ToString::to_string).collect();
            steps.push(format!("host: table inet {} hides what leaves {}", config.nft_table, link.bridge));
            steps.push(format!("host: bridge {} with {}", link.bridge, gateways.join(" and ")));
        }
        steps.push(format!(
            "host: link {} on {}, its other end {} ({}) in the guest",
            link.host_link, link.bridge, link.guest_link, link.mac
        ));
        for address in &link.addresses {
            steps.push(format!("guest: {} has {address}", link.guest_link));
        }
        for gateway in &link.gateways {
            steps.push(format!("guest: default route to {gateway}"));
        }
    }
    steps
}

impl Wiring {
    /// Connects the network namespace `netns` as `links` say: host's bridge and rules where missing, the veth pairs,
    /// addresses and routes inside. A leftover of the container's last life is removed first.
    ///
    /// # Errors
    /// When something is missing on the host or the kernel refuses; then nothing is left behind.
    pub fn attach(host: &Host, links: &[Link], netns: BorrowedFd<'_>) -> Result<Self, Error> {
        let wiring = Self::adopt(host, links);
        let locked = wiring.lock(SETTING_UP)?;
        let outcome = wiring.connect(netns);
        // Dropping `wiring` takes the lock again to undo what was made.
        drop(locked);
        match outcome {
            Ok(()) => Ok(wiring),
            Err(error) => Err(failure(SETTING_UP, error)),
        }
    }

    /// Takes over the network of a container that runs or did run, for instance after its keeper was killed.
    pub fn adopt(host: &Host, links: &[Link]) -> Self {
        Self { config: host.config.clone(), lock: host.paths.root().join("run/fief/network.lock"), links: links.to_vec(), armed: true }
    }

    /// Lets the network outlive this value.
    pub fn keep(mut self) {
        self.armed = false;
    }

    /// Takes the network down: our ends of the links, and with the last port of our bridge the bridge and the table.
    /// What is gone already is fine, so it may be called at any time and as often as one likes.
    ///
    /// # Errors
    /// When the kernel or nft refuses; as much as possible has been removed then.
    pub fn release(mut self) -> Result<(), Error> {
        self.armed = false;
        self.disconnect()
    }

    fn connect(&self, netns: BorrowedFd<'_>) -> Result<(), HostError> {
        let mut rtnl = Rtnl::open()?;
        // All that can be wrong with the host is found before anything is changed.
        for link in &self.links {
            check_one(&mut rtnl, &self.config, link)?;
        }
        for link in &self.links {
            let bridge = match link.kind {
                LinkKind::Bridge => host::ensure(&mut rtnl, &self.config)?,
                LinkKind::HostBridge => host::foreign_bridge(&mut rtnl, &link.bridge)?,
            };
            delete_veth(&mut rtnl, &link.host_link)?;
            rtnl.create_veth(&VethPlan {
                name: &link.host_link,
                mac: identity::host_mac(&link.host_link),
                master: bridge.index,
                mtu: bridge.mtu,
                netns,
                peer_name: &link.guest_link,
                peer_mac: link.mac,
            })?;
        }
        guest::configure(netns, &self.links)?;
        Ok(())
    }

    fn disconnect(&self) -> Result<(), Error> {
        if self.links.is_empty() {
            return Ok(());
        }
        let _locked = self.lock(TAKING_DOWN)?;
        let mut rtnl = Rtnl::open().map_err(|error| failure(TAKING_DOWN, error.into()))?;
        let mut first_failure = Ok(());
        for link in &self.links {
            let deleted = delete_veth(&mut rtnl, &link.host_link).map_err(HostError::from);
            let retired = match link.kind {
                LinkKind::Bridge => host::retire(&mut rtnl, &link.bridge, &self.config.nft_table),
                LinkKind::HostBridge => Ok(()),
            };
            first_failure = first_failure.and(deleted).and(retired);
        }
        first_failure.map_err(|error| failure(TAKING_DOWN, error))
    }

    /// Whoever makes or removes what all containers share holds this.
    fn lock(&self, step: &'static str) -> Result<Lock, Error> {
        let folder = self.lock.parent().unwrap_or(Path::new("/"));
        let taken = fs::create_dir_all(folder).and_then(|()| lock::wait(&self.lock));
        taken.or_fail(Class::Internal, step, || format!("cannot lock {}", self.lock.display()))
    }
}

impl Drop for Wiring {
    fn drop(&mut self) {
        if self.armed
            && let Err(error) = self.disconnect()
        {
            log::error!("{}", error.line());
        }
    }
}

fn check_one(rtnl: &mut Rtnl, config: &HostConfig, link: &Link) -> Result<(), HostError> {
    match link.kind {
        LinkKind::HostBridge => host::foreign_bridge(rtnl, &link.bridge).map(drop),
        LinkKind::Bridge if link.bridge != config.bridge => {
            Err(HostError::AnotherBridge { bridge: link.bridge.clone(), configured: config.bridge.clone() })
        }
        LinkKind::Bridge => host::our_bridge(rtnl, &link.bridge).map(drop),
    }
}

/// Deletes a link of ours; one that only has the same name is left alone and will be in the way, visibly.
fn delete_veth(rtnl: &mut Rtnl, name: &str) -> Result<(), NetlinkError> {
    match rtnl.link(name)? {
        Some(link) if link.kind.as_deref() == Some("veth") => rtnl.delete_link(name).map(drop),
        _ => Ok(()),
    }
}

/// Gives a failure its class and its advice.
fn failure(step: &'static str, error: HostError) -> Error {
    use nix::errno::Errno;
    let refused = |error: &NetlinkError| matches!(error.errno(), Some(Errno::EPERM | Errno::EACCES));
    let (class, advice) = match &error {
        HostError::NoSuchBridge { .. } => {
            (Class::Unfit, Some("make the bridge first, or create the container without --network host-bridge"))
        }
        HostError::NotABridge { .. } => (Class::Unfit, Some("choose another name")),
        HostError::NotOurs { .. } => (Class::Unfit, Some("set another bridge in fief.toml, or use --network host-bridge")),
        HostError::AnotherBridge { .. } => (Class::Value, Some("change one of the two")),
        HostError::Netlink(error) if refused(error) => (Class::Unfit, Some("run fief as root")),
        HostError::Netlink(_) => (Class::Start, None),
        HostError::Nft(nft::NftError::Missing | nft::NftError::Run { .. }) => (Class::Unfit, None),
        HostError::Nft(nft::NftError::Refused { .. }) => (Class::Unfit, Some("nft needs root and a kernel with nf_tables and NAT")),
    };
    let mut told = Error::new(class, step, error.to_string());
    // `error` itself is the cause; what lies behind it is the source.
    if let HostError::Netlink(error) = error {
        told = told.source(error.into_refusal());
    } else if let HostError::Nft(nft::NftError::Run { source, .. }) = error {
        told = told.source(source);
    }
    match advice {
        Some(advice) => told.advice(advice),
        None => told,
    }
}

#[cfg(test)]
mod tests;
