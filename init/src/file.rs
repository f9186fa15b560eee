//! Reading files that somebody else may have put something else in the place of.
//!
//! Invariant: reading ends, soon and in little memory. A fifo is not waited for (O_NONBLOCK), a
//! terminal is not taken (O_NOCTTY), whatever is no regular file is refused, and a file may grow
//! to ten gigabytes without taking PID 1 with it. open(2), fifo(7).

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::sys::stat::Mode;

/// More than this in a file of settings is none, bytes.
pub(crate) const USUAL: u64 = 256 * 1024;

/// The number of this boot, 32 digits; random(4).
pub(crate) fn boot_id() -> io::Result<String> {
    Ok(read_text("/proc/sys/kernel/random/boot_id", 64)?.trim().replace('-', ""))
}

/// The whole file; `FileTooLarge` above `limit` bytes.
pub(crate) fn read(path: impl AsRef<Path>, limit: u64) -> io::Result<Vec<u8>> {
    let bytes = read_up_to(path, limit.saturating_add(1))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= limit) { Ok(bytes) } else { Err(io::ErrorKind::FileTooLarge.into()) }
}

/// The same as text; what is no UTF-8 is replaced, for a stray byte must not lose the rest.
pub(crate) fn read_text(path: impl AsRef<Path>, limit: u64) -> io::Result<String> {
    read(path, limit).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The first `limit` bytes.
pub(crate) fn read_up_to(path: impl AsRef<Path>, limit: u64) -> io::Result<Vec<u8>> {
    let path = path.as_ref();
    // Asked before, since opening a device may do something; and after, since it may have been
    // exchanged in between.
    refuse_other_than_file(&fs::metadata(path)?)?;
    let file = File::from(open(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC, Mode::empty())?);
    let about = file.metadata()?;
    refuse_other_than_file(&about)?;
    // In one read(2) and the one that finds the end, where it is as long as it says; but what it says is no promise.
    let expected = about.len().min(limit).min(USUAL);
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(0));
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Takes the whole of a file that is open for writing for itself until it is closed; `EAGAIN` when somebody else has it. The lock belongs to the
/// open file, not to this process, which would lose it with any other descriptor of the file; against the locks of fcntl(2) it counts alike.
pub(crate) fn lock(file: &File) -> nix::Result<()> {
    fcntl(file, FcntlArg::F_OFD_SETLK(&whole())).map(drop)
}

/// The same, as soon as nobody else has it: not for PID 1.
pub(crate) fn lock_when_free(file: &File) -> nix::Result<()> {
    fcntl(file, FcntlArg::F_OFD_SETLKW(&whole())).map(drop)
}

/// No length is up to the end, wherever that comes to be.
fn whole() -> libc::flock {
    libc::flock {
        l_type: i16::try_from(libc::F_WRLCK).unwrap_or_default(),
        l_whence: i16::try_from(libc::SEEK_SET).unwrap_or_default(),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

/// What was being done, before why it failed. The kind is kept: [`is_shortage`] goes by it.
pub(crate) fn about(doing: &str, error: io::Error) -> io::Error {
    // The kind of EMFILE is private to std; its number would be lost with the new text.
    if is_shortage(&error) { error } else { io::Error::new(error.kind(), format!("{doing}: {error}")) }
}

/// Whether the system, and not the file, is to blame: worth another try later. open(2).
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::EAGAIN))
}

fn refuse_other_than_file(about: &fs::Metadata) -> io::Result<()> {
    if about.is_file() { Ok(()) } else { Err(io::Error::other("not a regular file")) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_fifo_and_a_giant_end_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        nix::unistd::mkfifo(&fifo, Mode::S_IRUSR).unwrap();
        assert!(read(&fifo, USUAL).is_err());
        let giant = folder.path().join("giant");
        File::create(&giant).unwrap().set_len(10 << 30).unwrap();
        assert_eq!(read(&giant, USUAL).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read_up_to(&giant, 7).unwrap().len(), 7);
        assert!(read("/dev/zero", USUAL).is_err());
        assert!(read(folder.path(), USUAL).is_err());
    }
}
