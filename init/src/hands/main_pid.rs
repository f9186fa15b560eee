//! The main process of a service that forks and lets its first process end.
//!
//! By its pid file where there is one, else by looking: the one process of the group that has
//! become a child of init. A pid file is believed only for a process of the unit's own group,
//! so that a file written by somebody else cannot make init signal a stranger.

use std::fs;

use kernel::cgroup::Group;
use units::unit::{Service, ServiceType};

use crate::file;

/// Find it.
pub(super) fn find(service: &Service, group: Option<&Group>) -> Option<i32> {
    let members: Option<Vec<i32>> = group.map(|group| group.processes().into_iter().map(|pid| pid.as_raw()).collect());
    let belongs = |pid: &i32| members.as_ref().map_or_else(|| is_ours(*pid), |members| members.contains(pid));
    if let ServiceType::Forking { pid_file: Some(path) } = &service.kind {
        return read(path).filter(belongs);
    }
    let members = members.unwrap_or_default();
    if let [only] = members.as_slice() {
        return Some(*only);
    }
    let mut children = members.into_iter().filter(|pid| is_ours(*pid));
    let first = children.next()?;
    children.next().is_none().then_some(first)
}

/// Whether a process is a child of init: without groups, the most that is known of a stranger.
pub(super) fn is_ours(pid: i32) -> bool {
    pid > 1 && parent(pid) == Some(std::process::id())
}

/// Whether it has a pid file, which may come late.
pub(super) fn has_file(service: &Service) -> bool {
    matches!(&service.kind, ServiceType::Forking { pid_file: Some(_) })
}

fn read(path: &str) -> Option<i32> {
    let start = file::read_up_to(path, 64).ok()?;
    std::str::from_utf8(&start).ok()?.split_whitespace().next()?.parse().ok().filter(|pid| *pid > 1)
}

/// Field 4 of proc_pid_stat(5); the name before it may hold anything.
fn parent(pid: i32) -> Option<u32> {
    let stat = String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/stat")).ok()?).into_owned();
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}
