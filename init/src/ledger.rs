//! What outlives the program: records appended to an anonymous file, of which the last of a key counts.
//!
//! ```text
//! put, drop ─▶ buffer ─commit─▶ write(2) ─▶ memfd ──execve──▶ read ─▶ BTreeMap<(Kind, key), Record>
//!                                            └ too long: renew ─▶ another memfd under the same number
//! ```
//!
//! A record is `kind, what, key length, note length, raw length`, then these three: a name, JSON, bytes as they are.
//!
//! Invariant: the file always holds whole commits. One commit is one write(2), and another file takes the number
//! (dup3(2)) only when it is whole. So whatever ends the program in whichever instruction, what is read later is
//! a state the program has been in (test `a_torn_end_costs_the_last_commit_only`).

mod pages;

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use kernel::memfd;
use serde::Serialize;

use pages::{DROP, HEAD, PUT, SAY};
pub(crate) use pages::{Kind, Pages, Record};

/// As much may be appended before it is written anew.
const PATIENCE: usize = 512 * 1024;

/// The file, and what is not in it yet.
#[derive(Debug)]
pub(crate) struct Ledger {
    name: &'static CStr,
    file: OwnedFd,
    buffer: Vec<u8>,
    /// Bytes in it, and when it was new.
    length: usize,
    first: usize,
    /// Something could not be written: it must be written anew.
    torn: bool,
}

impl Ledger {
    /// An empty one.
    pub(crate) fn new(name: &'static CStr) -> io::Result<Self> {
        let file = memfd::open(name)?.into();
        Ok(Self { name, file, buffer: Vec::new(), length: 0, first: 0, torn: false })
    }

    /// One that is whole and sealed at once.
    pub(crate) fn sealed(name: &'static CStr, fill: impl FnOnce(&mut Self)) -> io::Result<OwnedFd> {
        let mut ledger = Self::new(name)?;
        ledger.renew(fill)?;
        memfd::seal(&ledger)?;
        Ok(ledger.file)
    }

    /// What has not been committed is not true.
    pub(crate) fn forget(&mut self) {
        self.buffer.clear();
    }

    /// From now on that is what is known under this key.
    pub(crate) fn put(&mut self, kind: Kind, key: &str, note: &impl Serialize, raw: &[u8]) {
        self.append(PUT, kind, key, note, raw);
    }

    /// Nothing is known under this key any more.
    pub(crate) fn drop(&mut self, kind: Kind, key: &str) {
        self.append(DROP, kind, key, &(), &[]);
    }

    /// This happened.
    pub(crate) fn say(&mut self, kind: Kind, note: &impl Serialize, raw: &[u8]) {
        self.append(SAY, kind, "", note, raw);
    }

    fn append(&mut self, what: u8, kind: Kind, key: &str, note: &impl Serialize, raw: &[u8]) {
        let start = self.buffer.len();
        self.buffer.resize(start + HEAD, 0);
        self.buffer.extend_from_slice(key.as_bytes());
        let begin = self.buffer.len();
        let written = serde_json::to_writer(&mut self.buffer, note);
        let length = self.buffer.len() - begin;
        self.buffer.extend_from_slice(raw);
        let sizes = (u16::try_from(key.len()), u32::try_from(length), u32::try_from(raw.len()));
        let (Ok(()), (Ok(key), Ok(note), Ok(raw))) = (written, sizes) else {
            // Not to be written down: as if it were not there.
            self.buffer.truncate(start);
            return;
        };
        let head = [kind.0, what].into_iter().chain(key.to_ne_bytes()).chain(note.to_ne_bytes()).chain(raw.to_ne_bytes());
        self.buffer.iter_mut().skip(start).zip(head).for_each(|(to, from)| *to = from);
    }

    /// Everything put since the last time is in the file, in one piece.
    pub(crate) fn commit(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        match nix::unistd::write(&self.file, &self.buffer) {
            Ok(count) if count == self.buffer.len() => self.length += count,
            Ok(_) | Err(_) => self.torn = true,
        }
        self.buffer.clear();
        self.buffer.shrink_to(64 * 1024);
    }

    /// An empty one that is to take its place, once everything that is to be known is in it: see [`Self::give_way`].
    pub(crate) fn successor(&self) -> io::Result<Self> {
        Self::new(self.name)
    }

    /// From now on the other one, which is whole, has its number. False where that cannot be had.
    pub(crate) fn give_way(&mut self, mut other: Self) -> bool {
        other.commit();
        if other.torn || nix::unistd::dup3(&other.file, &mut self.file, nix::fcntl::OFlag::O_CLOEXEC).is_err() {
            return false;
        }
        (self.length, self.first, self.torn) = (other.length, other.length, false);
        self.buffer.clear();
        true
    }

