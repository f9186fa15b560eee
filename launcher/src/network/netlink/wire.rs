//! Reading what the kernel sends, without trusting its lengths and without knowing every attribute: a newer
//! kernel's additions must not turn a listing into an error. See netlink(7) and linux/netlink.h.

use nix::errno::Errno;

const HEADER: usize = 16;
const ATTRIBUTE_HEADER: usize = 4;
const NLMSG_NOOP: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLMSG_OVERRUN: u16 = 4;
/// The error's own words.
const NLMSGERR_ATTR_MSG: u16 = 1;
/// `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER` share the field with the attribute's number.
const NLA_TYPE_MASK: u16 = 0x3fff;

/// One message as it came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    kind: u16,
    pub(super) sequence: u32,
    body: &'a [u8],
}

/// What a message says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning<'a> {
    Acknowledged,
    DumpEnded,
    Refused { errno: Errno, words: Option<String> },
    Object(&'a [u8]),
    Noise,
    Garbled,
}

impl<'a> Message<'a> {
    pub(super) fn meaning(self) -> Meaning<'a> {
        match self.kind {
            NLMSG_NOOP => Meaning::Noise,
            NLMSG_ERROR => self.outcome(Meaning::Acknowledged),
            // The end of a dump carries an error number too; older kernels leave it out.
            NLMSG_DONE if self.body.is_empty() => Meaning::DumpEnded,
            NLMSG_DONE => self.outcome(Meaning::DumpEnded),
            NLMSG_OVERRUN => Meaning::Garbled,
            _ => Meaning::Object(self.body),
        }
    }

    fn outcome(self, well: Meaning<'a>) -> Meaning<'a> {
        let Some(code) = self.body.first_chunk() else { return Meaning::Garbled };
        match i32::from_ne_bytes(*code) {
            0 => well,
            code => {
                let rest = self.body.get(4..).unwrap_or_default();
                // An error repeats the header of the request before the attributes (NETLINK_CAP_ACK).
                let rest = if self.kind == NLMSG_ERROR { rest.get(HEADER..) } else { Some(rest) };
                let words =
                    attributes(rest.unwrap_or_default()).find(|(kind, _)| *kind == NLMSGERR_ATTR_MSG).and_then(|(_, value)| text(value));
                Meaning::Refused { errno: Errno::from_raw(code.saturating_neg()), words }
            }
        }
    }
}

/// The messages of a datagram; `None` in place of one whose length makes no sense, and then no more.
pub(super) fn messages(mut datagram: &[u8]) -> impl Iterator<Item = Option<Message<'_>>> {
    std::iter::from_fn(move || {
        if datagram.is_empty() {
            return None;
        }
        let message = split_message(datagram);
        datagram = message.map_or(&[], |(_, rest)| rest);
        Some(message.map(|(message, _)| message))
    })
}

fn split_message(bytes: &[u8]) -> Option<(Message<'_>, &[u8])> {
    let length = usize::try_from(u32_at(bytes, 0)?).ok()?;
    let body = bytes.get(HEADER..length)?;
    let message = Message { kind: u16_at(bytes, 4)?, sequence: u32_at(bytes, 8)?, body };
    Some((message, bytes.get(aligned(length)..).unwrap_or_default()))
}

/// The attributes in `bytes`, as number and value; it ends where a length makes no sense.
pub(super) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(bytes, 0)?);
        let kind = u16_at(bytes, 2)? & NLA_TYPE_MASK;
        let value = bytes.get(ATTRIBUTE_HEADER..length)?;
        bytes = bytes.get(aligned(length)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// A text attribute, up to its NUL.
pub(super) fn text(value: &[u8]) -> Option<String> {
    let text = value.split(|byte| *byte == 0).next()?;
    String::from_utf8(text.to_vec()).ok()
}

/// The number in native byte order at `offset`.
pub(super) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().map(|chunk| u32::from_ne_bytes(*chunk))
}

fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes.get(offset..)?.first_chunk().map(|chunk| u16::from_ne_bytes(*chunk))
}

/// Messages and attributes begin at multiples of four (`NLMSG_ALIGN`, `NLA_ALIGN`).
fn aligned(length: usize) -> usize {
    length.saturating_add(3) & !3
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    fn message(kind: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(HEADER + body.len()).unwrap().to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0, 0]);
        bytes.extend(7_u32.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(body);
        bytes.resize(aligned(bytes.len()), 0);
        bytes
    }

    #[test]
    fn a_refusal_carries_the_kernels_words() {
        let mut body = (-1_i32).to_ne_bytes().to_vec();
        body.extend([0; HEADER]);
        body.extend(11_u16.to_ne_bytes());
        body.extend(NLMSGERR_ATTR_MSG.to_ne_bytes());
        body.extend(b"no way\0\0");
        let bytes = message(NLMSG_ERROR, &body);
        let meanings: Vec<_> = messages(&bytes).map(|m| m.unwrap().meaning()).collect();
        assert_eq!(meanings, [Meaning::Refused { errno: Errno::EPERM, words: Some("no way".into()) }]);
    }

    #[test]
    fn a_datagram_may_hold_many_messages() {
        let mut bytes = message(16, &[1, 2, 3]);
        bytes.extend(message(16, &[4]));
        bytes.extend(message(NLMSG_DONE, &[0; 4]));
        let meanings: Vec<_> = messages(&bytes).map(|m| m.unwrap().meaning()).collect();
        assert_eq!(meanings, [Meaning::Object(&[1, 2, 3]), Meaning::Object(&[4]), Meaning::DumpEnded]);
    }

    #[test]
    fn a_length_of_nonsense_ends_the_datagram() {
        let mut bytes = message(16, &[]);
        bytes[0] = 3;
        assert!(messages(&bytes).eq_by_debug(&["None"]));
    }

    trait EqByDebug {
        fn eq_by_debug(self, wanted: &[&str]) -> bool;
    }

    impl<T: std::fmt::Debug, I: Iterator<Item = T>> EqByDebug for I {
        fn eq_by_debug(self, wanted: &[&str]) -> bool {
            self.map(|item| format!("{item:?}")).collect::<Vec<_>>() == wanted
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_read_out_of_bounds(bytes: Vec<u8>) {
            for message in messages(&bytes).flatten() {
                let _ = message.meaning();
            }
            for (_, value) in attributes(&bytes) {
                let _ = text(value);
            }
        }
    }
}
