//! Addresses, names, and who reaches whom.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use tests::{Host, program};

#[test]
#[ignore = "needs root"]
fn two_containers_never_get_one_address() {
    let host = Host::new();
    let names: Vec<String> = (0..16).map(|number| format!("c{number}")).collect();
    let children: Vec<_> = names.iter().map(|name| host.fief_command(&["create", name]).stdout(Stdio::null()).spawn().unwrap()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let addresses: BTreeSet<_> = names.iter().map(|name| host.address(name)).collect();
    assert_eq!(addresses.len(), names.len());
    // Taken by hand: once only.
    host.fief(&["create", "d", "--ip", "10.209.7.7/16"]).ok();
    let outcome = host.fief(&["create", "e", "--ip", "10.209.7.7/16"]);
    assert!([5, 8].contains(&outcome.code), "{outcome}");
    let taken = addresses.iter().next().unwrap();
    assert_ne!(host.fief(&["create", "f", "--ip", &format!("{taken}/16")]).code, 0);
    assert_eq!(host.state("f"), "absent");
}

#[test]
#[ignore = "needs root"]
fn guests_reach_each_other_and_the_host() {
    let host = Host::new();
    host.boot("a", &[]);
    host.boot("b", &[]);
    for name in ["a", "b"] {
        host.put_probe(name);
    }
    let address = host.address("a").to_string();
    let probe = program("probe").to_str().unwrap().to_owned();
    for who in ["b", "host"] {
        let mut server = host.fief_command(&["exec", "a", "--", "/root/probe", "listen", "7000"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "listening\n");
        let heard = if who == "b" {
            host.fief(&["exec", "b", "--", "/root/probe", "connect", &address, "7000"])
        } else {
            host.network(&[&probe, "connect", &address, "7000"])
        };
        assert_eq!(heard.said(), "hello from the probe\n", "{who}");
        assert!(server.wait().unwrap().success());
    }
    // The host, from inside, at the gateway.
    let mut server = host.command(&[&probe, "listen", "7001"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
    let gateway = host.sh("b", "ip -4 route show default").said().split_whitespace().nth(2).unwrap().to_owned();
    assert_eq!(host.fief(&["exec", "b", "--", "/root/probe", "connect", &gateway, "7001"]).said(), "hello from the probe\n");
    assert!(server.wait().unwrap().success());
    let table = host.network(&["nft", "list", "ruleset"]).said();
    assert!(table.contains(host.name()) && table.contains("masquerade"), "{table}");
}

#[test]
#[ignore = "needs root"]
fn six_is_handed_out_too() {
    let host = Host::new();
    host.boot("a", &[]);
    let seen = host.sh("a", "ip -6 -o addr show dev eth0 scope global; ip -6 route show default").said();
    assert!(seen.contains("fd5e:f1ef::") && seen.contains("default via"), "{seen}");
}

#[test]
#[ignore = "needs root"]
fn names_are_set_inside() {
    let host = Host::new();
    host.boot("a", &["--hostname", "mail", "--nameserver", "192.0.2.53"]);
    assert_eq!(host.sh("a", "hostname; cat /etc/hostname").said(), "mail\nmail\n");
    assert!(host.sh("a", "cat /etc/resolv.conf").said().contains("nameserver 192.0.2.53"));
    let hosts = host.sh("a", "cat /etc/hosts").said();
    assert!(hosts.contains("localhost") && hosts.contains("mail"), "{hosts}");
    let resolves = |name: &str| host.sh("a", &format!("getent ahostsv4 {name} | cut -d' ' -f1 | sort -u")).stdout;
    let own = format!("{}\n", host.address("a"));
    assert_eq!(resolves("mail"), own);
    // A name of the guest's own outlives its boots; the host's word counts again when it is another.
    host.sh("a", "echo shop.example.org > /etc/hostname; sed -i '1i 192.0.2.7 nas' /etc/hosts").ok();
    host.fief(&["restart", "a"]).ok();
    assert_eq!(host.sh("a", "hostname; cat /etc/hostname").said(), "shop.example.org\nshop.example.org\n");
    // The name resolves by whoever it was given, and what else the tenant has written stays.
    assert_eq!(
        [resolves("shop"), resolves("shop.example.org"), resolves("nas"), resolves("localhost")],
        [own.clone(), own.clone(), "192.0.2.7\n".to_owned(), "127.0.0.1\n".to_owned()]
    );
    assert!(!host.sh("a", "cat /etc/hosts").said().contains("mail"));
    host.sh("a", "hostnamectl set-hostname laden").ok();
    assert_eq!((resolves("laden"), resolves("nas")), (own.clone(), "192.0.2.7\n".to_owned()));
    let config = host.path("/var/lib/fief/containers/a/container.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    assert!(text.contains("\"mail\""), "{text}");
    std::fs::write(&config, text.replace("\"mail\"", "\"post\"")).unwrap();
    host.fief(&["restart", "a"]).ok();
    assert_eq!(host.sh("a", "hostname; cat /etc/hostname").said(), "post\npost\n");
    assert_eq!((resolves("post"), resolves("nas")), (own, "192.0.2.7\n".to_owned()));
    // A line of the tenant's own that has the name is the only one.
    host.sh("a", "echo 127.0.1.1 post >> /etc/hosts").ok();
    host.fief(&["restart", "a"]).ok();
    assert_eq!((resolves("post"), resolves("nas")), ("127.0.1.1\n".to_owned(), "192.0.2.7\n".to_owned()));
}

#[test]
#[ignore = "needs root"]
fn what_the_tenant_writes_for_networkd_holds_besides_what_the_host_gives() {
    let host = Host::new();
    host.boot("a", &["--nameserver", "192.0.2.1"]);
    let gateway = host.sh("a", "ip -4 route show default").said().split_whitespace().nth(2).unwrap().to_owned();
    let file = format!(
        "[Match]\nName=eth*\n[Link]\nMTUBytes=1400\n[Network]\nAddress=192.0.2.77/24\nAddress=2001:db8::77/64\nDNS=192.0.2.53 2001:db8::53\n\
         Domains=shop.example\nDHCP=ipv4\nLLDP=yes\nLLDP=no\nAddress=nonsense\n[Route]\nDestination=198.51.100.0/24\nGateway={gateway}\nMetric=7\n\
         [Route]\nDestination=203.0.113.0/24\nType=unreachable\n[Route]\nDestination=203.0.114.0/24\nGateway=203.0.115.1\n"
    );
    host.sh("a", &format!("mkdir -p /etc/systemd/network; printf '{file}' > /etc/systemd/network/10-shop.network")).ok();
    // The second that fits an interface is none for it.
    host.sh("a", "printf '[Match]\nName=eth0\n[Network]\nAddress=192.0.2.99/24\n' > /etc/systemd/network/20-other.network").ok();
    host.fief(&["stop", "a"]).ok();
    host.fief(&["start", "--wait", "a"]).ok();
    let seen = host.sh("a", "ip -o addr show dev eth0; ip route; ip -6 route; ip link show dev eth0; ip route get 198.51.100.1").said();
    let own = format!("inet {}/16", host.address("a"));
    for wanted in [
        own.as_str(),
        "inet 192.0.2.77/24 brd 192.0.2.255",
        "inet6 2001:db8::77/64",
        &format!("default via {gateway}"),
        &format!("198.51.100.0/24 via {gateway} dev eth0 proto static metric 7"),
        "unreachable 203.0.113.0/24",
        "mtu 1400",
    ] {
        assert!(seen.contains(wanted), "{wanted}: {seen}");
    }
    assert!(!seen.contains("192.0.2.99"), "{seen}");
    let names = host.sh("a", "grep -v '^#' /etc/resolv.conf").said();
    assert_eq!(names, "nameserver 192.0.2.53\nnameserver 2001:db8::53\nsearch shop.example\n");
    let told = host.sh("a", "fiefctl logs network").said();
    for wanted in [
        "10-shop.network: DHCP=ipv4: nothing here asks for addresses; those that the host gives stay",
        "10-shop.network: Address=nonsense: takes an address and its prefix length, as 192.0.2.7/24",
        "10-shop.network: not done here: [Network] LLDP=",
        "10-shop.network: eth0: route to 203.0.114.0/24 by 203.0.115.1 is refused: Network is unreachable",
        "192.0.2.77 2001:db8::77",
    ] {
        assert_eq!(told.matches(wanted).count(), 1, "{wanted}: {told}");
    }

    // An interface of his own, without a boot; and what was given is there once.
    let own = "ip link add shop0 type bridge; printf '[Match]\nName=shop0\n[Network]\nAddress=10.99.0.1/24\nDNS=10.99.0.1\n' \
               > /etc/systemd/network/30-own.network; systemctl restart network";
    host.sh("a", own).ok();
    let seen = host.sh("a", "ip -o addr; ip -o link show dev shop0; cat /etc/resolv.conf").said();
    assert!(seen.contains("inet 10.99.0.1/24") && seen.contains(",UP") && seen.contains("nameserver 10.99.0.1\n"), "{seen}");
    assert_eq!(seen.matches("192.0.2.77").count(), 1, "{seen}");

    // What he says of the way out counts; who keeps his own resolv.conf keeps it.
    let own = "rm /etc/systemd/network/*; printf '[Match]\nName=eth0\n[Network]\nGateway=10.209.0.250\nDNS=192.0.2.53\n' > /etc/systemd/network/1.network
               printf '# fief: keep\nnameserver 192.0.2.9\n' > /etc/resolv.conf";
    host.sh("a", own).ok();
    host.fief(&["stop", "a"]).ok();
    host.fief(&["start", "--wait", "a"]).ok();
    let seen = host.sh("a", "ip -4 route show default; cat /etc/resolv.conf; fiefctl logs network").said();
    assert!(seen.starts_with("default via 10.209.0.250 ") && seen.contains("nameserver 192.0.2.9\n"), "{seen}");
    assert!(seen.contains("DNS= and Domains= are not put into it") && !seen.contains("nameserver 192.0.2.53"), "{seen}");
}

#[test]
#[ignore = "needs root"]
fn files_of_names_are_not_written_through_links() {
    let host = Host::new();
    host.boot("a", &[]);
    let trap = host.path("/trap");
    std::fs::write(&trap, "untouched").unwrap();
    // A guest that points these at the host's files, by absolute path and by climbing.
    let up = "../".repeat(40);
    let script = format!(
        "ln -sf {trap} /etc/hostname; ln -sf {up}{trap} /etc/hosts; rm -f /etc/resolv.conf; ln -s /proc/1/root{trap} /etc/resolv.conf",
        trap = trap.display()
    );
    host.sh("a", &script).ok();
    host.fief(&["stop", "a"]).ok();
    let outcome = host.fief(&["start", "a"]);
    assert_eq!(std::fs::read_to_string(&trap).unwrap(), "untouched");
    assert!([0, 7].contains(&outcome.code), "{outcome}");
}

#[test]
#[ignore = "needs root"]
fn without_a_network_there_is_loopback() {
    let host = Host::new();
    host.boot("a", &["--network", "none"]);
    let links = host.sh("a", "ip -o link").said();
    assert_eq!(links.lines().count(), 1, "{links}");
    assert!(host.sh("a", "ip -o addr show dev lo").said().contains("127.0.0.1/8"));
}

#[test]
#[ignore = "needs root"]
fn a_hosts_own_bridge_can_be_used() {
    let host = Host::new();
    host.network(&["ip", "link", "add", "ownbr0", "type", "bridge"]).ok();
    host.network(&["ip", "addr", "add", "192.0.2.1/24", "dev", "ownbr0"]).ok();
    host.network(&["ip", "link", "set", "ownbr0", "up"]).ok();
    host.boot("a", &["--network", "host-bridge", "ownbr0", "--ip", "192.0.2.9/24", "--gateway", "192.0.2.1"]);
    assert!(host.sh("a", "ip -4 -o addr show dev eth0").said().contains("192.0.2.9/24"));
    host.put_probe("a");
    let probe = program("probe").to_str().unwrap().to_owned();
    let mut server = host.command(&[&probe, "listen", "7002"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(host.fief(&["exec", "a", "--", "/root/probe", "connect", "192.0.2.1", "7002"]).said(), "hello from the probe\n");
    assert!(server.wait().unwrap().success());
    host.fief(&["destroy", "--force", "a"]).ok();
    host.network(&["ip", "link", "delete", "ownbr0"]).ok();
}
