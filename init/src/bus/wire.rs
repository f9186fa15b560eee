//! Values as they lie in a message: D-Bus Specification, "Marshaling (Wire Format)".
//!
//! ```text
//!   u32   4 bytes, at a multiple of 4        a…    length in bytes (u32), padding, the elements
//!   s o   length (u32), bytes, 0             (…)   at a multiple of 8
//!   g     length (byte), bytes, 0            v     a signature, then one value of it
//! ```
//!
//! Invariant: nothing is read beyond the bytes there are, however they lie about lengths, and nothing is kept that is longer than they are. What we
//! write reads as what we meant. Held by the fuzz target `bus_message`.

use std::ops::Range;

/// Containers in containers. systemd's deepest value has four.
const DEEPEST: u8 = 16;
/// No array is longer, in bytes; it is also the longest message.
pub(crate) const LONGEST: usize = 256 << 10;

/// These bytes are no value of D-Bus's, or one that nobody has a use for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Garbled;

/// In which order the bytes of a number come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Little,
    Big,
}

/// Reads one value after the other.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    order: Order,
}

impl<'a> Reader<'a> {
    /// Of bytes that begin at a multiple of 8 of their message.
    pub(crate) fn new(bytes: &'a [u8], order: Order) -> Self {
        Self { bytes, at: 0, order }
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Garbled> {
        let end = self.at.checked_add(count).ok_or(Garbled)?;
        let taken = self.bytes.get(self.at..end).ok_or(Garbled)?;
        self.at = end;
        Ok(taken)
    }

    /// Up to a multiple of this; what lies between is zero.
    pub(crate) fn align(&mut self, to: usize) -> Result<(), Garbled> {
        let padding = self.take(self.at.next_multiple_of(to) - self.at)?;
        if padding.iter().all(|byte| *byte == 0) { Ok(()) } else { Err(Garbled) }
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], Garbled> {
        self.align(N)?;
        let mut bytes = *self.take(N)?.first_chunk().ok_or(Garbled)?;
        if self.order == Order::Big {
            bytes.reverse();
        }
        Ok(bytes)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Garbled> {
        let [byte] = self.number()?;
        Ok(byte)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Garbled> {
        Ok(u32::from_le_bytes(self.number()?))
    }

    pub(crate) fn i32(&mut self) -> Result<i32, Garbled> {
        Ok(i32::from_le_bytes(self.number()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Garbled> {
        Ok(u64::from_le_bytes(self.number()?))
    }

    pub(crate) fn boolean(&mut self) -> Result<bool, Garbled> {
        match self.u32()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Garbled),
        }
    }

    fn length(&mut self) -> Result<usize, Garbled> {
        usize::try_from(self.u32()?).ok().filter(|length| *length <= LONGEST).ok_or(Garbled)
    }

    fn text(&mut self, length: usize) -> Result<&'a str, Garbled> {
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| Garbled)?;
        if self.take(1)? == [0] && !text.contains('\0') { Ok(text) } else { Err(Garbled) }
    }

    pub(crate) fn string(&mut self) -> Result<&'a str, Garbled> {
        let length = self.length()?;
        self.text(length)
    }

    pub(crate) fn path(&mut self) -> Result<&'a str, Garbled> {
        self.string().and_then(|path| if is_path(path) { Ok(path) } else { Err(Garbled) })
    }

