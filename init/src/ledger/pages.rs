//! The bytes of a ledger as records. Nothing but bytes in, so that noise can be tried on it (`fuzz/src/state.rs`).
//!
//! Invariant: whatever the bytes are, what is read is no more than they hold, and reading ends with them.

use std::collections::BTreeMap;

use kernel::again::Fault;

/// What a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind(pub(crate) u8);

/// Bytes before the key.
pub(super) const HEAD: usize = 12;
pub(super) const PUT: u8 = 1;
pub(super) const DROP: u8 = 2;
/// One that happened once, and is kept in its order.
pub(super) const SAY: u8 = 3;

/// One record, read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) note: Vec<u8>,
    pub(crate) raw: Vec<u8>,
}

/// A whole ledger, read.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    known: BTreeMap<(Kind, String), Record>,
    /// What happened, in its order.
    pub(crate) said: Vec<(Kind, Record)>,
    /// The fault that ended its writer.
    pub(crate) fault: Option<Fault>,
    pub(crate) length: usize,
}

impl Pages {
    /// As far as it is whole.
    pub(crate) fn of(mut bytes: &[u8]) -> Self {
        let mut pages = Self { length: bytes.len(), ..Self::default() };
        while let Some((head, rest)) = bytes.split_first_chunk::<HEAD>() {
            if let Some(fault) = bytes.first_chunk().and_then(Fault::read) {
                pages.fault = Some(fault);
                break;
            }
            let [kind, what, k0, k1, n0, n1, n2, n3, r0, r1, r2, r3] = *head;
            let key = usize::from(u16::from_ne_bytes([k0, k1]));
            let note = usize::try_from(u32::from_ne_bytes([n0, n1, n2, n3])).unwrap_or(usize::MAX);
            let raw = usize::try_from(u32::from_ne_bytes([r0, r1, r2, r3])).unwrap_or(usize::MAX);
            let Some((key, rest)) = rest.split_at_checked(key) else { break };
            let Some((note, rest)) = rest.split_at_checked(note) else { break };
            let Some((raw, rest)) = rest.split_at_checked(raw) else { break };
            bytes = rest;
            let key = (Kind(kind), String::from_utf8_lossy(key).into_owned());
            let record = Record { note: note.to_vec(), raw: raw.to_vec() };
            match what {
                PUT => drop(pages.known.insert(key, record)),
                DROP => drop(pages.known.remove(&key)),
                SAY => pages.said.push((key.0, record)),
                // Of a later version: it costs what it says, nothing else.
                _ => {}
            }
        }
        pages
    }

    /// What is known of a kind under no particular key.
    pub(crate) fn one(&mut self, kind: Kind) -> Option<Record> {
        self.known.remove(&(kind, String::new()))
    }

    /// Everything known of a kind.
    pub(crate) fn all(&mut self, kind: Kind) -> Vec<(String, Record)> {
        let keys = self.known.extract_if((kind, String::new()).., |(other, _), _| *other == kind);
        keys.map(|((_, key), record)| (key, record)).collect()
    }
}
