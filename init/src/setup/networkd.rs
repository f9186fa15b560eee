//! What the tenant's files of systemd.network(5) say, done in systemd-networkd's place. The launcher has given the guest its addresses before
//! any of its programs ran; this adds to them, and leaves what it cannot do to a line in the unit's log.
//!
//! The first file that fits an interface is the only one for it. What is taken out of a file goes with the next boot.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use units::Map;
use units::networkd::{self, DIRECTORIES, Interface, Network};

use super::{Trouble, netlink, replace, text};
use crate::{file, say};

const LINKS: &str = "/sys/class/net";
const RESOLVER: &str = "/etc/resolv.conf";
/// What the launcher's begins with, and with it what is made of that here.
const GIVEN: &str = "# Written by fief at every start.";
/// The C library reads no more (`MAXNS`); resolv.conf(5).
const MOST_SERVERS: usize = 3;

pub(super) fn apply() -> Result<(), Trouble> {
    let files = files(Path::new("/"));
    if files.is_empty() {
        return Ok(());
    }
    let links = links();
    let (mut servers, mut domains): (Vec<IpAddr>, Vec<&str>) = (Vec::new(), Vec::new());
    let mut taken: Vec<&str> = Vec::new();
    for (path, network) in &files {
        for (index, link) in &links {
            if taken.contains(&link.name.as_str()) || !network.fits(link) {
                continue;
            }
            taken.push(&link.name);
            if network.is_unmanaged {
                continue;
            }
            for (what, errno) in give(*index, network) {
                say::line(format_args!("{}: {}: {what} is refused: {}", path.display(), link.name, errno.desc()));
            }
            servers.extend(&network.name_servers);
            domains.extend(network.domains.iter().map(String::as_str));
        }
    }
    if servers.is_empty() && domains.is_empty() {
        return Ok(());
    }
    servers.truncate(MOST_SERVERS);
    let servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
    name(&servers, &domains)
}

