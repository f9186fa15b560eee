//! Files of systemd.network(5), as far as a container without systemd-networkd can do what they say: addresses, routes, name servers and the
//! size of a packet of an interface that is there.
//!
//! ```text
//!   [Match] Name= MACAddress= Type= Virtualization=     which interfaces; the first file that fits one is the only one for it
//!   [Link] [Network] [Address] [Route]                  what they get
//! ```
//!
//! Invariant: whatever a file says that is not done is told, each key once, and does not keep the rest from being done.

mod route;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::systemd::boolean;
use crate::systemd::syntax::{self, Line};
use crate::{Set, glob};

pub use route::{Kind, Route};

/// The directories of these files below `/`, the most important first: a name counts where it is found first.
pub const DIRECTORIES: [&str; 4] =
    ["etc/systemd/network", "run/systemd/network", "usr/local/lib/systemd/network", "usr/lib/systemd/network"];
/// More of a kind in one file than anybody has.
const MOST: usize = 256;

/// What is known of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its Ethernet address.
    pub mac: Option<[u8; 6]>,
    /// In the words of `Type=`: `ether`, `loopback`, `none`.
    pub kind: String,
}

/// An address with the length of its network's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// The address.
    pub address: IpAddr,
    /// At most 32, or 128.
    pub length: u8,
}

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// Conditions, all of which are to hold; without any it is for no interface.
    matches: Vec<Match>,
    /// `Unmanaged=`: the interface is left as it is.
    pub is_unmanaged: bool,
    /// `MTUBytes=`
    pub mtu: Option<u32>,
    /// `Address=`
    pub addresses: Vec<Prefix>,
    /// `Gateway=`, and `[Route]`
    pub routes: Vec<Route>,
    /// `DNS=`
    pub name_servers: Vec<IpAddr>,
    /// `Domains=`
    pub domains: Vec<String>,
}

/// A condition of `[Match]`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Match {
    /// One of these patterns, or with `false` none.
    Name(Vec<String>, bool),
    Kind(Vec<String>, bool),
    Mac(Vec<[u8; 6]>),
    /// Known here already.
    Known(bool),
}

impl Network {
    /// Whether it is for this interface. The loopback is meant only where it is named.
    #[must_use]
    pub fn fits(&self, interface: &Interface) -> bool {
        let is_one = |patterns: &[String], text: &str| patterns.iter().any(|pattern| glob::matches(pattern, text));
        let is_named = self.matches.iter().any(|one| matches!(one, Match::Name(names, true) if names.contains(&interface.name)));
        let holds = |one: &Match| match one {
            Match::Name(patterns, wanted) => is_one(patterns, &interface.name) == *wanted,
            Match::Kind(patterns, wanted) => is_one(patterns, &interface.kind) == *wanted,
            Match::Mac(all) => interface.mac.is_some_and(|mac| all.contains(&mac)),
            Match::Known(holds) => *holds,
        };
        !self.matches.is_empty() && self.matches.iter().all(holds) && (interface.kind != "loopback" || is_named)
    }
}

impl Prefix {
    /// `192.0.2.7/24`; also without a length, where that is as long as the address.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        // No sign and no zero in front, as with systemd.
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
        let length = length.map_or(Some(longest), |text| text.parse().ok().filter(|_| plain(text)))?;
        (length <= longest).then_some(Self { address, length })
    }

    /// The first address of it.
    #[must_use]
    pub fn network(&self) -> IpAddr {
        let longest: u32 = if self.address.is_ipv4() { 32 } else { 128 };
        let others = longest.saturating_sub(self.length.into());
        match self.address {
            IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & u32::MAX.checked_shl(others).unwrap_or(0)).into(),
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & u128::MAX.checked_shl(others).unwrap_or(0)).into(),
        }
    }
}

