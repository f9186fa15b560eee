//! One entry of the log as bytes. Nothing but bytes in and out, so that noise can be tried on it (`fuzz/src/log.rs`).
//!
//! ```text
//! record:  length u32 │ checksum u32 │ sequence u64 │ realtime u64 │ monotonic u64 │ line u64 │ field field …
//! field:   name │ length, 7 bits a byte │ value          name:  0x80 + its place in NAMES, or its length and its letters
//! ```
//!
//! Numbers are little-endian. Length and checksum (CRC-32 as in zlib) are of what follows them.
//!
//! Invariant: what was cut short or changed is no record, whatever its length says; and of a record that was read every field can be.

/// The head of a record: length and checksum.
pub(crate) const HEAD: usize = 8;
/// The four numbers after it.
const NUMBERS: usize = 32;
/// No record is longer; a length above it is none.
pub(crate) const LONGEST: usize = 512 * 1024;
/// No name of a field is longer; systemd.journal-fields(7) has 64.
pub(crate) const LONGEST_NAME: usize = 64;

/// Names that stand in nearly every record, by their places. A new one is added at the end.
const NAMES: [&str; 28] = [
    "MESSAGE",
    "PRIORITY",
    "SYSLOG_FACILITY",
    "SYSLOG_IDENTIFIER",
    "SYSLOG_PID",
    "SYSLOG_TIMESTAMP",
    "_TRANSPORT",
    "_PID",
    "_UID",
    "_GID",
    "_COMM",
    "_SYSTEMD_UNIT",
    "_SYSTEMD_CGROUP",
    "_SOURCE_REALTIME_TIMESTAMP",
    "_BOOT_ID",
    "_MACHINE_ID",
    "_HOSTNAME",
    "UNIT",
    "CODE_FILE",
    "CODE_LINE",
    "CODE_FUNC",
    "MESSAGE_ID",
    "_STREAM_ID",
    "_EXE",
    "_CMDLINE",
    "_CAP_EFFECTIVE",
    "_SYSTEMD_SLICE",
    "_SYSTEMD_INVOCATION_ID",
];

/// When, and as the how manieth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Counts the entries of a store from 1 on, through all boots.
    pub(crate) sequence: u64,
    /// Microseconds since 1970.
    pub(crate) realtime: u64,
    /// Microseconds on `CLOCK_MONOTONIC`.
    pub(crate) monotonic: u64,
    /// PID 1's number of the line; 0 where it came from somebody else.
    pub(crate) line: u64,
}

/// The fields of an entry that is being made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Draft(Vec<u8>);

impl Draft {
    /// Adds a field. One with a name that is none is left out.
    pub(crate) fn add(&mut self, name: &str, value: impl AsRef<[u8]>) {
        let known = NAMES.iter().position(|known| *known == name).and_then(|place| u8::try_from(place).ok());
        match (known, u8::try_from(name.len())) {
            (Some(place), _) => self.0.push(0x80 | place),
            (None, Ok(length)) if is_name(name) => {
                self.0.push(length);
                self.0.extend_from_slice(name.as_bytes());
            }
            (None, _) => return,
        }
        let value = value.as_ref();
        let mut left = value.len();
        while left >= 0x80 {
            self.0.push(0x80 | u8::try_from(left & 0x7f).unwrap_or(0));
            left >>= 7;
        }
        self.0.push(u8::try_from(left).unwrap_or(0));
        self.0.extend_from_slice(value);
    }

    /// What it takes as a record, bytes.
    pub(crate) fn cost(&self) -> usize {
        HEAD + NUMBERS + self.0.len()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Capitals, digits and underscores, no digit first; systemd.journal-fields(7).
pub(crate) fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(fits) && !name.starts_with(|first: char| first.is_ascii_digit())
}

/// Appends a record. The draft must be one that [`Draft::cost`] says is no longer than [`LONGEST`].
pub(crate) fn write(bytes: &mut Vec<u8>, stamp: Stamp, draft: &Draft) {
    let begin = bytes.len();
    bytes.extend_from_slice(&[0; HEAD]);
    for number in [stamp.sequence, stamp.realtime, stamp.monotonic, stamp.line] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&draft.0);
    let body = bytes.get(begin + HEAD..).unwrap_or_default();
    let head = [u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes(), checksum(body).to_le_bytes()].concat();
    if let Some(place) = bytes.get_mut(begin..begin + HEAD) {
        place.copy_from_slice(&head);
    }
}

