//! `fief start`.

use std::process::ExitCode;

use crate::cli::Start;
use crate::config::Host;
use crate::error::{Class, Error};
use crate::start::{self, StartOptions, Wait};
use crate::store::ContainerName;
use crate::{store, template};

use super::{adopt, output};

pub(super) fn run(host: &Host, args: &Start) -> Result<ExitCode, Error> {
    if args.onboot {
        return run_onboot(host, args);
    }
    if args.foreground && args.names.len() > 1 {
        return Err(Error::new(Class::Usage, "reading the command line", "--foreground is for one container"));
    }
    super::each(&args.names, |name| run_one(host, name, args))
}

fn options(args: &Start) -> StartOptions {
    let wait = match (args.no_wait, args.wait) {
        (true, _) => Wait::Born,
        (false, true) => Wait::Boot,
        (false, false) => Wait::Ready,
    };
    StartOptions { wait, foreground: args.foreground, timeout: args.timeout }
}

fn run_one(host: &Host, name: &ContainerName, args: &Start) -> Result<(), Error> {
    if args.dry_run {
        store::find(host, name)?;
        return output::text(&start::dry_run(host, name, options(args))?);
    }
    start(host, name, options(args))
}

/// Every container that is to start with the host and does not run yet, one after the other.
fn run_onboot(host: &Host, args: &Start) -> Result<ExitCode, Error> {
    super::each(store::all(host)?, |(name, config)| {
        if !config?.onboot || store::record::observe(host, &name)?.is_alive() {
            return Ok(());
        }
        run_one(host, &name, args)
    })
}

/// Starts `name`, healing it first.
pub(super) fn start(host: &Host, name: &ContainerName, options: StartOptions) -> Result<(), Error> {
    let config = adopt::find_healed(host, name)?;
    // Made on first use, so also when somebody removed it in between.
    if config.template.is_builtin() {
        template::builtin::ensure(host)?;
    }
    // In the foreground the guest has the terminal.
    let _waiting = (!options.foreground).then(|| output::waiting(format!("starting {name}")));
    start::start(host, name, options)
}
