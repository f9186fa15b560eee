//! What is wrong with a unit file, and where.

use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::fmt;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The unit works, but perhaps not as meant.
    Warning,
    /// The unit cannot be started.
    Error,
}

/// What is wrong with a unit file, where, and what to do.
///
/// [`fmt::Display`] draws it with the line and a caret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The file.
    pub path: String,
    /// Where in it; absent when it concerns the file as a whole.
    pub place: Option<Place>,
    /// What is wrong, without a full stop.
    pub message: String,
    /// What could be meant, or done.
    pub help: Option<String>,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// The line, cut to a readable length and freed from control characters.
    pub excerpt: String,
    /// Where the caret stands under the excerpt, in characters from 0.
    pub caret: usize,
    /// How many characters are underlined, at least 1.
    pub width: usize,
}

/// How many there are of each kind; in words "1 error, 2 warnings".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Of those that keep a unit from being started.
    pub errors: usize,
    /// Of the others.
    pub warnings: usize,
}

impl Count {
    /// Of these.
    #[must_use]
    pub fn of(found: &[Diagnostic]) -> Self {
        let errors = found.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
        Self { errors, warnings: found.len() - errors }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |count: usize| if count == 1 { "" } else { "s" };
        write!(f, "{} error{}, {} warning{}", self.errors, end(self.errors), self.warnings, end(self.warnings))
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Plain(&self.path))?;
        if let Some(place) = &self.place {
            write!(f, ":{}:{}", place.line, place.column)?;
        }
        write!(f, ": {}: {}", self.severity, Plain(&self.message))?;
        if let Some(place) = &self.place {
            let number = place.line.to_string();
            let margin = number.len();
            write!(f, "\n{:margin$} |\n{number} | {}\n", "", place.excerpt)?;
            write!(f, "{:margin$} | {:caret$}{:^<width$}", "", "", "^", caret = place.caret, width = place.width)?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  = help: {}", Plain(help))?;
        }
        Ok(())
    }
}

/// For programs: `severity`, `path`, `line` and `column` or null, `message`, `help` or null.
impl Serialize for Diagnostic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Diagnostic", 6)?;
        fields.serialize_field("severity", &self.severity.to_string())?;
        fields.serialize_field("path", &self.path)?;
        fields.serialize_field("line", &self.place.as_ref().map(|place| place.line))?;
        fields.serialize_field("column", &self.place.as_ref().map(|place| place.column))?;
        fields.serialize_field("message", &self.message)?;
        fields.serialize_field("help", &self.help)?;
        fields.end()
    }
}

/// Words of somebody's file or of its name, fit for a terminal: nothing in them moves the cursor or changes colours.
struct Plain<'a>(&'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = self.0.split(|c: char| c.is_control() && c != '\n');
        f.write_str(parts.next().unwrap_or_default())?;
        parts.try_for_each(|part| write!(f, "\u{fffd}{part}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        let count = |errors, warnings| Count { errors, warnings }.to_string();
        assert_eq!((count(1, 0).as_str(), count(2, 1).as_str()), ("1 error, 0 warnings", "2 errors, 1 warning"));
    }

    #[test]
    fn what_is_told_moves_no_cursor() {
        let message = "section [\u{1b}[2J] means nothing here".to_owned();
        let told = Diagnostic { severity: Severity::Warning, path: "/u/a\u{7}.service".to_owned(), place: None, message, help: None };
        assert_eq!(told.to_string(), "/u/a\u{fffd}.service: warning: section [\u{fffd}[2J] means nothing here");
    }
}