/// An entry, read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) stamp: Stamp,
    fields: &'a [u8],
}

impl<'a> Entry<'a> {
    pub(crate) fn fields(&self) -> Fields<'a> {
        Fields(self.fields)
    }

    /// The first field of that name.
    pub(crate) fn field(&self, name: &str) -> Option<&'a [u8]> {
        self.fields().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The same as text; nothing where it is none.
    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.field(name).and_then(|value| std::str::from_utf8(value).ok())
    }
}

/// The first record of these bytes and how many it takes; none where they do not begin with a whole one.
pub(crate) fn read(bytes: &[u8]) -> Option<(Entry<'_>, usize)> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (sum, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok().filter(|length| (NUMBERS..=LONGEST).contains(length))?;
    let body = rest.get(..length)?;
    if checksum(body) != u32::from_le_bytes(*sum) {
        return None;
    }
    let (numbers, fields) = body.split_at_checked(NUMBERS)?;
    let mut numbers = numbers.as_chunks().0.iter().map(|number| u64::from_le_bytes(*number));
    let (sequence, realtime, monotonic, line) = (numbers.next()?, numbers.next()?, numbers.next()?, numbers.next()?);
    // A checksum can be right by chance.
    let mut all = Fields(fields);
    while !all.0.is_empty() {
        all.next()?;
    }
    Some((Entry { stamp: Stamp { sequence, realtime, monotonic, line }, fields }, HEAD + length))
}

/// Names and values, in the order in which they were said.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (first, rest) = self.0.split_first()?;
        let (name, mut rest) = if first & 0x80 == 0 {
            let (name, rest) = rest.split_at_checked(usize::from(*first))?;
            (std::str::from_utf8(name).ok().filter(|name| is_name(name))?, rest)
        } else {
            (*NAMES.get(usize::from(first & 0x7f))?, rest)
        };
        let mut length = 0_usize;
        for shift in [0, 7, 14, 21] {
            let (byte, after) = rest.split_first()?;
            rest = after;
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let (value, rest) = rest.split_at_checked(length)?;
                self.0 = rest;
                return Some((name, value));
            }
        }
        None
    }
}

/// The remainders of all bytes by the polynomial of IEEE 802.3, bits reversed.
const REMAINDERS: [u32; 256] = {
    let mut all = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut value = byte;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 0 { value >> 1 } else { 0xedb8_8320 ^ (value >> 1) };
            bit += 1;
        }
        #[allow(clippy::indexing_slicing, reason = "at compile time, where an index too far would be an error")]
        {
            all[byte as usize] = value;
        }
        byte += 1;
    }
    all
};

pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        let [low, ..] = sum.to_le_bytes();
        REMAINDERS.get(usize::from(low ^ byte)).copied().unwrap_or(0) ^ (sum >> 8)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn draft(fields: &[(&str, &[u8])]) -> Draft {
        let mut draft = Draft::default();
        fields.iter().for_each(|(name, value)| draft.add(name, value));
        draft
    }

    #[test]
    fn the_checksum_is_that_of_zlib() {
        assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn what_is_written_is_read_and_what_is_no_name_is_not_written() {
        let long = vec![b'x'; 70_000];
        let draft = draft(&[("MESSAGE", b"a\nb\0"), ("SHOP", &long), ("lower", b"1"), ("1ST", b"2"), ("", b"3"), ("EMPTY", b"")]);
        let stamp = Stamp { sequence: 7, realtime: 1 << 50, monotonic: 3, line: 9 };
        let mut bytes = b"before".to_vec();
        write(&mut bytes, stamp, &draft);
        let (entry, length) = read(&bytes[6..]).unwrap();
        assert_eq!((entry.stamp, length, draft.cost()), (stamp, bytes.len() - 6, length));
        let fields: Vec<_> = entry.fields().collect();
        assert_eq!(fields, [("MESSAGE", &b"a\nb\0"[..]), ("SHOP", &long), ("EMPTY", b"")]);
        assert_eq!(entry.text("SHOP").map(str::len), Some(70_000));
    }

    #[test]
    fn what_was_cut_or_changed_anywhere_is_no_record() {
        let mut bytes = Vec::new();
        write(&mut bytes, Stamp::default(), &draft(&[("MESSAGE", b"words"), ("OWN_FIELD", b"value")]));
        for end in 0..bytes.len() {
            assert!(read(&bytes[..end]).is_none(), "{end}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&changed).is_none(), "{bit}");
        }
    }
}
