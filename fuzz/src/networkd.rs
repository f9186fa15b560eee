//! Files of systemd.network(5).

use units::networkd::{self, Interface, Network, Prefix};

/// A file and its drop-ins, form feeds between them: what is read can be said again, to the kernel and in a line of resolv.conf(5), what is
/// told is bounded and one line each, and whatever is wrong behind it, what a file said stays said.
pub fn networkd(bytes: &[u8]) {
    let Some(text) = crate::text(bytes) else { return };
    let texts: Vec<&str> = text.split('\u{c}').collect();
    let (network, told) = networkd::read(&texts);
    // One for each line, a route's once more at its end, and what is of the whole.
    assert!(told.len() <= 2 * text.split(['\n', '\r', '\u{c}']).count() + 2, "{told:?}");
    assert!(told.iter().all(|line| !line.contains(['\n', '\r', '\0', '\u{1b}'])), "{told:?}");
    for prefix in network.addresses.iter().chain(network.routes.iter().map(|route| &route.destination)) {
        assert_eq!(Prefix::read(&prefix.to_string()).as_ref(), Some(prefix));
        assert_eq!(prefix.network().is_ipv4(), prefix.address.is_ipv4());
    }
    for route in &network.routes {
        let of_another =
            [route.gateway, route.source].into_iter().flatten().any(|other| other.is_ipv4() != route.destination.address.is_ipv4());
        assert!(!of_another, "{route:?}");
    }
    assert!(network.domains.iter().all(|domain| !domain.is_empty() && domain.bytes().all(|byte| byte.is_ascii_graphic())));
    let noise = networkd::read(&[texts.as_slice(), &["noise\n[Nonsense]\nA=b\n"]].concat()).0;
    assert_eq!(noise, network);
    fits(&network);
}

/// The loopback is somebody's only where it is named; and without a condition nobody's is anything.
fn fits(network: &Network) {
    let loopback = Interface { name: "lo".to_owned(), mac: Some([0; 6]), kind: "loopback".to_owned() };
    let other = Interface { name: "lo".to_owned(), mac: Some([0; 6]), kind: "ether".to_owned() };
    assert!(!network.fits(&loopback) || *network != Network::default());
    let _ = network.fits(&other);
}
