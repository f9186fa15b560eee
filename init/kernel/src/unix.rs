//! Local sockets: who is at the other end, and descriptors through them. unix(7).

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use crate::pidfd::PidFd;
use crate::socket;

use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, MsgFlags, UnixCredentials, getsockopt, sendmsg, sockopt};

/// `SO_PEERCRED`: the credentials of the process that connected, as of then, in the caller's namespaces.
pub fn peer(socket: impl AsFd) -> io::Result<UnixCredentials> {
    Ok(getsockopt(&socket, sockopt::PeerCredentials)?)
}

/// `SO_PASSCRED`: each message received brings its sender's credentials.
pub fn want_credentials(socket: impl AsFd) -> io::Result<()> {
    Ok(nix::sys::socket::setsockopt(&socket, sockopt::PassCred, &true)?)
}

/// `SO_PASSPIDFD` (Linux 6.5): each message received brings a descriptor of its sender. `ENOPROTOOPT` before.
pub fn want_senders(socket: impl AsFd) -> io::Result<()> {
    Ok(socket::set_number(socket, libc::SOL_SOCKET, SO_PASSPIDFD, 1)?)
}

/// `SO_TIMESTAMP`: each message received brings the moment at which it was sent; socket(7).
pub fn want_moments(socket: impl AsFd) -> io::Result<()> {
    Ok(socket::set_number(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMP, 1)?)
}

const SO_PASSPIDFD: i32 = 76;
const SCM_PIDFD: i32 = 4;
/// `SCM_MAX_FD`: the kernel passes no more with one message.
const MOST_DESCRIPTORS: usize = 253;
/// Room for all that can come along, and more; in words, since control messages are aligned as these are (cmsg(3)).
const ROOM: usize = MOST_DESCRIPTORS / 2 + 32;

/// One datagram.
#[derive(Debug)]
pub struct Message {
    /// How many bytes of the buffer it fills.
    pub length: usize,
    /// Who sent it, where [`want_credentials`] was called.
    pub sender: Option<UnixCredentials>,
    /// The sender itself, where [`want_senders`] was called.
    pub process: Option<PidFd>,
    /// When it was sent, since 1970, where [`want_moments`] was called.
    pub moment: Option<Duration>,
    /// Descriptors that came along, close-on-exec.
    pub descriptors: Vec<OwnedFd>,
    /// Whether some of it is lost: the buffer was too small, or the caller may have no more descriptors.
    pub truncated: bool,
}

/// Receives one message with all that came along. `WouldBlock` when there is none.
pub fn receive(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<Message> {
    receive_with(socket, buffer, &mut [0; ROOM])
}

/// The same with so much room for what comes along. Not by nix: where the kernel has cut that short (MSG_CTRUNC), nix shows nothing of it, and the
/// descriptors that are open by then would be nobody's, for ever. Whoever may send could have the caller run out of them.
#[allow(clippy::useless_conversion)] // of lengths whose type differs by target
fn receive_with(socket: impl AsFd, buffer: &mut [u8], room: &mut [usize]) -> io::Result<Message> {
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    #[allow(unsafe_code)]
    // SAFETY: all-zero bytes are a valid struct msghdr: no name, no parts, no control messages.
    let mut header: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = room.as_mut_ptr().cast();
    header.msg_controllen = size_of_val(room).try_into().map_err(|_| Errno::EINVAL)?;
    #[allow(unsafe_code)]
    // SAFETY: `part` and `room` live through the call and have these lengths.
    let length =
        Errno::result(unsafe { libc::recvmsg(socket.as_fd().as_raw_fd(), &raw mut header, libc::MSG_CMSG_CLOEXEC | libc::MSG_DONTWAIT) })?;
    let truncated = header.msg_flags & (libc::MSG_TRUNC | libc::MSG_CTRUNC) != 0;
    let mut message =
        Message { length: length.cast_unsigned(), sender: None, process: None, moment: None, descriptors: Vec::new(), truncated };
    #[allow(unsafe_code)]
    // SAFETY: the kernel has filled `header` and what it points to.
    let mut control = unsafe { libc::CMSG_FIRSTHDR(&raw const header) };
    #[allow(unsafe_code)]
    // SAFETY: null, or a control message within `room`, which is aligned for it.
    while let Some(about) = unsafe { control.as_ref() } {
        #[allow(unsafe_code)]
        // SAFETY: as above; its data begin there.
        let data = unsafe { libc::CMSG_DATA(control) };
        #[allow(unsafe_code)]
        // SAFETY: the distance from a control message to its data is within both.
        let head = unsafe { data.cast_const().byte_offset_from(control) }.cast_unsigned();
        let size = usize::try_from(about.cmsg_len).unwrap_or(0).saturating_sub(head);
        #[allow(unsafe_code)]
        // SAFETY: the kernel has written so many bytes there.
        message.take(about, unsafe { std::slice::from_raw_parts(data, size) });
        #[allow(unsafe_code)]
        // SAFETY: as for the first.
        let next = unsafe { libc::CMSG_NXTHDR(&raw const header, control) };
        control = next;
    }
    Ok(message)
}

impl Message {
    /// What one control message brings.
    fn take(&mut self, about: &libc::cmsghdr, data: &[u8]) {
        let numbers = data.as_chunks().0.iter().map(|bytes| RawFd::from_ne_bytes(*bytes));
        // SO_PASSPIDFD: where the kernel had none to give it wrote a negative number.
        let opened = numbers.filter(|number| *number >= 0).map(|number| {
            #[allow(unsafe_code)]
            // SAFETY: the kernel made this descriptor for this message, and nobody else takes it.
            unsafe {
                OwnedFd::from_raw_fd(number)
            }
        });
        match (about.cmsg_level, about.cmsg_type) {
            (libc::SOL_SOCKET, libc::SCM_RIGHTS) => self.descriptors.extend(opened),
            (libc::SOL_SOCKET, SCM_PIDFD) => self.process = { opened }.next().map(PidFd::from_owned),
            (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) => self.sender = credentials(data),
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMP) => self.moment = moment(data),
            _ => {}
        }
    }
}

