//! Which units are meant: names with and without suffix, aliases, paths, and patterns.

use units::control::{Detail, UnitRow};
use units::glob::matches;
use units::systemd::escape;
use units::{UnitKind, UnitName};

use super::session::{Failed, Session};

/// The rows of the units meant by `words`, all when there are none; each once, in the order of the
/// words. A unit that is not there has a row all the same.
pub(crate) fn rows(session: &mut Session, words: &[String], with: &[Detail]) -> Result<Vec<UnitRow>, Failed> {
    if words.is_empty() {
        return session.rows(&[], with);
    }
    let units = resolve(session, words)?;
    session.rows(&units, with)
}

/// The names meant by `words`. A pattern that fits no unit is an error.
pub(crate) fn resolve(session: &mut Session, words: &[String]) -> Result<Vec<UnitName>, Failed> {
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
pub(crate) fn name(word: &str) -> Result<UnitName, Failed> {
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
    std::iter::once(&row.name).chain(&row.aliases).any(|name| fits(pattern, name))
}

/// Whether a shell pattern fits a name, with its suffix or as it is told. A backslash is one of the name's: `srv-my\x2d*`.
pub(crate) fn fits(pattern: &str, name: &UnitName) -> bool {
    matches(pattern, name.as_str()) || matches(pattern, &name.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

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
