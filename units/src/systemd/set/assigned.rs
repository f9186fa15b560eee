use crate::UnitName;
use crate::file::Source;
use crate::systemd::Scope;
use crate::systemd::words::{self, Escapes};
use crate::value::{Bytes, Limit, ValueError, read_span};
use std::ops::Range;
use std::time::Duration;

/// What stands behind the `=`, and where.
pub(crate) struct Assigned<'a> {
    pub(crate) value: &'a str,
    pub(crate) scope: Scope<'a>,
    pub(crate) source: &'a Source<'a>,
    /// Which directive it is.
    pub(crate) directive: Option<&'static str>,
    pub(crate) span: Range<usize>,
}

/// Why an assignment was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is told and passed over, as systemd does.
    Passed(String),
    /// Something else would run than was written: the unit cannot be started.
    Refused(String),
}

impl From<String> for Fault {
    fn from(message: String) -> Self {
        Self::Passed(message)
    }
}

impl From<&str> for Fault {
    fn from(message: &str) -> Self {
        Self::Passed(message.to_owned())
    }
}

impl From<ValueError> for Fault {
    fn from(error: ValueError) -> Self {
        Self::Passed(error.0)
    }
}

/// Any of systemd's words for true and false; systemd.syntax(7).
#[must_use]
pub fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "yes" | "y" | "true" | "t" | "on" => Some(true),
        "0" | "no" | "n" | "false" | "f" | "off" => Some(false),
        _ => None,
    }
}

impl Assigned<'_> {
    pub(crate) fn warn(&self, message: String) {
        self.source.warning(self.span.clone(), message, None);
    }

    pub(crate) fn bool(&self) -> Result<bool, Fault> {
        boolean(self.value).ok_or_else(|| format!("{:?} is neither true nor false", self.value).into())
    }

    /// The whole value, specifiers replaced.
    pub(crate) fn text(&self) -> Result<String, Fault> {
        Ok(self.scope.expand(self.value)?)
    }

    /// The words, specifiers replaced. What cannot be read is told and passed over: a word with an unknown specifier, and from a
    /// broken quote or escape on the rest.
    pub(crate) fn words(&self, escapes: Escapes) -> Vec<String> {
        let (words, slip) = words::split_as(self.value, escapes);
        let expanded = words.iter().filter_map(|word| match self.scope.expand(word) {
            Ok(word) => Some(word),
            Err(message) => {
                self.warn(format!("{word:?} is passed over: {message}"));
                None
            }
        });
        let expanded = expanded.collect();
        if let Some(slip) = slip {
            self.warn(format!("what follows is passed over: {slip}"));
        }
        expanded
    }

    /// The words in one line again, quoted where they must be: what a specifier stands for is not split or unescaped later.
    pub(crate) fn requoted(&self) -> String {
        let (words, _) = words::split_as(self.value, Escapes::Strict);
        let expanded = words.iter().filter_map(|word| self.scope.expand(word).ok());
        expanded.map(|word| words::quote(&word)).collect::<Vec<_>>().join(" ")
    }

    /// Adds the words that `fits` says yes to, or clears the list; what each has to be, for who is told that it is not.
    pub(crate) fn list(&self, list: &mut Vec<String>, escapes: Escapes, fits: fn(&str) -> bool, what: &str) {
        if self.value.is_empty() {
            list.clear();
        }
        for word in self.words(escapes) {
            if fits(&word) || self.scope.is_verbatim() {
                list.push(word);
            } else {
                self.warn(format!("{word:?} is no {what}"));
            }
        }
    }

    /// Whether it stands in a file of ours, where a name may go without its suffix and a size has more spellings.
    pub(crate) fn is_ours(&self) -> bool {
        self.source.path().ends_with(".toml")
    }

    pub(crate) fn size(&self, text: &str) -> Result<Bytes, Fault> {
        Ok(if self.is_ours() { Bytes::read(text)? } else { Bytes::read_as_systemd(text)? })
    }

    pub(crate) fn name(&self, word: &str) -> Result<UnitName, Fault> {
        let text = self.scope.expand(word)?;
        if self.scope.is_verbatim()
            && let Some(name) = UnitName::unexpanded(&text)
        {
            return Ok(name);
        }
        if !UnitName::has_suffix(&text) && !self.is_ours() {
            return Err(format!("{text:?} does not end in a kind of unit, such as \".service\"").into());
        }
        UnitName::new(&text).map_err(|error| format!("{text:?}: {error}").into())
    }

    /// Names of units; what is none is told and left out.
    pub(crate) fn names(&self) -> Vec<UnitName> {
        let mut names = Vec::new();
        for word in self.value.split_whitespace() {
            match self.name(word) {
                Ok(name) => names.push(name),
                Err(Fault::Passed(message) | Fault::Refused(message)) => self.warn(message),
            }
        }
        names
    }

    pub(crate) fn span(&self) -> Result<Limit<Duration>, Fault> {
        Ok(read_span(self.value)?)
    }

    /// A span in which 0 means no limit, as of old.
    pub(crate) fn span_or_none(&self) -> Result<Limit<Duration>, Fault> {
        Ok(match read_span(self.value)? {
            Limit::At(Duration::ZERO) => Limit::Max,
            span => span,
        })
    }

    pub(crate) fn finite(&self) -> Result<Duration, Fault> {
        match self.span()? {
            Limit::At(span) => Ok(span),
            Limit::Max => Err("it must have an end".into()),
        }
    }

    pub(crate) fn number<T: TryFrom<i64>>(&self, least: i64, most: i64) -> Result<T, Fault> {
        let number = self.value.parse::<i64>().ok().filter(|n| (least..=most).contains(n));
        number.and_then(|n| T::try_from(n).ok()).ok_or_else(|| format!("{:?} is no number from {least} to {most}", self.value).into())
    }

    /// What `read` makes of it, or nothing of an empty assignment.
    pub(crate) fn or_reset<T>(&self, read: impl FnOnce(&Self) -> Result<T, Fault>) -> Result<Option<T>, Fault> {
        if self.value.is_empty() { Ok(None) } else { read(self).map(Some) }
    }

    /// One of a few words.
    pub(crate) fn word<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, Fault> {
        match words.iter().find(|(word, _)| *word == self.value) {
            Some((_, value)) => Ok(*value),
            None => {
                let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                Err(format!("{:?} is none of {}", self.value, all.join(", ")).into())
            }
        }
    }
}
