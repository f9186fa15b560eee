//! `fief stop`.

use crate::cli::Stop;
use crate::config::Host;
use crate::error::Error;
use crate::start::{self, StopOptions};

pub(super) fn run(host: &Host, args: &Stop) -> Result<(), Error> {
    super::adopt::find_healed(host, &args.name)?;
    let _waiting = super::output::waiting(format!("stopping {}", args.name));
    start::stop(host, &args.name, StopOptions { timeout: args.timeout, fast: args.fast })
}