impl std::fmt::Display for Prefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// What a file says with its drop-ins behind it, and a line for each thing that is not done.
#[must_use]
pub fn read(texts: &[&str]) -> (Network, Vec<String>) {
    let mut reading = Reading::default();
    for text in texts {
        // Of another file it is another section.
        reading.section = None;
        let (lines, slips) = syntax::parse(text);
        reading.told.extend(slips.iter().map(|slip| slip.message.to_owned()));
        for line in &lines {
            reading.take(line);
        }
    }
    reading.finish()
}

#[derive(Default)]
struct Reading {
    network: Network,
    /// The section that is being read, by its number in the file.
    section: Option<usize>,
    route: Option<route::Draft>,
    told: Vec<String>,
    /// Keys that nothing is done about, as `[Section] Key=`.
    passed: Set<String>,
}

impl Reading {
    fn take(&mut self, line: &Line) {
        if self.section != Some(line.opened) {
            self.section = Some(line.opened);
            self.end_route();
            if line.section == "Route" {
                self.route = Some(route::Draft::default());
            }
        }
        let value = line.value.as_str();
        let done = match (line.section.as_str(), line.key.as_str()) {
            ("Match", key) => {
                self.condition(key, value);
                Ok(true)
            }
            ("Link", "MTUBytes") => read_mtu(value).map(|mtu| {
                self.network.mtu = mtu;
                true
            }),
            ("Link", "Unmanaged") => yes_or_no(value).map(|unmanaged| {
                self.network.is_unmanaged = unmanaged;
                true
            }),
            ("Network" | "Address", "Address") => self.address(value),
            ("Network", "Gateway") => self.gateway(value),
            ("Network", "DNS") => self.name_servers(value),
            ("Network", "Domains") => self.domains(value),
            ("Network", "DHCP") => Ok(self.dhcp(value)),
            // Said of people or for a daemon that is not there; nothing is missed.
            (_, "Description" | "ConfigureWithoutCarrier" | "IgnoreCarrierLoss" | "RequiredForOnline") => Ok(true),
            ("Route", key) => self.route.get_or_insert_default().take(key, value),
            _ => Ok(false),
        };
        match done {
            Ok(true) => {}
            Ok(false) => drop(self.passed.insert(format!("[{}] {}=", shown(&line.section), shown(&line.key)))),
            Err(why) => self.told.push(format!("{}={}: {why}", shown(&line.key), shown(value))),
        }
    }

    fn condition(&mut self, key: &str, value: &str) {
        let (rest, wanted) = value.strip_prefix('!').map_or((value, true), |rest| (rest, false));
        let words = || rest.split_whitespace().take(MOST).map(str::to_owned).collect::<Vec<_>>();
        let condition = match key {
            // An empty one takes back what was said of it before; there is no reason to write that into a file of one's own.
            _ if rest.trim().is_empty() => return self.told.push(format!("[Match] {}= is empty", shown(key))),
            "Name" => Match::Name(words(), wanted),
            "Type" => Match::Kind(words(), wanted),
            "MACAddress" | "PermanentMACAddress" => Match::Mac(rest.split_whitespace().take(MOST).filter_map(read_mac).collect()),
            "Virtualization" => Match::Known((rest == "container" || boolean(rest) == Some(true)) == wanted),
            _ => {
                self.told.push(format!("[Match] {}= cannot be asked here: the file is for no interface", shown(key)));
                Match::Known(false)
            }
        };
        self.network.matches.push(condition);
    }

    fn address(&mut self, value: &str) -> Result<bool, String> {
        if value.is_empty() {
            self.network.addresses.clear();
            return Ok(true);
        }
        let prefix =
            Prefix::read(value).filter(|_| value.contains('/')).ok_or("takes an address and its prefix length, as 192.0.2.7/24")?;
        if prefix.address.is_unspecified() || prefix.address.is_multicast() {
            return Err("no pool of addresses is known here".to_owned());
        }
        put(&mut self.network.addresses, prefix)
    }

    fn gateway(&mut self, value: &str) -> Result<bool, String> {
        if value.is_empty() {
            self.network.routes.clear();
            return Ok(true);
        }
        let gateway: IpAddr = value.parse().map_err(|_| "takes an address; what others announce is not asked for here")?;
        put(&mut self.network.routes, Route::by_default(gateway))
    }

