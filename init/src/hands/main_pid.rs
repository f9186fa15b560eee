//! The main process of a service that forks and lets its first process end.
//!
//! By its pid file where there is one, else by looking: the one process of the group that has
//! become a child of init. A pid file is believed only for a process of the unit's own group,
//! so that a file written by somebody else cannot make init signal a stranger.

use std::fs;
use std::io::Read;

use kernel::cgroup::Group;
use units::unit::{Service, ServiceType};

/// Find it.
pub(super) fn find(service: &Service, group: Option<&Group>) -> Option<i32> {
    let members: Option<Vec<i32>> = group.map(|group| group.processes().into_iter().map(|pid| pid.as_raw()).collect());
    let belongs = |pid: &i32| members.as_ref().is_none_or(|members| members.contains(pid));
    if let ServiceType::Forking { pid_file: Some(path) } = &service.kind {
        return read(path).filter(belongs);
    }
    let members = members.unwrap_or_default();
    if let [only] = members.as_slice() {
        return Some(*only);
    }
    let ours = std::process::id();
    let mut children = members.into_iter().filter(|pid| parent(*pid) == Some(ours));
    let first = children.next()?;
    children.next().is_none().then_some(first)
}

/// Whether it has a pid file, which may come late.
pub(super) fn has_file(service: &Service) -> bool {
    matches!(&service.kind, ServiceType::Forking { pid_file: Some(_) })
}

fn read(path: &str) -> Option<i32> {
    let about = fs::metadata(path).ok()?;
    if !about.is_file() {
        return None;
    }
    let mut text = String::new();
    fs::File::open(path).ok()?.take(64).read_to_string(&mut text).ok()?;
    text.split_whitespace().next()?.parse().ok().filter(|pid| *pid > 1)
}

/// Field 4 of proc_pid_stat(5); the name before it may hold anything.
fn parent(pid: i32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}
