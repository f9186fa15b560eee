//! `fief adopt`: new keepers for containers whose keeper died, and an end to what others left behind.

use crate::cli::Adopt;
use crate::config::Host;
use crate::error::Error;
use crate::store::record::{Observed, observe};
use crate::{start, store};

pub(super) fn run(host: &Host, args: Adopt) -> Result<(), Error> {
    if let Some(name) = args.name {
        store::find(host, &name)?;
        return start::adopt(host, &name);
    }
    let mut first = None;
    for (name, _) in store::all(host)? {
        if matches!(observe(host, &name)?, Observed::KeeperLost(_) | Observed::Stale(_)) {
            // One that cannot be adopted does not keep the others from it; the first failure is told.
            if let Err(error) = start::adopt(host, &name) {
                log::warn!("{}", error.line());
                first.get_or_insert(error);
            }
        }
    }
    first.map_or(Ok(()), Err)
}
