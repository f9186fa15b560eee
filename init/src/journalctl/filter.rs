//! Which entries are wanted.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use units::glob;

use super::Trouble;
use super::pattern::Pattern;
use super::shown::Shown;
use crate::log::record::is_name;
use crate::{file, say};

/// syslog(3), the most urgent first; the words that systemd knows.
pub(crate) const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "12", "13", "14", "15", "local0",
    "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

/// Everything that must be so.
#[derive(Debug, Default)]
pub(super) struct Filter {
    /// 32 digits.
    pub(super) boot: Option<String>,
    pub(super) kernel: bool,
    /// Names, or patterns of them.
    pub(super) units: Vec<String>,
    pub(super) user_units: Vec<String>,
    pub(super) identifiers: Vec<String>,
    /// From the most urgent to the least.
    pub(super) levels: Option<(u8, u8)>,
    pub(super) facilities: Vec<String>,
    pub(super) since: Option<u64>,
    pub(super) until: Option<u64>,
    pub(super) pattern: Option<Pattern>,
    /// Any of them; of one, every field, by any of its values.
    pub(super) matches: Vec<All>,
}

/// Fields with their values.
type All = Vec<(String, Vec<u8>)>;

impl Filter {
    pub(super) fn wants(&self, shown: Shown<'_>) -> bool {
        let realtime = shown.entry.stamp.realtime;
        self.since.is_none_or(|since| realtime >= since)
            && self.until.is_none_or(|until| realtime <= until)
            && self.boot.as_ref().is_none_or(|boot| *boot == shown.about.boot)
            && (!self.kernel || shown.has("_TRANSPORT", b"kernel"))
            && self.levels.is_none_or(|(from, to)| (from..=to).contains(&shown.level()))
            && (self.identifiers.is_empty() || self.identifiers.iter().any(|name| shown.has("SYSLOG_IDENTIFIER", name.as_bytes())))
            && (self.facilities.is_empty() || self.facilities.iter().any(|number| shown.has("SYSLOG_FACILITY", number.as_bytes())))
            && (self.units.is_empty() && self.user_units.is_empty() || self.is_of_units(shown))
            && (self.matches.is_empty() || self.matches.iter().any(|all| fits_all(all, shown)))
            && self.pattern.as_ref().is_none_or(|pattern| shown.text("MESSAGE").is_some_and(|text| pattern.is_in(text)))
    }

    /// What a unit says, what PID 1 says of it, and what root says of it.
    fn is_of_units(&self, shown: Shown<'_>) -> bool {
        let is_one = |name: &str| shown.text(name).is_some_and(|unit| self.units.iter().any(|wanted| glob::matches(wanted, unit)));
        let is_users = |name: &str| shown.text(name).is_some_and(|unit| self.user_units.iter().any(|wanted| glob::matches(wanted, unit)));
        is_users("_SYSTEMD_USER_UNIT")
            || is_users("USER_UNIT")
            || is_one("_SYSTEMD_UNIT")
            || (shown.has("_PID", b"1") && is_one("UNIT"))
            || (shown.has("_UID", b"0") && (is_one("OBJECT_SYSTEMD_UNIT") || is_one("COREDUMP_UNIT")))
    }
}

fn fits_all(all: &[(String, Vec<u8>)], shown: Shown<'_>) -> bool {
    all.iter().all(|(name, _)| all.iter().any(|(other, value)| other == name && shown.has(name, value)))
}

/// The words that are matches: `FIELD=value`, `+` between those that are to be or'd, a path for the program that speaks.
pub(super) fn matches(words: &[String]) -> Result<Vec<All>, Trouble> {
    let mut all = vec![Vec::new()];
    for word in words {
        let wrong = || Trouble::told(format!("Failed to add match '{word}': Invalid argument"));
        let Some(last) = all.last_mut() else { continue };
        if word == "+" {
            if last.is_empty() {
                return Err(Trouble::told("\"+\" can only be used between terms".to_owned()));
            }
            all.push(Vec::new());
        } else if word.contains('/') && !word.contains('=') {
            let path = std::fs::canonicalize(word)
                .map_err(|error| Trouble::told(format!("Couldn't canonicalize path: {}", say::reason(&error))))?;
            last.push(by_program(&path));
        } else {
            let (name, value) = word.split_once('=').filter(|(name, _)| is_name(name)).ok_or_else(wrong)?;
            last.push((name.to_owned(), value.as_bytes().to_vec()));
        }
    }
    if words.is_empty() {
        all.clear();
    } else if all.last().is_some_and(Vec::is_empty) {
        return Err(Trouble::told("\"+\" can only be used between terms".to_owned()));
    }
    Ok(all)
}

/// Who runs this program; of a script it is an interpreter that runs, under the script's name.
fn by_program(path: &Path) -> (String, Vec<u8>) {
    if !file::read_up_to(path, 2).is_ok_and(|begin| begin == b"#!") {
        return ("_EXE".to_owned(), path.as_os_str().as_bytes().to_vec());
    }
    // comm is cut to 15 bytes; proc_pid_comm(5).
    let name = path.file_name().unwrap_or_default().as_bytes();
    ("_COMM".to_owned(), name.get(..15).unwrap_or(name).to_vec())
}

