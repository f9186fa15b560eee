//! Any text as part of a unit's name: `systemd-escape(1)`.

/// Text as part of a unit's name: `/` becomes `-`; what may not occur in a name, `-` itself and a
/// leading dot become `\xNN`.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'/' => out.push('-'),
            b'.' if at == 0 => out.push_str("\\x2e"),
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b':' | b'_' | b'.' => out.push(char::from(byte)),
            other => out.push_str(&format!("\\x{other:02x}")),
        }
    }
    out
}

/// The inverse of [`escape`]; `None` for a broken `\x`, and for what is not UTF-8.
#[must_use]
pub fn unescape(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'-' => out.push(b'/'),
            b'\\' => {
                let digits = after.strip_prefix(b"x").and_then(|hex| hex.get(..2))?;
                let digits = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
                out.push(u8::from_str_radix(digits, 16).ok()?);
                rest = after.get(3..).unwrap_or_default();
            }
            other => out.push(*other),
        }
    }
    String::from_utf8(out).ok()
}

/// A path as the name of a mount or device unit: slashes at the ends and doubled ones do not
/// count, the root is `-`. `None` for a path with `..`.
#[must_use]
pub fn escape_path(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return None;
    }
    Some(if parts.is_empty() { "-".to_owned() } else { escape(&parts.join("/")) })
}

/// The inverse of [`escape_path`].
#[must_use]
pub fn unescape_path(text: &str) -> Option<String> {
    if text == "-" {
        return Some("/".to_owned());
    }
    unescape(text).map(|path| format!("/{path}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    // As systemd-escape 252 has it.
    #[test]
    fn names_are_those_of_systemd_escape() {
        for (text, escaped) in [
            ("Hallöchen, Meister", "Hall\\xc3\\xb6chen\\x2c\\x20Meister"),
            ("a-b/c", "a\\x2db-c"),
            (".x.", "\\x2ex."),
            ("/", "-"),
            ("a@:_", "a\\x40:_"),
        ] {
            assert_eq!(escape(text), escaped);
            assert_eq!(unescape(escaped).unwrap(), text);
        }
        for (path, escaped) in [("/tmp//waldi/foobar/", "tmp-waldi-foobar"), ("/", "-"), ("/.hidden/a-b", "\\x2ehidden-a\\x2db")] {
            assert_eq!(escape_path(path).unwrap(), escaped);
        }
        assert_eq!(unescape_path("tmp-waldi").unwrap(), "/tmp/waldi");
        assert_eq!(escape_path("/a/../b"), None);
        assert_eq!(unescape("a\\x4"), None);
        assert_eq!(unescape("a\\q"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_survives(text in "\\PC{0,40}") {
            proptest::prop_assert_eq!(unescape(&escape(&text)).unwrap(), text);
        }
    }
}
