//! Further options of a socket, as a table; systemd.socket(5), socket(7), ip(7), ipv6(7), tcp(7), unix(7).
//!
//! An option that cannot be had is told, and the socket is listened on without it: so does systemd.

use std::os::fd::{AsFd, BorrowedFd};

use kernel::socket::{set_bytes, set_number};
use nix::errno::Errno;
use units::unit::{Socket, TYPES_OF_SERVICE};
use units::value::{Bytes, read_span};

/// How the text of an option is read.
#[derive(Clone, Copy)]
enum As {
    Flag,
    Number,
    Seconds,
    Size,
    /// `low-delay` and its kin, of RFC 1349.
    Service,
    Name,
    /// `off`, `us`, `ns`: which of two options.
    Stamps,
}

/// An option of the kernel's: level and number.
type Number = (i32, i32);

struct Row {
    name: &'static str,
    read: As,
    /// For IPv4, and for what has no family of addresses.
    option: Number,
    /// For IPv6, where that has its own.
    v6: Option<Number>,
}

const SOCKET: i32 = libc::SOL_SOCKET;
const IP: i32 = libc::IPPROTO_IP;
const V6: i32 = libc::IPPROTO_IPV6;
const TCP: i32 = libc::IPPROTO_TCP;

const fn row(name: &'static str, read: As, option: Number) -> Row {
    Row { name, read, option, v6: None }
}

const fn both(name: &'static str, read: As, option: i32, v6: i32) -> Row {
    Row { name, read, option: (IP, option), v6: Some((V6, v6)) }
}

const TABLE: &[Row] = &[
    row("KeepAlive", As::Flag, (SOCKET, libc::SO_KEEPALIVE)),
    row("KeepAliveTimeSec", As::Seconds, (TCP, libc::TCP_KEEPIDLE)),
    row("KeepAliveIntervalSec", As::Seconds, (TCP, libc::TCP_KEEPINTVL)),
    row("KeepAliveProbes", As::Number, (TCP, libc::TCP_KEEPCNT)),
    row("NoDelay", As::Flag, (TCP, libc::TCP_NODELAY)),
    row("DeferAcceptSec", As::Seconds, (TCP, libc::TCP_DEFER_ACCEPT)),
    row("TCPCongestion", As::Name, (TCP, libc::TCP_CONGESTION)),
    row("Priority", As::Number, (SOCKET, libc::SO_PRIORITY)),
    row("ReceiveBuffer", As::Size, (SOCKET, libc::SO_RCVBUF)),
    row("SendBuffer", As::Size, (SOCKET, libc::SO_SNDBUF)),
    row("Mark", As::Number, (SOCKET, libc::SO_MARK)),
    row("ReusePort", As::Flag, (SOCKET, libc::SO_REUSEPORT)),
    row("Broadcast", As::Flag, (SOCKET, libc::SO_BROADCAST)),
    row("PassCredentials", As::Flag, (SOCKET, libc::SO_PASSCRED)),
    row("PassSecurity", As::Flag, (SOCKET, libc::SO_PASSSEC)),
    row("BindToDevice", As::Name, (SOCKET, libc::SO_BINDTODEVICE)),
    row("Timestamping", As::Stamps, (SOCKET, libc::SO_TIMESTAMP)),
    both("IPTOS", As::Service, libc::IP_TOS, libc::IPV6_TCLASS),
    both("IPTTL", As::Number, libc::IP_TTL, libc::IPV6_UNICAST_HOPS),
    both("PassPacketInfo", As::Flag, libc::IP_PKTINFO, libc::IPV6_RECVPKTINFO),
    both("FreeBind", As::Flag, libc::IP_FREEBIND, libc::IPV6_FREEBIND),
    both("Transparent", As::Flag, libc::IP_TRANSPARENT, libc::IPV6_TRANSPARENT),
];

/// These without root's right over the network are cut to a sysctl's bound: the others are tried first.
const FORCED: [(i32, i32); 2] = [(libc::SO_RCVBUF, libc::SO_RCVBUFFORCE), (libc::SO_SNDBUF, libc::SO_SNDBUFFORCE)];

/// Set them all. Before bind(2): some count only there.
pub(super) fn apply(fd: BorrowedFd<'_>, family: i32, socket: &Socket, remarks: &mut Vec<String>) {
    for (name, text) in &socket.options {
        let Some(row) = TABLE.iter().find(|row| row.name == *name) else { continue };
        let option = row.v6.filter(|_| family == libc::AF_INET6).unwrap_or(row.option);
        let concerned = match option.0 {
            IP | V6 | TCP => matches!(family, libc::AF_INET | libc::AF_INET6),
            _ => true,
        };
        if concerned && let Err(why) = set(fd, row.read, option, text) {
            remarks.push(format!("{name}={text} is not in force: {why}"));
        }
    }
}

/// How large a FIFO may be, where that is said; F_SETPIPE_SZ of fcntl(2).
pub(super) fn pipe_size(fd: BorrowedFd<'_>, socket: &Socket, remarks: &mut Vec<String>) {
    let Some(text) = text(socket, "PipeSize") else { return };
    let size = Bytes::read(text).ok().and_then(|size| i32::try_from(size.0).ok());
    let done = size.ok_or(Errno::EINVAL).and_then(|size| nix::fcntl::fcntl(fd, nix::fcntl::FcntlArg::F_SETPIPE_SZ(size)));
    if let Err(errno) = done {
        remarks.push(format!("PipeSize={text} is not in force: {}", errno.desc()));
    }
}

