//! Small programs that a distribution brings with systemd, for guests without it, each by its name.
//!
//! ```text
//!   name ─ called ─▶ one file here for each        getopt ─▶ what was typed
//! ```
//!
//! Their options, words and exit codes are those of systemd 252. None of them is PID 1: they may wait, and end by signals like any program.

mod analyze;
mod cat;
mod conf;
mod escape;
mod hostnamectl;
mod id128;
mod localectl;
mod loginctl;
mod machine_id;
mod notify;
mod password;
mod path;
pub(crate) mod run;
mod settings;
mod sysusers;
mod timedatectl;
mod tmpfiles;
mod tree;
mod virt;

use std::process::ExitCode;

use crate::getopt::{self, Line, Opt, Order, Unclear};
use crate::say;

pub(crate) use analyze::run as analyze;
pub(crate) use cat::run as cat;
pub(crate) use conf::{Conf, all as settings};
pub(crate) use escape::run as escape;
pub(crate) use hostnamectl::run as hostnamectl;
pub(crate) use id128::run as id128;
pub(crate) use localectl::run as localectl;
pub(crate) use loginctl::run as loginctl;
pub(crate) use machine_id::run as machine_id;
pub(crate) use notify::run as notify;
pub(crate) use password::run as ask_password;
pub(crate) use path::run as path;
pub(crate) use run::run;
pub(crate) use sysusers::run as sysusers;
pub(crate) use timedatectl::run as timedatectl;
pub(crate) use tmpfiles::DATA_ERROR as NOT_ALL_UNDERSTOOD;
pub(crate) use tmpfiles::boot as tmpfiles_at_boot;
pub(crate) use tmpfiles::clean_up as tmpfiles_that_are_old;
pub(crate) use tmpfiles::run as tmpfiles;
pub(crate) use virt::run as detect_virt;

/// What was typed. What somebody wants to know of the program itself is answered, and what is not understood refused: then that is all, with this
/// exit status.
fn line(name: &str, known: &'static [Opt], help: &str, words: &[String]) -> Result<Line, ExitCode> {
    answered(getopt::read(known, Order::Any, words), name, help)
}

/// The same for a line that was read in some other way.
fn answered(read: Result<Line, Unclear>, name: &str, help: &str) -> Result<Line, ExitCode> {
    let line = read.map_err(|why| refuse(name, &why))?;
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
    match why {
        // It is getopt that puts the program's name before what it says.
        Unclear::Wrong(text) => fail(format_args!("{text}")),
        _ => fail(format_args!("{name}: {why}")),
    }
}

/// What went wrong, in systemd's words, which do not begin with the program's name.
fn fail(text: std::fmt::Arguments<'_>) -> ExitCode {
    say::error(text);
    ExitCode::FAILURE
}

/// Whether an option's value says yes or no.
fn boolean(option: &str, text: &str) -> Result<bool, Unclear> {
    let wrong = || Unclear::Wrong(format!("Failed to parse boolean argument to --{option}=: {text}."));
    units::systemd::boolean(text).ok_or_else(wrong)
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
