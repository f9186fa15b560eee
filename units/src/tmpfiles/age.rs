use std::time::Duration;

use crate::value::{Limit, read_span};

/// Times of a file that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamps {
    /// Read last.
    pub access: bool,
    /// Made.
    pub birth: bool,
    /// Changed last, itself or what it holds.
    pub change: bool,
    /// Written last.
    pub modification: bool,
}

/// The field "Age".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age {
    /// Older goes; with zero all goes.
    pub span: Duration,
    /// What is directly in it stays: `~`.
    pub keeps_first_level: bool,
    /// Of files.
    pub of_files: Stamps,
    /// Of directories.
    pub of_directories: Stamps,
}

impl Age {
    /// `[~][WHICH:]SPAN`
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let invalid = || format!("Invalid age '{text}'.");
        let bare = text.strip_prefix('~');
        let rest = bare.unwrap_or(text);
        let (which, span) = rest.split_once(':').map_or((None, rest), |(which, span)| (Some(which), span));
        let which = which.unwrap_or("abcmABM");
        if which.is_empty() || which.chars().any(|letter| !"abcmABCM".contains(letter)) {
            return Err(invalid());
        }
        // Of which nothing is said, the usual times count.
        let of = |usual: &'static str, chosen: fn(char) -> bool| {
            let letters: String = which.chars().filter(|letter| chosen(*letter)).map(|letter| letter.to_ascii_lowercase()).collect();
            let letters = if letters.is_empty() { usual } else { &letters };
            Stamps {
                access: letters.contains('a'),
                birth: letters.contains('b'),
                change: letters.contains('c'),
                modification: letters.contains('m'),
            }
        };
        let span = match read_span(span).map_err(|_| invalid())? {
            Limit::At(span) => span,
            Limit::Max => Duration::MAX,
        };
        Ok(Self {
            span,
            keeps_first_level: bare.is_some(),
            of_files: of("abcm", |letter| letter.is_ascii_lowercase()),
            of_directories: of("abm", |letter| letter.is_ascii_uppercase()),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_are_chosen_by_letters() {
        let usual = Age::read("1w").unwrap();
        assert_eq!((usual.of_files.change, usual.of_directories.change, usual.of_directories.birth), (true, false, true));
        let some = Age::read("bmA:1h").unwrap();
        assert_eq!(some.of_files, Stamps { access: false, birth: true, change: false, modification: true });
        assert_eq!(some.of_directories, Stamps { access: true, birth: false, change: false, modification: false });
        assert_eq!(Age::read("am:1h").unwrap().of_directories, usual.of_directories);
        for text in ["", "5x", "q:5s", ":5s", "~"] {
            assert!(Age::read(text).is_err(), "{text}");
        }
    }
}
