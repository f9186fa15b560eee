//! What there is to read: the files of the store on the disk and of the one in memory, as one.
//!
//! Invariant: one file is in memory at a time, however large the store is.

use std::io;
use std::path::{Path, PathBuf};

use super::filter::Filter;
use super::shown::Shown;
use crate::log::segment::{self, About, Name, Segment};

/// The files, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) folders: Vec<PathBuf>,
    pub(super) files: Vec<(Name, About)>,
    /// Those that do not even begin as one does.
    broken: Vec<PathBuf>,
    /// A folder may not be looked into by this user.
    pub(super) is_forbidden: bool,
}

/// From where on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    First,
    /// With the entry of this number, or after it.
    At(u64),
    After(u64),
}

impl Start {
    fn has(self, number: u64) -> bool {
        match self {
            Self::First => true,
            Self::At(first) => number >= first,
            Self::After(last) => number > last,
        }
    }
}

impl Source {
    /// What is in these folders now.
    pub(super) fn open(folders: &[PathBuf]) -> Self {
        let mut new = Self { folders: folders.to_vec(), ..Self::default() };
        for folder in folders {
            match segment::list(folder) {
                Ok(names) => names.into_iter().for_each(|name| new.take(name)),
                Err(error) => new.is_forbidden |= error.kind() == io::ErrorKind::PermissionDenied,
            }
        }
        new.settle()
    }

    /// The same of one that must be there.
    pub(super) fn open_one(folder: &str) -> io::Result<Self> {
        std::fs::read_dir(folder)?;
        Ok(Self::open(&[folder.into()]))
    }

    /// These files, each of which must be there.
    pub(super) fn open_files(paths: impl Iterator<Item = PathBuf>) -> io::Result<Self> {
        let mut new = Self::default();
        for path in paths {
            std::fs::File::open(&path)?;
            new.folders.extend(path.parent().map(Path::to_owned).filter(|folder| !new.folders.contains(folder)));
            match Name::of(path.clone()) {
                Some(name) => new.take(name),
                None => new.broken.push(path),
            }
        }
        Ok(new.settle())
    }

    fn take(&mut self, name: Name) {
        match segment::about(&name.path) {
            Ok(about) => self.files.push((name, about)),
            Err(error) => {
                self.is_forbidden |= error.kind() == io::ErrorKind::PermissionDenied;
                self.broken.push(name.path);
            }
        }
    }

    fn settle(mut self) -> Self {
        // Stable: what is in a folder stays in its order, whatever the clock did.
        self.files.sort_by_key(|(_, about)| about.begun);
        self
    }

    /// All of them, also those that cannot be read.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|(name, _)| &name.path).chain(&self.broken).map(PathBuf::as_path)
    }

    /// Gives what is wanted to `each`, in order or from the newest back, until it has had enough.
    pub(super) fn read(&self, filter: &Filter, start: Start, backwards: bool, mut each: impl FnMut(Shown<'_>) -> bool) {
        let mut places: Vec<usize> = (0..self.files.len()).filter(|place| self.may_have(*place, filter, start)).collect();
        if backwards {
            places.reverse();
        }
        for (name, _) in places.into_iter().filter_map(|place| self.files.get(place)) {
            // It may be gone, or have been begun anew.
            let Ok(file) = Segment::read(&name.path) else { continue };
            let about = file.about();
            let mut one = |entry| {
                let shown = Shown { about, entry };
                !(start.has(shown.entry.stamp.sequence) && filter.wants(shown)) || each(shown)
            };
            let has_more = if backwards { file.newest().all(&mut one) } else { file.entries().all(&mut one) };
            if !has_more {
                return;
            }
        }
    }

    /// Whether a file may have something of it, by what is known without reading it.
    fn may_have(&self, place: usize, filter: &Filter, start: Start) -> bool {
        let Some((name, about)) = self.files.get(place) else { return false };
        let next = self.files.get(place + 1..).and_then(|rest| rest.iter().find(|(next, _)| next.path.parent() == name.path.parent()));
        let is_before = match start {
            Start::First => false,
            Start::At(number) | Start::After(number) => next.is_some_and(|(next, _)| next.first <= number),
        };
        // A clock that was set back makes a later file begin earlier: then nothing follows from it.
        let ends = next.map(|(_, next)| next.begun).filter(|ends| *ends >= about.begun);
        !is_before
            && filter.boot.as_ref().is_none_or(|boot| *boot == name.boot)
            && filter.until.is_none_or(|until| about.begun <= until)
            && filter.since.is_none_or(|since| ends.is_none_or(|ends| ends >= since))
    }

    /// Where the last `count` of those wanted begin.
    pub(super) fn before_last(&self, count: u64, filter: &Filter, start: Start) -> Start {
        let (mut left, mut place) = (count, None);
        self.read(filter, start, true, |shown| {
            place = Some(shown.entry.stamp.sequence);
            left -= 1;
            left > 0
        });
        place.map_or(start, Start::At)
    }

    /// The boots in their order: id, first moment, last moment.
    pub(super) fn boots(&self) -> Vec<(String, u64, u64)> {
        let mut boots: Vec<(String, u64, u64)> = Vec::new();
        for (name, about) in &self.files {
            let last = Segment::read(&name.path).ok().and_then(|file| file.entries().last().map(|entry| entry.stamp.realtime));
            let last = last.unwrap_or(about.begun);
            match boots.iter_mut().find(|(boot, _, _)| *boot == name.boot) {
                Some((_, _, until)) => *until = last,
                None => boots.push((name.boot.clone(), about.begun, last)),
            }
        }
        boots
    }
}

/// The file of a folder that is being written.
pub(super) fn newest(folder: &Path) -> Option<Name> {
    segment::list(folder).ok().and_then(|names| names.into_iter().next_back())
}
