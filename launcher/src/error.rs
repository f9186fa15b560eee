//! What went wrong, and the exit code it has.
//!
//! One failure is one line: `fief: STEP: CAUSE: SOURCE (what to do)`. The step says what we were doing, the cause
//! what stood in the way, the source what the kernel or a library said, the advice what the reader can do about it.
//! This is the only module that knows exit codes; `fief --help` documents them (test `help_lists_every_class`).

use std::borrow::Cow;
use std::fmt;
use std::io::Write as _;
use std::process::ExitCode;

/// The classes of failure. Each has an exit code of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Something we did not expect: an I/O error on our own files, a bug.
    Internal,
    /// The command line cannot be understood (clap's own code).
    Usage,
    /// A value or a config file makes no sense.
    Value,
    /// There is no such container or template.
    Missing,
    /// The name is taken.
    Exists,
    /// The container is in the wrong state: running, not running, in use.
    State,
    /// A step of starting failed.
    Start,
    /// Id ranges or addresses are used up.
    Exhausted,
    /// It took too long.
    TimedOut,
    /// This host or this user cannot do it: a permission, a kernel feature or a program is missing.
    Unfit,
    /// A template could not be built or imported.
    Template,
    /// Unit files of a guest are wrong.
    Units,
}

impl Class {
    /// Every class, in the order of its code.
    pub const ALL: [Self; 12] = [
        Self::Internal,
        Self::Usage,
        Self::Value,
        Self::Missing,
        Self::Exists,
        Self::State,
        Self::Start,
        Self::Exhausted,
        Self::TimedOut,
        Self::Unfit,
        Self::Template,
        Self::Units,
    ];

    /// The exit code of `fief`.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Value => 3,
            Self::Missing => 4,
            Self::Exists => 5,
            Self::State => 6,
            Self::Start => 7,
            Self::Exhausted => 8,
            Self::TimedOut => 9,
            Self::Unfit => 10,
            Self::Template => 11,
            Self::Units => 12,
        }
    }
}

/// What lies behind an [`Error`].
type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

/// A failure, ready to be told. `Display` gives step and cause; the source is told by [`explain`], once.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {cause}")]
pub struct Error {
    class: Class,
    step: Cow<'static, str>,
    cause: String,
    source: Option<Source>,
    advice: Option<Cow<'static, str>>,
}

impl Error {
    /// A failure of `class` while doing `step` ("reading fief.toml"), because of `cause`.
    #[must_use]
    pub fn new(class: Class, step: impl Into<Cow<'static, str>>, cause: impl Into<String>) -> Self {
        Self { class, step: step.into(), cause: cause.into(), source: None, advice: None }
    }

    /// What the kernel or a library said.
    #[must_use]
    pub fn source(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What the reader can do about it.
    #[must_use]
    pub fn advice(mut self, advice: impl Into<Cow<'static, str>>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// The class of the failure.
    #[must_use]
    pub const fn class(&self) -> Class {
        self.class
    }

    /// What we were doing.
    #[must_use]
    pub fn step(&self) -> &str {
        &self.step
    }

    /// Did the kernel refuse it for want of a right?
    fn was_denied(&self) -> bool {
        let mut next: Option<&(dyn std::error::Error + 'static)> = self.source.as_deref().map(|source| source as _);
        while let Some(error) = next {
            if error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied) {
                return true;
            }
            next = error.source();
        }
        false
    }

    /// The whole failure on one line, without the leading program name.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = Flat(self).to_string();
        let root = || (self.was_denied() && !nix::unistd::geteuid().is_root()).then_some("run as root");
        if let Some(advice) = self.advice.as_deref().or_else(root) {
            line.push_str(" (");
            line.push_str(advice);
            line.push(')');
        }
        // A config diagnostic brings its own lines (file, caret); everything else is one line, whatever a guest,
        // a mirror or a library put into it.
        clean(&without_numbers(line))
    }
}

/// An error and its sources, joined by colons.
struct Flat<'a>(&'a (dyn std::error::Error + 'static));

impl fmt::Display for Flat<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(error) = next {
            write!(f, ": {error}")?;
            next = error.source();
        }
        Ok(())
    }
}

/// Rust puts `(os error 2)` behind what strerror(3) says; the words are enough.
fn without_numbers(mut line: String) -> String {
    const MARK: &str = " (os error ";
    while let Some(at) = line.find(MARK) {
        let number = line.get(at + MARK.len()..).and_then(|rest| rest.split_once(')')).map(|(number, _)| number.len());
        match number {
            Some(length) => line.replace_range(at..at + MARK.len() + length + 1, ""),
            None => break,
        }
    }
    line
}

/// Control characters other than the newline would let a file name or a guest write on the terminal.
fn clean(text: &str) -> String {
    text.trim_end().chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// Gives any result a class, a step and a cause.
pub trait OrFail<T> {
    /// Turns the error into the source of an [`Error`].
    ///
    /// # Errors
    /// When `self` is one.
    fn or_fail(self, class: Class, step: &'static str, cause: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T, E: Into<Source>> OrFail<T> for Result<T, E> {
    fn or_fail(self, class: Class, step: &'static str, cause: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source| Error::new(class, step, cause()).source(source))
    }
}

/// Tells the failure on stderr and gives its exit code.
#[must_use]
pub fn explain(error: &Error) -> ExitCode {
    let mut stderr = std::io::stderr().lock();
    // stderr may be gone; the exit code still tells.
    let _ = writeln!(stderr, "fief: {}", error.line());
    ExitCode::from(error.class.exit_code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_dense() {
        let codes: Vec<u8> = Class::ALL.iter().map(|c| c.exit_code()).collect();
        assert_eq!(codes, (1..=12).collect::<Vec<u8>>());
    }

    #[test]
    fn a_failure_is_one_line() {
        let error = Error::new(Class::Value, "reading limits", "memory is not a size")
            .source(std::io::Error::other("bad\u{1b}[31m digit"))
            .advice("write 512M");
        assert_eq!(error.line(), "reading limits: memory is not a size: bad\u{fffd}[31m digit (write 512M)");
        let error = Error::new(Class::Internal, "reading", "a").source(std::io::Error::from_raw_os_error(2)).advice("make it");
        assert_eq!(error.line(), "reading: a: No such file or directory (make it)");
        assert_eq!(without_numbers("x (os error ".into()), "x (os error ");
    }
}
