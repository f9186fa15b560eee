//! As root, in network namespaces made for the test. A namespace belongs to a thread, and every test has a thread of
//! its own, so the host's links, tables and sysctls are never seen, let alone touched.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use nix::poll::{PollFd, PollFlags, poll};
use nix::sched::{CloneFlags, setns, unshare};

use super::*;

/// A host of the test's own: namespace, folders, names.
struct TestHost {
    host: Host,
    netns: OwnedFd,
    _folder: tempfile::TempDir,
}

fn own_netns() -> OwnedFd {
    File::open("/proc/thread-self/ns/net").unwrap().into()
}

/// A new namespace; the thread stays in the one it was in.
fn new_netns() -> OwnedFd {
    let before = own_netns();
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    let made = own_netns();
    setns(before, CloneFlags::CLONE_NEWNET).unwrap();
    made
}

/// Runs `work` inside `netns`.
fn inside<T>(netns: &OwnedFd, work: impl FnOnce() -> T) -> T {
    let before = own_netns();
    setns(netns, CloneFlags::CLONE_NEWNET).unwrap();
    let result = work();
    setns(before, CloneFlags::CLONE_NEWNET).unwrap();
    result
}

impl TestHost {
    /// Moves the thread into a namespace of its own for the rest of the test.
    fn new() -> Self {
        let identity = || std::fs::read_link("/proc/thread-self/ns/net").unwrap();
        let before = identity();
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        assert_ne!(before, identity(), "still in the host's namespace");
        let folder = tempfile::tempdir().unwrap();
        let config = HostConfig {
            bridge: "fief-test-0".into(),
            nft_table: "fief-test".into(),
            pool4: "10.77.0.0/24".parse().unwrap(),
            pool6: "fd77::/64".parse().unwrap(),
            ..HostConfig::default()
        };
        let host = Host { paths: Paths::beneath(folder.path()), config };
        Self { host, netns: own_netns(), _folder: folder }
    }

    fn links(&self, uuid: &str, used: &[&Link]) -> Vec<Link> {
        let used = used.iter().flat_map(|link| &link.addresses).map(|cidr| cidr.address()).collect();
        assign::links(&self.host.config, uuid, &Wish::default(), &used).unwrap()
    }

    /// Names of all links but the loopback.
    fn link_names(&self) -> Vec<String> {
        let links = Rtnl::open().unwrap().links().unwrap();
        links.into_iter().map(|link| link.name).filter(|name| name != "lo").collect()
    }

    fn tables(&self) -> String {
        let output = Command::new("/usr/sbin/nft").args(["list", "tables"]).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    }

    fn assert_bare(&self) {
        assert_eq!(self.link_names(), Vec::<String>::new());
        assert_eq!(self.tables(), "");
    }
}

/// A datagram from the current namespace to `to` inside `netns` arrives and is answered; says whom it came from.
fn reaches(netns: &OwnedFd, to: IpAddr) -> IpAddr {
    let server = inside(netns, || UdpSocket::bind(SocketAddr::new(to, 7)).unwrap());
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let client = UdpSocket::bind(any).unwrap();
    client.connect(SocketAddr::new(to, 7)).unwrap();
    server.set_nonblocking(true).unwrap();
    client.set_nonblocking(true).unwrap();
    let mut buffer = [0; 8];
    // The kernel takes note of a link's carrier once a second at most and drops what is sent before
    // (net/core/link_watch.c), so it is sent anew, as everybody's protocols do.
    for _ in 0..100 {
        client.send(b"there").unwrap();
        if !arrived(&server) {
            continue;
        }
        let (_, from) = server.recv_from(&mut buffer).unwrap();
        server.send_to(b"back", from).unwrap();
        if arrived(&client) {
            return from.ip();
        }
    }
    panic!("{to} is not reached");
}

/// Waits a moment for a datagram.
fn arrived(socket: &UdpSocket) -> bool {
    let mut set = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    poll(&mut set, 100_u16).unwrap() == 1
}

fn addresses(link: &Link) -> Vec<IpAddr> {
    link.addresses.iter().map(|cidr| cidr.address()).collect()
}

const FIRST: &str = "6b1c0a6e-8d8b-4f0e-9d43-0f4b6c1a2f33";
const SECOND: &str = "7b1c0a6e-8d8b-4f0e-9d43-0f4b6c1a2f33";

