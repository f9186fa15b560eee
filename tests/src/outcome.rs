//! How a command ended, with assertions that show everything it said.

use std::fmt;
use std::process::Output;

use serde_json::Value;

/// A finished command.
#[derive(Debug)]
pub struct Outcome {
    /// As it would be typed.
    pub line: String,
    /// Its exit code; 128 + n when signal n ended it.
    pub code: i32,
    /// What it wrote on standard output.
    pub stdout: String,
    /// What it wrote on standard error.
    pub stderr: String,
}

impl Outcome {
    pub(crate) fn new(line: String, output: &Output) -> Self {
        use std::os::unix::process::ExitStatusExt;
        let status = output.status;
        Self {
            line,
            code: status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Standard output of a command that succeeded.
    ///
    /// # Panics
    /// When it did not.
    #[must_use]
    pub fn said(self) -> String {
        assert_eq!(self.code, 0, "{self}");
        self.stdout
    }

    /// The same, for who only wants it to succeed.
    ///
    /// # Panics
    /// When it did not.
    pub fn ok(self) {
        drop(self.said());
    }

    /// Asserts that a command run inside took the guest down: it succeeded, or was itself ended with the guest (SIGTERM, then SIGKILL), which
    /// may come before it has returned.
    ///
    /// # Panics
    /// When it ended otherwise.
    pub fn left(self) {
        assert!(matches!(self.code, 0 | 137 | 143), "{self}");
    }

    /// Asserts a refusal: this exit code and one line `fief: …` that holds all of `words`.
    ///
    /// # Panics
    /// When it ended otherwise or said something else.
    pub fn refused(self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{self}");
        let lines: Vec<&str> = self.stderr.lines().filter(|line| !line.trim().is_empty()).collect();
        assert_eq!(lines.len(), 1, "one line is wanted: {self}");
        assert!(lines[0].starts_with("fief: "), "{self}");
        for word in words {
            assert!(lines[0].contains(word), "no {word:?}: {self}");
        }
    }

    /// Standard output as JSON.
    ///
    /// # Panics
    /// When the command failed or its output is no JSON.
    #[must_use]
    pub fn json(self) -> Value {
        assert_eq!(self.code, 0, "{self}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ended with {}\n-- stdout\n{}\n-- stderr\n{}", self.line, self.code, self.stdout, self.stderr)
    }
}
