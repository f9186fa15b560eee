//! Words to whoever keeps this container: datagrams to `$NOTIFY_SOCKET`, as in sd_notify(3).
//!
//! The keeper may be slow, away, or not ours: a word that cannot be delivered at once is lost.

use std::os::fd::AsRawFd;
use std::os::fd::OwnedFd;

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, sendto, socket};

/// The way to the keeper, if there is one.
#[derive(Debug)]
pub(crate) struct Keeper(Option<(OwnedFd, UnixAddr)>);

impl Keeper {
    /// The socket that the environment names.
    pub(crate) fn from_environment() -> Self {
        let address = std::env::var_os("NOTIFY_SOCKET").and_then(|path| {
            let path = path.into_string().ok()?;
            match path.strip_prefix('@') {
                Some(name) => UnixAddr::new_abstract(name.as_bytes()).ok(),
                None => UnixAddr::new(path.as_str()).ok(),
            }
        });
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        Self(address.and_then(|address| socket(AddressFamily::Unix, SockType::Datagram, flags, None).ok().map(|socket| (socket, address))))
    }

    /// Tell something, `KEY=value` per line.
    pub(crate) fn tell(&self, words: &str) {
        if let Self(Some((socket, address))) = self {
            let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
            let _ = sendto(socket.as_raw_fd(), words.as_bytes(), address, flags);
        }
    }
}
