//! The words of one connection on `/run/systemd/journal/stdout`: seven lines of what it is, then what it says. Nothing but bytes in, so that noise
//! can be tried on it. sd_journal_stream_fd(3), systemd's `connect_journal_socket`
//!
//! ```text
//! identifier ⏎ unit ⏎ level ⏎ level-prefix ⏎ to-syslog ⏎ to-kmsg ⏎ to-console ⏎ │ line ⏎ line ⏎ …
//! ```
//!
//! Invariant: what it keeps is at most one line, which is cut where it is too long.

/// A line longer than this is cut in two; journald.conf(5), `LineMax=`.
pub(crate) const LONGEST_LINE: usize = 48 * 1024;
/// The lines before what is said.
const HEADERS: usize = 7;

/// A connection's words so far.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    partial: Vec<u8>,
    headers: usize,
    pub(crate) identifier: String,
    pub(crate) unit: String,
    level: u8,
    prefixed: bool,
}

/// The other end speaks another language.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Garbled;

/// One line that was said: how urgent it is, who speaks, and the words.
pub(crate) type Said<'a> = (u8, u8, &'a [u8]);

impl Stream {
    /// Takes what has come, and gives each line to `each`.
    pub(crate) fn take(&mut self, mut bytes: &[u8], mut each: impl FnMut(&Self, Said<'_>)) -> Result<(), Garbled> {
        while !bytes.is_empty() {
            let room = LONGEST_LINE.saturating_sub(self.partial.len()).max(1);
            let window = bytes.get(..room).unwrap_or(bytes);
            // A NUL ends a line too: terminals and C programs put them there.
            let end = window.iter().position(|byte| matches!(byte, b'\n' | 0));
            let (piece, rest) = bytes.split_at(end.unwrap_or(window.len()));
            self.partial.extend_from_slice(piece);
            bytes = if end.is_some() { rest.get(1..).unwrap_or_default() } else { rest };
            if end.is_some() || self.partial.len() >= LONGEST_LINE {
                self.line(&mut each)?;
            }
        }
        Ok(())
    }

    /// It has ended; a last line may lack its end.
    pub(crate) fn end(&mut self, mut each: impl FnMut(&Self, Said<'_>)) {
        if self.headers == HEADERS && !self.partial.is_empty() {
            // There is nothing after a header that could be garbled.
            let _ = self.line(&mut each);
        }
    }

    fn line(&mut self, each: &mut impl FnMut(&Self, Said<'_>)) -> Result<(), Garbled> {
        let mut line = std::mem::take(&mut self.partial);
        if self.headers < HEADERS {
            self.header(&String::from_utf8_lossy(&line))?;
            self.headers += 1;
        } else {
            let text = line.strip_suffix(b"\r").unwrap_or(&line);
            each(self, self.judge(text));
        }
        line.clear();
        line.shrink_to(512);
        self.partial = line;
        Ok(())
    }

    fn header(&mut self, text: &str) -> Result<(), Garbled> {
        let is = |text: &str| match text {
            "0" => Ok(false),
            "1" => Ok(true),
            _ => Err(Garbled),
        };
        match self.headers {
            0 => text.clone_into(&mut self.identifier),
            1 => text.clone_into(&mut self.unit),
            2 => self.level = text.parse().ok().filter(|level| *level < 192).ok_or(Garbled)?,
            3 => self.prefixed = is(text)?,
            _ => drop(is(text)?),
        }
        if text.len() > 255 { Err(Garbled) } else { Ok(()) }
    }

    /// `<3>text`, where a line may say so; sd-daemon(3).
    fn judge<'a>(&self, line: &'a [u8]) -> Said<'a> {
        let facility = if self.level >> 3 == 0 { 3 } else { self.level >> 3 };
        match line {
            [b'<', digit @ b'0'..=b'7', b'>', text @ ..] if self.prefixed => (facility, digit - b'0', text),
            text => (facility, self.level & 7, text),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HEAD: &[u8] = b"shop\n\n5\n1\n0\n0\n0\n";

    fn said(pieces: &[&[u8]]) -> Vec<(u8, String)> {
        let (mut stream, mut all) = (Stream::default(), Vec::new());
        for piece in pieces {
            stream.take(piece, |_, (_, level, text)| all.push((level, String::from_utf8_lossy(text).into_owned()))).unwrap();
        }
        stream.end(|_, (_, level, text)| all.push((level, String::from_utf8_lossy(text).into_owned())));
        assert_eq!(stream.identifier, "shop");
        all
    }

    #[test]
    fn it_is_the_same_in_whatever_pieces_it_comes() {
        let bytes = [HEAD, b"one\r\n<3>two\n\nlast"].concat();
        let whole = said(&[&bytes]);
        assert_eq!(whole, [(5, "one".to_owned()), (3, "two".to_owned()), (5, String::new()), (5, "last".to_owned())]);
        for place in 0..bytes.len() {
            let (one, two) = bytes.split_at(place);
            assert_eq!(said(&[one, two]), whole, "{place}");
        }
    }

    #[test]
    fn an_endless_line_is_cut_and_another_language_refused() {
        let lengths: Vec<usize> = said(&[HEAD, &[b'x'; LONGEST_LINE + 7]]).iter().map(|(_, text)| text.len()).collect();
        assert_eq!(lengths, [LONGEST_LINE, 7]);
        for bytes in ["shop\n\nloud\n", "shop\n\n6\nyes\n", &format!("{}\n", "x".repeat(300))] {
            assert_eq!(Stream::default().take(bytes.as_bytes(), |_, _| ()), Err(Garbled), "{bytes}");
        }
    }
}
