//! `fief create`.

use crate::cli::Create;
use crate::config::Host;
use crate::error::Error;

pub(super) fn run(_: &Host, _: Create) -> Result<(), Error> {
    Ok(())
}
