//! What unit files were like when they were read, so that it can be told later whether they should be read again.
//!
//! A number for each, and none of the text: inode, size and time of the last change say it, as with systemd's `NeedDaemonReload`. It is taken
//! before the file is read: what is written while it is read makes it another one.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

use units::Map;
use units::search::{Nature, Tree};

use crate::boot::files::Here;

/// The stamps of many files; 16 bytes for each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stamps {
    /// By the hash of the path.
    all: Map<u64, u64>,
}

/// This system's tree, seen by one who notes what a file is like before he reads it.
#[derive(Debug, Default)]
pub(crate) struct Noting(RefCell<BTreeMap<u64, u64>>);

/// What the file at a path is like now; 0 where there is none.
pub(crate) fn present(path: &str) -> u64 {
    let Ok(about) = fs::metadata(path) else { return 0 };
    let what = [about.ino().to_le_bytes(), about.size().to_le_bytes(), about.mtime().to_le_bytes(), about.mtime_nsec().to_le_bytes()];
    hash(what.as_flattened()).max(1)
}

/// FNV-1a (draft-eastlake-fnv): the same in every build of the program.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

impl Stamps {
    /// What the file at `path` was like; 0 where there was none.
    pub(crate) fn of(&self, path: &str) -> u64 {
        self.all.get(&hash(path.as_bytes())).copied().unwrap_or(0)
    }

    /// As it is written down.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.all.iter().flat_map(|(path, stamp)| [path.to_le_bytes(), stamp.to_le_bytes()]).flatten().collect()
    }

    /// As it was written down.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let numbers: Vec<u64> = bytes.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
        Self { all: numbers.as_chunks().0.iter().map(|[path, stamp]| (*path, *stamp)).collect() }
    }
}

impl From<Noting> for Stamps {
    fn from(noting: Noting) -> Self {
        Self { all: noting.0.into_inner().into_iter().collect() }
    }
}

impl Tree for Noting {
    fn names(&self, folder: &str) -> Vec<(String, Nature)> {
        Here.names(folder)
    }

    fn link(&self, path: &str) -> Option<String> {
        Here.link(path)
    }

    fn read(&self, path: &str, limit: usize) -> Result<Vec<u8>, String> {
        self.0.borrow_mut().insert(hash(path.as_bytes()), present(path));
        Here.read(path, limit)
    }

    fn is_executable(&self, path: &str) -> bool {
        Here.is_executable(path)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn another_file_of_the_same_size_and_time_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        fs::write(path("a"), "x").unwrap();
        fs::write(path("b"), "y").unwrap();
        let time = fs::metadata(path("a")).unwrap().modified().unwrap();
        fs::File::open(path("b")).unwrap().set_modified(time).unwrap();
        let noting = Noting::default();
        assert_eq!(noting.read(&path("a"), 9), Ok(b"x".to_vec()));
        assert!(noting.read(&path("none"), 9).is_err());
        let stamps = Stamps::from(noting);
        let stamps = Stamps::from_bytes(&stamps.to_bytes());
        assert_eq!((stamps.of(&path("a")), stamps.of(&path("none"))), (present(&path("a")), 0));
        fs::rename(path("b"), path("a")).unwrap();
        assert_ne!(stamps.of(&path("a")), present(&path("a")));
        fs::remove_file(path("a")).unwrap();
        assert_eq!(present(&path("a")), 0);
    }
}
