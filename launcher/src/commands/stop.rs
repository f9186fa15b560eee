//! `fief stop`.

use std::process::ExitCode;

use crate::cli::{Stop, StopHow};
use crate::config::Host;
use crate::error::{Class, Error};
use crate::start::{self, StopOptions};
use crate::store;
use crate::store::ContainerName;

use super::{adopt, output};

pub(super) fn run(host: &Host, args: &Stop) -> Result<ExitCode, Error> {
    let names = if args.all { alive(host)? } else { args.names.clone() };
    let _waiting = output::waiting(match names.as_slice() {
        [name] => format!("stopping {name}"),
        several => format!("stopping {} containers", several.len()),
    });
    // All at once: each takes the time it needs, and a host that goes down waits for the slowest only.
    let stopped: Vec<Result<(), Error>> = std::thread::scope(|scope| {
        let threads: Vec<_> = names.iter().map(|name| scope.spawn(|| stop(host, name, &args.how))).collect();
        let lost = || Error::new(Class::Internal, "stopping the container", "a thread of ours ended early");
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(lost()))).collect()
    });
    super::outcome(stopped.into_iter())
}

/// Stops `name`, healing it first.
pub(super) fn stop(host: &Host, name: &ContainerName, how: &StopHow) -> Result<(), Error> {
    adopt::find_healed(host, name)?;
    start::stop(host, name, StopOptions { timeout: how.timeout, fast: how.fast })
}

fn alive(host: &Host) -> Result<Vec<ContainerName>, Error> {
    let mut alive = Vec::new();
    for (name, _) in store::all(host)? {
        if store::record::observe(host, &name)?.is_alive() {
            alive.push(name);
        }
    }
    Ok(alive)
}
