//! One thing to listen on, made: a descriptor, and what of it is in the file system.

use std::ffi::CString;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt};
use std::path::{Path, PathBuf};

use kernel::socket;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::socket::{NetlinkAddr, SockaddrIn, SockaddrIn6, SockaddrLike, UnixAddr, bind};
use nix::sys::stat::{Mode, SFlag, fchmod, fstat, umask};
use nix::unistd::{Gid, Uid, fchown, mkfifo};
use units::unit::{Listen, ListenKind, Socket};
use units::value::Address;

use super::options;
use crate::say;

/// Whose the socket is, and what is made above it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner {
    pub(super) uid: Option<Uid>,
    pub(super) gid: Option<Gid>,
}

/// What was made.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) fd: OwnedFd,
    /// Where it is in the file system.
    pub(super) path: Option<PathBuf>,
}

/// Make it and listen on it. The error is for a person, without the address.
pub(super) fn make(wanted: &Listen, unit: &Socket, owner: Owner, remarks: &mut Vec<String>) -> Result<Made, String> {
    let mut of_kind = |kind| socket_at(wanted, kind, unit, owner, remarks);
    let done = match wanted.kind {
        ListenKind::Stream => of_kind(libc::SOCK_STREAM),
        ListenKind::Datagram => of_kind(libc::SOCK_DGRAM),
        ListenKind::SequentialPacket => of_kind(libc::SOCK_SEQPACKET),
        ListenKind::Fifo => fifo(Path::new(&wanted.address), unit, owner, remarks),
        ListenKind::Special => special(Path::new(&wanted.address), unit),
        ListenKind::Netlink => netlink(&wanted.address, unit, remarks),
        ListenKind::MessageQueue => queue(&wanted.address, unit, owner),
        ListenKind::UsbFunction => return Err("a container has no USB function".to_owned()),
    };
    done.map_err(|error| say::reason(&error))
}

fn socket_at(wanted: &Listen, kind: i32, unit: &Socket, owner: Owner, remarks: &mut Vec<String>) -> io::Result<Made> {
    let nothing = || io::Error::other("nothing that can be listened on");
    match Address::read(&wanted.address).ok_or_else(nothing)? {
        Address::Path(path) => at_path(PathBuf::from(path), kind, unit, owner, remarks),
        Address::Abstract(name) => {
            let fd = socket::create(libc::AF_UNIX, kind, 0)?;
            options::apply(fd.as_fd(), libc::AF_UNIX, unit, remarks);
            bind_to(&fd, &UnixAddr::new_abstract(name.as_bytes())?)?;
            heed(fd, kind, unit, None)
        }
        Address::Port(port) => {
            let mut said = Vec::new();
            match at_ip(SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port), kind, unit, &mut said) {
                // Without IPv6 in the kernel, or in this network namespace.
                Err(error) if matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL)) => {
                    at_ip(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port), kind, unit, remarks)
                }
                done => {
                    remarks.append(&mut said);
                    done
                }
            }
        }
        Address::Ip { ip, port, interface } => {
            let mut address = SocketAddr::new(ip, port);
            if let (SocketAddr::V6(address), Some(interface)) = (&mut address, interface) {
                address.set_scope_id(nix::net::if_::if_nametoindex(interface.as_str())?);
            }
            at_ip(address, kind, unit, remarks)
        }
        Address::Vsock => Err(io::Error::other("a container has no vsock of its own")),
    }
}

