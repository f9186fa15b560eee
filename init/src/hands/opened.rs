//! Files and sockets opened for a main process; systemd.service(5), `OpenFile=`.
//!
//! They are counted in its environment before it is born, so it is PID 1 that opens them: with PID 1's rights and in its view, as systemd
//! has it. Invariant: that ends at once. A fifo waits for nobody (`O_NONBLOCK`, taken off again afterwards), a terminal is not
//! taken, a socket whose queue is full is another try's.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use kernel::socket;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::socket::{Shutdown, UnixAddr, connect, shutdown};
use nix::sys::stat::{Mode, SFlag, fstat};
use supervisor::{Phase, Run};
use units::unit::{OpenFile, Opened, Service};

use super::birth::Stillborn;
use super::sockets::set_non_blocking;
use crate::file;

/// What the process of a run gets of them, with their names.
pub(super) fn of(run: Run, service: &Service) -> Result<Vec<(&str, OwnedFd)>, Stillborn> {
    let mut all = Vec::new();
    for wanted in service.open_files.iter().filter(|_| run.phase == Phase::Start) {
        match one(wanted) {
            Ok(fd) => all.push((wanted.name.as_str(), fd)),
            Err(error) if wanted.graceful && !file::is_shortage(&error) => {}
            Err(error) => return Err(Stillborn::of(file::about(&format!("OpenFile: opening {} failed", wanted.path), error))),
        }
    }
    Ok(all)
}

fn one(wanted: &OpenFile) -> io::Result<OwnedFd> {
    let place = open(wanted.path.as_str(), OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?;
    // Whatever takes its place meanwhile, and however long its path is, this is the same.
    let path = format!("/proc/self/fd/{}", place.as_raw_fd());
    let is_socket = SFlag::from_bits_truncate(fstat(&place)?.st_mode) & SFlag::S_IFMT == SFlag::S_IFSOCK;
    let fd = if is_socket {
        connected(&UnixAddr::new(path.as_str())?, wanted.access)?
    } else {
        let access = match wanted.access {
            Opened::Both => OFlag::O_RDWR,
            Opened::ReadOnly => OFlag::O_RDONLY,
            Opened::Append => OFlag::O_RDWR | OFlag::O_APPEND,
            Opened::Truncate => OFlag::O_RDWR | OFlag::O_TRUNC,
        };
        open(path.as_str(), access | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC, Mode::empty())?
    };
    set_non_blocking(&fd, false)?;
    Ok(fd)
}

/// Of which kind a socket is, only connecting tells: another is refused with `EPROTOTYPE`, unix(7).
fn connected(address: &UnixAddr, access: Opened) -> io::Result<OwnedFd> {
    let mut refused = Errno::EPROTOTYPE;
    for kind in [libc::SOCK_DGRAM, libc::SOCK_STREAM, libc::SOCK_SEQPACKET] {
        let fd = socket::create(libc::AF_UNIX, kind, 0)?;
        match connect(fd.as_raw_fd(), address) {
            Ok(()) => {
                if access == Opened::ReadOnly {
                    shutdown(fd.as_raw_fd(), Shutdown::Write)?;
                }
                return Ok(fd);
            }
            Err(Errno::EPROTOTYPE) => {}
            Err(errno) => {
                refused = errno;
                break;
            }
        }
    }
    Err(refused.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, bind, listen, socket};
    use std::fs::{self, File};
    use std::io::{Read, Write};

    fn opened(text: &str) -> io::Result<File> {
        one(&OpenFile::read(text).unwrap()).map(File::from)
    }

    #[test]
    fn each_way_of_opening_is_what_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let name = path.to_str().unwrap();
        assert_eq!(opened(name).unwrap_err().raw_os_error(), Some(libc::ENOENT));
        fs::write(&path, "old").unwrap();
        assert!(opened(&format!("{name}::read-only")).unwrap().write(b"x").is_err());
        opened(&format!("{name}::append")).unwrap().write_all(b"er").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "older");
        opened(name).unwrap().write_all(b"b").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "blder");
        opened(&format!("{name}::truncate")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
    }

    #[test]
    fn a_fifo_waits_for_nobody_and_any_socket_is_connected_to() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        nix::unistd::mkfifo(&fifo, Mode::S_IRWXU).unwrap();
        opened(&format!("{}::read-only", fifo.display())).unwrap();
        for (kind, name) in [(SockType::Stream, "stream"), (SockType::SeqPacket, "packets"), (SockType::Datagram, "datagrams")] {
            let path = folder.path().join(name);
            let here = socket(AddressFamily::Unix, kind, SockFlag::SOCK_CLOEXEC, None).unwrap();
            bind(here.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
            if kind != SockType::Datagram {
                assert_eq!(opened(path.to_str().unwrap()).unwrap_err().raw_os_error(), Some(libc::ECONNREFUSED), "{name}");
                listen(&here, Backlog::new(1).unwrap()).unwrap();
            }
            opened(path.to_str().unwrap()).unwrap().write_all(b"hello").unwrap();
            let heard = if kind == SockType::Datagram { here } else { socket::accept(&here).unwrap() };
            let mut buffer = [0; 8];
            assert_eq!(File::from(heard).read(&mut buffer).unwrap(), 5, "{name}");
        }
    }
}
