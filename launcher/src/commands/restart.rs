//! `fief restart`: stop, if it runs, and start.

use std::process::ExitCode;

use crate::cli::{Restart, START_TIMEOUT};
use crate::config::Host;
use crate::error::Error;
use crate::start::{StartOptions, Wait};
use crate::store::ContainerName;
use crate::store::record::observe;

use super::{adopt, output, stop};

pub(super) fn run(host: &Host, args: &Restart) -> Result<ExitCode, Error> {
    super::each(&args.names, |name| restart(host, name, args))
}

fn restart(host: &Host, name: &ContainerName, args: &Restart) -> Result<(), Error> {
    adopt::find_healed(host, name)?;
    if observe(host, name)?.is_alive() {
        let _waiting = output::waiting(format!("stopping {name}"));
        stop::stop(host, name, &args.how)?;
    }
    let wait = if args.no_wait { Wait::Born } else { Wait::Ready };
    super::start::start(host, name, StartOptions { wait, foreground: false, timeout: START_TIMEOUT })
}
