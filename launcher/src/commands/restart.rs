//! `fief restart`: stop, if it runs, and start.

use crate::cli::{Restart, START_TIMEOUT};
use crate::config::Host;
use crate::error::Error;
use crate::start::{StartOptions, Wait};
use crate::store::record::observe;

pub(super) fn run(host: &Host, args: &Restart) -> Result<(), Error> {
    let name = &args.stop.name;
    super::adopt::find_healed(host, name)?;
    if observe(host, name)?.is_alive() {
        super::stop::run(host, &args.stop)?;
    }
    let wait = if args.no_wait { Wait::Born } else { Wait::Ready };
    super::start::start(host, name, StartOptions { wait, foreground: false, timeout: START_TIMEOUT })
}
