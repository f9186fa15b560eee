//! Local sockets in run-time folders whose path may be longer than `sun_path` (108 bytes, unix(7)): reached through an open folder.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// The folder, open, and a short path into it.
fn shorten(path: &Path) -> io::Result<(File, PathBuf)> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
    let folder = File::open(path.parent().ok_or_else(invalid)?)?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(path.file_name().ok_or_else(invalid)?);
    Ok((folder, short))
}

/// A non-blocking listener at `path`; one that a dead process left there goes.
///
/// # Errors
/// When it cannot be bound.
pub(crate) fn listen(path: &Path) -> io::Result<UnixListener> {
    let (_folder, short) = shorten(path)?;
    match std::fs::remove_file(&short) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let listener = UnixListener::bind(&short)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Connects to `path`.
///
/// # Errors
/// When nobody listens there.
pub(crate) fn connect(path: &Path) -> io::Result<UnixStream> {
    let (_folder, short) = shorten(path)?;
    UnixStream::connect(short)
}

/// A datagram socket at `path`.
///
/// # Errors
/// When it cannot be bound.
pub(crate) fn datagram(path: &Path) -> io::Result<std::os::unix::net::UnixDatagram> {
    let (_folder, short) = shorten(path)?;
    std::os::unix::net::UnixDatagram::bind(short)
}
