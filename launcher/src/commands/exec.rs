//! `fief exec` and `fief enter`.

use std::process::ExitCode;

use crate::cli::{Enter, Exec};
use crate::config::Host;
use crate::enter::{self, ExecOptions};
use crate::error::{self, Error};

/// What `exec` exits with when fief itself failed: as env(1) and sh(1) have 126 and 127 for the program.
const OURS: u8 = 125;

pub(super) fn run(host: &Host, args: Exec) -> Result<ExitCode, Error> {
    super::adopt::find_healed(host, &args.name)?;
    let options = ExecOptions { user: args.how.user, workdir: args.how.workdir, env: args.how.env, command: args.command };
    enter::exec(host, &args.name, &options).map(ExitCode::from).or_else(passed_over)
}

pub(super) fn enter(host: &Host, args: &Enter) -> Result<ExitCode, Error> {
    super::adopt::find_healed(host, &args.name)?;
    enter::enter(host, &args.name, &args.user).map(ExitCode::from)
}

/// A failure of ours that must not look like one of the program: a wrong state keeps its own code, since nothing ran.
pub(super) fn passed_over(failure: Error) -> Result<ExitCode, Error> {
    match failure.class() {
        error::Class::Internal | error::Class::Start => {
            let _ = error::explain(&failure);
            Ok(ExitCode::from(OURS))
        }
        _ => Err(failure),
    }
}
