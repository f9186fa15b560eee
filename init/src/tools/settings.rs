//! What `hostnamectl`, `timedatectl`, `localectl` and `loginctl` have in common. systemd asks a daemon for each; here the files themselves are read and
//! written, by whoever may.

use std::path::Path;
use std::process::ExitCode;

use units::Map;
use units::unit::read_environment;

use super::fail;
use crate::file;
use crate::getopt::Line;
use crate::setup::{Trouble, replace};

/// A verb with how many operands it takes, least and most.
pub(super) type Verb = (&'static str, usize, usize);

/// The verb that was typed, the first where there is none, and what follows it.
pub(super) fn verb<'a>(known: &'static [Verb], line: &'a Line) -> Result<(&'static str, &'a [String]), ExitCode> {
    let (word, rest) = match line.operands.split_first() {
        Some((word, rest)) => (word.as_str(), rest),
        None => (known.first().map_or("", |(first, _, _)| first), [].as_slice()),
    };
    let Some((name, least, most)) = known.iter().find(|(name, _, _)| *name == word) else {
        return Err(fail(format_args!("Unknown command verb {word}.")));
    };
    if rest.len() < *least {
        return Err(fail(format_args!("Too few arguments.")));
    }
    if rest.len() > *most {
        return Err(fail(format_args!("Too many arguments.")));
    }
    Ok((name, rest))
}

/// Lines of a name and what it is, the names to the right.
pub(super) fn sheet(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    rows.iter().map(|(name, value)| format!("{name:>width$}: {value}\n")).collect()
}

/// The variables of a file, empty where there is none.
pub(super) fn variables(path: &str) -> Map<String, String> {
    let text = file::read_text(path, file::USUAL).unwrap_or_default();
    read_environment(&text).into_iter().collect()
}

/// Puts these variables in, and takes the empty ones out; a file without any goes.
pub(super) fn write_variables(path: &str, changes: &[(&str, &str)]) -> Result<(), Trouble> {
    let mut all = variables(path);
    for (name, value) in changes {
        if value.is_empty() {
            all.remove(*name);
        } else {
            all.insert((*name).to_owned(), (*value).to_owned());
        }
    }
    let path = Path::new(path);
    if all.is_empty() {
        return match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Trouble::file("remove", path, error)),
            Ok(()) | Err(_) => Ok(()),
        };
    }
    let text: String = all.iter().map(|(name, value)| format!("{name}={}\n", quoted(value))).collect();
    replace(path, 0o644, text.as_bytes())
}

/// As a shell reads it too.
fn quoted(value: &str) -> String {
    let is_plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:@+,".contains(c));
    if is_plain {
        return value.to_owned();
    }
    let escaped: String =
        value.chars().filter(|c| !c.is_control()).flat_map(|c| "\\\"$`".contains(c).then_some('\\').into_iter().chain([c])).collect();
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn variables_are_read_as_they_were_written_and_the_last_takes_the_file_along() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("machine-info");
        let path = path.to_str().unwrap();
        let odd = "Lennart's \"$HOME\" \\ `x`";
        write_variables(path, &[("PRETTY_HOSTNAME", odd), ("CHASSIS", "vm")]).unwrap();
        assert_eq!(variables(path).get("PRETTY_HOSTNAME").map(String::as_str), Some(odd));
        write_variables(path, &[("PRETTY_HOSTNAME", "")]).unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), "CHASSIS=vm\n");
        write_variables(path, &[("CHASSIS", "")]).unwrap();
        assert!(!Path::new(path).exists());
        write_variables(path, &[("CHASSIS", "")]).unwrap();
    }
}
