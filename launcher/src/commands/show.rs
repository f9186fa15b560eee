//! `fief show`.

use crate::cli::Show;
use crate::config::Host;
use crate::error::Error;

pub(super) fn run(_: &Host, _: &Show) -> Result<(), Error> {
    Ok(())
}
