//! `fief adopt`: new keepers for containers whose keeper died, and an end to what a dead start or stop left behind.
//!
//! Every verb that touches a container heals it first, so the verb itself is seldom needed.

use std::process::ExitCode;

use crate::cli::Adopt;
use crate::config::Host;
use crate::error::Error;
use crate::store::record::{Observed, observe};
use crate::store::{ContainerConfig, ContainerName};
use crate::{start, store};

pub(super) fn run(host: &Host, args: Adopt) -> Result<ExitCode, Error> {
    if let Some(name) = args.name {
        store::find(host, &name)?;
        return start::adopt(host, &name).map(super::done);
    }
    super::each(store::all(host)?, |(name, _)| heal(host, &name))
}

/// Adopts or sweeps `name` if it needs it.
pub(super) fn heal(host: &Host, name: &ContainerName) -> Result<(), Error> {
    match observe(host, name)? {
        Observed::KeeperLost(_) | Observed::Stale(_) => start::adopt(host, name),
        Observed::Stopped | Observed::Starting(_) | Observed::Running(_) | Observed::Stopping(_) => Ok(()),
    }
}

/// The config of `name`, which is kept or down, not something between.
pub(super) fn find_healed(host: &Host, name: &ContainerName) -> Result<ContainerConfig, Error> {
    let config = store::find(host, name)?;
    heal(host, name)?;
    Ok(config)
}
