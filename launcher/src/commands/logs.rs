//! `fief logs`: what the console and the keeper said.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use crate::cli::Logs;
use crate::config::Host;
use crate::error::{Class, Error, OrFail as _};
use crate::store;

const STEP: &str = "reading the log";

pub(super) fn run(host: &Host, args: &Logs) -> Result<(), Error> {
    store::find(host, &args.name)?;
    let (path, old) = (host.paths.log(&args.name), host.paths.old_log(&args.name));
    // Watched before it is read: what comes in between wakes us once too often, never once too seldom.
    let watch = args.follow.then(|| watch(&host.paths.logs())).transpose()?;
    let mut text = read(&old)?;
    let mut tail = Tail::open(&path)?;
    text.extend(tail.more()?);
    let stdout = io::stdout();
    let mut out = Out { filter: Filter::new(stdout.is_terminal()), to: stdout.lock() };
    if !out.write(last_lines(&text, args.lines))? {
        return Ok(());
    }
    let Some(watch) = watch else { return Ok(()) };
    loop {
        if !waited(&watch)? {
            return Ok(());
        }
        watch.read_events().or_fail(Class::Internal, STEP, || "waiting for more".into())?;
        loop {
            let more = tail.more()?;
            if !out.write(&more)? {
                return Ok(());
            }
            if more.is_empty() && !tail.was_rotated(&path) {
                break;
            }
            if more.is_empty() {
                tail = Tail::open(&path)?;
            }
        }
    }
}

fn watch(folder: &Path) -> Result<Inotify, Error> {
    let fail = || folder.display().to_string();
    store::folder(folder, 0o750).or_fail(Class::Internal, STEP, fail)?;
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC).or_fail(Class::Internal, STEP, fail)?;
    let what = AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO;
    inotify.add_watch(folder, what).or_fail(Class::Internal, STEP, fail)?;
    Ok(inotify)
}

/// Waits for a change; false when nobody reads our output any more, which a pipe or a terminal tells by POLLERR or POLLHUP.
fn waited(watch: &Inotify) -> Result<bool, Error> {
    let stdout = io::stdout();
    let mut fds = [PollFd::new(watch.as_fd(), PollFlags::POLLIN), PollFd::new(stdout.as_fd(), PollFlags::empty())];
    loop {
        match poll(&mut fds, PollTimeout::NONE) {
            Err(Errno::EINTR) => {}
            other => break other.map(drop).or_fail(Class::Internal, STEP, || "waiting for more".into())?,
        }
    }
    let [_, reader] = fds;
    Ok(reader.revents().unwrap_or(PollFlags::empty()).is_empty())
}

/// The file being written, and how far it was read.
struct Tail {
    file: Option<File>,
    inode: u64,
}

impl Tail {
    fn open(path: &Path) -> Result<Self, Error> {
        match File::open(path) {
            Ok(file) => {
                let inode = file.metadata().map_or(0, |meta| meta.ino());
                Ok(Self { file: Some(file), inode })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self { file: None, inode: 0 }),
            Err(error) => Err(error).or_fail(Class::Internal, STEP, || path.display().to_string()),
        }
    }

    /// What has come since the last look.
    fn more(&mut self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        if let Some(file) = &mut self.file {
            file.read_to_end(&mut bytes).or_fail(Class::Internal, STEP, || "the log".into())?;
            // Someone emptied it: begin anew.
            let length = file.metadata().map_or(0, |meta| meta.len());
            if bytes.is_empty() && file.stream_position().is_ok_and(|at| at > length) {
                let _ = file.seek(SeekFrom::Start(0));
            }
        }
        Ok(bytes)
    }

    /// Is another file at `path` by now?
    fn was_rotated(&self, path: &Path) -> bool {
        path.metadata().is_ok_and(|meta| meta.ino() != self.inode)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).or_fail(Class::Internal, STEP, || path.display().to_string()),
    }
}

/// The last `count` lines of `text`; all when there is no count.
fn last_lines(text: &[u8], count: Option<usize>) -> &[u8] {
    let Some(count) = count else { return text };
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    let mut newlines = body.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    match count.checked_sub(1) {
        None => &[],
        Some(before) => newlines.nth(before).and_then(|start| text.get(start..)).unwrap_or(text),
    }
}

/// Stdout, through the filter.
struct Out<'a> {
    filter: Filter,
    to: io::StdoutLock<'a>,
}

