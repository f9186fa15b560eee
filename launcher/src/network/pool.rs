//! Handing out addresses: pure functions over the set of those in use.
//!
//! Whoever calls holds the lock under which names, ids and addresses are given away, and passes
//! the addresses of *all* containers, stopped ones too: an address is kept for life.
//! Invariant: no address is handed out twice (property `never_twice`).

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::config::Cidr;

/// Why no address could be given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// Every address of the pool belongs to some container.
    #[error("every address of {pool} is in use (destroy a container or widen the pool)")]
    Exhausted {
        /// The pool's network.
        pool: Cidr,
    },
    /// The address asked for belongs to another container.
    #[error("address {address} already belongs to another container")]
    InUse {
        /// The address asked for.
        address: IpAddr,
    },
    /// The address asked for cannot be a container's.
    #[error("address {address} cannot be a container's: it is {reason}")]
    NotForContainers {
        /// The address asked for.
        address: IpAddr,
        /// What it is instead.
        reason: &'static str,
    },
    /// The way out asked for is in none of the link's networks, so the kernel would refuse the route.
    #[error("gateway {gateway} is in no network of the addresses given")]
    StrayGateway {
        /// The gateway asked for.
        gateway: IpAddr,
    },
    /// On our own bridge the gateway is the host; without a network there is none.
    #[error("gateway {gateway} can only be given for a bridge of the host")]
    UselessGateway {
        /// The gateway asked for.
        gateway: IpAddr,
    },
    /// On our own bridge only addresses of the pool can be reached.
    #[error("address {address} is not in {pool}, the network of the bridge")]
    Outside {
        /// The address asked for.
        address: IpAddr,
        /// The pool's network.
        pool: Cidr,
    },
}

/// The host's own address on the bridge, every container's gateway: the first of the pool.
///
/// `None` if the network is too small to hold a gateway and one container.
pub fn gateway(pool: Cidr) -> Option<Cidr> {
    (last_offset(pool) >= 2).then(|| member(pool, 1)).flatten()
}

/// The lowest address of `pool` nobody uses, with the pool's prefix length.
///
/// # Errors
/// [`PoolError::Exhausted`] if there is none.
pub fn next(pool: Cidr, used: &BTreeSet<IpAddr>) -> Result<Cidr, PoolError> {
    let exhausted = || PoolError::Exhausted { pool: pool.network() };
    let first = gateway(pool).and_then(|_| pool.at(2)).ok_or_else(exhausted)?;
    let last = pool.at(last_offset(pool)).ok_or_else(exhausted)?;
    // The used ones come in order, so the first gap is found in one walk however long the pool is.
    let mut offset = 2_u128;
    for taken in used.range(first..=last) {
        if pool.at(offset) != Some(*taken) {
            break;
        }
        offset += 1;
    }
    if offset > last_offset(pool) {
        return Err(exhausted());
    }
    member(pool, offset).ok_or_else(exhausted)
}

/// Whether `wanted`, chosen by a person for our own bridge, may be given to a container.
///
/// # Errors
/// [`PoolError::Outside`], [`PoolError::NotForContainers`] or [`PoolError::InUse`].
pub fn claim(wanted: Cidr, pool: Cidr, used: &BTreeSet<IpAddr>) -> Result<Cidr, PoolError> {
    let address = wanted.address();
    if !pool.contains(address) {
        return Err(PoolError::Outside { address, pool: pool.network() });
    }
    let reason = if pool.at(0) == Some(address) {
        Some("the network's own")
    } else if gateway(pool).map(Cidr::address) == Some(address) {
        Some("the gateway's")
    } else if address.is_ipv4() && pool.at(pool.host_mask()) == Some(address) {
        Some("the broadcast address")
    } else {
        None
    };
    if let Some(reason) = reason {
        return Err(PoolError::NotForContainers { address, reason });
    }
    claim_anywhere(wanted, used)
}

/// Whether `wanted`, chosen by a person for a bridge of the host, may be given to a container.
///
/// # Errors
/// [`PoolError::NotForContainers`] or [`PoolError::InUse`].
pub fn claim_anywhere(wanted: Cidr, used: &BTreeSet<IpAddr>) -> Result<Cidr, PoolError> {
    let address = wanted.address();
    if address.is_unspecified() || address.is_loopback() || address.is_multicast() {
        let reason = "unspecified, loopback or multicast";
        return Err(PoolError::NotForContainers { address, reason });
    }
    if used.contains(&address) {
        return Err(PoolError::InUse { address });
    }
    Ok(wanted)
}

