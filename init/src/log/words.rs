//! What a syslog(3) says in one datagram: RFC 3164 as glibc and logger(1) write it, and RFC 5424. Nothing but bytes in, so that noise can be tried
//! on it.
//!
//! ```text
//! <38>Nov 23 16:48:01 sshd[42]: text                       glibc; logger(1) puts no host name either
//! <165>1 2026-11-23T16:48:01Z host app 42 ID47 [x y="z"] text      logger --rfc5424
//! ```

/// A message taken apart. What is not said is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    pub(crate) facility: u8,
    pub(crate) level: u8,
    pub(crate) identifier: Option<&'a str>,
    pub(crate) pid: Option<&'a str>,
    pub(crate) timestamp: Option<&'a str>,
    pub(crate) text: &'a [u8],
}

/// `LOG_USER` and `LOG_INFO`: of who speaks and does not say so.
pub(super) const USER: u8 = 1;
const INFO: u8 = 6;

/// Takes it apart; whatever it is, some of it is the text.
pub(crate) fn read(bytes: &[u8]) -> Message<'_> {
    // glibc ends some with a NUL, others with a line's end.
    let bytes = bytes.trim_ascii_end();
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes).trim_ascii_end();
    let (priority, rest) = match priority(bytes) {
        Some((number, rest)) => (Some(number), rest),
        None => (None, bytes),
    };
    let (facility, level) = priority.map_or((USER, INFO), |number| (number >> 3, number & 7));
    if let Some(message) = rest.strip_prefix(b"1 ").filter(|_| priority.is_some()).and_then(structured) {
        return Message { facility, level, ..message };
    }
    let (timestamp, rest) = stamp(rest);
    let (identifier, pid, text) = tag(rest);
    Message { facility, level, identifier, pid, timestamp, text }
}

/// `<0>` to `<191>`.
fn priority(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let rest = bytes.strip_prefix(b"<")?;
    let end = rest.iter().take(4).position(|byte| *byte == b'>')?;
    let digits = std::str::from_utf8(rest.get(..end)?).ok().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let number = digits.parse().ok().filter(|number| *number < 192)?;
    Some((number, rest.get(end + 1..)?))
}

/// `Nov 23 16:48:01 ` is 16 bytes with the colons at 9 and 12; or RFC 3339, as newer programs have it.
fn stamp(bytes: &[u8]) -> (Option<&str>, &[u8]) {
    let at = |place: usize| bytes.get(place).copied();
    // With the space behind it, as journald keeps it.
    let length = match (at(9), at(12), at(15)) {
        (Some(b':'), Some(b':'), Some(b' ')) => Some(16),
        _ if at(4) == Some(b'-') && at(7) == Some(b'-') && at(10) == Some(b'T') => {
            bytes.iter().position(|byte| *byte == b' ').map(|end| end + 1)
        }
        _ => None,
    };
    let stamp = length.and_then(|length| bytes.get(..length)).and_then(|stamp| std::str::from_utf8(stamp).ok());
    match stamp {
        Some(text) => (Some(text), bytes.get(text.len()..).unwrap_or_default()),
        None => (None, bytes),
    }
}

/// `sshd[42]: text`, `cron: text`.
fn tag(bytes: &[u8]) -> (Option<&str>, Option<&str>, &[u8]) {
    let whole = (None, None, bytes);
    let Some(end) = bytes.iter().position(|byte| byte.is_ascii_whitespace()) else { return whole };
    let Some(word) = bytes.get(..end).and_then(|word| word.strip_suffix(b":")).and_then(|word| std::str::from_utf8(word).ok()) else {
        return whole;
    };
    let text = bytes.get(end + 1..).unwrap_or_default();
    match word.strip_suffix(']').and_then(|word| word.rsplit_once('[')) {
        Some((name, pid)) if !name.is_empty() && is_number(pid) => (Some(name), Some(pid), text),
        _ if word.is_empty() => whole,
        _ => (Some(word), None, text),
    }
}

fn is_number(text: &str) -> bool {
    (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// RFC 5424, 6: after the version. Structured data stay before the text, as a person would read them.
fn structured(bytes: &[u8]) -> Option<Message<'_>> {
    let mut rest = bytes;
    let mut word = || {
        let end = rest.iter().position(|byte| *byte == b' ')?;
        let word = std::str::from_utf8(rest.get(..end)?).ok().filter(|word| !word.is_empty())?;
        rest = rest.get(end + 1..)?;
        Some((word != "-").then_some(word))
    };
    let (timestamp, _host, identifier, pid, _kind) = (word()?, word()?, word()?, word()?, word()?);
    let text = rest.strip_prefix(b"- ").unwrap_or(if rest == b"-" { b"" } else { rest });
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    Some(Message { facility: USER, level: INFO, identifier, pid: pid.filter(|pid| is_number(pid)), timestamp, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<'a>(facility: u8, level: u8, identifier: Option<&'a str>, pid: Option<&'a str>, text: &'a str) -> Message<'a> {
        Message { facility, level, identifier, pid, timestamp: None, text: text.as_bytes() }
    }

    #[test]
    fn the_ways_in_which_programs_write_are_read() {
        let stamped = Message { timestamp: Some("Nov 23 16:48:01 "), ..message(4, 6, Some("sshd"), Some("42"), "hi: there") };
        assert_eq!(read(b"<38>Nov 23 16:48:01 sshd[42]: hi: there\n"), stamped);
        assert_eq!(read(b"<11>cron: done\0"), message(1, 3, Some("cron"), None, "done"));
        assert_eq!(read(b"<30>2026-11-23T16:48:01.1+00:00 a[1]: x").timestamp, Some("2026-11-23T16:48:01.1+00:00 "));
        let new = Message { timestamp: Some("2026-11-23T16:48:01Z"), ..message(20, 5, Some("app"), Some("42"), "[x y=\"z\"] text") };
        assert_eq!(read(b"<165>1 2026-11-23T16:48:01Z host app 42 ID47 [x y=\"z\"] text"), new);
        assert_eq!(read(b"<13>1 - - root - - - \xef\xbb\xbfhi"), message(1, 5, Some("root"), None, "hi"));
    }

    #[test]
    fn whatever_else_is_text() {
        for (bytes, text) in [("plain words", "plain words"), ("<broken", "<broken"), ("<300>x", "<300>x"), ("<+3>x", "<+3>x"), ("", "")] {
            assert_eq!(read(bytes.as_bytes()), message(1, 6, None, None, text), "{bytes}");
        }
        assert_eq!(read(b"<38>"), message(4, 6, None, None, ""));
        assert_eq!(read(b"<38>: x"), message(4, 6, None, None, ": x"));
        assert_eq!(read(b"<38>a[b]: x"), message(4, 6, Some("a[b]"), None, "x"));
    }
}
