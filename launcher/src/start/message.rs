//! What a keeper is told and tells: one JSON object a line.

use serde::{Deserialize, Serialize};

use crate::error::{Class, Error};

/// What the keeper's control socket takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// End the guest. The connection stays open until it has ended.
    Stop {
        /// How long the guest has, in milliseconds; then it is killed.
        timeout_ms: u64,
        /// Services are not stopped in order.
        fast: bool,
    },
    /// Nothing but to be there when the guest has ended: the connection ends then.
    Wait,
    /// From the reply on, the connection is the console.
    Console {
        /// The size of the terminal.
        size: Option<Size>,
    },
    /// The terminal has another size now.
    Resize(Size),
}

/// The size of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// Lines.
    pub rows: u16,
    /// Columns.
    pub cols: u16,
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// It is being done.
    Done,
    /// It is not.
    Refused(String),
}

/// What a keeper tells the `fief start` that made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Progress {
    /// The guest's init runs.
    Born,
    /// It is ready.
    Ready,
    /// It ended, as told.
    Ended(String),
    /// A step failed, and nothing is left.
    Failed {
        /// The exit code of its class.
        code: u8,
        /// The step.
        step: String,
        /// The rest of the line.
        cause: String,
    },
}

impl Progress {
    /// A failure in words that can be sent.
    #[must_use]
    pub(crate) fn failed(error: &Error) -> Self {
        let line = error.line();
        let cause = line.strip_prefix(error.step()).and_then(|l| l.strip_prefix(": ")).unwrap_or(&line).to_owned();
        Self::Failed { code: error.class().exit_code(), step: error.step().to_owned(), cause }
    }

    /// The failure that was sent, as if it had happened here.
    #[must_use]
    pub(crate) fn into_error(code: u8, step: String, cause: String) -> Error {
        let class = Class::ALL.into_iter().find(|c| c.exit_code() == code).unwrap_or(Class::Internal);
        Error::new(class, step, cause)
    }

    /// As a line.
    #[must_use]
    pub(crate) fn line(&self) -> String {
        // Serializing these enums of strings and numbers cannot fail.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_failure_arrives_as_it_was_sent() {
        let sent = Error::new(Class::Unfit, "setting up the network", "no such bridge").advice("make it");
        let Ok(Progress::Failed { code, step, cause }) = serde_json::from_str(&Progress::failed(&sent).line()) else { unreachable!() };
        let got = Progress::into_error(code, step, cause);
        assert_eq!((got.class(), got.line()), (Class::Unfit, sent.line()));
    }
}
