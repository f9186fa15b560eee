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
    /// `address/prefix`.
    ///
    /// # Errors
    /// When the prefix is longer than the address.
    pub fn new(address: IpAddr, prefix: u8) -> Result<Self, CidrError> {
        let most = width(address);
        if prefix > most {
            return Err(CidrError::Prefix { prefix: prefix.to_string(), most });
        }
        Ok(Self { address, prefix })
    }

    /// For literals that are known to be in range.
    pub(crate) const fn literal(address: IpAddr, prefix: u8) -> Self {
        Self { address, prefix }
    }

    /// The address.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// The length of the network prefix in bits.
    #[must_use]
    pub const fn prefix(&self) -> u8 {
        self.prefix
    }

    /// The first address of the network, all host bits zero.
    #[must_use]
    pub fn network(&self) -> IpAddr {
        match self.address {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
            }
        }
    }

    /// Does `other` lie in this network?
    #[must_use]
    pub fn contains(&self, other: IpAddr) -> bool {
        Self { address: other, prefix: self.prefix.min(width(other)) }.network() == self.network()
    }
}

const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
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
        Self::new(address, prefix.parse().map_err(|_| bad())?).map_err(|_| bad())
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
        assert_eq!(v4.network(), "10.209.0.0".parse::<IpAddr>().unwrap());
        assert!(v4.contains("10.209.255.255".parse().unwrap()));
        assert!(!v4.contains("10.210.0.0".parse().unwrap()));
        assert!(!v4.contains("fd5e:f1ef::1".parse().unwrap()));
        let v6: Cidr = "fd5e:f1ef::2/64".parse().unwrap();
        assert_eq!(v6.to_string(), "fd5e:f1ef::2/64");
        assert!(!v6.contains("10.0.0.1".parse().unwrap()));
        let all: Cidr = "1.2.3.4/0".parse().unwrap();
        assert_eq!(all.network(), "0.0.0.0".parse::<IpAddr>().unwrap());
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