#[test]
#[ignore = "needs root"]
fn guests_reach_each_other_and_the_host() {
    let test = TestHost::new();
    let (one, two) = (new_netns(), new_netns());
    let first = test.links(FIRST, &[]);
    let second = test.links(SECOND, &[&first[0]]);
    let wiring_one = Wiring::attach(&test.host, &first, one.as_fd()).unwrap();
    let wiring_two = Wiring::attach(&test.host, &second, two.as_fd()).unwrap();

    for (here, there) in addresses(&first[0]).into_iter().zip(addresses(&second[0])) {
        // Host to guest, guest to guest with its own address, guest to host.
        reaches(&one, here);
        assert_eq!(inside(&one, || reaches(&two, there)), here);
    }
    for gateway in host::gateways(&test.host.config) {
        inside(&two, || reaches(&test.netns, gateway.address()));
    }
    // The guest's loopback works too.
    inside(&one, || reaches(&one, "127.0.0.1".parse().unwrap()));

    wiring_one.release().unwrap();
    assert_eq!(test.link_names().len(), 2, "bridge and the second guest's link stay");
    reaches(&two, addresses(&second[0])[0]);
    wiring_two.release().unwrap();
    test.assert_bare();
}

#[test]
#[ignore = "needs root"]
fn what_leaves_the_host_wears_its_address() {
    let test = TestHost::new();
    let guest = new_netns();
    let links = test.links(FIRST, &[]);
    let wiring = Wiring::attach(&test.host, &links, guest.as_fd()).unwrap();

    // The world: another namespace that knows the host, but neither guests nor any route to them.
    let world = new_netns();
    let mut rtnl = Rtnl::open().unwrap();
    rtnl.create_bridge("fief-test-up", identity::bridge_mac("fief-test-up")).unwrap();
    let uplink = rtnl.must_have("fief-test-up").unwrap();
    rtnl.create_veth(&VethPlan {
        name: "fief-test-v",
        mac: identity::host_mac("fief-test-v"),
        master: uplink.index,
        mtu: 1500,
        netns: world.as_fd(),
        peer_name: "up",
        peer_mac: identity::host_mac("up"),
    })
    .unwrap();
    let mut there = Rtnl::open_in(world.as_fd()).unwrap();
    let end = there.must_have("up").unwrap();
    for (host, world) in [("192.0.2.1/24", "192.0.2.2/24"), ("2001:db8::1/64", "2001:db8::2/64")] {
        rtnl.replace_address(uplink.index, host.parse().unwrap()).unwrap();
        there.replace_address(end.index, world.parse().unwrap()).unwrap();
    }
    there.set_up("up").unwrap();

    for (target, host) in [("192.0.2.2", "192.0.2.1"), ("2001:db8::2", "2001:db8::1")] {
        let seen = inside(&guest, || reaches(&world, target.parse().unwrap()));
        assert_eq!(seen, host.parse::<IpAddr>().unwrap());
    }
    wiring.release().unwrap();
}

#[test]
#[ignore = "needs root"]
fn release_leaves_nothing() {
    let test = TestHost::new();
    let links = test.links(FIRST, &[]);
    test.assert_bare();

    // Ordinary end.
    let guest = new_netns();
    Wiring::attach(&test.host, &links, guest.as_fd()).unwrap().release().unwrap();
    test.assert_bare();

    // A start that failed later: the value is dropped.
    drop(Wiring::attach(&test.host, &links, guest.as_fd()).unwrap());
    test.assert_bare();

    // kill -9: nobody undid anything; the next start finds its own leftovers, the sweep removes them, twice.
    Wiring::attach(&test.host, &links, guest.as_fd()).unwrap().keep();
    assert_eq!(test.link_names().len(), 2);
    let guest = new_netns();
    Wiring::attach(&test.host, &links, guest.as_fd()).unwrap().keep();
    assert_eq!(test.link_names().len(), 2);
    Wiring::adopt(&test.host, &links).release().unwrap();
    test.assert_bare();
    Wiring::adopt(&test.host, &links).release().unwrap();
    test.assert_bare();

    // Killed between the rules and the bridge.
    let config = &test.host.config;
    let pools = vec![config.pool4, config.pool6];
    nft::Rules { table: &config.nft_table, bridge: &config.bridge, pools }.apply().unwrap();
    Wiring::adopt(&test.host, &links).release().unwrap();
    test.assert_bare();
}

#[test]
#[ignore = "needs root"]
fn a_start_that_fails_leaves_nothing() {
    let test = TestHost::new();
    let guest = new_netns();
    let mut links = test.links(FIRST, &[]);
    // No address of the gateway's network: the route is refused, long after bridge and links were made.
    links[0].addresses.clear();
    let error = Wiring::attach(&test.host, &links, guest.as_fd()).unwrap_err();
    assert_eq!(error.class(), Class::Start);
    expect!["setting up the network: cannot set the default route to 10.77.0.1: Network is unreachable: Nexthop has invalid gateway"]
        .assert_eq(&error.line());
    test.assert_bare();

    // A name the guest has already.
    let mut links = test.links(FIRST, &[]);
    links[0].guest_link = "lo".into();
    let error = Wiring::attach(&test.host, &links, guest.as_fd()).unwrap_err();
    assert!(error.line().contains("cannot create the pair of links"), "{}", error.line());
    test.assert_bare();
}

