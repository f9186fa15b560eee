//! `fief list`.

use crate::cli::List;
use crate::config::Host;
use crate::error::Error;

pub(super) fn run(_: &Host, _: &List) -> Result<(), Error> {
    Ok(())
}
