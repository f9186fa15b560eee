//! What can be listened on with a socket; systemd.socket(5), `ListenStream=`.

use std::net::{IpAddr, SocketAddr};

/// Where a socket is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A socket in the file system.
    Path(String),
    /// `@name`: one of Linux's abstract names, without the `@`; unix(7).
    Abstract(String),
    /// A port of every address there is, of either family.
    Port(u16),
    /// A port of one address.
    Ip {
        /// That address.
        ip: IpAddr,
        /// That port.
        port: u16,
        /// `%eth0`: the interface for an address that means something on one link only.
        interface: Option<String>,
    },
    /// `vsock:…`: between a machine and its guests, which no container is.
    Vsock,
}

impl Address {
    /// A path, `@name`, a port, `vsock:…`, or an IP address with a port.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if text.starts_with('/') {
            return Some(Self::Path(text.to_owned()));
        }
        if let Some(name) = text.strip_prefix('@') {
            return Some(Self::Abstract(name.to_owned()));
        }
        if text.starts_with("vsock:") {
            return Some(Self::Vsock);
        }
        if let Ok(port) = text.parse() {
            return (port > 0).then_some(Self::Port(port));
        }
        let (scopeless, interface) = match text.split_once('%') {
            // `[fe80::1]:80%eth0` is systemd's way, `[fe80::1%eth0]:80` everybody else's.
            Some((address, scope)) => {
                let (interface, port) = scope.split_once(']').map_or((scope, String::new()), |(name, port)| (name, format!("]{port}")));
                (format!("{address}{port}"), Some(interface.to_owned()).filter(|name| !name.is_empty()))
            }
            None => (text.to_owned(), None),
        };
        if interface.is_none() && text.contains('%') {
            return None;
        }
        let address: SocketAddr = scopeless.parse().ok()?;
        (address.port() > 0).then(|| Self::Ip { ip: address.ip(), port: address.port(), interface })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn addresses_are_told_apart() {
        let ip = |text: &str, port, interface: Option<&str>| Address::Ip {
            ip: text.parse().unwrap(),
            port,
            interface: interface.map(str::to_owned),
        };
        for (text, address) in [
            ("/run/x.sock", Address::Path("/run/x.sock".to_owned())),
            ("@x", Address::Abstract("x".to_owned())),
            ("80", Address::Port(80)),
            ("127.0.0.1:80", ip("127.0.0.1", 80, None)),
            ("[::1]:80", ip("::1", 80, None)),
            ("[fe80::1%eth0]:80", ip("fe80::1", 80, Some("eth0"))),
            ("[fe80::1]:80%eth0", ip("fe80::1", 80, Some("eth0"))),
            ("vsock:2:80", Address::Vsock),
        ] {
            assert_eq!(Address::read(text), Some(address), "{text}");
        }
        for text in ["", "0", "65536", "localhost:80", "::1:80", "127.0.0.1", "127.0.0.1:0", "[fe80::1%]:80", "[fe80::1]:80%", "run/x"] {
            assert_eq!(Address::read(text), None, "{text}");
        }
    }
}
