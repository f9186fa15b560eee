//! rtnetlink(7), blocking: links, addresses and routes of one network namespace.
//!
//! Every change asks for an acknowledgement and for the kernel's own words about a refusal
//! (`NETLINK_EXT_ACK`), so that an error says what could not be done and why.

use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;

use netlink_packet_core::{NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use nix::errno::Errno;

use super::netns;

mod addresses;
mod links;
mod wire;

pub use links::{Link, VethPlan};

/// The kernel or its answer stood in the way of one change or question.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing}")]
pub struct NetlinkError {
    /// What was to be done: "create bridge fief0".
    doing: String,
    /// Why it was not.
    source: Refusal,
}

impl NetlinkError {
    /// The kernel's error number, if it was the kernel that refused.
    #[must_use]
    pub fn errno(&self) -> Option<Errno> {
        match &self.source {
            Refusal::Kernel { errno, .. } => Some(*errno),
            Refusal::Socket(error) => error.raw_os_error().map(Errno::from_raw),
            Refusal::Garbled => None,
        }
    }

    /// Why it was not done, without what it was.
    #[must_use]
    pub fn into_refusal(self) -> Refusal {
        self.source
    }
}

/// Why a request was not fulfilled.
#[derive(Debug)]
pub enum Refusal {
    /// The kernel said no, perhaps with a reason.
    Kernel {
        /// Its error number.
        errno: Errno,
        /// Its own words (`NLMSGERR_ATTR_MSG`).
        words: Option<String>,
    },
    /// The socket itself failed.
    Socket(io::Error),
    /// The answer could not be read.
    Garbled,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel { errno, words: None } => f.write_str(errno.desc()),
            Self::Kernel { errno, words: Some(words) } => write!(f, "{}: {words}", errno.desc()),
            Self::Socket(error) => match error.raw_os_error() {
                Some(number) => f.write_str(Errno::from_raw(number).desc()),
                None => write!(f, "{error}"),
            },
            Self::Garbled => f.write_str("the kernel's answer makes no sense"),
        }
    }
}

impl std::error::Error for Refusal {}

/// A connection to the routing half of one network namespace.
#[derive(Debug)]
pub struct Rtnl {
    socket: Socket,
    sequence: u32,
}

impl Rtnl {
    /// Opens the namespace the calling thread is in.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn open() -> Result<Self, NetlinkError> {
        let open = || -> io::Result<Socket> {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            socket.bind_auto()?;
            socket.connect(&SocketAddr::new(0, 0))?;
            socket.set_ext_ack(true)?;
            // Without our own request in it, the kernel's words follow right after the error number.
            socket.set_cap_ack(true)?;
            Ok(socket)
        };
        let socket = open().map_err(|source| NetlinkError { doing: "open a netlink socket".into(), source: Refusal::Socket(source) })?;
        Ok(Self { socket, sequence: 0 })
    }

    /// Opens the namespace `netns`; the calling thread is back in its own afterwards.
    ///
    /// A socket belongs to the namespace it was made in (network_namespaces(7)), so one visit is enough.
    ///
    /// # Errors
    /// When the namespace cannot be entered or left: setns(2) asks for `CAP_SYS_ADMIN` over both.
    pub fn open_in(netns: BorrowedFd<'_>) -> Result<Self, NetlinkError> {
        netns::inside(netns, Self::open).map_err(|error| NetlinkError {
            doing: "open a netlink socket in the guest's network namespace".into(),
            source: Refusal::Socket(error.source),
        })?
    }

    /// Asks for one change and waits for its acknowledgement. `flags` are `NLM_F_*` beyond request and ack.
    fn change(&mut self, doing: impl FnOnce() -> String, message: RouteNetlinkMessage, flags: u16) -> Result<(), NetlinkError> {
        self.exchange(message, NLM_F_REQUEST | NLM_F_ACK | flags).map(drop).map_err(|source| NetlinkError { doing: doing(), source })
    }

    /// Asks for one object; its attributes come undecoded.
    fn ask(&mut self, doing: impl FnOnce() -> String, message: RouteNetlinkMessage) -> Result<Option<Vec<u8>>, NetlinkError> {
        self.exchange(message, NLM_F_REQUEST | NLM_F_ACK)
            .map(|mut answers| answers.pop())
            .map_err(|source| NetlinkError { doing: doing(), source })
    }

    /// Asks for all objects of a kind.
    fn dump(&mut self, doing: impl FnOnce() -> String, message: RouteNetlinkMessage) -> Result<Vec<Vec<u8>>, NetlinkError> {
        self.exchange(message, NLM_F_REQUEST | NLM_F_DUMP).map_err(|source| NetlinkError { doing: doing(), source })
    }

    /// Sends one request and gathers the bodies of its answers until the acknowledgement or the end of the dump.
    fn exchange(&mut self, message: RouteNetlinkMessage, flags: u16) -> Result<Vec<Vec<u8>>, Refusal> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = flags;
        header.sequence_number = self.sequence;
        let mut request = NetlinkMessage::new(header, NetlinkPayload::from(message));
        request.finalize();
        let mut bytes = vec![0; request.buffer_len()];
        request.serialize(&mut bytes);
        interrupted(|| self.socket.send(&bytes, 0))?;

        let mut bodies = Vec::new();
        loop {
            // The kernel never makes a datagram of a dump larger than 32 KiB (NLMSG_GOODSIZE and af_netlink.c).
            let mut datagram: Vec<u8> = Vec::with_capacity(64 << 10);
            interrupted(|| self.socket.recv(&mut datagram, 0))?;
            if datagram.is_empty() {
                return Err(Refusal::Garbled);
            }
            for message in wire::messages(&datagram) {
                let message = message.ok_or(Refusal::Garbled)?;
                if message.sequence != self.sequence {
                    continue;
                }
                match message.meaning() {
                    wire::Meaning::Acknowledged | wire::Meaning::DumpEnded => return Ok(bodies),
                    wire::Meaning::Refused { errno, words } => {
                        return Err(Refusal::Kernel { errno, words });
                    }
                    wire::Meaning::Object(body) => bodies.push(body.to_vec()),
                    wire::Meaning::Noise => {}
                    wire::Meaning::Garbled => return Err(Refusal::Garbled),
                }
            }
        }
    }
}

/// Repeats a call that a signal interrupted: the launcher handles some.
fn interrupted(mut call: impl FnMut() -> io::Result<usize>) -> Result<usize, Refusal> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other.map_err(Refusal::Socket),
        }
    }
}
