//! One message: a head that says what it is about, and values. D-Bus Specification, "Message Format".
//!
//! ```text
//!   order kind flags version │ length of the body │ serial │ fields a(yv), padded to 8 │ body
//! ```

use super::wire::{Garbled, LONGEST, Order, Reader, Writer, is_path};

/// What sd-bus's clients take us for.
pub(crate) const NAME: &str = "org.freedesktop.systemd1";

const VERSION: u8 = 1;
const NO_REPLY: u8 = 1;
/// What comes before the fields.
const FIXED: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Call = 1,
    Return = 2,
    Error = 3,
    Signal = 4,
}

/// A message as it was received. What it has not is empty, as nothing that it may have is.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    pub(crate) kind: Kind,
    pub(crate) wants_reply: bool,
    pub(crate) serial: u32,
    /// The serial of what this answers; 0 where it answers nothing.
    pub(crate) answers: u32,
    pub(crate) path: &'a str,
    pub(crate) interface: &'a str,
    pub(crate) member: &'a str,
    pub(crate) error: &'a str,
    pub(crate) signature: &'a str,
    body: &'a [u8],
    order: Order,
}

impl<'a> Message<'a> {
    /// The first message of what has come, and how long it is; none while it is not whole.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Option<(Self, usize)>, Garbled> {
        let Some(fixed) = bytes.first_chunk::<FIXED>() else { return Ok(None) };
        let order = match fixed {
            [b'l', ..] => Order::Little,
            [b'B', ..] => Order::Big,
            _ => return Err(Garbled),
        };
        let mut reader = Reader::new(fixed, order);
        let [_, kind, flags, version] = [reader.byte()?, reader.byte()?, reader.byte()?, reader.byte()?];
        let [body, serial, fields] = [reader.u32()?, reader.u32()?, reader.u32()?];
        let size = |length: u32| usize::try_from(length).ok().filter(|length| *length <= LONGEST).ok_or(Garbled);
        let head = (FIXED + size(fields)?).next_multiple_of(8);
        let length = head + size(body)?;
        if version != VERSION || serial == 0 || length > LONGEST {
            return Err(Garbled);
        }
        let Some(whole) = bytes.get(..length) else { return Ok(None) };
        let (head, body) = whole.split_at_checked(head).ok_or(Garbled)?;
        let kind = match kind {
            1 => Kind::Call,
            2 => Kind::Return,
            3 => Kind::Error,
            4 => Kind::Signal,
            _ => return Err(Garbled),
        };
        let mut message = Self {
            kind,
            wants_reply: flags & NO_REPLY == 0,
            serial,
            answers: 0,
            path: "",
            interface: "",
            member: "",
            error: "",
            signature: "",
            body,
            order,
        };
        message.take_fields(head)?;
        message.check()?;
        Ok(Some((message, length)))
    }

    fn take_fields(&mut self, head: &'a [u8]) -> Result<(), Garbled> {
        let mut reader = Reader::new(head, self.order);
        reader.skip("yyyyuu")?;
        reader.array(8, |reader| {
            let (code, signature) = (reader.byte()?, reader.signature()?);
            match (code, signature) {
                (1, "o") => self.path = reader.path()?,
                (2, "s") => self.interface = reader.string()?,
                (3, "s") => self.member = reader.string()?,
                (4, "s") => self.error = reader.string()?,
                (5, "u") => self.answers = reader.u32()?,
                (8, "g") => self.signature = reader.signature()?,
                // Of a type that it cannot have.
                (0..=5 | 8, _) => return Err(Garbled),
                // To whom and from whom it is, and what is yet to be invented.
                (_, signature) => reader.skip(signature)?,
            }
            Ok(())
        })?;
        reader.align(8)
    }

    /// That it has what its kind must have, and its body is what its signature says.
    fn check(&self) -> Result<(), Garbled> {
        let has_all = match self.kind {
            Kind::Call => !self.path.is_empty() && !self.member.is_empty(),
            Kind::Signal => !self.path.is_empty() && !self.member.is_empty() && !self.interface.is_empty(),
            Kind::Return => self.answers != 0,
            Kind::Error => self.answers != 0 && !self.error.is_empty(),
        };
        let mut body = self.body();
        body.skip(self.signature)?;
        if has_all && body.is_at_end() { Ok(()) } else { Err(Garbled) }
    }

    /// Its values.
    pub(crate) fn body(&self) -> Reader<'a> {
        Reader::new(self.body, self.order)
    }
}

