//! What the processes of all units are told: where programs are, in which language people are spoken to, and what somebody has set for all;
//! systemctl(1), `set-environment`.
//!
//! The language is the guest's own: what its files say (locale.conf(5)), read when the units are read and by each new life of the program, as
//! systemd does. Where they say nothing it is what PID 1 was begun with.
//!
//! Invariant: it is bounded, whoever sets however much; and what PID 1 was begun with cannot be taken away, only said otherwise for a while.

use serde::{Deserialize, Serialize};
use units::Map;
use units::control::{EnvironmentRequest, Refusal, Reply};

use crate::{language, program};

/// Of names and values together, bytes. A process is given no more than a few times that; execve(2).
const MOST: usize = 128 * 1024;

/// The variables.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    own: Map<String, String>,
    set: Map<String, String>,
    has_changed: bool,
}

/// What of it outlives the program.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Note(Map<String, String>);

impl Surroundings {
    /// As they are when nobody has set any.
    pub(super) fn new() -> Self {
        Self { own: own(Map::new()), ..Self::default() }
    }

    /// In the language that the guest's files say by now.
    pub(crate) fn read_language(&mut self) {
        self.own = own(language::said());
    }

    /// The same as an earlier life of the program had them.
    pub(super) fn restored(note: Note) -> Self {
        Self { set: note.0, ..Self::new() }
    }

    pub(super) fn note(&self) -> Note {
        Note(self.set.clone())
    }

    /// Whether somebody has changed them since this was asked last.
    pub(super) fn take_change(&mut self) -> bool {
        std::mem::take(&mut self.has_changed)
    }

    /// Names with values; what was set is said instead of our own.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = self.own.iter().filter(|(name, _)| !self.set.contains_key(*name));
        own.chain(&self.set).map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Changes all that is asked for, or nothing.
    pub(crate) fn change(&mut self, change: &EnvironmentRequest) -> Reply {
        let refused = |reason: &str| Reply::Refused { reason: reason.to_owned(), kind: Refusal::Impossible };
        let mut set = self.set.clone();
        for word in &change.unset {
            match word.split_once('=') {
                Some((name, value)) if set.get(name).is_some_and(|has| has == value) => drop(set.remove(name)),
                Some((name, _)) if is_name(name) => {}
                None if is_name(word) => drop(set.remove(word)),
                Some(_) | None => return refused("Invalid environment variable names or assignments"),
            }
        }
        for word in &change.set {
            match word.split_once('=') {
                Some((name, value)) if is_name(name) && is_value(value) => drop(set.insert(name.to_owned(), value.to_owned())),
                Some(_) | None => return refused("Invalid environment assignments"),
            }
        }
        if set.iter().map(|(name, value)| name.len() + value.len() + 2).sum::<usize>() > MOST {
            return refused("Too many variables, or too long");
        }
        self.has_changed |= set != self.set;
        self.set = set;
        let mut variables: Vec<String> = self.all().map(|(name, value)| format!("{name}={value}")).collect();
        units::order::by(&mut variables, Ord::cmp);
        Reply::Environment { variables }
    }
}

fn own(mut language: Map<String, String>) -> Map<String, String> {
    if language.is_empty() {
        language.insert("LANG".to_owned(), std::env::var("LANG").unwrap_or_else(|_| "C.UTF-8".to_owned()));
    }
    language.insert("PATH".to_owned(), program::PATH.to_owned());
    language
}

/// Letters, digits and underscores, no digit first; environ(7).
fn is_name(name: &str) -> bool {
    let is_of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && name.bytes().all(is_of_a_name) && !name.starts_with(|first: char| first.is_ascii_digit())
}

/// Text without what drives a terminal; systemd's `env_value_is_valid`.
fn is_value(value: &str) -> bool {
    !value.contains(|letter: char| letter.is_ascii_control() && !matches!(letter, '\n' | '\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(of: &mut Surroundings, unset: &[&str], set: &[&str]) -> Vec<String> {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        match of.change(&EnvironmentRequest { unset: owned(unset), set: owned(set) }) {
            Reply::Environment { variables } => variables.into_iter().filter(|word| !word.starts_with("LANG=")).collect(),
            other => vec![format!("{other:?}")],
        }
    }

    #[test]
    fn what_is_set_is_kept_and_what_is_our_own_comes_back() {
        let mut of = Surroundings::new();
        let path = format!("PATH={}", program::PATH);
        assert_eq!(change(&mut of, &[], &["B=2", "A=1 a", "PATH=/bin"]), ["A=1 a", "B=2", "PATH=/bin"]);
        assert!(of.take_change() && !of.take_change());
        let mut of = Surroundings::restored(of.note());
        assert_eq!(change(&mut of, &["A", "B=3", "PATH", "NEVER"], &[]), ["B=2", path.as_str()]);
        assert_eq!(change(&mut of, &["B=2"], &[]), [path.as_str()]);
    }

    #[test]
    fn what_is_no_assignment_and_what_is_too_much_changes_nothing() {
        let mut of = Surroundings::new();
        let before = change(&mut of, &[], &["A=1"]);
        let large = format!("B={}", "x".repeat(MOST));
        for (unset, set) in
            [(&[][..], &["A=2", "1X=2"][..]), (&["A", "x y"], &[]), (&[], &["A"]), (&[], &["=x"]), (&[], &["A=\u{1}"]), (&[], &[&large])]
        {
            assert!(change(&mut of, unset, set).concat().contains("Refused"), "{unset:?} {set:?}");
            assert_eq!(change(&mut of, &[], &[]), before);
        }
    }
}
