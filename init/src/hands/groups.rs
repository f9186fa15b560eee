//! The control group of a unit: made, joined and listened to.

use std::io;
use std::os::fd::OwnedFd;

use kernel::cgroup::Group;

/// Make a unit's group, empty and without limits of a former life if it can be had so; whether it is a new one.
pub(super) fn make_group(group: &Group, remarks: &mut Vec<String>) -> Result<bool, String> {
    let is_new = !group.exists() || group.remove().is_ok();
    if !is_new {
        remarks.push("processes of an earlier life are still in its cgroup".to_owned());
    }
    group.create().map_err(|error| {
        // What was made of it on other hierarchies goes too.
        let _ = group.remove();
        format!("making its cgroup failed: {error}")
    })?;
    Ok(is_new)
}

/// How a child comes into a group: what it is born into, and where it moves in by itself. Where somebody was killed before
/// (`Body::unharmed`) nobody can be born.
pub(super) fn way_in(group: Option<&Group>, unharmed: bool) -> io::Result<(Option<OwnedFd>, Vec<OwnedFd>)> {
    match group {
        None => Ok((None, Vec::new())),
        Some(group) if unharmed => Ok((group.unified_directory()?, group.entrances_of_v1()?)),
        Some(group) => Ok((None, group.entrances()?)),
    }
}
