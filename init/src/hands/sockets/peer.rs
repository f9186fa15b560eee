//! Who is at the other end of a connection, and what the instance that serves it is called.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;

use nix::sys::socket::{SockaddrStorage, getpeername, getsockname};

/// The other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Peer {
    /// An address of the internet.
    Ip {
        /// Ours, at which it was reached.
        local: SocketAddr,
        /// Its.
        remote: SocketAddr,
    },
    /// A process of this machine.
    Local {
        /// Its number, 0 where it is in no namespace of ours.
        pid: i32,
        /// Its user.
        uid: u32,
    },
    /// Somebody of another family, or gone already.
    Unknown,
}

/// What connections are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Address(IpAddr),
    User(u32),
}

impl Peer {
    /// Of a connection just accepted.
    pub(super) fn of(connection: impl AsFd) -> Self {
        let number = connection.as_fd().as_raw_fd();
        let address = |found: nix::Result<SockaddrStorage>| ip(&found.ok()?);
        if let (Some(local), Some(remote)) = (address(getsockname(number)), address(getpeername(number))) {
            return Self::Ip { local, remote };
        }
        match kernel::unix::peer(connection) {
            Ok(who) => Self::Local { pid: who.pid(), uid: who.uid() },
            Err(_) => Self::Unknown,
        }
    }

    /// The instance's name as systemd makes it: `3-10.0.0.1:22-10.0.0.7:51034`, `3-4711-1000`.
    pub(super) fn instance(&self, number: u64) -> String {
        match self {
            Self::Ip { local, remote } => {
                format!("{number}-{}:{}-{}:{}", local.ip(), local.port(), remote.ip(), remote.port())
            }
            Self::Local { pid, uid } => format!("{number}-{pid}-{uid}"),
            Self::Unknown => format!("{number}-unknown"),
        }
    }

    pub(super) fn origin(&self) -> Option<Origin> {
        match self {
            Self::Ip { remote, .. } => Some(Origin::Address(remote.ip())),
            Self::Local { uid, .. } => Some(Origin::User(*uid)),
            Self::Unknown => None,
        }
    }

    /// What its server is told of it.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        match self {
            Self::Ip { remote, .. } => {
                vec![("REMOTE_ADDR".to_owned(), remote.ip().to_string()), ("REMOTE_PORT".to_owned(), remote.port().to_string())]
            }
            Self::Local { .. } | Self::Unknown => Vec::new(),
        }
    }
}

/// IPv4 as itself, though it came to a socket for both.
fn ip(found: &SockaddrStorage) -> Option<SocketAddr> {
    let address = match (found.as_sockaddr_in(), found.as_sockaddr_in6()) {
        (Some(v4), _) => SocketAddr::new(IpAddr::V4(v4.ip()), v4.port()),
        (None, Some(v6)) => SocketAddr::new(IpAddr::V6(v6.ip()), v6.port()),
        (None, None) => return None,
    };
    Some(SocketAddr::new(address.ip().to_canonical(), address.port()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn instances_are_called_as_with_systemd() {
        let address = |text: &str| text.parse().unwrap();
        let v4 = Peer::Ip { local: address("10.0.0.1:22"), remote: address("10.0.0.7:51034") };
        assert_eq!(v4.instance(3), "3-10.0.0.1:22-10.0.0.7:51034");
        let v6 = Peer::Ip { local: address("[::1]:22"), remote: address("[fe80::2]:5") };
        assert_eq!(v6.instance(0), "0-::1:22-fe80::2:5");
        assert_eq!(Peer::Local { pid: 4711, uid: 1000 }.instance(12), "12-4711-1000");
        assert!(units::UnitName::new(&format!("x@{}.service", v6.instance(1))).is_ok());
    }

    #[test]
    fn both_ends_are_told_and_ipv4_is_ipv4() {
        let listener = TcpListener::bind("[::]:0").or_else(|_| TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (connection, _) = listener.accept().unwrap();
        let peer = Peer::of(&connection);
        let remote = client.local_addr().unwrap();
        assert_eq!(peer, Peer::Ip { local: SocketAddr::new(IpAddr::from([127, 0, 0, 1]), port), remote });
        let told = [("REMOTE_ADDR".to_owned(), "127.0.0.1".to_owned()), ("REMOTE_PORT".to_owned(), remote.port().to_string())];
        assert_eq!(peer.variables(), told);
    }

    #[test]
    fn a_local_one_is_known_by_its_process() {
        let (one, _two) = std::os::unix::net::UnixStream::pair().unwrap();
        let me = nix::unistd::getuid().as_raw();
        assert_eq!(Peer::of(&one), Peer::Local { pid: std::process::id().cast_signed(), uid: me });
    }
}
