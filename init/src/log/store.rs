//! The store: files that are only ever appended to, the oldest taken away before the bound is reached.
//!
//! ```text
//! add ─▶ pending ─ flush ─▶ the last file ─ full ─▶ the next ─▶ the oldest is removed
//! ```
//!
//! Invariant: the files together are no larger than the bound, also while one is being filled. Whatever dies when, every record that was written
//! whole is read again: a last one that was cut is taken away when the file is gone on with, and read by nobody before (test
//! `whatever_is_cut…`).

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use super::record::{self, Draft, Stamp};
use super::segment::{self, About, MAGIC, Name, Segment};

/// So much is written at once.
const PENDING: usize = 64 * 1024;
/// A store has no more files than that, however small.
const MOST_FILES: usize = 256;

/// How large the files may be, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bound {
    /// All together.
    pub(crate) all: u64,
    /// One of them.
    pub(crate) one: u64,
}

impl Bound {
    /// The least that holds the longest record.
    const LEAST: u64 = 4 << 20;

    pub(crate) fn of(all: u64) -> Self {
        let all = all.max(Self::LEAST);
        Self { all, one: (all / 4).min(segment::LONGEST / 2) }
    }
}

/// What is written to.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    bound: Bound,
    about: About,
    /// Who may read besides root.
    group: Option<u32>,
    last: File,
    length: u64,
    pending: Vec<u8>,
    sequence: u64,
    line: u64,
    lost: u64,
}

impl Store {
    /// Opens the store in a folder, which is made; the last file is gone on with where it is of this boot and has room.
    pub(crate) fn open(folder: &Path, bound: Bound, about: About, group: Option<u32>) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o750).create(folder)?;
        if group.is_some() {
            chown(folder, None, group)?;
        }
        let names = segment::list(folder)?;
        // A file without even its first record counts as empty; its number counts all the same.
        let read = |name: &Name| Segment::read(&name.path).ok();
        let newest = names.last().and_then(|name| Some((name, read(name)?)));
        let from_names = names.last().map_or(0, |name| name.first.saturating_sub(1));
        let sequence = newest.as_ref().and_then(|(_, file)| file.entries().last()).map_or(from_names, |entry| entry.stamp.sequence);
        let of_boot = names.iter().rev().filter(|name| name.boot == about.boot);
        let line = of_boot.filter_map(read).find_map(|file| file.entries().map(|entry| entry.stamp.line).max().filter(|line| *line > 0));
        let goes_on = newest.filter(|(name, file)| name.boot == about.boot && file.whole() < bound.one);
        let mut store = match goes_on {
            Some((name, file)) => {
                let last = File::options().append(true).open(&name.path)?;
                let length = file.whole();
                last.set_len(length)?;
                Self { folder: folder.to_owned(), bound, about, group, last, length, pending: Vec::new(), sequence, line: 0, lost: 0 }
            }
            None => {
                make_room(folder, bound)?;
                let (last, length) = begin(folder, &about, group, sequence + 1)?;
                Self { folder: folder.to_owned(), bound, about, group, last, length, pending: Vec::new(), sequence, line: 0, lost: 0 }
            }
        };
        store.line = line.unwrap_or(0);
        Ok(store)
    }

    /// The number of PID 1's newest line that is here.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps an entry; whether it did.
    pub(crate) fn add(&mut self, realtime: u64, monotonic: u64, line: u64, draft: &Draft) -> bool {
        if draft.cost() > record::LONGEST {
            return false;
        }
        self.sequence += 1;
        self.line = self.line.max(line);
        record::write(&mut self.pending, Stamp { sequence: self.sequence, realtime, monotonic, line }, draft);
        if self.pending.len() >= PENDING {
            self.flush();
        }
        true
    }

    /// Writes what is pending. What the disk does not take is lost, and counted.
    pub(crate) fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let size = u64::try_from(self.pending.len()).unwrap_or(u64::MAX);
        let has_room = self.length + size <= self.bound.one || self.rotate().is_ok();
        let is_written = has_room && (self.last.write_all(&self.pending).is_ok() || (self.cut() && self.again()));
        if is_written {
            self.length += size;
        } else {
            self.cut();
            let mut rest = self.pending.as_slice();
            while let Some((_, length)) = record::read(rest) {
                self.lost += 1;
                rest = rest.get(length..).unwrap_or_default();
            }
        }
        self.pending.clear();
        self.pending.shrink_to(PENDING);
    }

    /// Without what was written by half.
    fn cut(&self) -> bool {
        self.last.set_len(self.length).is_ok()
    }

    /// Once more, with the room of the oldest file.
    fn again(&mut self) -> bool {
        let Ok(names) = segment::list(&self.folder) else { return false };
        let (Some(oldest), true) = (names.first(), names.len() > 1) else { return false };
        fs::remove_file(&oldest.path).is_ok() && self.last.write_all(&self.pending).is_ok()
    }

    /// How many entries the disk did not take since this was asked last.
    pub(crate) fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// Everything is on the disk.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.flush();
        self.last.sync_data()
    }

    /// Begins a new file.
    pub(crate) fn rotate(&mut self) -> io::Result<()> {
        let pending = std::mem::take(&mut self.pending);
        // What is pending goes to the new one, whose number is that of its first entry.
        let first = record::read(&pending).map_or(self.sequence + 1, |(entry, _)| entry.stamp.sequence);
        let begun = make_room(&self.folder, self.bound).and_then(|()| begin(&self.folder, &self.about, self.group, first));
        self.pending = pending;
        let _ = self.last.sync_data();
        (self.last, self.length) = begun?;
        Ok(())
    }
}

/// Takes the oldest files away until there is room for one more.
fn make_room(folder: &Path, bound: Bound) -> io::Result<()> {
    let names = segment::list(folder)?;
    let sizes: Vec<u64> = names.iter().map(|name| fs::metadata(&name.path).map_or(0, |about| about.len())).collect();
    let mut all: u64 = sizes.iter().sum();
    let mut count = names.len();
    for (name, size) in names.iter().zip(sizes) {
        if all + bound.one <= bound.all && count < MOST_FILES {
            break;
        }
        fs::remove_file(&name.path)?;
        all -= size;
        count -= 1;
    }
    Ok(())
}

/// A new file with its first record.
fn begin(folder: &Path, about: &About, group: Option<u32>, first: u64) -> io::Result<(File, u64)> {
    let name = Name::new(folder, first, &about.boot);
    let mut draft = Draft::default();
    draft.add("_BOOT_ID", &about.boot);
    draft.add("_MACHINE_ID", &about.machine);
    draft.add("_HOSTNAME", &about.host);
    let mut bytes = MAGIC.to_vec();
    record::write(&mut bytes, Stamp { sequence: first, realtime: super::realtime(), monotonic: super::monotonic(), line: 0 }, &draft);
    // One of this name has no entry: its number is still to be given.
    let file = File::options().create(true).append(true).mode(0o640).open(&name.path)?;
    file.set_len(0)?;
    file.set_permissions(fs::Permissions::from_mode(0o640))?;
    if group.is_some() {
        std::os::unix::fs::fchown(&file, None, group)?;
    }
    file.write_all_at(&bytes, 0)?;
    Ok((file, u64::try_from(bytes.len()).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests;