    /// Of whole types, however many.
    pub(crate) fn signature(&mut self) -> Result<&'a str, Garbled> {
        let length = self.byte()?;
        let signature = self.text(usize::from(length))?;
        let mut rest = signature;
        while !rest.is_empty() {
            (_, rest) = whole(rest)?;
        }
        Ok(signature)
    }

    /// Where the elements of an array lie, whose type is aligned to so much.
    fn elements(&mut self, alignment: usize) -> Result<Range<usize>, Garbled> {
        let length = self.length()?;
        self.align(alignment)?;
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len()).ok_or(Garbled)?;
        Ok(self.at..end)
    }

    /// The elements of an array, each read by the function.
    pub(crate) fn array<T>(&mut self, alignment: usize, mut each: impl FnMut(&mut Self) -> Result<T, Garbled>) -> Result<Vec<T>, Garbled> {
        let within = self.elements(alignment)?;
        let mut all = Vec::new();
        while self.at < within.end {
            self.align(alignment)?;
            all.push(each(self)?);
        }
        if self.at == within.end { Ok(all) } else { Err(Garbled) }
    }

    /// `as`
    pub(crate) fn strings(&mut self) -> Result<Vec<&'a str>, Garbled> {
        self.array(4, Self::string)
    }

    /// Past one value of each of these types.
    pub(crate) fn skip(&mut self, signature: &str) -> Result<(), Garbled> {
        self.skip_all(signature, DEEPEST)
    }

    fn skip_all(&mut self, mut signature: &str, depth: u8) -> Result<(), Garbled> {
        while !signature.is_empty() {
            let (first, rest) = whole(signature)?;
            self.skip_one(first, depth.checked_sub(1).ok_or(Garbled)?)?;
            signature = rest;
        }
        Ok(())
    }

    fn skip_one(&mut self, signature: &str, depth: u8) -> Result<(), Garbled> {
        let (kind, inner) = signature.split_at_checked(1).ok_or(Garbled)?;
        match kind {
            "y" => self.byte().map(drop),
            "b" => self.boolean().map(drop),
            "n" | "q" => self.number::<2>().map(drop),
            "i" | "u" | "h" => self.u32().map(drop),
            "x" | "t" | "d" => self.u64().map(drop),
            "s" => self.string().map(drop),
            "o" => self.path().map(drop),
            "g" => self.signature().map(drop),
            "v" => {
                let signature = self.signature()?;
                if whole(signature)?.1.is_empty() { self.skip_all(signature, depth) } else { Err(Garbled) }
            }
            "a" => self.array(alignment(inner), |reader| reader.skip_all(inner, depth)).map(drop),
            _ => {
                self.align(8)?;
                let inner = inner.get(..inner.len().saturating_sub(1)).ok_or(Garbled)?;
                self.skip_all(inner, depth)
            }
        }
    }
}

/// What a value of this type lies at a multiple of.
fn alignment(signature: &str) -> usize {
    match signature.bytes().next() {
        Some(b'y' | b'g' | b'v') => 1,
        Some(b'n' | b'q') => 2,
        Some(b'x' | b't' | b'd' | b'(' | b'{') => 8,
        Some(_) | None => 4,
    }
}

/// The first whole type of a signature, and what is left.
pub(crate) fn whole(signature: &str) -> Result<(&str, &str), Garbled> {
    let length = measure(signature.as_bytes(), DEEPEST, false)?;
    signature.split_at_checked(length).ok_or(Garbled)
}

fn measure(signature: &[u8], depth: u8, in_array: bool) -> Result<usize, Garbled> {
    let depth = depth.checked_sub(1).ok_or(Garbled)?;
    let (first, rest) = signature.split_first().ok_or(Garbled)?;
    let end = match first {
        b'y' | b'b' | b'n' | b'q' | b'i' | b'u' | b'h' | b'x' | b't' | b'd' | b's' | b'o' | b'g' | b'v' => return Ok(1),
        b'a' => return Ok(1 + measure(rest, depth, true)?),
        b'(' => b')',
        // An entry of a dictionary is one of an array, and two.
        b'{' if in_array => b'}',
        _ => return Err(Garbled),
    };
    let (mut length, mut members) = (1, 0);
    loop {
        let rest = signature.get(length..).ok_or(Garbled)?;
        if rest.first() == Some(&end) {
            let is_fit = if end == b'}' { members == 2 } else { members > 0 };
            return if is_fit { Ok(length + 1) } else { Err(Garbled) };
        }
        let is_key = end == b'}' && members == 0;
        if is_key && matches!(rest.first(), Some(b'a' | b'(' | b'{' | b'v')) {
            return Err(Garbled);
        }
        length += measure(rest, depth, false)?;
        members += 1;
    }
}

/// Whether it is an object's path: `/`, or words of letters, digits and `_`, each behind a slash.
pub(crate) fn is_path(path: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    path == "/" || path.strip_prefix('/').is_some_and(|words| words.split('/').all(is_word))
}

