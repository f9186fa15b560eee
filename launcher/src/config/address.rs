//! An address with its prefix length.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An IPv4 or IPv6 address and the length of its network prefix: `10.209.0.2/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

/// Why a text is no address with a prefix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// No `/`.
    #[error("{0:?} has no prefix length; write it as 10.209.0.2/16")]
    NoPrefix(String),
    /// The part before the `/` is no address.
    #[error("{0:?} is not an IPv4 or IPv6 address")]
    Address(String),
    /// The part after the `/` is no number in range.
    #[error("{prefix:?} is not a prefix length of 0 to {most}")]
    Prefix {
        /// What was written.
        prefix: String,
        /// 32 or 128.
        most: u8,
    },
}

impl Cidr {
    /// `address/prefix`; `None` when the prefix is longer than the address.
    #[must_use]
    pub const fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        if prefix > width(address) { None } else { Some(Self { address, prefix }) }
    }

    /// For literals that are known to be in range.
    pub(crate) const fn literal(address: IpAddr, prefix: u8) -> Self {
        Self { address, prefix }
    }

    /// The address.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// The length of the network prefix in bits.
    #[must_use]
    pub const fn prefix(self) -> u8 {
        self.prefix
    }

    /// The bits that tell hosts of the network apart: its greatest offset.
    #[must_use]
    pub fn host_mask(self) -> u128 {
        let bits = u32::from(width(self.address) - self.prefix);
        1u128.checked_shl(bits).map_or(u128::MAX, |one| one - 1)
    }

    /// The network: the same prefix, all host bits zero.
    #[must_use]
    pub fn network(self) -> Self {
        Self { address: from_bits(bits(self.address) & !self.host_mask(), self.address), prefix: self.prefix }
    }

    /// The address `offset` into the network; `None` beyond its end.
    #[must_use]
    pub fn at(self, offset: u128) -> Option<IpAddr> {
        (offset <= self.host_mask()).then(|| from_bits(bits(self.address) & !self.host_mask() | offset, self.address))
    }

    /// Does `other` lie in this network?
    #[must_use]
    pub fn contains(self, other: IpAddr) -> bool {
        other.is_ipv4() == self.address.is_ipv4() && Self { address: other, ..self }.network() == self.network()
    }
}

const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The address with these bits, of the family of `like`; what does not fit it is cut off.
fn from_bits(bits: u128, like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(bits & u128::from(u32::MAX)).unwrap_or(0))),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from_bits(bits)),
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let (address, prefix) = text.split_once('/').ok_or_else(|| CidrError::NoPrefix(text.into()))?;
        let address: IpAddr = address.parse().map_err(|_| CidrError::Address(address.into()))?;
        let bad = || CidrError::Prefix { prefix: prefix.into(), most: width(address) };
        if prefix.is_empty() || !prefix.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        prefix.parse().ok().and_then(|prefix| Self::new(address, prefix)).ok_or_else(bad)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl TryFrom<String> for Cidr {
    type Error = CidrError;
    fn try_from(text: String) -> Result<Self, CidrError> {
        text.parse()
    }
}

impl From<Cidr> for String {
    fn from(cidr: Cidr) -> Self {
        cidr.to_string()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_both_families() {
        let v4: Cidr = "10.209.3.4/16".parse().unwrap();
        assert_eq!(v4.network().to_string(), "10.209.0.0/16");
        assert_eq!(v4.at(258), Some("10.209.1.2".parse().unwrap()));
        assert_eq!((v4.at(65_536), v4.host_mask()), (None, 65_535));
        assert!(v4.contains("10.209.255.255".parse().unwrap()));
        assert!(!v4.contains("10.210.0.0".parse().unwrap()));
        assert!(!v4.contains("fd5e:f1ef::1".parse().unwrap()));
        let v6: Cidr = "fd5e:f1ef::2/64".parse().unwrap();
        assert_eq!(v6.to_string(), "fd5e:f1ef::2/64");
        assert!(!v6.contains("10.0.0.1".parse().unwrap()));
        let all: Cidr = "1.2.3.4/0".parse().unwrap();
        assert_eq!(all.network().to_string(), "0.0.0.0/0");
        let all: Cidr = "::1/0".parse().unwrap();
        assert_eq!((all.network().to_string(), all.host_mask()), ("::/0".into(), u128::MAX));
    }

    #[test]
    fn refuses_nonsense() {
        for bad in ["", "10.0.0.1", "10.0.0.1/", "10.0.0.1/33", "10.0.0.1/+8", "::1/129", "x/8", "10.0.0.1/8/8"] {
            assert!(bad.parse::<Cidr>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn round_trips(bits: u32, prefix in 0u8..=32) {
            let cidr = Cidr::new(IpAddr::V4(Ipv4Addr::from_bits(bits)), prefix).unwrap();
            prop_assert_eq!(cidr.to_string().parse::<Cidr>().unwrap(), cidr);
            prop_assert!(cidr.contains(cidr.address()));
        }

        #[test]
        fn never_panics(text in ".{0,24}") {
            let _ = text.parse::<Cidr>();
        }
    }
}
