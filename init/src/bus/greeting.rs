//! What is said before the first message: D-Bus Specification, "Authentication Protocol".
//!
//! ```text
//!   client   \0 AUTH EXTERNAL 30      BEGIN          or   AUTH EXTERNAL   DATA           BEGIN
//!   we                           OK id                                    DATA    OK id
//! ```
//!
//! sd-bus says all of it at once. Who it is the kernel has told (SO_PEERCRED); what it says of itself must only not be another.

use super::wire::Garbled;

/// Longer no line is, and more of them nobody needs.
const LONGEST: usize = 1024;
const MOST: u8 = 16;

/// How far it has come.
#[derive(Debug)]
pub(crate) struct Greeting {
    began: bool,
    is_known: bool,
    lines: u8,
}

impl Greeting {
    pub(crate) const fn new() -> Self {
        Self { began: false, is_known: false, lines: 0 }
    }

    /// Takes the lines there are off the front of `words`, and says what is to be said to that. Whether messages follow.
    pub(crate) fn take(&mut self, words: &mut Vec<u8>, id: &str, out: &mut Vec<u8>) -> Result<bool, Garbled> {
        if !self.began {
            match words.first() {
                None => return Ok(false),
                Some(0) => drop(words.remove(0)),
                Some(_) => return Err(Garbled),
            }
            self.began = true;
        }
        while let Some(end) = words.windows(2).take(LONGEST).position(|pair| pair == b"\r\n") {
            let line: Vec<u8> = words.drain(..end + 2).collect();
            let line = std::str::from_utf8(line.get(..end).unwrap_or_default()).map_err(|_| Garbled)?;
            self.lines += 1;
            if line == "BEGIN" {
                return if self.is_known { Ok(true) } else { Err(Garbled) };
            }
            if self.lines == MOST {
                return Err(Garbled);
            }
            out.extend_from_slice(self.answer(line, id).as_bytes());
        }
        if words.len() > LONGEST { Err(Garbled) } else { Ok(false) }
    }

    fn answer(&mut self, line: &str, id: &str) -> String {
        let told = match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["AUTH", "EXTERNAL"] => return "DATA\r\n".to_owned(),
            ["AUTH", "EXTERNAL", told] | ["DATA", told] => *told,
            ["DATA"] => "",
            // Descriptors are not passed.
            ["NEGOTIATE_UNIX_FD"] => return "ERROR\r\n".to_owned(),
            _ => return "REJECTED EXTERNAL\r\n".to_owned(),
        };
        // "0", as hexadecimal digits, or nothing.
        self.is_known = matches!(told, "" | "30");
        if self.is_known { format!("OK {id}\r\n") } else { "REJECTED EXTERNAL\r\n".to_owned() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn says(words: &[u8]) -> (Result<bool, Garbled>, String, Vec<u8>) {
        let (mut words, mut out) = (words.to_vec(), Vec::new());
        let done = Greeting::new().take(&mut words, "id", &mut out);
        (done, String::from_utf8(out).unwrap(), words)
    }

    #[test]
    fn who_is_root_may_begin() {
        let all = b"\0AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\nl";
        assert_eq!(says(all), (Ok(true), "DATA\r\nOK id\r\nERROR\r\n".into(), b"l".to_vec()));
        assert_eq!(says(b"\0AUTH EXTERNAL 30\r\nBEG"), (Ok(false), "OK id\r\n".into(), b"BEG".to_vec()));
        assert_eq!(says(b"\0AUTH\r\nAUTH EXTERNAL 31\r\n").1, "REJECTED EXTERNAL\r\nREJECTED EXTERNAL\r\n");
    }

    #[test]
    fn who_says_something_else_is_turned_away() {
        for bad in [&b"AUTH"[..], b"\0BEGIN\r\n", b"\0AUTH EXTERNAL\r\nBEGIN\r\n", b"\0\xff\r\n", &[[0].as_slice(), &[b'x'; 2000]].concat()]
        {
            assert_eq!(says(bad).0, Err(Garbled));
        }
        assert_eq!(says(&[b"\0".as_slice(), &b"NEGOTIATE_UNIX_FD\r\n".repeat(20)].concat()).0, Err(Garbled));
    }
}
