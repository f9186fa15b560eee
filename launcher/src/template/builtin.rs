//! The built-in template: the host's own `/usr`, read-only, beneath a fresh rest.

use crate::config::Host;
use crate::error::Error;

/// Makes the built-in template unless it is there.
///
/// # Errors
/// When it cannot be written.
pub fn ensure(_: &Host) -> Result<(), Error> {
    Ok(())
}