/// An option that is no option of the kernel's.
pub(super) fn text<'a>(socket: &'a Socket, name: &str) -> Option<&'a str> {
    socket.options.iter().find(|(known, _)| *known == name).map(|(_, text)| text.as_str())
}

/// One that is yes or no.
pub(super) fn flag(socket: &Socket, name: &str) -> bool {
    text(socket, name).and_then(yes_or_no) == Some(1)
}

fn set(fd: BorrowedFd<'_>, read: As, (level, option): Number, text: &str) -> Result<(), String> {
    let wrong = || "no such value".to_owned();
    let value = match read {
        As::Flag => yes_or_no(text),
        As::Number => text.parse().ok(),
        As::Seconds => read_span(text).ok().and_then(|span| i32::try_from(span.at()?.as_secs()).ok()),
        As::Size => Bytes::read(text).ok().and_then(|size| i32::try_from(size.0).ok()),
        As::Service => {
            let named = TYPES_OF_SERVICE.iter().find(|(word, _)| *word == text).map(|(_, number)| *number);
            named.or_else(|| text.parse().ok())
        }
        As::Name => return set_bytes(fd, level, option, text.as_bytes()).map_err(|errno| errno.desc().to_owned()),
        As::Stamps => match text {
            "off" => return Ok(()),
            "us" | "usec" | "\u{b5}s" | "\u{3bc}s" => Some(1),
            "ns" | "nsec" => return set_number(fd, level, libc::SO_TIMESTAMPNS, 1).map_err(|errno| errno.desc().to_owned()),
            _ => None,
        },
    };
    let value = value.ok_or_else(wrong)?;
    let forced = FORCED.iter().find(|(plain, _)| level == SOCKET && *plain == option);
    if forced.is_some_and(|(_, forced)| set_number(fd, level, *forced, value).is_ok()) {
        return Ok(());
    }
    set_number(fd, level, option, value).map_err(|errno| errno.desc().to_owned())
}

/// systemd's words for it; systemd.syntax(7).
fn yes_or_no(text: &str) -> Option<i32> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "yes" | "y" | "true" | "t" | "on" => Some(1),
        "0" | "no" | "n" | "false" | "f" | "off" => Some(0),
        _ => None,
    }
}

/// Whether the read and write calls on it wait; of whoever has the same open file description too.
pub(in crate::hands) fn set_non_blocking(fd: impl AsFd, wanted: bool) -> Result<(), Errno> {
    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    let mut flags = OFlag::from_bits_retain(fcntl(&fd, FcntlArg::F_GETFL)?);
    flags.set(OFlag::O_NONBLOCK, wanted);
    fcntl(&fd, FcntlArg::F_SETFL(flags)).map(drop)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use nix::sys::socket::{getsockopt, sockopt};

    fn socket(options: &[(&'static str, &str)]) -> Socket {
        let options = options.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
        Socket { options, ..Socket::default() }
    }

    #[test]
    fn options_are_in_force_and_wrong_ones_are_told() {
        let fd = kernel::socket::create(libc::AF_INET6, libc::SOCK_STREAM, 0).unwrap();
        let wanted = socket(&[
            ("KeepAlive", "yes"),
            ("KeepAliveTimeSec", "2min"),
            ("NoDelay", "true"),
            ("IPTTL", "7"),
            ("IPTOS", "low-delay"),
            ("ReceiveBuffer", "64K"),
            ("FreeBind", "on"),
            ("Priority", "many"),
            ("SmackLabel", "x"),
            ("TCPCongestion", "no-such-thing"),
        ]);
        let mut remarks = Vec::new();
        apply(fd.as_fd(), libc::AF_INET6, &wanted, &mut remarks);
        assert_eq!(
            remarks,
            ["Priority=many is not in force: no such value", "TCPCongestion=no-such-thing is not in force: No such file or directory"]
        );
        assert!(getsockopt(&fd, sockopt::KeepAlive).unwrap());
        assert_eq!(getsockopt(&fd, sockopt::TcpKeepIdle).unwrap(), 120);
        assert!(getsockopt(&fd, sockopt::TcpNoDelay).unwrap());
        assert_eq!(getsockopt(&fd, sockopt::Ipv6Ttl).unwrap(), 7);
        assert!(getsockopt(&fd, sockopt::RcvBuf).unwrap() >= 1 << 16);
    }

    #[test]
    fn what_does_not_concern_a_family_is_passed_over() {
        let fd = kernel::socket::create(libc::AF_UNIX, libc::SOCK_DGRAM, 0).unwrap();
        let mut remarks = Vec::new();
        apply(fd.as_fd(), libc::AF_UNIX, &socket(&[("NoDelay", "yes"), ("IPTTL", "7"), ("PassCredentials", "yes")]), &mut remarks);
        assert!(remarks.is_empty(), "{remarks:?}");
        assert!(getsockopt(&fd, sockopt::PassCred).unwrap());
    }

    #[test]
    fn waiting_is_a_flag() {
        let fd = kernel::socket::create(libc::AF_UNIX, libc::SOCK_DGRAM, 0).unwrap();
        set_non_blocking(&fd, false).unwrap();
        let flags = nix::fcntl::fcntl(fd.as_fd(), nix::fcntl::FcntlArg::F_GETFL).unwrap();
        assert_eq!(flags & libc::O_NONBLOCK, 0);
        set_non_blocking(&fd, true).unwrap();
        let flags = nix::fcntl::fcntl(fd.as_fd(), nix::fcntl::FcntlArg::F_GETFL).unwrap();
        assert_ne!(flags & libc::O_NONBLOCK, 0);
    }
}
