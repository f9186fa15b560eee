//! `fief`: system containers that feel like a machine of one's own.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use launcher::cli::{self, Verb};
use launcher::{commands, error, logging};

fn main() -> ExitCode {
    let outcome = cli::read().and_then(|cli| {
        // A keeper has no terminal; it logs elsewhere.
        if !matches!(cli.verb, Verb::Keeper(_)) {
            logging::to_the_terminal(cli.verbose);
        }
        commands::run(cli)
    });
    outcome.unwrap_or_else(|failure| error::explain(&failure))
}
