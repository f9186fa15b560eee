use crate::UnitName;
use crate::file::Source;
use crate::systemd::Scope;
use crate::systemd::words;
use crate::value::{Limit, ValueError, read_span};
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
pub(crate) fn boolean(text: &str) -> Option<bool> {
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

    pub(crate) fn words(&self) -> Result<Vec<String>, Fault> {
        let words = words::split(self.value).map_err(|error| error.to_string())?;
        words.iter().map(|word| Ok(self.scope.expand(word)?)).collect()
    }

    /// The words in one line again, quoted where they must be: what a specifier stands for is not split or unescaped later.
    pub(crate) fn requoted(&self) -> Result<String, Fault> {
        Ok(self.words()?.iter().map(|word| words::quote(word)).collect::<Vec<_>>().join(" "))
    }

    /// Adds the words, or clears the list.
    pub(crate) fn list(&self, list: &mut Vec<String>) -> Result<(), Fault> {
        if self.value.is_empty() {
            list.clear();
        }
        list.extend(self.words()?);
        Ok(())
    }

    pub(crate) fn name(&self, word: &str) -> Result<UnitName, Fault> {
        let text = self.scope.expand(word)?;
        if self.scope.is_verbatim()
            && let Some(name) = UnitName::unexpanded(&text)
        {
            return Ok(name);
        }
        // In systemd's files a name has its suffix; without one it is a slip.
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
