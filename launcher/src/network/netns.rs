//! Visiting another network namespace. See network_namespaces(7), setns(2).

use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;

use nix::sched::{CloneFlags, setns};

/// The namespace could not be visited.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} network namespace")]
pub(super) struct VisitError {
    doing: &'static str,
    pub(super) source: io::Error,
}

/// Does `work` with the calling thread inside `netns`, and comes back. Sockets made meanwhile belong to `netns` for
/// good; paths below /proc/sys/net mean it for the moment; nothing else changes, and no other thread notices.
///
/// # Errors
/// When it cannot be entered or left: setns(2) asks for `CAP_SYS_ADMIN` over both.
pub(super) fn inside<T>(netns: BorrowedFd<'_>, work: impl FnOnce() -> T) -> Result<T, VisitError> {
    let failed = |doing, source| VisitError { doing, source };
    let own = File::open("/proc/thread-self/ns/net").map_err(|error| failed("open our own", error))?;
    setns(netns, CloneFlags::CLONE_NEWNET).map_err(|errno| failed("enter the guest's", errno.into()))?;
    let result = work();
    // Whoever gets this error is still in the guest's namespace and must end.
    setns(own, CloneFlags::CLONE_NEWNET).map_err(|errno| failed("return from the guest's", errno.into()))?;
    Ok(result)
}
