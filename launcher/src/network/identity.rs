//! Names and Ethernet addresses that a link keeps for life, worked out from what never changes.

use crate::store::MacAddress;

/// The name of the host's end of a container's `nth` link: `vf` and eight hex digits, which stays below the
/// kernel's 15 characters (`IFNAMSIZ`) and is the same after every start.
#[must_use]
pub fn host_link(uuid: &str, nth: usize) -> String {
    let number = fingerprint(&format!("host-link {nth}"), uuid);
    format!("vf{:08x}", number & 0xffff_ffff)
}

/// The Ethernet address of the guest's end of a container's `nth` link.
#[must_use]
pub fn guest_mac(uuid: &str, nth: usize) -> MacAddress {
    mac(&format!("guest-link {nth}"), uuid)
}

/// The Ethernet address of the host's end of a link.
#[must_use]
pub(super) fn host_mac(host_link: &str) -> MacAddress {
    mac("host-link", host_link)
}

/// The Ethernet address of a bridge of ours. It says that we made it: a bridge of that name with another address
/// is somebody else's and is neither used nor deleted.
#[must_use]
pub(super) fn bridge_mac(bridge: &str) -> MacAddress {
    mac("bridge", bridge)
}

fn mac(what: &str, seed: &str) -> MacAddress {
    let [_, _, bytes @ ..] = fingerprint(what, seed).to_be_bytes();
    MacAddress::local(bytes)
}

/// A number that is always the same for the same two texts and nearly never for others: FNV-1a of 64 bits, with
/// a final mix so that its high bits are as good as its low ones.
fn fingerprint(what: &str, seed: &str) -> u64 {
    let bytes = what.bytes().chain([0]).chain(seed.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    const UUID: &str = "6b1c0a6e-8d8b-4f0e-9d43-0f4b6c1a2f33";

    #[test]
    fn names_and_addresses_never_change() {
        // Changing these would leave the links of running containers behind after an upgrade.
        assert_eq!(host_link(UUID, 0), "vfcca4ed50");
        assert_eq!(guest_mac(UUID, 0).to_string(), "56:f5:8f:db:19:23");
        assert_eq!(bridge_mac("fief0").to_string(), "6e:90:20:4e:10:1c");
    }

    #[test]
    fn another_link_or_container_has_another_name() {
        assert_ne!(host_link(UUID, 0), host_link(UUID, 1));
        assert_ne!(host_link(UUID, 0), host_link("7b1c0a6e-8d8b-4f0e-9d43-0f4b6c1a2f33", 0));
        assert_ne!(guest_mac(UUID, 0), host_mac(&host_link(UUID, 0)));
    }

    proptest! {
        #[test]
        fn a_name_fits_and_an_address_is_local_unicast(uuid: String, nth: usize) {
            prop_assert_eq!(host_link(&uuid, nth).len(), 10);
            prop_assert_eq!(guest_mac(&uuid, nth).bytes()[0] & 0b11, 0b10);
        }
    }
}
