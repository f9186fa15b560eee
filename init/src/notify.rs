//! What services tell: datagrams on `/run/fief/notify`, as in sd_notify(3).
//!
//! ```text
//! datagram ─ text ──────▶ words, MAINPID first
//!          ├ sender ────▶ pid, and where the kernel gives one, the process itself (SCM_PIDFD)
//!          └ descriptors ▶ to be stored, or a barrier, or closed
//! ```
//!
//! The sender is whom the kernel says (SO_PASSCRED, unix(7)), never whom the text says. What is longer than 4 KiB
//! is dropped whole, as systemd does: half a message may mean something else.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use kernel::pidfd::PidFd;
use units::notify::{self, Word};

/// Where services find it, as `$NOTIFY_SOCKET`.
pub(crate) const PATH: &str = "/run/fief/notify";
const LONGEST: usize = 4096;
/// Datagrams taken per turn of the loop.
const BUDGET: usize = 64;

/// One message.
#[derive(Debug)]
pub(crate) struct Told {
    /// Who sent it.
    pub(crate) pid: i32,
    /// The same, if the kernel can hold it.
    pub(crate) process: Option<PidFd>,
    pub(crate) words: Vec<Word>,
    /// What came along.
    pub(crate) descriptors: Vec<OwnedFd>,
}

/// The socket.
#[derive(Debug)]
pub(crate) struct Notify {
    socket: UnixDatagram,
    /// Held until everything said before them has been acted upon, by the number of the last event that was made of it;
    /// sd_notify_barrier(3).
    barriers: Vec<(u64, OwnedFd)>,
    /// Those just taken, which have no number yet.
    new: Vec<OwnedFd>,
}

impl Notify {
    /// Bind it anew; every user may tell, init checks who did.
    pub(crate) fn bind() -> io::Result<Self> {
        if let Some(folder) = Path::new(PATH).parent() {
            fs::create_dir_all(folder)?;
        }
        let _ = fs::remove_file(PATH);
        let socket = UnixDatagram::bind(Path::new(PATH))?;
        socket.set_nonblocking(true)?;
        kernel::unix::want_credentials(&socket)?;
        // Kernels before 6.5 do not have it: then the number must do.
        let _ = kernel::unix::want_senders(&socket);
        fs::set_permissions(PATH, fs::Permissions::from_mode(0o666))?;
        Ok(Self { socket, barriers: Vec::new(), new: Vec::new() })
    }

    /// The one of an earlier life of the program.
    pub(crate) fn resumed(socket: OwnedFd) -> Self {
        Self { socket: socket.into(), barriers: Vec::new(), new: Vec::new() }
    }

    /// Give each waiting message to `each`, up to so many per turn; whether there may be more.
    pub(crate) fn turn(&mut self, mut each: impl FnMut(Told)) -> bool {
        for _ in 0..BUDGET {
            match self.receive() {
                Ok(Some(told)) => each(told),
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        true
    }

    /// Of what was said so far the event of this number is the last.
    pub(crate) fn date_barriers(&mut self, last: u64) {
        self.barriers.extend(self.new.drain(..).map(|barrier| (last, barrier)));
    }

    /// The events up to this number have been acted upon.
    pub(crate) fn lift_barriers(&mut self, done: u64) {
        self.barriers.retain(|(last, _)| *last > done);
    }

    fn receive(&mut self) -> io::Result<Option<Told>> {
        let mut buffer = [0_u8; LONGEST];
        let message = kernel::unix::receive(&self.socket, &mut buffer)?;
        let text = buffer.get(..message.length).unwrap_or_default();
        let (Some(sender), false) = (message.sender, message.truncated) else { return Ok(None) };
        let words = notify::read(&String::from_utf8_lossy(until_nul(text)));
        let mut descriptors = message.descriptors;
        if words.contains(&Word::Barrier) {
            // One is what falls. Whoever sends more is not to have us hold them: everybody may send.
            self.new.extend(descriptors.drain(..).next());
        }
        Ok(Some(Told { pid: sender.pid(), process: message.process, words, descriptors }))
    }
}

impl AsFd for Notify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A NUL ends the text, as C has it.
fn until_nul(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn of_a_barrier_one_descriptor_is_held_and_no_longer_than_what_was_said_before() {
        let (one, two) = UnixDatagram::pair().unwrap();
        kernel::unix::want_credentials(&two).unwrap();
        let mut notify = Notify::resumed(two.into());
        let pipes = [(); 3].map(|()| nix::unistd::pipe().unwrap());
        let theirs: Vec<&OwnedFd> = pipes.iter().map(|(_, write)| write).collect();
        kernel::unix::send(&one, b"READY=1\nBARRIER=1", &theirs).unwrap();
        let mut heard = Vec::new();
        assert!(!notify.turn(|told| heard.push((told.words, told.descriptors.len()))));
        assert_eq!(heard, [(vec![Word::Ready, Word::Barrier], 0)]);
        notify.date_barriers(7);
        assert_eq!(notify.barriers.len(), 1);
        notify.lift_barriers(6);
        assert_eq!(notify.barriers.len(), 1);
        notify.lift_barriers(7);
        assert!(notify.barriers.is_empty());
    }
}
