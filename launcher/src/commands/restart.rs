//! `fief restart`: stop, if it runs, and start.

use crate::cli::{Restart, Start};
use crate::config::Host;
use crate::error::Error;
use crate::store::record::observe;

pub(super) fn run(host: &Host, args: &Restart) -> Result<(), Error> {
    super::adopt::find_healed(host, &args.stop.name)?;
    if observe(host, &args.stop.name)?.is_alive() {
        super::stop::run(host, &args.stop)?;
    }
    let start = Start {
        name: args.stop.name.clone(),
        no_wait: args.no_wait,
        wait: false,
        foreground: false,
        dry_run: false,
        timeout: crate::cli::START_TIMEOUT,
    };
    super::start::run(host, &start)
}
