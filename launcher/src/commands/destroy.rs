//! `fief destroy`.

use std::process::ExitCode;

use crate::cli::Destroy;
use crate::config::Host;
use crate::error::{Class, Error};
use crate::start;
use crate::store::record::{Observed, observe};
use crate::store::{self, Shelf};

pub(super) fn run(host: &Host, args: &Destroy) -> Result<ExitCode, Error> {
    super::each(&args.names, |name| {
        // One whose config cannot be read can be destroyed all the same; only one that is not there cannot.
        match store::find(host, name) {
            Err(error) if error.class() == Class::Missing => Err(error),
            _ => destroy(host, name, args.force),
        }
    })
}

/// Removes `name`, killing it first if `force`.
pub(super) fn destroy(host: &Host, name: &store::ContainerName, force: bool) -> Result<(), Error> {
    match observe(host, name)? {
        Observed::Stopped => {}
        // What a dead keeper left is cleared away by whoever comes next.
        Observed::Stale(_) => start::adopt(host, name)?,
        seen if force => {
            log::info!("killing {name}, which is {}", seen.word());
            start::kill(host, name)?;
        }
        seen => {
            return Err(Error::new(Class::State, "destroying the container", format!("{name} is {}", seen.word()))
                .advice(format!("fief stop {name}, or destroy --force")));
        }
    }
    let shelf = Shelf::lock(host)?;
    // With the lock held nobody can hand it out again, but someone may have started it since we looked.
    let _kept = match store::lock::attempt_in(&host.paths.runtime(name), &host.paths.runtime_lock(name)) {
        Ok(Err(store::lock::Held)) => {
            return Err(Error::new(Class::State, "destroying the container", format!("{name} was started meanwhile")));
        }
        Ok(Ok(kept)) => Some(kept),
        Err(_) => None,
    };
    let _waiting = super::output::waiting(format!("removing {name}"));
    shelf.remove(name)?;
    let _ = store::remove_tree(&host.paths.runtime(name));
    for log in [host.paths.log(name), host.paths.old_log(name)] {
        let _ = std::fs::remove_file(log);
    }
    Ok(())
}
