//! The journal's own protocol: entries of fields, in a datagram or in a sealed file that came with one. Nothing but bytes in, so that noise can be
//! tried on it. systemd.io/JOURNAL_NATIVE_PROTOCOL
//!
//! ```text
//! NAME=value⏎            until the end of the line
//! NAME⏎ length u64 value⏎   whatever is in the value
//! ⏎                      the entry ends, another may follow
//! ```
//!
//! Invariant: no field that begins with an underscore gets through: those are ours to say of the sender, and `__…` are nobody's.

use super::record::{Draft, is_name};

/// More entries in one datagram, or more fields in one entry, are too many; journald has 1024 of the latter.
const MOST_FIELDS: usize = 1024;

/// Reads entries; `each` gets the fields of every one that has any. What is not understood ends the reading: where a value would end is not known then.
/// Whether all was understood.
pub(crate) fn read(bytes: &[u8], mut each: impl FnMut(&[(&str, &[u8])])) -> bool {
    let mut fields = Vec::new();
    let mut rest = bytes;
    let mut count = 0;
    let is_whole = loop {
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            // The last line may lack its end.
            if let Some((name, value)) = split(rest) {
                take(&mut fields, name, value);
            }
            break rest.is_empty() || split(rest).is_some();
        };
        let (line, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        count += 1;
        if count > MOST_FIELDS {
            break false;
        }
        if line.is_empty() {
            if !fields.is_empty() {
                each(&fields);
                fields.clear();
            }
        } else if let Some((name, value)) = split(line) {
            take(&mut fields, name, value);
        } else {
            let Some((value, after)) = measured(rest) else { break false };
            take(&mut fields, line, value);
            rest = after;
        }
    };
    if !fields.is_empty() {
        each(&fields);
    }
    is_whole
}

fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let place = line.iter().position(|byte| *byte == b'=')?;
    Some((line.get(..place)?, line.get(place + 1..)?))
}

/// A value after its length, and what comes after its line's end.
fn measured(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (value, rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    Some((value, rest.strip_prefix(b"\n")?))
}

fn take<'a>(fields: &mut Vec<(&'a str, &'a [u8])>, name: &'a [u8], value: &'a [u8]) {
    let name = std::str::from_utf8(name).ok().filter(|name| is_name(name) && !name.starts_with('_'));
    fields.extend(name.map(|name| (name, value)));
}

/// The level an entry gives itself; `LOG_INFO` where it does not.
pub(crate) fn level(fields: &[(&str, &[u8])]) -> u8 {
    let said = fields.iter().find(|(name, _)| *name == "PRIORITY").and_then(|(_, value)| match value {
        [digit @ b'0'..=b'7'] => Some(digit - b'0'),
        _ => None,
    });
    said.unwrap_or(6)
}

/// The fields that are kept, in their order.
pub(crate) fn keep(draft: &mut Draft, fields: &[(&str, &[u8])]) {
    for (name, value) in fields {
        draft.add(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Owned = Vec<(String, Vec<u8>)>;

    fn entries(bytes: &[u8]) -> (Vec<Owned>, bool) {
        let mut all = Vec::new();
        let whole =
            read(bytes, |fields| all.push(fields.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect::<Vec<_>>()));
        (all, whole)
    }

    fn field(name: &str, value: &[u8]) -> (String, Vec<u8>) {
        (name.to_owned(), value.to_vec())
    }

    #[test]
    fn both_ways_to_write_a_field_are_read() {
        let bytes = b"MESSAGE\n\x05\0\0\0\0\0\0\0a\nb\0c\nPRIORITY=3\n\nMESSAGE=next\nSHOP=a=b";
        let first = vec![field("MESSAGE", b"a\nb\0c"), field("PRIORITY", b"3")];
        let second = vec![field("MESSAGE", b"next"), field("SHOP", b"a=b")];
        assert_eq!(entries(bytes), (vec![first, second], true));
    }

    #[test]
    fn nobody_says_what_is_ours_to_say() {
        let (all, _) = entries(b"_PID=1\n__CURSOR=x\n_SYSTEMD_UNIT\n\x01\0\0\0\0\0\0\0x\nlower=1\n9TH=1\nMESSAGE=x\n");
        assert_eq!(all, [[field("MESSAGE", b"x")]]);
        assert_eq!(entries(b"_UID=0\n\n"), (vec![], true));
    }

    #[test]
    fn what_is_cut_short_keeps_what_came_before() {
        let (all, whole) = entries(b"MESSAGE=x\nBLOB\n\xff\xff\xff\xff\xff\xff\xff\xffabc\n");
        assert_eq!((all, whole), (vec![vec![field("MESSAGE", b"x")]], false));
        assert_eq!(entries(b"NOTHING"), (vec![], false));
        assert_eq!(entries(&b"A=1\n".repeat(3000)).0.first().map(Vec::len), Some(MOST_FIELDS));
    }
}