    /// Whether it is time to write it anew.
    pub(crate) fn is_long(&self) -> bool {
        self.torn || self.length > self.first.saturating_mul(2).saturating_add(PATIENCE)
    }

    /// Bytes in it.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Write it anew, under the same number: `fill` puts everything that is to be known. Where that goes wrong it is the old one, to which nothing
    /// that has changed meanwhile was added: it is to be written anew all the same.
    pub(crate) fn renew(&mut self, fill: impl FnOnce(&mut Self)) -> io::Result<()> {
        self.torn = true;
        let mut other = Self::new(self.name)?;
        fill(&mut other);
        let mut file = File::from(other.file);
        // Not by `commit`: as much as it takes, in as many pieces.
        file.write_all(&other.buffer)?;
        nix::unistd::dup3(&file, &mut self.file, nix::fcntl::OFlag::O_CLOEXEC)?;
        self.length = other.buffer.len();
        self.first = self.length;
        self.torn = false;
        self.buffer.clear();
        Ok(())
    }
}

impl AsFd for Ledger {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Read what another life of the program has written. Only what is sealed is read: it stays what it is.
pub(crate) fn read(file: &OwnedFd) -> io::Result<Pages> {
    if !memfd::is_sealed(file) {
        return Err(io::Error::other("it is not sealed"));
    }
    let mut file = File::from(file.try_clone()?);
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(Pages::of(&bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const A: Kind = Kind(b'a');
    const B: Kind = Kind(b'b');

    fn bytes(ledger: &Ledger) -> Vec<u8> {
        let mut file = File::from(ledger.file.try_clone().unwrap());
        let mut bytes = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn the_last_of_a_key_counts_and_what_was_said_keeps_its_order() {
        let mut ledger = Ledger::new(c"test").unwrap();
        ledger.put(A, "x", &1, b"old");
        ledger.put(A, "x", &2, b"new");
        ledger.put(A, "y", &3, b"");
        ledger.drop(A, "y");
        ledger.put(B, "", &"alone", b"");
        ledger.say(B, &1, b"");
        ledger.say(A, &2, b"");
        ledger.commit();
        let mut pages = Pages::of(&bytes(&ledger));
        assert_eq!(pages.all(A), vec![("x".to_owned(), Record { note: b"2".to_vec(), raw: b"new".to_vec() })]);
        assert_eq!(pages.one(B).unwrap().note, b"\"alone\"");
        assert_eq!(pages.said.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [B, A]);
    }

    #[test]
    fn a_torn_end_costs_the_last_commit_only() {
        let mut ledger = Ledger::new(c"test").unwrap();
        ledger.put(A, "x", &"first", b"one");
        ledger.commit();
        let whole = bytes(&ledger);
        ledger.put(A, "x", &"second", b"two");
        ledger.commit();
        let all = bytes(&ledger);
        for end in whole.len()..all.len() {
            let mut pages = Pages::of(all.get(..end).unwrap());
            assert_eq!(pages.all(A).first().unwrap().1.raw, b"one");
        }
    }

    #[test]
    fn written_anew_it_has_the_same_number_and_only_what_is_known() {
        let mut ledger = Ledger::new(c"test").unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&ledger.file);
        for _ in 0..40_000 {
            ledger.put(A, "x", &"again and again", b"");
            ledger.commit();
        }
        assert!(ledger.is_long());
        ledger.renew(|ledger| ledger.put(A, "x", &"at last", b"")).unwrap();
        assert!(!ledger.is_long() && ledger.length() < 100);
        assert_eq!(std::os::fd::AsRawFd::as_raw_fd(&ledger.file), number);
        ledger.put(A, "y", &1, b"");
        ledger.commit();
        assert_eq!(Pages::of(&bytes(&ledger)).all(A).len(), 2);
    }

    #[test]
    fn one_that_could_not_be_written_anew_is_to_be_written_anew() {
        let mut ledger = Ledger::new(c"test").unwrap();
        ledger.put(A, "x", &1, b"");
        ledger.commit();
        let broke =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| ledger.renew(|_| std::panic::resume_unwind(Box::new("on purpose")))));
        assert!(broke.is_err() && ledger.is_long());
        ledger.renew(|ledger| ledger.put(A, "x", &2, b"")).unwrap();
        assert!(!ledger.is_long());
    }

    #[test]
    fn what_is_not_sealed_is_not_read() {
        let mut ledger = Ledger::new(c"test").unwrap();
        ledger.put(A, "", &1, b"");
        ledger.commit();
        assert!(read(&ledger.file).is_err());
        memfd::seal(&ledger).unwrap();
        assert!(read(&ledger.file).unwrap().one(A).is_some());
        ledger.put(A, "", &2, b"");
        ledger.commit();
        assert!(ledger.is_long(), "a sealed ledger must be written anew");
    }
}
