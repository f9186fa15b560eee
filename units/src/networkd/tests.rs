#![allow(clippy::unwrap_used)]
use super::*;
use expect_test::expect;

fn eth(name: &str, last: u8) -> Interface {
    let kind = if name == "lo" { "loopback" } else { "ether" };
    Interface { name: name.to_owned(), mac: Some([2, 0, 0, 0, 0, last]), kind: kind.to_owned() }
}

/// The names of those that it is for.
fn fitting(conditions: &str) -> String {
    let (network, _) = read(&[&format!("[Match]\n{conditions}\n")]);
    let all = [eth("eth0", 1), eth("eth1", 2), eth("lo", 0)];
    all.iter().filter(|one| network.fits(one)).map(|one| one.name.as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_file_is_for_the_interfaces_that_it_names() {
    for (conditions, wanted) in [
        ("Name=eth0", "eth0"),
        ("Name=en* eth?", "eth0 eth1"),
        ("Name=!eth1 x*", "eth0"),
        ("Name=*", "eth0 eth1"),
        ("Name=lo", "lo"),
        ("MACAddress=02:00:00:00:00:02 02-00-00-00-00-09", "eth1"),
        ("PermanentMACAddress=0200.0000.0001", "eth0"),
        ("MACAddress=nonsense", ""),
        ("Name=eth*\nMACAddress=02:00:00:00:00:02", "eth1"),
        ("Type=ether\nVirtualization=container", "eth0 eth1"),
        ("Name=eth0\nVirtualization=!container", ""),
        ("Name=eth0\nDriver=veth", ""),
        ("", ""),
    ] {
        assert_eq!(fitting(conditions), wanted, "{conditions}");
    }
}

#[test]
fn what_it_gives_is_read_and_what_it_cannot_is_told() {
    let (network, told) = read(&[
        "# ours\n[Match]\nName=eth0\n[Link]\nMTUBytes=1400\nARP=no\n[Network]\nDescription=x\nDHCP=ipv4\nAddress=192.0.2.7/24\nAddress=192.0.2.7/24\n\
         Gateway=192.0.2.1\nDNS=192.0.2.53 2001:db8::53\nDNS=9.9.9.9:53\nDomains=example.org ~.\nLLDP=yes\nLLDP=no\nnoise\n\
         [Address]\nAddress=2001:db8::7/64\nLabel=x\n[Address]\nAddress=192.0.2.8\n[Route]\nDestination=198.51.100.0/24\nGateway=192.0.2.2\nMetric=5\n\
         [Route]\nDestination=203.0.113.0/24\nType=blackhole\nTable=7\n[Route]\nGateway=192.0.2.9\nPreferredSource=::1\n[Route]\nMetric=1\n",
        "[Network]\nAddress=10.1.0.1/8\n",
    ]);
    let addresses: Vec<String> = network.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["192.0.2.7/24", "2001:db8::7/64", "10.1.0.1/8"]);
    let routes: Vec<String> = network.routes.iter().map(ToString::to_string).collect();
    assert_eq!(routes, ["route to 0.0.0.0/0 by 192.0.2.1", "route to 198.51.100.0/24 by 192.0.2.2", "route to 203.0.113.0/24"]);
    let details: Vec<_> = network.routes.iter().map(|route| (route.metric, route.table, route.kind)).collect();
    assert_eq!(details.get(1..), Some(&[(Some(5), None, Kind::Unicast), (None, Some(7), Kind::Blackhole)][..]));
    assert_eq!((network.mtu, network.name_servers.len(), network.domains.as_slice()), (Some(1400), 2, &["example.org".to_owned()][..]));
    expect![[r#"
        neither a section nor an assignment
        DHCP=ipv4: nothing here asks for addresses; those that the host gives stay
        DNS=9.9.9.9:53: 9.9.9.9:53 is no address alone, and /etc/resolv.conf takes no other
        Domains=example.org ~.: ~. is none to be searched
        Address=192.0.2.8: takes an address and its prefix length, as 192.0.2.7/24
        [Route]: addresses of both families in one route
        [Route]: neither Destination= nor Gateway=
        not done here: [Address] Label=, [Link] ARP=, [Network] LLDP="#]]
    .assert_eq(&told.join("\n"));
}

#[test]
fn an_empty_value_takes_back_what_was_said() {
    let (network, told) = read(&[
        "[Match]\nName=eth0\n[Network]\nAddress=192.0.2.7/24\nDNS=192.0.2.53\nGateway=192.0.2.1\n",
        "[Network]\nAddress=\nDNS=\nGateway=\n",
    ]);
    assert_eq!((network.addresses.len(), network.name_servers.len(), network.routes.len(), told.len()), (0, 0, 0, 0));
    for odd in ["1.2.3.4/33", "1.2.3.4/+8", "1.2.3.4/08", "1.2.3/8", "::/129", "x"] {
        assert_eq!(Prefix::read(odd), None, "{odd}");
    }
    for (prefix, network) in [
        ("10.1.2.3/8", "10.0.0.0"),
        ("10.1.2.3/32", "10.1.2.3"),
        ("1.2.3.4/0", "0.0.0.0"),
        ("2001:db8::7/64", "2001:db8::"),
        ("::7/0", "::"),
    ] {
        assert_eq!(Prefix::read(prefix).unwrap().network().to_string(), network);
    }
}