#[test]
#[ignore = "needs root"]
fn somebody_elses_bridge_is_neither_used_nor_removed() {
    let test = TestHost::new();
    let guest = new_netns();
    let links = test.links(FIRST, &[]);
    let bridge = &test.host.config.bridge;
    let other = identity::bridge_mac("other");
    Rtnl::open().unwrap().create_bridge(bridge, other).unwrap();
    let error = Wiring::attach(&test.host, &links, guest.as_fd()).unwrap_err();
    assert_eq!(error.class(), Class::Unfit);
    expect!["setting up the network: bridge fief-test-0 exists, and fief did not make it (set another bridge in fief.toml, or use --network host-bridge)"]
        .assert_eq(&error.line());
    assert_eq!(test.link_names(), std::slice::from_ref(bridge));
    assert_eq!(test.tables(), "");

    // As the host's bridge it serves: a port, no NAT, no addresses of ours; afterwards it is still there.
    let wish = Wish { choice: Choice::HostBridge(bridge.clone()), addresses: vec!["192.0.2.7/24".parse().unwrap()], gateways: Vec::new() };
    let links = assign::links(&test.host.config, FIRST, &wish, &BTreeSet::new()).unwrap();
    let wiring = Wiring::attach(&test.host, &links, guest.as_fd()).unwrap();
    let mut rtnl = Rtnl::open().unwrap();
    let index = rtnl.must_have(bridge).unwrap().index;
    assert_eq!(rtnl.ports(index).unwrap().len(), 1);
    assert_eq!(test.tables(), "");
    rtnl.replace_address(index, "192.0.2.1/24".parse().unwrap()).unwrap();
    reaches(&guest, "192.0.2.7".parse().unwrap());
    wiring.release().unwrap();
    assert_eq!(test.link_names(), std::slice::from_ref(bridge));
}

#[test]
#[ignore = "needs root"]
fn a_guest_that_dies_takes_both_ends_along() {
    let test = TestHost::new();
    let guest = new_netns();
    let links = test.links(FIRST, &[]);
    let wiring = Wiring::attach(&test.host, &links, guest.as_fd()).unwrap();
    drop(guest);
    // The kernel takes a namespace down in its own time; release does not wait for it and does not mind.
    wiring.release().unwrap();
    test.assert_bare();
}

#[test]
#[ignore = "needs root"]
fn many_starts_and_stops_at_once_do_not_trip_over_each_other() {
    let test = TestHost::new();
    let host = &test.host;
    std::thread::scope(|scope| {
        for nth in 1..5_usize {
            // A thread begins in its parent's namespace.
            scope.spawn(move || {
                let wanted = Cidr::new(IpAddr::from([10, 77, 0, 16 + 16 * u8::try_from(nth).unwrap()]), 24).unwrap();
                let uuid = format!("{nth}b1c0a6e-8d8b-4f0e-9d43-0f4b6c1a2f33");
                let wanted6 = format!("fd77::{nth}0/64").parse().unwrap();
                let wish = Wish { addresses: vec![wanted, wanted6], ..Wish::default() };
                let links = assign::links(&host.config, &uuid, &wish, &BTreeSet::new()).unwrap();
                for _ in 0..4 {
                    let guest = new_netns();
                    let wiring = Wiring::attach(host, &links, guest.as_fd()).unwrap();
                    reaches(&guest, wanted.address());
                    wiring.release().unwrap();
                }
            });
        }
    });
    test.assert_bare();
}

#[test]
#[ignore = "needs root"]
fn forwarding_is_switched_on_but_never_at_the_price_of_the_hosts_own_route() {
    let test = TestHost::new();
    let guest = new_netns();
    let links = test.links(FIRST, &[]);
    let sysctl = |name: &str| std::fs::read_to_string(format!("/proc/sys/net/{name}")).unwrap().trim().to_owned();
    let wiring = Wiring::attach(&test.host, &links, guest.as_fd()).unwrap();
    assert_eq!(sysctl("ipv4/ip_forward"), "1");
    assert_eq!(sysctl("ipv6/conf/all/forwarding"), "1");
    wiring.release().unwrap();

    // A route as a router advertisement leaves it, on a link that would lose it.
    let run = |arguments: &[&str]| {
        let status = Command::new("/usr/sbin/ip").args(arguments).status();
        assert!(status.is_ok_and(|status| status.success()), "ip {arguments:?}");
    };
    std::fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "0").unwrap();
    run(&["link", "add", "fief-test-ra", "type", "bridge"]);
    run(&["link", "set", "fief-test-ra", "up"]);
    run(&["-6", "addr", "add", "2001:db8::1/64", "dev", "fief-test-ra", "nodad"]);
    run(&["-6", "route", "add", "default", "via", "2001:db8::2", "dev", "fief-test-ra", "proto", "ra"]);
    assert_eq!(Rtnl::open().unwrap().links_with_learnt_default_route().unwrap(), ["fief-test-ra"]);
    let wiring = Wiring::attach(&test.host, &links, guest.as_fd()).unwrap();
    assert_eq!(sysctl("ipv6/conf/all/forwarding"), "0");
    wiring.release().unwrap();

    std::fs::write("/proc/sys/net/ipv6/conf/fief-test-ra/accept_ra", "2").unwrap();
    let wiring = Wiring::attach(&test.host, &links, guest.as_fd()).unwrap();
    assert_eq!(sysctl("ipv6/conf/all/forwarding"), "1");
    wiring.release().unwrap();
}

