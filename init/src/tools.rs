//! Small programs that a distribution brings with systemd, for guests without it, each by its name.
//!
//! ```text
//!   name ─ called ─▶ one file here for each        getopt ─▶ what was typed
//! ```
//!
//! Their options, words and exit codes are those of systemd 252. None of them is PID 1: they may wait, and end by signals like any program.

mod conf;
mod escape;
mod sysusers;
mod tmpfiles;
mod tree;

use std::process::ExitCode;

use crate::getopt::{self, Line, Opt, Order, Unclear};
use crate::say;

pub(crate) use escape::run as escape;
pub(crate) use sysusers::run as sysusers;
pub(crate) use tmpfiles::boot as tmpfiles_at_boot;
pub(crate) use tmpfiles::run as tmpfiles;

/// What was typed. What somebody wants to know of the program itself is answered, and what is not understood refused: then that is all, with this
/// exit status.
fn line(name: &str, known: &'static [Opt], help: &str, words: &[String]) -> Result<Line, ExitCode> {
    let line = getopt::read(known, Order::Any, words).map_err(|why| refuse(name, &why))?;
    if line.has("help") {
        return Err(output(help));
    }
    if line.has("version") {
        return Err(version());
    }
    Ok(line)
}

/// A command line that is not understood: exit status 1, as all of systemd's have it.
fn refuse(name: &str, why: &Unclear) -> ExitCode {
    say::error(format_args!("{name}: {why}"));
    ExitCode::FAILURE
}

/// Text to standard output; who reads no further has read enough.
fn output(text: &str) -> ExitCode {
    match say::raw(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            say::error(format_args!("writing the output: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// `--version`: scripts look for the number, which is that of the systemd we answer as.
fn version() -> ExitCode {
    output(&format!("systemd 252 (fief-init {})\n", env!("CARGO_PKG_VERSION")))
}
