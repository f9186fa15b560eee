//! Directories that are to go, however much a service has left in them.
//!
//! ```text
//! /run/web ─rename→ /run/fief/gone/7 ─ some entries per turn of the loop ─▶ nothing
//! ```
//!
//! Invariant: neither time nor stack grows with the tree: the name is free at once, so that the
//! unit can start again; at most [`PER_TURN`] entries go per turn; and a directory found inside is
//! moved up beside the others instead of being descended into. Its owner may have made ten
//! thousand levels, and a recursion over those would end PID 1. Test: `depth_and_width_cost_turns_only`.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Entries removed per turn.
const PER_TURN: usize = 256;

/// What is to go.
#[derive(Debug)]
pub(super) struct Gone {
    place: PathBuf,
    waiting: VecDeque<u64>,
    next: u64,
}

impl Gone {
    /// Nothing yet. `place` is made when it is needed, on the file system of what is to go.
    pub(super) fn new(place: impl Into<PathBuf>) -> Self {
        Self { place: place.into(), waiting: VecDeque::new(), next: 1 }
    }

    /// A directory that holds nothing but `inside`: both are to go. `None` when they are gone already.
    pub(super) fn of(place: &Path, inside: &Path) -> Option<Self> {
        let mut gone = Self::new(place);
        gone.take(inside);
        (!gone.finish()).then_some(gone)
    }

    /// Where it is.
    pub(super) fn place(&self) -> &Path {
        &self.place
    }

    /// Whether nothing is left; the place itself goes with it.
    pub(super) fn finish(&self) -> bool {
        if self.is_waiting() {
            return false;
        }
        let _ = fs::remove_dir(&self.place);
        true
    }

    /// What an earlier life of the program has left to go there.
    pub(super) fn left(place: PathBuf) -> Self {
        let mut gone = Self::new(place);
        gone.look();
        gone
    }

    /// Take up what an earlier life of the program has left there.
    pub(super) fn look(&mut self) {
        let entries = fs::read_dir(&self.place).into_iter().flatten().flatten();
        self.waiting.extend(entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u64>().ok()));
        self.next = self.waiting.iter().max().map_or(1, |last| last + 1);
    }

    /// Take a directory away. What cannot be moved, such as a mount point, stays.
    pub(super) fn take(&mut self, path: &Path) {
        // The usual case is an empty one.
        if fs::remove_dir(path).is_ok() {
            return;
        }
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.place);
        if made.is_ok() {
            let _ = self.adopt(path);
        }
    }

    fn adopt(&mut self, path: &Path) -> io::Result<()> {
        let number = self.next;
        self.next += 1;
        // A link is moved as such, and unlinked in its turn.
        fs::rename(path, self.path(number))?;
        self.waiting.push_back(number);
        Ok(())
    }

    fn path(&self, number: u64) -> PathBuf {
        self.place.join(number.to_string())
    }

    /// Whether there is something to do.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Do some of it.
    pub(super) fn turn(&mut self) {
        let mut left = PER_TURN;
        while left > 0 {
            let Some(number) = self.waiting.pop_front() else { return };
            let path = self.path(number);
            let (tried, gone) = self.empty(&path, left);
            left = left.saturating_sub(tried.max(1));
            let finished = fs::remove_dir(&path).or_else(|_| fs::remove_file(&path)).is_ok();
            // What nothing could be taken from is a matter of mounts, and is left.
            if !finished && gone > 0 {
                self.waiting.push_back(number);
            }
        }
    }

    /// Empty a directory, as far as `left` goes: how many entries were tried, and how many went.
    fn empty(&mut self, path: &Path, left: usize) -> (usize, usize) {
        if fs::symlink_metadata(path).map_or(true, |about| !about.is_dir()) {
            return (0, 0);
        }
        let Ok(entries) = fs::read_dir(path) else { return (0, 0) };
        let (mut tried, mut gone) = (0, 0);
        for entry in entries.flatten().take(left) {
            tried += 1;
            let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let path = entry.path();
            let done = if is_dir { fs::remove_dir(&path).or_else(|_| self.adopt(&path)) } else { fs::remove_file(&path) };
            gone += usize::from(done.is_ok());
        }
        (tried, gone)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use nix::fcntl::{OFlag, openat};
    use nix::sys::stat::{Mode, mkdirat};

    #[test]
    fn depth_and_width_cost_turns_only() {
        let folder = tempfile::tempdir().unwrap();
        let web = folder.path().join("web");
        fs::create_dir(&web).unwrap();
        let outside = folder.path().join("outside");
        fs::write(&outside, "stays").unwrap();
        for number in 0..1000 {
            fs::write(web.join(number.to_string()), "").unwrap();
        }
        std::os::unix::fs::symlink(folder.path(), web.join("link")).unwrap();
        // By descriptor: no path is long enough.
        let mut here = nix::fcntl::open(&web, OFlag::O_DIRECTORY, Mode::empty()).unwrap();
        for _ in 0..5000 {
            mkdirat(&here, "d", Mode::S_IRWXU).unwrap();
            here = openat(&here, "d", OFlag::O_DIRECTORY, Mode::empty()).unwrap();
        }
        drop(here);
        let mut gone = Gone::new(folder.path().join("gone"));
        gone.take(&web);
        assert!(!web.exists());
        let mut turns = 0;
        while gone.is_waiting() {
            gone.turn();
            turns += 1;
            assert!(turns < 1000);
        }
        assert!(turns > 10);
        assert_eq!(fs::read_dir(folder.path().join("gone")).unwrap().count(), 0);
        assert!(outside.exists());
    }

    #[test]
    fn what_is_not_there_is_no_trouble() {
        let folder = tempfile::tempdir().unwrap();
        let mut gone = Gone::new(folder.path().join("gone"));
        gone.take(&folder.path().join("never"));
        assert!(!gone.is_waiting());
        gone.turn();
    }
}
