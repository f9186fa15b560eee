//! Which units are meant: names with and without suffix, aliases, paths, and patterns.

use units::control::{Detail, UnitRow};
use units::systemd::escape;
use units::{UnitKind, UnitName};

use super::session::{Failed, Session};

/// The rows of the units meant by `words`, all when there are none; each once, in the order of the
/// words. A unit that is not there has a row all the same.
pub(super) fn rows(session: &mut Session, words: &[String], with: &[Detail]) -> Result<Vec<UnitRow>, Failed> {
    if words.is_empty() {
        return session.rows(&[], with);
    }
    let units = resolve(session, words)?;
    session.rows(&units, with)
}

/// The names meant by `words`. A pattern that fits no unit is an error.
pub(super) fn resolve(session: &mut Session, words: &[String]) -> Result<Vec<UnitName>, Failed> {
    let mut known = None;
    let mut found: Vec<UnitName> = Vec::new();
    for word in words {
        if !is_pattern(word) {
            found.push(name(word)?);
            continue;
        }
        let rows = match &known {
            Some(rows) => rows,
            None => known.insert(session.rows(&[], &[])?),
        };
        let before = found.len();
        found.extend(rows.iter().filter(|row| fits_row(word, row)).map(|row| row.name.clone()));
        if found.len() == before {
            return Err(Failed::NoSuchUnit(word.clone()));
        }
    }
    let mut seen = units::Set::new();
    found.retain(|name| seen.insert(name.clone()));
    Ok(found)
}

/// One name: `ssh`, `ssh.service`, `/etc/fief/units/ssh.toml`, and a mount point for its mount unit.
pub(super) fn name(word: &str) -> Result<UnitName, Failed> {
    let bad = |why| Failed::Name(word.to_owned(), why);
    if !word.starts_with('/') {
        return UnitName::new(word).map_err(bad);
    }
    let file = word.rsplit('/').next().unwrap_or_default();
    if let Some(stem) = file.strip_suffix(".toml") {
        return UnitName::new(stem).map_err(bad);
    }
    let is_unit = file.rsplit_once('.').is_some_and(|_| UnitName::new(file).is_ok_and(|name| name.as_str() == file));
    if is_unit {
        return UnitName::new(file).map_err(bad);
    }
    let stem = escape::escape_path(word).ok_or_else(|| Failed::NoSuchUnit(word.to_owned()))?;
    UnitName::new(&format!("{stem}.{}", UnitKind::Mount.suffix())).map_err(bad)
}

fn is_pattern(word: &str) -> bool {
    word.contains(['*', '?', '['])
}

fn fits_row(pattern: &str, row: &UnitRow) -> bool {
    let names = std::iter::once(&row.name).chain(&row.aliases);
    names.into_iter().any(|name| fits(pattern, name.as_str()) || fits(pattern, &name.to_string()))
}

/// Whether a shell pattern fits the whole text; glob(7).
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // Where the last `*` stands, and what was still to be fitted there.
    let mut star = None;
    loop {
        match pattern.next() {
            None if text.as_str().is_empty() => return true,
            Some('*') => {
                star = Some((pattern.clone(), text.clone()));
                continue;
            }
            Some(wanted) => {
                let mut next = text.clone();
                if let Some(c) = next.next()
                    && fits_one(wanted, &mut pattern, c)
                {
                    text = next;
                    continue;
                }
            }
            None => {}
        }
        // The last `*` takes one more.
        let Some((after, rest)) = &mut star else { return false };
        if rest.next().is_none() {
            return false;
        }
        (pattern, text) = (after.clone(), rest.clone());
    }
}

fn fits_one(wanted: char, pattern: &mut std::str::Chars<'_>, c: char) -> bool {
    match wanted {
        '?' => true,
        '\\' => pattern.next() == Some(c),
        '[' => {
            let inside = pattern.as_str();
            // A `]` right after the bracket stands for itself.
            let end = inside.char_indices().skip(1).find(|(_, c)| *c == ']').map(|(at, _)| at);
            let Some(end) = end else { return c == '[' };
            let set = inside.get(..end).unwrap_or_default();
            *pattern = inside.get(end + 1..).unwrap_or_default().chars();
            let (negated, set) = set.strip_prefix(['!', '^']).map_or((false, set), |set| (true, set));
            let set: Vec<char> = set.chars().collect();
            let mut at = 0;
            let mut hit = false;
            while let Some(first) = set.get(at) {
                match (set.get(at + 1), set.get(at + 2)) {
                    (Some('-'), Some(last)) => {
                        hit |= (*first..=*last).contains(&c);
                        at += 3;
                    }
                    _ => {
                        hit |= *first == c;
                        at += 1;
                    }
                }
            }
            hit != negated
        }
        wanted => wanted == c,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn patterns_fit_as_in_a_shell() {
        for (pattern, text) in
            [("*", ""), ("s*h", "ssh"), ("*.target", "a.b.target"), ("web[0-9]", "web7"), ("a?c", "abc"), ("[!b]x", "ax"), ("*a*b", "xaab")]
        {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("s*h", "sshd"), ("web[0-9]", "webx"), ("a?c", "ac"), ("[!b]x", "bx"), ("", "x"), ("*a*b", "xaba")] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
        let (pattern, text) = ("*a".repeat(40), "a".repeat(39));
        assert!(!fits(&pattern, &text));
    }

    #[test]
    fn a_path_is_the_unit_of_the_file_or_of_the_mount() {
        for (word, wanted) in [
            ("ssh", "ssh.service"),
            ("/etc/fief/units/web.toml", "web.service"),
            ("/etc/fief/units/a.target.toml", "a.target"),
            ("/lib/systemd/system/a.socket", "a.socket"),
            ("/srv/my-data", "srv-my\\x2ddata.mount"),
        ] {
            assert_eq!(name(word).unwrap().as_str(), wanted);
        }
        assert_eq!(name("a b").unwrap_err().code(), 2);
    }
}
