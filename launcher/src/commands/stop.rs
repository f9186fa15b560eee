//! `fief stop`.

use crate::cli::Stop;
use crate::config::Host;
use crate::error::Error;
use crate::start::{self, StopOptions};
use crate::store;

pub(super) fn run(host: &Host, args: &Stop) -> Result<(), Error> {
    store::find(host, &args.name)?;
    start::stop(host, &args.name, StopOptions { timeout: args.timeout, fast: args.fast })
}
