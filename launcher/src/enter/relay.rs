//! Moving bytes between descriptors, one poll(2) at a time.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{read, write};

/// How much is moved at a time. No more: a blocking descriptor of the caller's that polls writable takes this much (PIPE_BUF, pipe(7)).
const CHUNK: usize = 4096;

/// One direction. What has been read is written before more is read, so that a slow reader slows the writer.
///
/// Ends are closed as soon as nothing more can come or go through them, which tells whoever is at their other side.
#[derive(Debug)]
pub(super) struct Channel {
    from: Option<OwnedFd>,
    to: Option<OwnedFd>,
    waiting: Vec<u8>,
    /// A byte that ends the channel rather than going through.
    key: Option<u8>,
    pressed: bool,
    moved: usize,
}

impl Channel {
    pub(super) fn new(from: OwnedFd, to: OwnedFd) -> Self {
        Self { from: Some(from), to: Some(to), waiting: Vec::new(), key: None, pressed: false, moved: 0 }
    }

    /// With a byte that ends it; see [`Channel::is_pressed`].
    #[must_use]
    pub(super) fn until_key(mut self, key: u8) -> Self {
        self.key = Some(key);
        self
    }

    /// With bytes that were read already.
    #[must_use]
    pub(super) fn after(mut self, bytes: &[u8]) -> Self {
        self.waiting.extend_from_slice(bytes);
        self
    }

    /// Whether its key came.
    pub(super) fn is_pressed(&self) -> bool {
        self.pressed
    }

    /// Whether nothing will go through any more.
    pub(super) fn is_over(&self) -> bool {
        self.to.is_none()
    }

    /// Whether bytes wait to be written.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// How many bytes were read in all.
    pub(super) fn moved(&self) -> usize {
        self.moved
    }

    fn interest(&self) -> Option<PollFd<'_>> {
        if self.is_waiting() {
            self.to.as_ref().map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLOUT))
        } else {
            self.from.as_ref().map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN))
        }
    }

    /// Moves what can be moved now, which poll(2) said is something.
    fn turn(&mut self) {
        if self.is_waiting() {
            self.put()
        } else {
            self.take()
        }
        if self.from.is_none() && !self.is_waiting() {
            self.to = None;
        }
    }

    fn take(&mut self) {
        let Some(from) = &self.from else { return };
        let mut bytes = [0; CHUNK];
        match read(from, &mut bytes) {
            Ok(n) if n > 0 => {
                let bytes = bytes.get(..n).unwrap_or_default();
                self.moved = self.moved.saturating_add(n);
                let end = self.key.and_then(|key| bytes.iter().position(|b| *b == key));
                self.waiting.extend_from_slice(bytes.get(..end.unwrap_or(n)).unwrap_or_default());
                self.pressed |= end.is_some();
            }
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            // End of file; EIO is a terminal's way to say it.
            Ok(_) | Err(_) => self.from = None,
        }
    }

    fn put(&mut self) {
        let Some(to) = &self.to else { return };
        let chunk = self.waiting.get(..CHUNK).unwrap_or(&self.waiting);
        match write(to, chunk) {
            Ok(n) => drop(self.waiting.drain(..n)),
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            // Nobody reads any more: the writer is to learn it too.
            Err(_) => {
                self.waiting.clear();
                (self.from, self.to) = (None, None);
            }
        }
    }
}

/// Waits until something can be moved or one of `others` is readable, moves it, and says which of the others are.
///
/// # Errors
/// Those of poll(2), but for signals, which are among `others`.
pub(super) fn turn(channels: &mut [Channel], others: &[BorrowedFd<'_>], timeout: PollTimeout) -> io::Result<Vec<bool>> {
    let (moving, readable) = {
        let mut fds: Vec<PollFd<'_>> = others.iter().map(|fd| PollFd::new(*fd, PollFlags::POLLIN)).collect();
        let interests: Vec<Option<PollFd<'_>>> = channels.iter().map(Channel::interest).collect();
        let asked: Vec<bool> = interests.iter().map(Option::is_some).collect();
        fds.extend(interests.into_iter().flatten());
        match poll(&mut fds, timeout) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok(vec![false; others.len()]),
            Err(e) => return Err(e.into()),
        }
        let mut ready = fds.iter().map(|fd| fd.any().unwrap_or(false));
        let readable: Vec<bool> = ready.by_ref().take(others.len()).collect();
        let moving: Vec<bool> = asked.into_iter().map(|asked| asked && ready.next().unwrap_or(false)).collect();
        (moving, readable)
    };
    channels.iter_mut().zip(moving).filter(|(_, moving)| *moving).for_each(|(channel, _)| channel.turn());
    Ok(readable)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use std::fs::File;
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixStream;

    use super::*;

    fn pair() -> (UnixStream, OwnedFd) {
        let (a, b) = UnixStream::pair().unwrap();
        (a, b.into())
    }

    #[test]
    fn every_byte_and_the_end_go_through() {
        let (mut source, from) = pair();
        let (to, mut sink) = nix::unistd::pipe().map(|(r, w)| (w, File::from(r))).unwrap();
        let all: Vec<u8> = (0..=255).cycle().take(10_000).collect();
        source.write_all(&all).unwrap();
        drop(source);
        let mut channels = [Channel::new(from, to)];
        while !channels[0].is_over() {
            turn(&mut channels, &[], PollTimeout::NONE).unwrap();
        }
        let mut got = Vec::new();
        sink.read_to_end(&mut got).unwrap();
        assert_eq!(got, all);
    }

    #[test]
    fn who_writes_learns_that_nobody_reads() {
        let (mut source, from) = pair();
        let (sink, to) = pair();
        source.write_all(b"x").unwrap();
        drop(sink);
        let mut channels = [Channel::new(from, to)];
        while !channels[0].is_over() {
            turn(&mut channels, &[], PollTimeout::NONE).unwrap();
        }
        assert_eq!(source.write(b"y").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_key_goes_no_further() {
        let (mut source, from) = pair();
        let (mut sink, to) = pair();
        source.write_all(b"ab\x1dcd").unwrap();
        let mut channels = [Channel::new(from, to).until_key(0x1d).after(b"early ")];
        while !channels[0].is_pressed() || channels[0].is_waiting() {
            turn(&mut channels, &[], PollTimeout::NONE).unwrap();
        }
        drop(channels);
        let mut got = String::new();
        sink.read_to_string(&mut got).unwrap();
        assert_eq!(got, "early ab");
    }

    #[test]
    fn others_are_told_of() {
        let (mut source, other) = pair();
        assert_eq!(turn(&mut [], &[other.as_fd()], PollTimeout::ZERO).unwrap(), [false]);
        source.write_all(b"!").unwrap();
        assert_eq!(turn(&mut [], &[other.as_fd()], PollTimeout::NONE).unwrap(), [true]);
    }
}
