//! The files of a store, as whoever reads sees them.
//!
//! ```text
//! /var/log/fief/0000000000000001-BOOT.log      FIEFLOG1 │ record: boot, machine, host name │ record │ record │ …
//!               00000000000009c4-BOOT.log      by number of its first entry; each is of one boot
//! ```
//!
//! A reader takes no lock and asks nobody. It ends at the first record that is not whole: the writer is about to write it, or it was cut when the
//! machine went. A file may be gone between the listing and the opening.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::record::{self, Entry};

/// What a file of the log begins with.
pub(super) const MAGIC: &[u8; 8] = b"FIEFLOG1";
/// None is longer, bytes; what somebody else has made longer is read no further.
pub(crate) const LONGEST: u64 = 8 << 20;

/// One of the files by what its name says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    /// The number of its first entry.
    pub(crate) first: u64,
    /// 32 hexadecimal digits.
    pub(crate) boot: String,
    pub(crate) path: PathBuf,
}

impl Name {
    pub(crate) fn new(folder: &Path, first: u64, boot: &str) -> Self {
        Self { first, boot: boot.to_owned(), path: folder.join(format!("{first:016x}-{boot}.log")) }
    }

    /// A path whose last part is one.
    pub(crate) fn of(path: PathBuf) -> Option<Self> {
        let name = path.file_name()?.to_str()?.strip_suffix(".log")?;
        let (first, boot) = name.split_once('-').filter(|(first, boot)| first.len() == 16 && is_id(boot))?;
        Some(Self { first: u64::from_str_radix(first, 16).ok()?, boot: boot.to_owned(), path })
    }
}

/// Whether this is 128 bits as machine-id(5) writes them.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The files of a store, the oldest first; none where there is no store.
pub(crate) fn list(folder: &Path) -> io::Result<Vec<Name>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut names: Vec<Name> = entries.flatten().filter_map(|entry| Name::of(entry.path())).collect();
    names.sort_unstable();
    Ok(names)
}

/// A file of the log, or as much of it as was written when it was read.
#[derive(Debug)]
pub(crate) struct Segment {
    bytes: Vec<u8>,
    /// Where its entries begin, after the first record.
    entries: usize,
    /// What its first record says.
    about: About,
}

/// What is true of all entries of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) boot: String,
    pub(crate) machine: String,
    pub(crate) host: String,
    /// When it was begun, microseconds since 1970.
    pub(crate) begun: u64,
}

impl Segment {
    /// Reads it; `InvalidData` where this is no file of the log, or has not even its first record.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let mut bytes = Vec::new();
        File::open(path)?.take(LONGEST).read_to_end(&mut bytes)?;
        Self::of(bytes).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// The same of bytes.
    pub(crate) fn of(bytes: Vec<u8>) -> Option<Self> {
        let (entries, about) = head(&bytes)?;
        Some(Self { bytes, entries, about })
    }

    pub(crate) fn about(&self) -> &About {
        &self.about
    }

    /// Its entries in the order in which they came.
    pub(crate) fn entries(&self) -> Entries<'_> {
        Entries { bytes: &self.bytes, at: self.entries }
    }

    /// The same from the last to the first.
    pub(crate) fn newest(&self) -> impl Iterator<Item = Entry<'_>> {
        let mut places = Vec::new();
        let mut entries = self.entries();
        loop {
            let at = entries.at;
            if entries.next().is_none() {
                break;
            }
            places.push(at);
        }
        places.into_iter().rev().filter_map(|at| record::read(self.bytes.get(at..)?).map(|(entry, _)| entry))
    }

    /// How many of its bytes are whole records.
    pub(crate) fn whole(&self) -> u64 {
        let mut entries = self.entries();
        while entries.next().is_some() {}
        u64::try_from(entries.at).unwrap_or(u64::MAX)
    }
}

/// Entries one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Entries<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let (entry, length) = record::read(self.bytes.get(self.at..)?)?;
        self.at += length;
        Some(entry)
    }
}

/// What the file is about, and where its entries begin.
fn head(bytes: &[u8]) -> Option<(usize, About)> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (entry, length) = record::read(rest)?;
    let text = |name: &str| entry.text(name).map(str::to_owned);
    let boot = text("_BOOT_ID").filter(|id| is_id(id))?;
    let about = About { boot, machine: text("_MACHINE_ID")?, host: text("_HOSTNAME")?, begun: entry.stamp.realtime };
    Some((MAGIC.len() + length, about))
}

/// The first words of a file: what it is about.
pub(crate) fn about(path: &Path) -> io::Result<About> {
    let mut bytes = Vec::new();
    File::open(path)?.take(4096).read_to_end(&mut bytes)?;
    head(&bytes).map(|(_, about)| about).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// A file that is still being written.
#[derive(Debug)]
pub(crate) struct Tail {
    file: File,
    /// Up to where it was read.
    at: u64,
    about: About,
}

impl Tail {
    /// From its first entry on.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut bytes = Vec::new();
        Read::by_ref(&mut file).take(4096).read_to_end(&mut bytes)?;
        let (at, about) = head(&bytes).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self { file, at: u64::try_from(at).unwrap_or(u64::MAX), about })
    }

    /// Gives what has come since to `each`.
    pub(crate) fn go_on(&mut self, mut each: impl FnMut(&About, &Entry<'_>)) -> io::Result<()> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(self.at))?;
        Read::by_ref(&mut self.file).take(LONGEST).read_to_end(&mut bytes)?;
        let mut entries = Entries { bytes: &bytes, at: 0 };
        for entry in entries.by_ref() {
            each(&self.about, &entry);
        }
        self.at += u64::try_from(entries.at).unwrap_or(0);
        Ok(())
    }
}