fn at_ip(address: SocketAddr, kind: i32, unit: &Socket, remarks: &mut Vec<String>) -> io::Result<Made> {
    let protocol = match options::text(unit, "SocketProtocol") {
        None => 0,
        Some("sctp") => libc::IPPROTO_SCTP,
        Some("udplite") => libc::IPPROTO_UDPLITE,
        Some("mptcp") => libc::IPPROTO_MPTCP,
        Some(other) => return Err(io::Error::other(format!("no protocol {other}"))),
    };
    let family = if address.is_ipv6() { libc::AF_INET6 } else { libc::AF_INET };
    let fd = socket::create(family, kind, protocol)?;
    // What is left of former connections must not keep the port; socket(7).
    socket::set_number(&fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    if let (Some(only), true) = (unit.ipv6_only, address.is_ipv6()) {
        socket::set_number(&fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, only.into())?;
    }
    options::apply(fd.as_fd(), family, unit, remarks);
    match address {
        SocketAddr::V4(address) => bind_to(&fd, &SockaddrIn::from(SocketAddrV4::new(*address.ip(), address.port())))?,
        SocketAddr::V6(address) => {
            bind_to(&fd, &SockaddrIn6::from(SocketAddrV6::new(*address.ip(), address.port(), 0, address.scope_id())))?;
        }
    }
    heed(fd, kind, unit, None)
}

fn at_path(path: PathBuf, kind: i32, unit: &Socket, owner: Owner, remarks: &mut Vec<String>) -> io::Result<Made> {
    make_parents(&path, unit)?;
    let fd = socket::create(libc::AF_UNIX, kind, 0)?;
    options::apply(fd.as_fd(), libc::AF_UNIX, unit, remarks);
    let address = UnixAddr::new(&path)?;
    let bound = with_mode(unit, || match bind_to(&fd, &address) {
        // Left behind by an earlier life, of ours or of whoever had it before.
        Err(Errno::EADDRINUSE) if fs::symlink_metadata(&path).is_ok_and(|about| about.file_type().is_socket()) => {
            nix::unistd::unlink(&path)?;
            bind_to(&fd, &address)
        }
        other => other,
    });
    bound?;
    if owner.uid.is_some() || owner.gid.is_some() {
        nix::unistd::fchownat(nix::fcntl::AT_FDCWD, &path, owner.uid, owner.gid, nix::fcntl::AtFlags::AT_SYMLINK_NOFOLLOW)?;
    }
    heed(fd, kind, unit, Some(path))
}

fn fifo(path: &Path, unit: &Socket, owner: Owner, remarks: &mut Vec<String>) -> io::Result<Made> {
    make_parents(path, unit)?;
    let mode = Mode::from_bits_truncate(unit.mode.bits());
    match with_mode(unit, || mkfifo(path, mode)) {
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(errno) => return Err(errno.into()),
    }
    // Both ends at once: it does not end when a writer does. fifo(7).
    let flags = OFlag::O_RDWR | OFlag::O_CLOEXEC | OFlag::O_NOCTTY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
    let fd = nix::fcntl::open(path, flags, Mode::empty())?;
    if kind_of(&fd)? != SFlag::S_IFIFO {
        return Err(io::Error::other("something else is there"));
    }
    fchmod(&fd, mode)?;
    fchown(&fd, owner.uid, owner.gid)?;
    options::pipe_size(fd.as_fd(), unit, remarks);
    Ok(Made { fd, path: Some(path.to_owned()) })
}

fn special(path: &Path, unit: &Socket) -> io::Result<Made> {
    let access = if options::flag(unit, "Writable") { OFlag::O_RDWR } else { OFlag::O_RDONLY };
    let flags = access | OFlag::O_CLOEXEC | OFlag::O_NOCTTY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
    let fd = nix::fcntl::open(path, flags, Mode::empty())?;
    match kind_of(&fd)? {
        SFlag::S_IFREG | SFlag::S_IFCHR => Ok(Made { fd, path: None }),
        _ => Err(io::Error::other("neither a file nor a character device")),
    }
}

/// Families of netlink by systemd's names; netlink(7).
const FAMILIES: [(&str, i32); 14] = [
    ("route", libc::NETLINK_ROUTE),
    ("inet-diag", libc::NETLINK_INET_DIAG),
    ("nflog", libc::NETLINK_NFLOG),
    ("xfrm", libc::NETLINK_XFRM),
    ("selinux", libc::NETLINK_SELINUX),
    ("iscsi", libc::NETLINK_ISCSI),
    ("audit", libc::NETLINK_AUDIT),
    ("fib-lookup", libc::NETLINK_FIB_LOOKUP),
    ("connector", libc::NETLINK_CONNECTOR),
    ("netfilter", libc::NETLINK_NETFILTER),
    ("kobject-uevent", libc::NETLINK_KOBJECT_UEVENT),
    ("generic", libc::NETLINK_GENERIC),
    ("scsitransport", libc::NETLINK_SCSITRANSPORT),
    ("rdma", libc::NETLINK_RDMA),
];

fn netlink(address: &str, unit: &Socket, remarks: &mut Vec<String>) -> io::Result<Made> {
    let (family, group) = address.split_once(' ').unwrap_or((address, "0"));
    let known = FAMILIES.iter().find(|(name, _)| *name == family);
    let (Some((_, protocol)), Ok(groups)) = (known, group.trim().parse()) else {
        return Err(io::Error::other("no such family of netlink"));
    };
    let fd = socket::create(libc::AF_NETLINK, libc::SOCK_RAW, *protocol)?;
    options::apply(fd.as_fd(), libc::AF_NETLINK, unit, remarks);
    bind_to(&fd, &NetlinkAddr::new(0, groups))?;
    Ok(Made { fd, path: None })
}

fn queue(name: &str, unit: &Socket, owner: Owner) -> io::Result<Made> {
    let number = |name| options::text(unit, name).and_then(|text| text.parse().ok());
    let bounds = number("MessageQueueMaxMessages").zip(number("MessageQueueMessageSize"));
    let name = CString::new(name)?;
    let fd = with_mode(unit, || socket::message_queue(&name, libc::O_RDWR | libc::O_NONBLOCK, unit.mode.bits(), bounds))?;
    fchown(&fd, owner.uid, owner.gid)?;
    Ok(Made { fd, path: None })
}

fn heed(fd: OwnedFd, kind: i32, unit: &Socket, path: Option<PathBuf>) -> io::Result<Made> {
    if kind != libc::SOCK_DGRAM {
        let most = unit.backlog.and_then(|most| i32::try_from(most).ok());
        socket::listen(&fd, most.unwrap_or(i32::MAX))?;
    }
    Ok(Made { fd, path })
}

fn bind_to(fd: &OwnedFd, address: &dyn SockaddrLike) -> Result<(), Errno> {
    bind(fd.as_raw_fd(), address)
}

fn kind_of(fd: &OwnedFd) -> Result<SFlag, Errno> {
    Ok(SFlag::from_bits_truncate(fstat(fd)?.st_mode) & SFlag::S_IFMT)
}

/// A mode is the socket's from its first moment, not from the next call on.
fn with_mode<T>(unit: &Socket, work: impl FnOnce() -> T) -> T {
    let before = umask(Mode::from_bits_truncate(!unit.mode.bits() & 0o777));
    let done = work();
    umask(before);
    done
}

pub(super) fn make_parents(path: &Path, unit: &Socket) -> io::Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    fs::DirBuilder::new().recursive(true).mode(unit.directory_mode.bits()).create(folder)
}
