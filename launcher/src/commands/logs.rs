//! `fief logs`: what the console and the keeper said.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

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
    let mut out = Out { raw: !stdout.is_terminal(), to: stdout.lock() };
    if !out.write(last_lines(&text, args.lines)) {
        return Ok(());
    }
    let Some(watch) = watch else { return Ok(()) };
    loop {
        watch.read_events().or_fail(Class::Internal, STEP, || "waiting for more".into())?;
        loop {
            let more = tail.more()?;
            if !out.write(&more) {
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

/// Stdout. A guest must not write escape sequences on the terminal of whoever looks at its log.
struct Out<'a> {
    raw: bool,
    to: io::StdoutLock<'a>,
}

impl Out<'_> {
    /// False when nobody reads any more.
    fn write(&mut self, bytes: &[u8]) -> bool {
        let written = if self.raw { self.to.write_all(bytes) } else { self.to.write_all(harmless(bytes).as_bytes()) };
        written.and_then(|()| self.to.flush()).is_ok()
    }
}

/// The text without control characters other than tab and newline.
fn harmless(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().filter(|c| *c != '\r').map(|c| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c }).collect()
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
        assert_eq!(harmless(b"a\x1b[2Jb\r\n\tc\x07"), "a\u{fffd}[2Jb\n\tc\u{fffd}");
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