/// Values with their signature.
#[derive(Clone, Debug, Default)]
pub(crate) struct Body {
    pub(crate) signature: String,
    pub(crate) values: Writer,
}

impl Body {
    /// Of this signature; the function writes its values.
    pub(crate) fn new(signature: &str, fill: impl FnOnce(&mut Writer)) -> Self {
        let mut values = Writer::default();
        fill(&mut values);
        Self { signature: signature.to_owned(), values }
    }
}

/// The answer to a call.
pub(crate) fn answer(serial: u32, to: u32, body: Body) -> Vec<u8> {
    write(Kind::Return, serial, body, |fields| number(fields, 5, to))
}

/// That a call failed, and why, for programs and for people.
pub(crate) fn error(serial: u32, to: u32, name: &str, text: &str) -> Vec<u8> {
    let body = Body::new("s", |values| values.string(text));
    write(Kind::Error, serial, body, |fields| {
        self::text(fields, 4, "s", name);
        number(fields, 5, to);
    })
}

/// News of an object.
pub(crate) fn signal(serial: u32, path: &str, interface: &str, member: &str, body: Body) -> Vec<u8> {
    debug_assert!(is_path(path));
    write(Kind::Signal, serial, body, |fields| {
        text(fields, 1, "o", path);
        text(fields, 2, "s", interface);
        text(fields, 3, "s", member);
    })
}

fn write(kind: Kind, serial: u32, body: Body, fields: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let values = body.values.into_bytes();
    let mut out = Writer::default();
    [b'l', kind as u8, NO_REPLY, VERSION].into_iter().for_each(|byte| out.byte(byte));
    out.u32(u32::try_from(values.len()).unwrap_or(0));
    out.u32(serial);
    out.array("(yv)", |out| {
        fields(out);
        text(out, 7, "s", NAME);
        if !body.signature.is_empty() {
            out.structure();
            out.byte(8);
            out.signature("g");
            out.signature(&body.signature);
        }
    });
    out.pad(8);
    out.raw(&values);
    out.into_bytes()
}

fn text(fields: &mut Writer, code: u8, signature: &str, value: &str) {
    fields.structure();
    fields.byte(code);
    fields.signature(signature);
    fields.string(value);
}

fn number(fields: &mut Writer, code: u8, value: u32) {
    fields.structure();
    fields.byte(code);
    fields.signature("u");
    fields.u32(value);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn what_we_say_reads_as_what_we_meant() {
        let body = Body::new("so", |values| {
            values.string("ssh.service");
            values.string("/org/x");
        });
        let bytes = [signal(9, "/org/freedesktop/systemd1", NAME, "UnitNew", body), answer(10, 3, Body::default())].concat();
        let (first, length) = Message::read(&bytes).unwrap().unwrap();
        assert_eq!((first.kind, first.serial, first.member, first.signature), (Kind::Signal, 9, "UnitNew", "so"));
        let mut values = first.body();
        assert_eq!((values.string().unwrap(), values.path().unwrap()), ("ssh.service", "/org/x"));
        let (second, rest) = Message::read(&bytes[length..]).unwrap().unwrap();
        assert_eq!((second.kind, second.answers, second.wants_reply, length + rest), (Kind::Return, 3, false, bytes.len()));
        let bytes = error(1, 2, "org.x.Y", "why");
        let (third, _) = Message::read(&bytes).unwrap().unwrap();
        assert_eq!((third.error, third.body().string().unwrap()), ("org.x.Y", "why"));
        for length in 0..bytes.len() {
            assert!(Message::read(&bytes[..length]).unwrap().is_none());
        }
    }

    #[test]
    fn a_message_that_lies_is_none() {
        let good = answer(1, 2, Body::new("u", |values| values.u32(5)));
        for (place, value) in [(0, b'x'), (1, 9), (3, 2), (7, 1), (8, 0), (15, 1)] {
            let mut bad = good.clone();
            bad[place] = value;
            assert!(Message::read(&bad).is_err(), "{place}");
        }
        // A body that is longer than its signature says.
        let mut bad = [good.as_slice(), &[0]].concat();
        bad[4] = 5;
        assert!(Message::read(&bad).is_err());
    }
}