/// `struct ucred`: three numbers, pid, uid and gid; unix(7).
fn credentials(data: &[u8]) -> Option<UnixCredentials> {
    let [pid, uid, gid] = *data.as_chunks().0.first_chunk()?;
    Some(libc::ucred { pid: i32::from_ne_bytes(pid), uid: u32::from_ne_bytes(uid), gid: u32::from_ne_bytes(gid) }.into())
}

/// `struct timeval`: seconds and microseconds.
fn moment(data: &[u8]) -> Option<Duration> {
    let [seconds, micros] = *data.as_chunks().0.first_chunk()?;
    let of = |bytes: [u8; 8]| u64::from_ne_bytes(bytes);
    Duration::from_secs(of(seconds)).checked_add(Duration::from_micros(of(micros)))
}

/// Sends `bytes` with descriptors along.
pub fn send(socket: impl AsFd, bytes: &[u8], descriptors: &[&OwnedFd]) -> io::Result<usize> {
    let numbers: Vec<RawFd> = descriptors.iter().map(|d| d.as_raw_fd()).collect();
    let rights = [ControlMessage::ScmRights(&numbers)];
    let control = if numbers.is_empty() { &[][..] } else { &rights[..] };
    Ok(sendmsg::<()>(socket.as_fd().as_raw_fd(), &[IoSlice::new(bytes)], control, MsgFlags::MSG_NOSIGNAL, None)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Read;
    use std::os::unix::net::UnixDatagram;

    #[test]
    fn everything_that_came_along_is_there() {
        let (one, two) = UnixDatagram::pair().unwrap();
        want_credentials(&two).unwrap();
        let has_senders = want_senders(&two).is_ok();
        let pipes: Vec<_> = (0..3).flat_map(|_| <[OwnedFd; 2]>::from(nix::unistd::pipe().unwrap())).collect();
        send(&one, b"words", &pipes.iter().collect::<Vec<_>>()).unwrap();
        let mut buffer = [0; 4];
        let message = receive(&two, &mut buffer).unwrap();
        let me = std::process::id();
        assert_eq!((message.length, message.truncated, message.sender.unwrap().pid()), (4, true, me.cast_signed()));
        assert_eq!((message.descriptors.len(), message.process.is_some()), (6, has_senders));
        send(&one, b"word", &[]).unwrap();
        assert!(!receive(&two, &mut buffer).unwrap().truncated);
        assert_eq!(receive(&two, &mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn of_a_message_cut_short_no_descriptor_stays_open() {
        let (one, two) = UnixDatagram::pair().unwrap();
        let (read, write) = nix::unistd::pipe().unwrap();
        send(&one, b"words", &[&write, &write, &write]).unwrap();
        drop(write);
        // As where the caller may have no more: room for two.
        let message = receive_with(&two, &mut [0; 8], &mut [0; 3]).unwrap();
        assert_eq!((message.truncated, message.descriptors.len()), (true, 2));
        drop(message);
        // It ends, since nobody has the other end any more.
        assert_eq!(std::fs::File::from(read).read_to_end(&mut Vec::new()).unwrap(), 0);
    }
}
