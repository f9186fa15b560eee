//! Splitting text into words: quotes and C escapes.

use crate::unit::CommandError;

/// What becomes of a backslash; the flags of systemd's `extract_first_word()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// A C escape; one that nothing is known of stays as it is. For command lines.
    Lenient,
    /// A C escape, and nothing else.
    Strict,
    /// It stays, and the character behind it too.
    Kept,
    /// It goes, and the character behind it is taken as it is.
    Bare,
}

/// Splits all of `text`.
///
/// # Errors
/// [`CommandError`] for a quote that is not closed.
pub(crate) fn split(text: &str) -> Result<Vec<String>, CommandError> {
    match split_as(text, Escapes::Lenient) {
        (words, None) => Ok(words),
        (_, Some(error)) => Err(error),
    }
}

/// The words of `text`, as far as they can be read, and why not further.
pub(crate) fn split_as(text: &str, escapes: Escapes) -> (Vec<String>, Option<CommandError>) {
    let mut words = Vec::new();
    let mut rest = text;
    loop {
        match next_as(&mut rest, escapes) {
            Ok(Some(word)) => words.push(word),
            Ok(None) => return (words, None),
            Err(error) => return (words, Some(error)),
        }
    }
}

/// Takes one word off the front, with the blanks around it.
pub(crate) fn next(rest: &mut &str) -> Result<Option<String>, CommandError> {
    next_as(rest, Escapes::Lenient)
}

/// The same, where an escape that nothing is known of is an error.
pub(crate) fn next_strict(rest: &mut &str) -> Result<Option<String>, CommandError> {
    next_as(rest, Escapes::Strict)
}

fn next_as(rest: &mut &str, escapes: Escapes) -> Result<Option<String>, CommandError> {
    let text = rest.trim_start();
    *rest = text;
    if text.is_empty() {
        return Ok(None);
    }
    let mut word = String::new();
    let mut quote = None;
    let mut chars = text.chars();
    loop {
        *rest = chars.as_str();
        match (quote, chars.next()) {
            (Some(q), None) => return Err(CommandError::Quote(q)),
            (None, None) => break,
            (Some(q), Some(c)) if q == c => quote = None,
            (None, Some(c @ ('\'' | '"'))) => quote = Some(c),
            (None, Some(c)) if c.is_ascii_whitespace() => break,
            (_, Some('\\')) => match (escapes, escape(chars.as_str())) {
                (Escapes::Lenient | Escapes::Strict, Some((c, after))) => {
                    word.push(c);
                    chars = after.chars();
                }
                // Whatever follows is not looked at: a blank ends no word.
                (Escapes::Lenient, None) => {
                    word.push('\\');
                    word.extend(chars.next());
                }
                (Escapes::Strict, None) => return Err(CommandError::Escape(chars.next().unwrap_or(' '))),
                (Escapes::Kept | Escapes::Bare, _) => {
                    word.extend(Some('\\').filter(|_| escapes == Escapes::Kept));
                    word.push(chars.next().ok_or(CommandError::Escape(' '))?);
                }
            },
            (_, Some(c)) => word.push(c),
        }
    }
    *rest = rest.trim_start();
    Ok(Some(word))
}

/// The character that follows a backslash stands for, and what comes after; `None` for an escape
/// that nothing is known of, which stays as it is, backslash and all.
pub(crate) fn escape(text: &str) -> Option<(char, &str)> {
    let c = text.chars().next()?;
    let coded = |from: usize, to: usize, radix| {
        let digits = text.get(from..to).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        let code = u32::from_str_radix(digits, radix).ok().filter(|code| *code != 0)?;
        Some((char::from_u32(code)?, text.get(to..)?))
    };
    let plain = match c {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        's' => ' ',
        't' => '\t',
        'v' => '\x0b',
        '\\' | '"' | '\'' => c,
        'x' => return coded(1, 3, 16),
        'u' => return coded(1, 5, 16),
        'U' => return coded(1, 9, 16),
        '0'..='7' => return coded(0, 3, 8),
        _ => return None,
    };
    Some((plain, text.get(c.len_utf8()..)?))
}

/// A word as [`split`] reads it back, quoted where it must be.
pub(crate) fn quote(word: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"\"'\\;".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let mut out = String::with_capacity(word.len() + 2);
    out.push('"');
    for c in word.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() && u32::from(c) < 0x80 => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The same words on one line.
pub(crate) fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '\n' | '\r') => out.push(' '),
            (Some(_), '\n') => out.push_str("\\n"),
            (Some(_), '\r') => out.push_str("\\r"),
            (_, '\\') => match chars.next() {
                // No escape: both of them are part of the word.
                Some('\n') => out.push_str("\\\\\\n"),
                Some('\r') => out.push_str("\\\\\\r"),
                escaped => out.extend(std::iter::once('\\').chain(escaped)),
            },
            (before, c) => {
                quote = match before {
                    Some(open) if open == c => None,
                    None if c == '\'' || c == '"' => Some(c),
                    open => open,
                };
                out.push(c);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn unknown_escapes_stay_in_systemds_files() {
        let kept = |text| split(text).unwrap();
        assert_eq!(kept(r"s/\.d$// a\ b \x4 \x41\u00e4 \101 end\"), [r"s/\.d$//", r"a\ b", r"\x4", "A\u{e4}", "A", r"end\"]);
        assert_eq!(kept(r#"a"b c"d "" 'it "is"'"#), ["ab cd", "", "it \"is\""]);
        assert_eq!(split("'a"), Err(CommandError::Quote('\'')));
    }

    #[test]
    fn words_before_a_slip_are_read() {
        let read = |escapes| split_as(r#"a\x41 "b\"c" d\.e 'f"#, escapes);
        let words = |all: &[&str]| all.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(read(Escapes::Strict), (words(&["aA", "b\"c"]), Some(CommandError::Escape('.'))));
        assert_eq!(read(Escapes::Lenient), (words(&["aA", "b\"c", r"d\.e"]), Some(CommandError::Quote('\''))));
        assert_eq!(read(Escapes::Kept).0, words(&[r"a\x41", r#"b\"c"#, r"d\.e"]));
        assert_eq!(read(Escapes::Bare).0, words(&["ax41", "b\"c", "d.e"]));
    }

    proptest::proptest! {
        #[test]
        fn on_one_line_the_words_are_the_same(text in "[ab \\t\\n\\r\\\\'\"x04]{0,24}") {
            let line = one_line(&text);
            proptest::prop_assert!(!line.contains(['\n', '\r']));
            proptest::prop_assert_eq!(split(&line), split(&text), "{}", line);
        }

        #[test]
        fn quoting_is_undone_by_splitting(words in proptest::collection::vec("[^\\x00\\x7f-\\x9f]{0,12}", 0..5)) {
            let line = words.iter().map(|w| quote(w)).collect::<Vec<_>>().join(" ");
            proptest::prop_assert_eq!(split(&line).unwrap(), words);
        }
    }
}
