//! Words to a person on descriptors 1 and 2, without the print macros: those panic when the
//! other end is gone, and nothing here may.

use std::fmt::Arguments;
use std::io::Write;

use nix::errno::Errno;

/// One line to standard output; a closed pipe or terminal is nobody's problem.
pub(crate) fn line(text: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Text as it is to standard output.
pub(crate) fn raw(text: &[u8]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text).and_then(|()| out.flush())
}

/// One line to standard error.
pub(crate) fn error(text: Arguments<'_>) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// An error of the system in its own words, without the number that std puts behind them. strerror(3)
pub(crate) fn reason(error: &std::io::Error) -> String {
    error.raw_os_error().map_or_else(|| error.to_string(), |number| Errno::from_raw(number).desc().to_owned())
}

/// An error and its sources on one line: "what: why: why".
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