#[test]
#[ignore = "needs root"]
fn the_kernels_words_are_passed_on() {
    let _test = TestHost::new();
    let mut rtnl = Rtnl::open().unwrap();
    let mac = identity::bridge_mac("fief-test-1");
    rtnl.create_bridge("fief-test-1", mac).unwrap();
    let error = rtnl.create_bridge("fief-test-1", mac).unwrap_err();
    assert_eq!(error.to_string(), "cannot create bridge fief-test-1");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "File exists");
    assert!(rtnl.link("fief-test-1").unwrap().unwrap().up);
    assert!(rtnl.delete_link("fief-test-1").unwrap());
    assert!(!rtnl.delete_link("fief-test-1").unwrap());
    assert_eq!(rtnl.link("fief-test-1").unwrap(), None);
}

#[test]
#[ignore = "needs root"]
fn a_host_or_guest_without_ipv6_still_has_ipv4() {
    let test = TestHost::new();
    let guest = new_netns();
    // As `net.ipv6.conf.default.disable_ipv6 = 1` in sysctl.conf leaves it.
    let switch_off = || std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").unwrap();
    switch_off();
    inside(&guest, switch_off);
    let links = test.links(FIRST, &[]);
    let wiring = Wiring::attach(&test.host, &links, guest.as_fd()).unwrap();
    reaches(&guest, addresses(&links[0])[0]);
    wiring.release().unwrap();
    test.assert_bare();
}

#[test]
#[ignore = "needs root"]
fn no_guest_can_make_itself_the_router() {
    let test = TestHost::new();
    let guest = new_netns();
    let links = test.links(FIRST, &[]);
    let wiring = Wiring::attach(&test.host, &links, guest.as_fd()).unwrap();
    let accepts = |link: &str| std::fs::read_to_string(format!("/proc/sys/net/ipv6/conf/{link}/accept_ra")).unwrap();
    assert_eq!(accepts("fief-test-0"), "0\n");
    assert_eq!(inside(&guest, || accepts("eth0")), "0\n");
    wiring.release().unwrap();
}

#[test]
#[ignore = "needs root"]
fn another_firewall_is_noticed() {
    let _test = TestHost::new();
    assert_eq!(nft::foreign_forward_drops("fief-test").unwrap(), Vec::<String>::new());
    let status = Command::new("/usr/sbin/nft")
        .arg("add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }")
        .status();
    assert!(status.is_ok_and(|status| status.success()));
    assert_eq!(nft::foreign_forward_drops("fief-test").unwrap(), ["ip filter FORWARD"]);
}

#[test]
#[ignore = "needs root"]
fn nft_says_why_it_refuses() {
    let test = TestHost::new();
    let rules = nft::Rules { table: "fief-test", bridge: "no\"name", pools: Vec::new() };
    let error = rules.apply().unwrap_err();
    assert!(error.to_string().starts_with("nft cannot set table inet fief-test: "), "{error}");
    test.assert_bare();
}

#[test]
#[ignore = "needs root"]
fn a_namespace_owned_by_a_guests_root_is_served_like_any() {
    let test = TestHost::new();
    // The guest: a process in a user namespace and a network namespace of that one; it answers once it is there.
    let mut child = Command::new("/usr/bin/unshare")
        .args(["--user", "--map-root-user", "--net", "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"!").unwrap();
    child.stdout.take().unwrap().read_exact(&mut [0]).unwrap();
    let guest: OwnedFd = File::open(format!("/proc/{}/ns/net", child.id())).unwrap().into();

    let links = test.links(FIRST, &[]);
    let wiring = Wiring::attach(&test.host, &links, guest.as_fd()).unwrap();
    for address in addresses(&links[0]) {
        reaches(&guest, address);
    }
    let accept_ra = inside(&guest, || std::fs::read_to_string("/proc/sys/net/ipv6/conf/eth0/accept_ra").unwrap());
    assert_eq!(accept_ra, "0\n");
    drop(stdin);
    assert!(child.wait().unwrap().success());
    wiring.release().unwrap();
    test.assert_bare();
}