    fn name_servers(&mut self, value: &str) -> Result<bool, String> {
        if value.is_empty() {
            self.network.name_servers.clear();
        }
        let mut odd = None;
        for word in value.split_whitespace() {
            // resolv.conf(5) has no ports, and no names of servers.
            match word.parse() {
                Ok(server) => drop(put(&mut self.network.name_servers, server)?),
                Err(_) => odd = Some(word),
            }
        }
        odd.map_or(Ok(true), |word| Err(format!("{} is no address alone, and /etc/resolv.conf takes no other", shown(word))))
    }

    fn domains(&mut self, value: &str) -> Result<bool, String> {
        if value.is_empty() {
            self.network.domains.clear();
        }
        let mut odd = None;
        for word in value.split_whitespace() {
            let is_name = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
            if is_name && word.len() < 254 {
                put(&mut self.network.domains, word.to_owned())?;
            } else {
                odd = Some(word);
            }
        }
        odd.map_or(Ok(true), |word| Err(format!("{} is none to be searched", shown(word))))
    }

    /// Whether there is nothing to tell.
    fn dhcp(&mut self, value: &str) -> bool {
        if !value.is_empty() && boolean(value) != Some(false) {
            self.told.push(format!("DHCP={}: nothing here asks for addresses; those that the host gives stay", shown(value)));
        }
        true
    }

    fn end_route(&mut self) {
        let Some(draft) = self.route.take() else { return };
        let made = draft.finish().and_then(|route| put(&mut self.network.routes, route));
        self.told.extend(made.err().map(|why| format!("[Route]: {why}")));
    }

    fn finish(mut self) -> (Network, Vec<String>) {
        self.end_route();
        if self.network.matches.is_empty() {
            self.told.push("without [Match] it is for no interface; Name=* is for all".to_owned());
        }
        if !self.passed.is_empty() {
            let all: Vec<&str> = self.passed.iter().map(String::as_str).collect();
            self.told.push(format!("not done here: {}", all.join(", ")));
        }
        (self.network, self.told)
    }
}

/// One more, if it is not there yet.
fn put<T: PartialEq>(all: &mut Vec<T>, one: T) -> Result<bool, String> {
    if !all.contains(&one) {
        if all.len() == MOST {
            return Err(format!("more than {MOST} of them"));
        }
        all.push(one);
    }
    Ok(true)
}

fn yes_or_no(value: &str) -> Result<bool, String> {
    boolean(value).ok_or_else(|| "is neither true nor false".to_owned())
}

/// 68 is the least that IPv4 can do with; RFC 791.
fn read_mtu(value: &str) -> Result<Option<u32>, String> {
    if value.is_empty() {
        return Ok(None);
    }
    match value.parse() {
        Ok(size @ 68..=65535) => Ok(Some(size)),
        _ => Err("takes a number of bytes from 68 to 65535".to_owned()),
    }
}

/// `01:23:45:67:89:ab`, with hyphens, or `0123.4567.89ab`.
#[must_use]
pub fn read_mac(text: &str) -> Option<[u8; 6]> {
    let (separator, digits) = if text.contains('.') {
        ('.', 4)
    } else if text.contains('-') {
        ('-', 2)
    } else {
        (':', 2)
    };
    let groups: Vec<&str> = text.split(separator).collect();
    if groups.len() * digits != 12 || groups.iter().any(|group| group.len() != digits) {
        return None;
    }
    let number = u64::from_str_radix(&groups.concat(), 16).ok().filter(|_| !text.contains('+'))?;
    let [_, _, mac @ ..] = number.to_be_bytes();
    Some(mac)
}

/// A word of the file's as it is told.
fn shown(text: &str) -> String {
    text.chars().take(60).filter(|c| !c.is_control()).collect()
}

/// Everything of this family.
fn all_of(address: IpAddr) -> Prefix {
    Prefix { address: Prefix { address, length: 0 }.network(), length: 0 }
}

#[cfg(test)]
mod tests;