/// All of them in the order of their names, with what stands in the folders of their drop-ins; what is wrong is told.
fn files(root: &Path) -> Vec<(PathBuf, Network)> {
    let mut all = Vec::new();
    for (name, path) in found(root, "", ".network") {
        let Some(text) = open(&path) else { continue };
        let more = found(root, &format!("{name}.d"), ".conf");
        let texts: Vec<String> = std::iter::once(text).chain(more.iter().filter_map(|(_, path)| open(path))).collect();
        let (network, told) = networkd::read(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        // What systemd brings itself concerns a container of its own making.
        if !path.starts_with(root.join("usr/lib")) {
            told.iter().for_each(|line| say::line(format_args!("{}: {line}", path.display())));
        }
        all.push((path, network));
    }
    for (_, path) in found(root, "", ".netdev").iter().filter(|(_, path)| !path.starts_with(root.join("usr/lib"))) {
        say::line(format_args!("{}: not done here: an interface of one's own is made by ip(8) or ifupdown", path.display()));
    }
    all
}

/// Files of a kind, in the order of their names; the most important of a name counts.
fn found(root: &Path, folder: &str, ending: &str) -> Vec<(String, PathBuf)> {
    let mut found: Map<String, PathBuf> = Map::new();
    for directory in DIRECTORIES {
        let Ok(entries) = fs::read_dir(root.join(directory).join(folder)) else { continue };
        for entry in entries.flatten() {
            if let Ok(name) = entry.file_name().into_string()
                && name.ends_with(ending)
                && !name.starts_with('.')
            {
                found.entry(name).or_insert(entry.path());
            }
        }
    }
    found.into_iter().collect()
}

/// An empty one, or a link to `/dev/null`, hides the others of its name and says nothing.
fn open(path: &Path) -> Option<String> {
    if !path.metadata().is_ok_and(|about| about.is_file()) {
        return None;
    }
    match file::read_text(path, file::USUAL) {
        Ok(text) => Some(text).filter(|text| !text.trim().is_empty()),
        Err(error) => {
            say::line(format_args!("{} cannot be read: {error}", path.display()));
            None
        }
    }
}

/// The interfaces that are there, with their numbers.
fn links() -> Vec<(u32, Interface)> {
    let read = |name: &str, what: &str| file::read_text(format!("{LINKS}/{name}/{what}"), 256).ok();
    let one = |name: String| {
        let index: u32 = read(&name, "ifindex")?.trim().parse().ok()?;
        // linux/if_arp.h
        let kind = match read(&name, "type")?.trim() {
            "1" => "ether",
            "772" => "loopback",
            _ => "none",
        };
        let mac = read(&name, "address").and_then(|mac| networkd::read_mac(mac.trim()));
        Some((index, Interface { name, mac, kind: kind.to_owned() }))
    };
    let names = fs::read_dir(LINKS).into_iter().flatten().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut all: Vec<_> = names.filter_map(one).collect();
    units::order::by(&mut all, |(a, _), (b, _)| a.cmp(b));
    all
}

/// Gives an interface all that a file says. What is refused, and why.
fn give(index: u32, network: &Network) -> Vec<(String, Errno)> {
    let mut refused = Vec::new();
    let mut note = |what: &dyn std::fmt::Display, done: Result<(), Errno>| {
        if let Err(errno) = done {
            refused.push((what.to_string(), errno));
        }
    };
    if let Some(mtu) = network.mtu {
        note(&"its MTU", netlink::set_mtu(index, mtu));
    }
    for address in &network.addresses {
        note(&format_args!("address {address}"), netlink::put_address(index, *address));
    }
    note(&"to be up", netlink::raise(index));
    // A gateway is reached by a route that is there by then.
    let (direct, others): (Vec<_>, Vec<_>) = network.routes.iter().partition(|route| route.gateway.is_none());
    for route in direct.into_iter().chain(others) {
        note(route, netlink::put_route(index, route));
    }
    refused
}

/// Has the resolver ask these servers, and search in these domains.
fn name(servers: &[String], domains: &[&str]) -> Result<(), Trouble> {
    let path = Path::new(RESOLVER);
    let there = text(path)?.unwrap_or_default();
    // A file of the tenant's own, or of a program that sees to it, stays.
    let is_link = fs::symlink_metadata(path).is_ok_and(|about| about.is_symlink());
    let Some(new) = resolver(&there, servers, domains).filter(|_| !is_link) else {
        say::line(format_args!("{RESOLVER} is somebody else's: DNS= and Domains= are not put into it"));
        return Ok(());
    };
    if new == there { Ok(()) } else { replace(path, 0o644, new.as_bytes()) }
}

/// The file with what is said in the place of what the launcher wrote; `None` where it is not the launcher's.
fn resolver(there: &str, servers: &[String], domains: &[&str]) -> Option<String> {
    let is_kept = there.lines().any(|line| line.trim() == "# fief: keep");
    if is_kept || !there.starts_with(GIVEN) {
        return None;
    }
    let is_replaced = |line: &str| match line.split_whitespace().next() {
        Some("nameserver") => !servers.is_empty(),
        Some("search" | "domain") => !domains.is_empty(),
        _ => false,
    };
    let mut new: String = there.lines().filter(|line| !is_replaced(line)).map(|line| format!("{line}\n")).collect();
    for server in servers {
        new.push_str(&format!("nameserver {server}\n"));
    }
    if !domains.is_empty() {
        new.push_str(&format!("search {}\n", domains.join(" ")));
    }
    Some(new)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn name_servers_stand_in_the_place_of_the_launchers() {
        let servers = ["192.0.2.53".to_owned()];
        let given = format!("{GIVEN} To keep…\n#     # fief: keep\nnameserver 10.0.0.1\nsearch old.example\noptions edns0\n");
        let wanted = format!("{GIVEN} To keep…\n#     # fief: keep\nsearch old.example\noptions edns0\nnameserver 192.0.2.53\n");
        assert_eq!(resolver(&given, &servers, &[]), Some(wanted.clone()));
        assert_eq!(resolver(&wanted, &servers, &[]), Some(wanted.clone()));
        let searched = resolver(&given, &[], &["a.example", "b.example"]).unwrap();
        assert!(searched.contains("nameserver 10.0.0.1\n") && searched.ends_with("search a.example b.example\n"), "{searched}");
        assert_eq!(resolver("nameserver 1.1.1.1\n", &servers, &[]), None);
        assert_eq!(resolver(&format!("{given}# fief: keep\n"), &servers, &[]), None);
    }

    #[test]
    fn the_most_important_file_of_a_name_counts_and_an_empty_one_hides_it() {
        let root = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let file = |address: &str| format!("[Match]\nName=eth0\n[Network]\nAddress={address}\n");
        put("usr/lib/systemd/network/80-a.network", &file("192.0.2.1/24"));
        put("usr/lib/systemd/network/10-b.network", &file("192.0.2.2/24"));
        put("etc/systemd/network/10-b.network", "");
        put("run/systemd/network/90-c.network", &file("192.0.2.3/24"));
        put("etc/systemd/network/80-a.network", &file("192.0.2.4/24"));
        put("usr/lib/systemd/network/80-a.network.d/x.conf", "[Network]\nAddress=192.0.2.5/24\n");
        put("etc/systemd/network/80-a.network.bak", &file("192.0.2.6/24"));
        let all: Vec<String> = files(root.path())
            .iter()
            .map(|(path, network)| {
                let addresses: Vec<String> = network.addresses.iter().map(ToString::to_string).collect();
                format!("{} {}", path.strip_prefix(root.path()).unwrap().display(), addresses.join(" "))
            })
            .collect();
        assert_eq!(all, ["etc/systemd/network/80-a.network 192.0.2.4/24 192.0.2.5/24", "run/systemd/network/90-c.network 192.0.2.3/24"]);
    }
}
