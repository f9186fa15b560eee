//! Local sockets: who is at the other end, and descriptors through them. unix(7).

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use crate::pidfd::PidFd;
use crate::socket;

use nix::cmsg_space;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, UnixCredentials, getsockopt, recvmsg, sendmsg, sockopt};

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

const SO_PASSPIDFD: i32 = 76;
const SCM_PIDFD: i32 = 4;
/// `SCM_MAX_FD`: the kernel passes no more with one message.
const MOST_DESCRIPTORS: usize = 253;

/// One datagram.
#[derive(Debug)]
pub struct Message {
    /// How many bytes of the buffer it fills.
    pub length: usize,
    /// Who sent it, where [`want_credentials`] was called.
    pub sender: Option<UnixCredentials>,
    /// The sender itself, where [`want_senders`] was called.
    pub process: Option<PidFd>,
    /// Descriptors that came along, close-on-exec.
    pub descriptors: Vec<OwnedFd>,
    /// Whether the buffer was too small and the rest is lost.
    pub truncated: bool,
}

/// Receives one message with all that came along. `WouldBlock` when there is none.
pub fn receive(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<Message> {
    let mut space = cmsg_space!(UnixCredentials, RawFd, [RawFd; MOST_DESCRIPTORS]);
    let mut slices = [IoSliceMut::new(buffer)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC | MsgFlags::MSG_DONTWAIT;
    let got = recvmsg::<()>(socket.as_fd().as_raw_fd(), &mut slices, Some(&mut space), flags)?;
    let truncated = got.flags.contains(MsgFlags::MSG_TRUNC);
    let mut message = Message { length: got.bytes, sender: None, process: None, descriptors: Vec::new(), truncated };
    for control in got.cmsgs()? {
        match control {
            ControlMessageOwned::ScmCredentials(who) => message.sender = Some(who),
            ControlMessageOwned::ScmRights(numbers) => {
                #[allow(unsafe_code)]
                // SAFETY: the kernel made these descriptors for this message, and nobody else takes them.
                message.descriptors.extend(numbers.into_iter().map(|n| unsafe { OwnedFd::from_raw_fd(n) }));
            }
            ControlMessageOwned::Unknown(other) if other.cmsg_header.cmsg_type == SCM_PIDFD => {
                let number = other.data_bytes.try_into().map_or(-1, i32::from_ne_bytes);
                if number >= 0 {
                    #[allow(unsafe_code)]
                    // SAFETY: as above; where it had none to give, the kernel wrote a negative number.
                    let fd = unsafe { OwnedFd::from_raw_fd(number) };
                    message.process = Some(PidFd::from_owned(fd));
                }
            }
            _ => {}
        }
    }
    Ok(message)
}

/// Sends `bytes` with descriptors along.
pub fn send(socket: impl AsFd, bytes: &[u8], descriptors: &[&OwnedFd]) -> io::Result<usize> {
    let numbers: Vec<RawFd> = descriptors.iter().map(|d| d.as_raw_fd()).collect();
    let rights = [ControlMessage::ScmRights(&numbers)];
    let control = if numbers.is_empty() { &[][..] } else { &rights[..] };
    Ok(sendmsg::<()>(socket.as_fd().as_raw_fd(), &[IoSlice::new(bytes)], control, MsgFlags::MSG_NOSIGNAL, None)?)
}
