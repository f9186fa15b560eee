//! Taking away what a run of a container left: the same call after an ordinary end, a start that failed and a `kill -9`.
//!
//! Everything a run makes has a name that follows from the container's own: its groups, its link, its run-time folder. So no list of what was
//! made is needed, and what is gone already is fine. Mounts, namespaces and ptys end with the processes in them.

use super::groups::Groups;
use crate::config::Host;
use crate::error::Error;
use crate::network::Wiring;
use crate::store::{ContainerConfig, ContainerName, remove_tree};

/// Kills and removes everything of `name` but its files. The caller holds the lock; the lock's folder goes last.
///
/// # Errors
/// The first failure, told when all that can be removed has been. Then the next `fief` command tries again.
pub(crate) fn sweep(host: &Host, name: &ContainerName, config: Option<&ContainerConfig>, groups: &Groups) -> Result<(), Error> {
    let killed = groups.remove();
    let unwired = config.map_or(Ok(()), |c| Wiring::adopt(host, &c.links).release());
    let swept = killed.and(unwired);
    // The folder says that something is left: without it nobody would look again.
    if swept.is_ok() {
        let folder = host.paths.runtime(name);
        if let Err(e) = remove_tree(&folder) {
            log::warn!("cannot remove {}: {e}", folder.display());
        }
    }
    swept
}
