//! An entry with what is true of its whole file: as whoever looks at it sees it.

use crate::log::record::Entry;
use crate::log::segment::About;

/// An entry of a boot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) about: &'a About,
    pub(super) entry: Entry<'a>,
}

impl<'a> Shown<'a> {
    /// Its fields, those of the file last.
    pub(super) fn fields(self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let Self { about, entry } = self;
        let all = [("_BOOT_ID", &about.boot), ("_MACHINE_ID", &about.machine), ("_HOSTNAME", &about.host)];
        let all = all.map(|(name, value)| (name, value.as_str())).into_iter().chain([("_RUNTIME_SCOPE", "system")]);
        entry.fields().chain(all.map(|(name, value)| (name, value.as_bytes())))
    }

    pub(super) fn field(self, name: &str) -> Option<&'a [u8]> {
        self.fields().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        self.field(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    pub(super) fn has(self, name: &str, wanted: &[u8]) -> bool {
        self.fields().any(|(known, value)| known == name && value == wanted)
    }

    /// How urgent it is; `LOG_INFO` where it does not say so.
    pub(super) fn level(self) -> u8 {
        match self.field("PRIORITY") {
            Some([digit @ b'0'..=b'7']) => digit - b'0',
            _ => 6,
        }
    }

    /// When it was said, as its sender knows it, or received.
    pub(super) fn moment(self) -> u64 {
        self.text("_SOURCE_REALTIME_TIMESTAMP").and_then(|text| text.parse().ok()).unwrap_or(self.entry.stamp.realtime)
    }

    /// What it can be found by again; sd_journal_get_cursor(3).
    pub(super) fn cursor(self) -> String {
        let (about, stamp) = (self.about, self.entry.stamp);
        let number = stamp.sequence;
        format!("s={};i={number:x};b={};m={:x};t={:x};x={:x}", about.machine, about.boot, stamp.monotonic, stamp.realtime, stamp.line)
    }
}

/// The number of an entry by its cursor.
pub(super) fn number_of(cursor: &str) -> Option<u64> {
    let number = cursor.split(';').find_map(|part| part.strip_prefix("i="))?;
    let is_whole = ["s=", "b=", "m=", "t="].iter().all(|part| cursor.split(';').any(|given| given.starts_with(part)));
    u64::from_str_radix(number, 16).ok().filter(|_| is_whole)
}