/// The offset of the last address a container may have: IPv4 keeps the very last for broadcast.
fn last_offset(pool: Cidr) -> u128 {
    let broadcast = u128::from(pool.address().is_ipv4());
    pool.host_mask().saturating_sub(broadcast)
}

/// The address at `offset` from the start of the pool, with the pool's prefix length; `None` past its end.
fn member(pool: Cidr, offset: u128) -> Option<Cidr> {
    pool.at(offset).and_then(|address| Cidr::new(address, pool.prefix()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    fn cidr(text: &str) -> Cidr {
        text.parse().unwrap()
    }

    fn set(texts: &[&str]) -> BTreeSet<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn the_first_container_follows_the_gateway() {
        let none = BTreeSet::new();
        assert_eq!(gateway(cidr("10.209.0.0/16")), Some(cidr("10.209.0.1/16")));
        assert_eq!(next(cidr("10.209.0.0/16"), &none), Ok(cidr("10.209.0.2/16")));
        assert_eq!(next(cidr("fd5e:f1ef::/64"), &none), Ok(cidr("fd5e:f1ef::2/64")));
    }

    #[test]
    fn a_gap_left_by_a_destroyed_container_is_filled() {
        let used = set(&["10.209.0.2", "10.209.0.4", "192.0.2.7", "fd5e:f1ef::2"]);
        assert_eq!(next(cidr("10.209.0.0/16"), &used), Ok(cidr("10.209.0.3/16")));
    }

    #[test]
    fn a_full_pool_says_so() {
        let used = set(&["10.0.0.2"]);
        assert_eq!(
            next(cidr("10.0.0.0/30"), &used).unwrap_err().to_string(),
            "every address of 10.0.0.0/30 is in use (destroy a container or widen the pool)"
        );
        for tiny in ["10.0.0.0/31", "10.0.0.0/32", "fd00::/127", "fd00::/128"] {
            assert!(next(cidr(tiny), &BTreeSet::new()).is_err(), "{tiny}");
        }
        assert_eq!(next(cidr("fd00::/126"), &BTreeSet::new()), Ok(cidr("fd00::2/126")));
    }

    #[test]
    fn an_address_asked_for_is_checked() {
        let pool = cidr("10.209.0.0/16");
        let used = set(&["10.209.0.9"]);
        assert_eq!(claim(cidr("10.209.7.7/16"), pool, &used), Ok(cidr("10.209.7.7/16")));
        for (wanted, reason) in [
            ("10.209.0.9/16", "address 10.209.0.9 already belongs to another container"),
            ("10.209.0.0/16", "address 10.209.0.0 cannot be a container's: it is the network's own"),
            ("10.209.0.1/16", "address 10.209.0.1 cannot be a container's: it is the gateway's"),
            ("10.209.255.255/16", "address 10.209.255.255 cannot be a container's: it is the broadcast address"),
            ("10.1.0.9/16", "address 10.1.0.9 is not in 10.209.0.0/16, the network of the bridge"),
        ] {
            assert_eq!(claim(cidr(wanted), pool, &used).unwrap_err().to_string(), reason);
        }
        assert!(claim_anywhere(cidr("127.0.0.1/8"), &used).is_err());
        assert!(claim_anywhere(cidr("10.209.0.9/24"), &used).is_err());
    }

    proptest! {
        #[test]
        fn never_twice(v6: bool, host_bits in 2_u8..=6, before in proptest::collection::vec(0_u128..80, 0..40)) {
            let pool = if v6 {
                Cidr::new("fd00::40".parse().unwrap(), 128 - host_bits).unwrap()
            } else {
                Cidr::new("10.0.0.64".parse().unwrap(), 32 - host_bits).unwrap()
            };
            let mut used: BTreeSet<IpAddr> = before.iter().filter_map(|&n| pool.at(n)).collect();
            loop {
                match next(pool, &used) {
                    Ok(given) => {
                        prop_assert!(pool.contains(given.address()));
                        prop_assert_eq!(given.prefix(), pool.prefix());
                        prop_assert_eq!(claim(given, pool, &used), Ok(given));
                        prop_assert!(used.insert(given.address()), "{} twice", given);
                    }
                    Err(PoolError::Exhausted { .. }) => break,
                    Err(other) => panic!("{other}"),
                }
            }
            // It only gives up once every address a container may have is taken.
            for offset in 2..=last_offset(pool) {
                prop_assert!(used.contains(&pool.at(offset).unwrap()));
            }
        }
    }
}
