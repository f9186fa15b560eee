//! What services tell: datagrams on `/run/fief/notify`, as in sd_notify(3).
//!
//! The sender is whom the kernel says (SO_PASSCRED, unix(7)), never whom the text says. A
//! message is cut at 4 KiB; descriptors that come along are closed at once, which is also what
//! sd_notify_barrier(3) waits for.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use units::notify::{self, Word};

/// Where services find it, as `$NOTIFY_SOCKET`.
pub(crate) const PATH: &str = "/run/fief/notify";
const LONGEST: usize = 4096;
/// Datagrams taken per turn of the loop.
const BUDGET: usize = 64;

/// The socket.
#[derive(Debug)]
pub(crate) struct Notify(UnixDatagram);

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
        fs::set_permissions(PATH, fs::Permissions::from_mode(0o666))?;
        Ok(Self(socket))
    }

    /// Give the words of each waiting message to `each`, with the sender's pid.
    pub(crate) fn turn(&self, mut each: impl FnMut(i32, Vec<Word>)) {
        for _ in 0..BUDGET {
            match self.receive() {
                Ok(Some((pid, text))) => each(pid, notify::read(&text)),
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    fn receive(&self) -> io::Result<Option<(i32, String)>> {
        let mut buffer = [0_u8; LONGEST];
        // The descriptors that came along are dropped with the message.
        let message = kernel::unix::receive(&self.0, &mut buffer)?;
        let text = String::from_utf8_lossy(buffer.get(..message.length).unwrap_or_default()).into_owned();
        Ok(message.sender.map(|sender| (sender.pid(), text)))
    }
}

impl AsFd for Notify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
