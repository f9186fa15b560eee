//! `fief logs`: what the console and the keeper said.

use crate::cli::Logs;
use crate::config::Host;
use crate::error::Error;

pub(super) fn run(_: &Host, _: &Logs) -> Result<(), Error> {
    Ok(())
}