/// Writes one value after the other, in the order of this machine's kind: little first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(crate) fn pad(&mut self, to: usize) {
        self.0.resize(self.0.len().next_multiple_of(to), 0);
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn byte(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.pad(4);
        self.raw(&value.to_le_bytes());
    }

    pub(crate) fn i32(&mut self, value: i32) {
        self.u32(value.cast_unsigned());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.pad(8);
        self.raw(&value.to_le_bytes());
    }

    pub(crate) fn boolean(&mut self, value: bool) {
        self.u32(u32::from(value));
    }

    /// A text; what no string of D-Bus's may have, a zero byte, ends it.
    pub(crate) fn string(&mut self, text: &str) {
        let text = text.split('\0').next().unwrap_or_default();
        self.u32(u32::try_from(text.len()).unwrap_or(0));
        self.raw(text.as_bytes());
        self.byte(0);
    }

    pub(crate) fn signature(&mut self, text: &str) {
        self.byte(u8::try_from(text.len()).unwrap_or(0));
        self.raw(text.as_bytes());
        self.byte(0);
    }

    /// An array of this type, whose elements the function writes.
    pub(crate) fn array(&mut self, element: &str, fill: impl FnOnce(&mut Self)) {
        self.u32(0);
        let place = self.0.len() - 4;
        self.pad(alignment(element));
        let begin = self.0.len();
        fill(self);
        let length = u32::try_from(self.0.len() - begin).unwrap_or(0).to_le_bytes();
        if let Some(place) = self.0.get_mut(place..place + 4) {
            place.copy_from_slice(&length);
        }
    }

    pub(crate) fn strings<'s>(&mut self, texts: impl IntoIterator<Item = &'s str>) {
        self.array("s", |writer| texts.into_iter().for_each(|text| writer.string(text)));
    }

    /// What begins a structure or an entry.
    pub(crate) fn structure(&mut self) {
        self.pad(8);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn sample() -> Vec<u8> {
        let mut writer = Writer::default();
        writer.byte(7);
        writer.strings(["ssh.service", ""]);
        writer.array("(sb)", |writer| {
            for (text, is) in [("a", true), ("bc", false)] {
                writer.structure();
                writer.string(text);
                writer.boolean(is);
            }
        });
        writer.signature("t");
        writer.u64(u64::MAX);
        writer.into_bytes()
    }

    #[test]
    fn what_is_written_reads_the_same() {
        let bytes = sample();
        let mut reader = Reader::new(&bytes, Order::Little);
        assert_eq!((reader.byte().unwrap(), reader.strings().unwrap()), (7, vec!["ssh.service", ""]));
        let pairs = reader.array(8, |reader| Ok((reader.string()?, reader.boolean()?))).unwrap();
        assert_eq!(pairs, [("a", true), ("bc", false)]);
        assert_eq!((reader.signature().unwrap(), reader.u64().unwrap(), reader.is_at_end()), ("t", u64::MAX, true));
        let mut again = Reader::new(&bytes, Order::Little);
        again.skip("yasa(sb)v").unwrap();
        assert!(again.is_at_end());
    }

    #[test]
    fn what_is_cut_short_is_no_value() {
        let bytes = sample();
        for length in 0..bytes.len() {
            assert!(Reader::new(&bytes[..length], Order::Little).skip("yasa(sb)v").is_err(), "{length}");
        }
        // A length that leads beyond the end, a padding that says something, a boolean that is none.
        for (bytes, signature) in [(&[255, 255, 255, 255][..], "s"), (&[1, 1, 0, 0, 0, 0, 0, 0], "yu"), (&[2, 0, 0, 0], "b")] {
            assert_eq!(Reader::new(bytes, Order::Little).skip(signature), Err(Garbled));
        }
        assert_eq!(Reader::new(&[0, 0, 1, 2], Order::Big).u32(), Ok(258));
    }

    #[test]
    fn a_signature_is_of_whole_types() {
        for good in ["s", "as", "a{sv}", "(sa(so)v)", "aaaa(b)"] {
            assert_eq!(whole(good), Ok((good, "")));
        }
        for bad in ["", "a", "()", "(s", "{sv}", "a{s}", "a{vs}", "z", &"a".repeat(40)] {
            assert_eq!(whole(bad), Err(Garbled), "{bad}");
        }
        assert!(is_path("/") && is_path("/a/b_2eservice") && !is_path("/a/") && !is_path("") && !is_path("/a.b"));
    }
}