/// `err`, `3`, `warning..err`
pub(super) fn levels(text: &str) -> Result<(u8, u8), Trouble> {
    let one = |text: &str| {
        let named = LEVELS.iter().position(|name| *name == text).and_then(|place| u8::try_from(place).ok());
        named.or_else(|| text.parse().ok().filter(|level| *level < 8))
    };
    match text.split_once("..") {
        Some((from, to)) => match (one(from), one(to)) {
            (Some(from), Some(to)) => Ok((from.min(to), from.max(to))),
            (_, _) => Err(Trouble::told(format!("Failed to parse log level range {text}"))),
        },
        None => one(text).map(|level| (0, level)).ok_or_else(|| Trouble::told(format!("Unknown log level {text}"))),
    }
}

/// `--facility=help`
pub(super) fn facility_names() -> String {
    FACILITIES.iter().fold("Available facilities:\n".to_owned(), |all, name| format!("{all}{name}\n"))
}

/// `auth,authpriv`, `10`
pub(super) fn facilities(text: &str) -> Result<Vec<String>, Trouble> {
    let one = |name: &str| {
        let number = FACILITIES.iter().position(|known| *known == name).or_else(|| name.parse().ok().filter(|number| *number < 24));
        number.map(|number| number.to_string()).ok_or_else(|| Trouble::told(format!("Bad --facility= argument \"{name}\".")))
    };
    text.split(',').map(one).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::log::record::{self, Draft, Stamp};
    use crate::log::segment::About;

    fn wants(filter: &Filter, fields: &[(&str, &str)]) -> bool {
        let mut draft = Draft::default();
        fields.iter().for_each(|(name, value)| draft.add(name, value));
        let mut bytes = Vec::new();
        record::write(&mut bytes, Stamp::default(), &draft);
        let about = About { boot: "a".repeat(32), machine: "b".repeat(32), host: "web1".to_owned(), begun: 0 };
        filter.wants(Shown { about: &about, entry: record::read(&bytes).unwrap().0 })
    }

    fn said(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn values_of_one_field_are_ored_fields_anded_and_a_plus_begins_anew() {
        let filter = Filter { matches: matches(&said("_UID=0 _UID=1 SHOP=a + _PID=7")).unwrap(), ..Filter::default() };
        for (fields, wanted) in [
            (&[("_UID", "1"), ("SHOP", "a")][..], true),
            (&[("_UID", "1"), ("SHOP", "b")], false),
            (&[("_UID", "2"), ("SHOP", "a")], false),
            (&[("_PID", "7")], true),
        ] {
            assert_eq!(wants(&filter, fields), wanted, "{fields:?}");
        }
        for text in ["+", "A=1 + + B=1", "A=1 +", "lower=x", "FOO", "/no/such"] {
            assert!(matches(&said(text)).is_err(), "{text}");
        }
        let of_host = Filter { matches: matches(&said("_HOSTNAME=web1")).unwrap(), ..Filter::default() };
        assert!(wants(&of_host, &[]));
    }

    #[test]
    fn a_program_is_found_by_its_path_and_a_script_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            let (field, value) = by_program(&path);
            (field, String::from_utf8(value).unwrap(), path.display().to_string())
        };
        let (field, value, path) = of("program", "\x7fELF");
        assert_eq!((field.as_str(), value), ("_EXE", path));
        let (field, value, _) = of("a-script-with-a-long-name", "#!/bin/sh\n");
        assert_eq!((field.as_str(), value.as_str()), ("_COMM", "a-script-with-a"));
    }

    #[test]
    fn a_unit_is_found_by_what_it_says_and_what_init_says_of_it() {
        let filter = Filter { units: vec!["web@*.service".to_owned()], ..Filter::default() };
        assert!(wants(&filter, &[("_SYSTEMD_UNIT", "web@1.service")]));
        assert!(wants(&filter, &[("UNIT", "web@1.service"), ("_PID", "1")]));
        assert!(wants(&filter, &[("OBJECT_SYSTEMD_UNIT", "web@1.service"), ("_UID", "0")]));
        assert!(!wants(&filter, &[("UNIT", "web@1.service"), ("_PID", "2")]));
        assert!(!wants(&filter, &[("_SYSTEMD_UNIT", "web.service")]));
        let of_user = Filter { user_units: vec!["web.service".to_owned()], ..Filter::default() };
        assert!(wants(&of_user, &[("_SYSTEMD_USER_UNIT", "web.service")]) && !wants(&of_user, &[("_SYSTEMD_UNIT", "web.service")]));
    }

    #[test]
    fn levels_are_names_numbers_and_ranges() {
        for (text, wanted) in [("err", (0, 3)), ("3", (0, 3)), ("warning..err", (3, 4)), ("0..7", (0, 7))] {
            assert_eq!(levels(text).unwrap(), wanted, "{text}");
        }
        assert_eq!(levels("x").unwrap_err().to_string(), "Unknown log level x");
        assert!(levels("a..b").is_err() && levels("8").is_err());
        assert_eq!(facilities("auth,10").unwrap(), ["4", "10"]);
    }
}
