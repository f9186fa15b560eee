//! What the host has given the guest of a network: `/run/host/network`, a line for each address and for each way out.
//!
//! ```text
//!   LINK address 10.209.0.2/16
//!   LINK gateway 10.209.0.1
//! ```
//!
//! The launcher has set all that before any program of the guest's ran. ifupdown cannot set an address twice, and takes all of them away with
//! an interface; so what it is to set itself is taken back before it begins, and what is missing when it is done is put there again.

#![allow(clippy::disallowed_methods)] // A child of PID 1 may start a program and wait for it.

use std::net::IpAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use units::networkd::{Prefix, Route};

use super::{Trouble, netlink, program, text};
use crate::say;

const GIVEN: &str = "/run/host/network";

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) addresses: Vec<(String, Prefix)>,
    pub(super) gateways: Vec<(String, IpAddr)>,
}

impl Given {
    /// `None` where no host of ours says.
    pub(super) fn by_host() -> Result<Option<Self>, Trouble> {
        Ok(text(Path::new(GIVEN))?.map(|text| Self::read(&text)))
    }

    fn read(text: &str) -> Self {
        let mut given = Self::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [link, what, value] = words.as_slice() else { continue };
            match *what {
                "address" => given.addresses.extend(Prefix::read(value).map(|prefix| ((*link).to_owned(), prefix))),
                "gateway" => given.gateways.extend(value.parse().ok().map(|gateway| ((*link).to_owned(), gateway))),
                // A newer host's.
                _ => {}
            }
        }
        given
    }

    /// Puts there what is missing. A way out of another's making stays.
    pub(super) fn restore(&self) {
        for (link, prefix) in &self.addresses {
            tell(link, prefix, index(link).and_then(|index| netlink::raise(index).and_then(|()| netlink::put_address(index, *prefix))));
        }
        for (link, gateway) in &self.gateways {
            if !leads_out(gateway.is_ipv4()) {
                let route = Route::by_default(*gateway);
                tell(link, &route, index(link).and_then(|index| netlink::put_route(index, &route)));
            }
        }
    }

    /// What of it ifupdown is to set by itself.
    fn also_in(self, asked: &str) -> Self {
        let says = |key: &str, value: IpAddr| {
            let values = asked.lines().filter_map(|line| line.strip_prefix(key)).map(|rest| rest.split('/').next().unwrap_or(rest).trim());
            values.filter_map(|text| text.parse::<IpAddr>().ok()).any(|said| said == value)
        };
        let is_named = |key: &str, ipv4: bool| {
            let values = asked.lines().filter_map(|line| line.strip_prefix(key)).filter_map(|rest| rest.trim().parse::<IpAddr>().ok());
            values.into_iter().any(|said| said.is_ipv4() == ipv4)
        };
        Self {
            addresses: self.addresses.into_iter().filter(|(_, prefix)| says("address:", prefix.address)).collect(),
            // Whichever he names: there is one way out of a family.
            gateways: self.gateways.into_iter().filter(|(_, gateway)| is_named("gateway:", gateway.is_ipv4())).collect(),
        }
    }

    fn of(&self, link: &str) -> Self {
        let addresses = self.addresses.iter().filter(|(of, _)| of == link).cloned().collect();
        Self { addresses, gateways: self.gateways.iter().filter(|(of, _)| of == link).cloned().collect() }
    }
}

/// Takes back what the tenant's /etc/network/interfaces says too.
pub(super) fn give_way() -> Result<(), Trouble> {
    let (Some(given), Some(ifquery)) = (Given::by_host()?, program("ifquery")) else { return Ok(()) };
    let ask = |words: &[&str]| {
        let output = Command::new(&ifquery).args(words).stdin(Stdio::null()).stderr(Stdio::null()).output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
    };
    for link in ask(&["--list"]).lines() {
        let ours = given.of(link).also_in(&ask(&[link]));
        let Ok(index) = index(link) else { continue };
        // The way out first: with its address it would be gone.
        for (_, gateway) in &ours.gateways {
            tell(link, gateway, netlink::take_route(index, &Route::by_default(*gateway)));
        }
        for (_, prefix) in &ours.addresses {
            tell(link, prefix, netlink::take_address(index, *prefix));
        }
    }
    Ok(())
}

fn tell(link: &str, what: &dyn std::fmt::Display, done: Result<(), Errno>) {
    if let Err(errno) = done {
        say::line(format_args!("{link}: {what} is refused: {}", errno.desc()));
    }
}

fn index(link: &str) -> Result<u32, Errno> {
    if_nametoindex(link)
}

/// Whether there is a route to everything; proc(5).
fn leads_out(ipv4: bool) -> bool {
    let table = text(Path::new(if ipv4 { "/proc/net/route" } else { "/proc/net/ipv6_route" })).ok().flatten().unwrap_or_default();
    table.lines().any(|line| if ipv4 { is_default(line) } else { is_default_of_six(line) })
}

/// `eth0 00000000 0101D10A 0003 0 0 0 00000000 …`: destination and mask.
fn is_default(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    words.get(1) == Some(&"00000000") && words.get(7) == Some(&"00000000")
}

/// Destination and its length, and at the end the link: one on `lo` says that there is no way.
fn is_default_of_six(line: &str) -> bool {
    line.starts_with(&format!("{} 00 ", "0".repeat(32))) && !line.ends_with(" lo")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shown(given: &Given) -> String {
        let addresses = given.addresses.iter().map(|(link, prefix)| format!("{link} {prefix}"));
        let gateways = given.gateways.iter().map(|(link, gateway)| format!("{link} via {gateway}"));
        addresses.chain(gateways).collect::<Vec<_>>().join(", ")
    }

    fn given() -> Given {
        Given::read(
            "eth0 address 10.209.0.2/16\neth0 address fd5e::2/64\neth0 gateway 10.209.0.1\neth0 gateway fd5e::1\neth1 address 10.0.0.1/8\neth0 weather fine\nx\n",
        )
    }

    #[test]
    fn what_the_host_says_is_read_and_is_of_a_link() {
        assert_eq!(shown(&given()), "eth0 10.209.0.2/16, eth0 fd5e::2/64, eth1 10.0.0.1/8, eth0 via 10.209.0.1, eth0 via fd5e::1");
        assert_eq!(shown(&given().of("eth1")), "eth1 10.0.0.1/8");
    }

    #[test]
    fn only_what_is_said_twice_is_taken_back() {
        let asked = "address: 10.209.0.2\ngateway: 10.209.0.250\nnetmask: 255.255.0.0\naddress: 192.0.2.7\naddress: fd5e::0002\n";
        assert_eq!(shown(&given().of("eth0").also_in(asked)), "eth0 10.209.0.2/16, eth0 fd5e::2/64, eth0 via 10.209.0.1");
        assert_eq!(shown(&given().of("eth0").also_in("address: 10.209.0.20\nup: echo address: 10.209.0.2\n")), "");
    }

    #[test]
    fn a_way_out_is_known_by_the_kernels_tables() {
        let table = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                     eth0\t0000D10A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
        assert!(!table.lines().any(is_default));
        assert!(is_default("eth0\t00000000\t0100D10A\t0003\t0\t0\t0\t00000000\t0\t0\t0"));
        let zero = "0".repeat(32);
        let six = |length: &str, link: &str| format!("{zero} {length} {zero} 00 fd5ef1ef000000000000000000000001 00000400 1 0 3 {link}");
        assert!(
            is_default_of_six(&six("00", "    eth0"))
                && !is_default_of_six(&six("00", "      lo"))
                && !is_default_of_six(&six("08", "    eth0"))
        );
    }
}
