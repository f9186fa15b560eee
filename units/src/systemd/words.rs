//! Splitting text into words: quotes and C escapes.

use crate::unit::CommandError;

/// What becomes of an escape that nothing is known of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// It is an error; the backslash also protects any punctuation.
    Refused,
    /// It stays as it is, backslash and all, as systemd leaves it.
    Kept,
}

/// Splits all of `text`.
///
/// # Errors
/// [`CommandError`] for a quote that is not closed, and for escapes.
pub(crate) fn split(text: &str, unknown: Unknown) -> Result<Vec<String>, CommandError> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(word) = next(&mut rest, unknown)? {
        words.push(word);
    }
    Ok(words)
}

/// Takes one word off the front, with the blanks around it.
pub(crate) fn next(rest: &mut &str, unknown: Unknown) -> Result<Option<String>, CommandError> {
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
            (_, Some('\\')) => match escape(chars.as_str(), unknown) {
                Ok((c, after)) => {
                    word.push(c);
                    chars = after.chars();
                }
                Err(_) if unknown == Unknown::Kept => word.push('\\'),
                Err(error) => return Err(error),
            },
            (_, Some(c)) => word.push(c),
        }
    }
    *rest = rest.trim_start();
    Ok(Some(word))
}

/// The character behind a backslash, and what follows.
fn escape(text: &str, unknown: Unknown) -> Result<(char, &str), CommandError> {
    let mut chars = text.chars();
    let Some(c) = chars.next() else { return Ok(('\\', "")) };
    let after = chars.as_str();
    let coded = |digits: Option<&str>, radix, skip: usize| {
        let digits = digits.unwrap_or(after);
        let hex = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let code = u32::from_str_radix(digits, radix).ok().filter(|code| hex && (*code != 0 || unknown == Unknown::Refused));
        let c = code.and_then(char::from_u32).ok_or_else(|| CommandError::Escape(digits.to_owned()))?;
        Ok((c, text.get(skip..).unwrap_or_default()))
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
        '$' | ' ' | '%' | ';' if unknown == Unknown::Refused => c,
        'x' => return coded(after.get(..2), 16, 3),
        'u' => return coded(after.get(..4), 16, 5),
        'U' => return coded(after.get(..8), 16, 9),
        '0'..='7' => return coded(text.get(..3), 8, 3),
        other => return Err(CommandError::Escape(other.to_string())),
    };
    Ok((plain, after))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn unknown_escapes_stay_in_systemds_files() {
        let kept = |text| split(text, Unknown::Kept).unwrap();
        assert_eq!(kept(r"s/\.d$// a\ b \x4 \x41\u00e4 \101 end\"), [r"s/\.d$//", r"a\", "b", r"\x4", "A\u{e4}", "A", r"end\"]);
        assert_eq!(kept(r#"a"b c"d "" 'it "is"'"#), ["ab cd", "", "it \"is\""]);
        assert_eq!(split("'a", Unknown::Kept), Err(CommandError::Quote('\'')));
    }
}
