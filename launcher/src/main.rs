//! `fief`: system containers that feel like a machine of one's own.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use launcher::cli::{Cli, Verb};
use launcher::{commands, error, logging};

fn main() -> ExitCode {
    let cli = Cli::parse();
    // A keeper has no terminal; it logs elsewhere.
    if !matches!(cli.verb, Verb::Keeper(_)) {
        logging::to_the_terminal(cli.verbose);
    }
    match commands::run(cli) {
        Ok(code) => code,
        Err(failure) => error::explain(&failure),
    }
}
