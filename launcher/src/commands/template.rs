//! `fief template`.

use crate::cli::Template;
use crate::config::Host;
use crate::error::Error;

pub(super) fn run(_: &Host, _: Template) -> Result<(), Error> {
    Ok(())
}
