//! Which units are meant: unit_name_mangle and the patterns of systemctl(1).

use units::UnitName;
use units::control::{ActiveState, Detail, LoadState, UnitRow};

use crate::fiefctl::session::{Failed, Session};
use crate::fiefctl::{due, names};
use crate::glob::is_pattern;
use crate::say;

/// What may stand in a unit's name; systemd.unit(5).
fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte)
}

/// One name, whatever is written: what cannot stand in one is escaped, and that is told.
pub(crate) fn one(word: &str) -> Result<UnitName, Failed> {
    match names::name(word) {
        Err(Failed::Name(..)) => {}
        other => return other,
    }
    let escaped = word.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'/' => out.push('-'),
            byte if is_of_a_name(byte) => out.push(char::from(byte)),
            byte => out.push_str(&format!("\\x{byte:02x}")),
        }
        out
    });
    let name = UnitName::new(&escaped).map_err(|_| Failed::Told(format!("Failed to mangle unit name: Invalid argument: {word}")))?;
    say::error(format_args!("Invalid unit name \"{word}\" escaped as \"{escaped}\" (maybe you should use systemd-escape?)."));
    Ok(name)
}

/// Those that systemd would have in memory: a pattern means no others.
pub(crate) fn is_in_memory(row: &UnitRow) -> bool {
    row.active != ActiveState::Inactive || row.job.is_some()
}

/// The names meant; a pattern those that are in memory, or with `all` every one that fits. It may fit none.
pub(super) fn expand(session: &mut Session, words: &[String], all: bool) -> Result<Vec<UnitName>, Failed> {
    let mut known = None;
    let mut found: Vec<UnitName> = Vec::new();
    for word in words {
        if !is_pattern(word) {
            found.push(one(word)?);
            continue;
        }
        let rows = match &known {
            Some(rows) => rows,
            None => known.insert(session.rows(&[], &[])?),
        };
        let fits = |row: &&UnitRow| (all || is_in_memory(row)) && fits(word, row);
        found.extend(rows.iter().filter(fits).map(|row| row.name.clone()));
    }
    let mut seen = units::Set::new();
    found.retain(|name| seen.insert(name.clone()));
    Ok(found)
}

/// The rows of these units. systemd reads the files of a unit when it first hears of it: one whose files have come since init read
/// them all is not left unknown, and an instance that nobody has named is as its template.
pub(crate) fn rows(session: &mut Session, named: &[UnitName], with: &[Detail]) -> Result<Vec<UnitRow>, Failed> {
    let mut rows = session.rows(named, with)?;
    let unknown = |rows: &[UnitRow]| -> Vec<UnitName> {
        rows.iter().filter(|row| row.load == LoadState::NotFound).map(|row| row.name.clone()).collect()
    };
    let missing = unknown(&rows);
    if missing.is_empty() {
        return Ok(rows);
    }
    // Who may not have them read sees what there is.
    if due::is_any_on_disk(&missing) && session.reread().is_ok() {
        rows = session.rows(named, with)?;
    }
    let is_unnamed = |row: &&mut UnitRow| row.load == LoadState::NotFound && row.name.template().is_some() && !is_in_memory(row);
    let mut unnamed = rows.iter_mut().filter(is_unnamed).peekable();
    if unnamed.peek().is_some() {
        due::as_on_disk(unnamed);
    }
    Ok(rows)
}

/// A word that is neither a pattern nor has a suffix has this one.
pub(crate) fn whole(word: &str, suffix: &str) -> String {
    if is_pattern(word) || word.contains('.') { word.to_owned() } else { format!("{word}.{suffix}") }
}

/// Whether a pattern fits one of the names of a unit, whole; `ssh` alone is a name and fits as one.
pub(crate) fn fits(pattern: &str, row: &UnitRow) -> bool {
    let pattern = whole(pattern, "service");
    std::iter::once(&row.name).chain(&row.aliases).any(|name| units::glob::matches(&pattern, name.as_str()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_cannot_stand_in_a_name_is_escaped() {
        for (word, wanted) in [("ssh", "ssh.service"), ("a b", "a\\x20b.service"), ("a/b.socket", "a-b.socket"), ("/srv", "srv.mount")] {
            assert_eq!(one(word).unwrap().as_str(), wanted);
        }
    }
}