impl Out<'_> {
    /// False when nobody reads any more.
    fn write(&mut self, bytes: &[u8]) -> Result<bool, Error> {
        let text = self.filter.pass(bytes);
        match self.to.write_all(&text).and_then(|()| self.to.flush()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(Error::new(Class::Internal, "writing the output", "stdout").source(error)),
        }
    }
}

/// Lets text pass, and on a terminal colours (SGR, `ESC [ … m`; console_codes(4)); no other control sequence: a guest must not write what it
/// likes on the terminal of whoever looks at its log, and a pipe wants plain text. Sequences may be cut anywhere between two calls.
#[derive(Debug)]
struct Filter {
    colours: bool,
    /// The beginning of a sequence whose end has not come yet.
    sequence: Vec<u8>,
}

/// No sequence of use is longer; the rest of a longer one is text.
const LONGEST_SEQUENCE: usize = 64;

impl Filter {
    fn new(colours: bool) -> Self {
        Self { colours, sequence: Vec::new() }
    }

    fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            match (self.sequence.len(), byte) {
                // 0xc2 begins the two bytes of U+0080 to U+009f in UTF-8, which some terminals take as control characters too.
                (0, 0x1b | 0xc2) => self.sequence.push(byte),
                (1, _) if self.sequence.first() == Some(&0xc2) => {
                    if !(0x80..=0x9f).contains(&byte) {
                        out.extend_from_slice(&[0xc2, byte]);
                    }
                    self.sequence.clear();
                }
                (0, b'\n' | b'\t' | 0x20..=0x7e | 0x80..) => out.push(byte),
                (0, _) => {}
                (1, b'[') => self.sequence.push(byte),
                // ESC and one more: a short sequence, done.
                (1, _) => self.sequence.clear(),
                // Parameters and intermediates of a control sequence; then the byte that ends it (ECMA-48, 5.4).
                (n, 0x20..=0x3f) if n < LONGEST_SEQUENCE => self.sequence.push(byte),
                (_, last) => {
                    self.sequence.push(last);
                    let plain = |b: &u8| b.is_ascii_digit() || *b == b';';
                    if self.colours && last == b'm' && self.sequence.iter().skip(2).rev().skip(1).all(plain) {
                        out.extend_from_slice(&self.sequence);
                    }
                    self.sequence.clear();
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_last_lines() {
        let text = b"one\ntwo\nthree\n";
        assert_eq!(last_lines(text, None), text);
        assert_eq!(last_lines(text, Some(0)), b"");
        assert_eq!(last_lines(text, Some(1)), b"three\n");
        assert_eq!(last_lines(text, Some(2)), b"two\nthree\n");
        assert_eq!(last_lines(text, Some(9)), text);
        assert_eq!(last_lines(b"one\ntwo", Some(1)), b"two");
        assert_eq!(last_lines(b"", Some(1)), b"");
    }

    #[test]
    fn a_guest_cannot_write_on_the_terminal() {
        let said = b"a\x1b[2Jb\x1b[1;31mred\x1b[0m\r\n\tc\x07\x1bc\x1b]0;title\x1b[?25l.\xc3\xa4\xc2\xb0\xc2\x9b1m";
        assert_eq!(Filter::new(true).pass(said), b"ab\x1b[1;31mred\x1b[0m\n\tc0;title.\xc3\xa4\xc2\xb01m");
        assert_eq!(Filter::new(false).pass(said), b"abred\n\tc0;title.\xc3\xa4\xc2\xb01m");
        // Cut anywhere, it is the same.
        for cut in 0..said.len() {
            let mut filter = Filter::new(true);
            let (head, tail) = said.split_at(cut);
            assert_eq!([filter.pass(head), filter.pass(tail)].concat(), Filter::new(true).pass(said));
        }
    }

    #[test]
    fn rotation_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        assert!(Tail::open(&path).unwrap().more().unwrap().is_empty());
        std::fs::write(&path, "one").unwrap();
        let mut tail = Tail::open(&path).unwrap();
        assert_eq!(tail.more().unwrap(), b"one");
        assert!(!tail.was_rotated(&path));
        std::fs::rename(&path, folder.path().join("log.1")).unwrap();
        std::fs::write(&path, "two").unwrap();
        assert!(tail.was_rotated(&path));
        assert_eq!(Tail::open(&path).unwrap().more().unwrap(), b"two");
    }
}
