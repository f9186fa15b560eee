//! The main process of a service that forks and lets its first process end.
//!
//! By its pid file where there is one, else by looking: the one process of the group that has
//! become a child of init. A pid file is believed only for a process of the unit's own group, so
//! that whoever writes it, or makes it a link, can at most choose among those he has already
//! (CVE-2018-16888). Where there are no groups the file must be root's own.

use std::fs;
use std::os::unix::fs::MetadataExt;

use kernel::cgroup::Group;
use units::unit::{Service, ServiceType};

use crate::file;

/// Find it.
pub(super) fn find(service: &Service, group: Option<&Group>) -> Option<i32> {
    let members: Option<Vec<i32>> = group.map(|group| group.processes().into_iter().map(|pid| pid.as_raw()).collect());
    let belongs = |pid: &i32| members.as_ref().map_or_else(|| is_ours(*pid), |members| members.contains(pid));
    if let Some(path) = file_of(service) {
        let trusted = group.is_some() || fs::symlink_metadata(path).is_ok_and(|about| about.is_file() && about.uid() == 0);
        return read(path).filter(|_| trusted).filter(belongs);
    }
    if !service.guess_main_pid {
        return None;
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

/// Its pid file, which may come late.
pub(super) fn file_of(service: &Service) -> Option<&str> {
    match &service.kind {
        ServiceType::Forking { pid_file } => pid_file.as_deref(),
        ServiceType::Exec
        | ServiceType::Simple
        | ServiceType::Idle
        | ServiceType::Dbus
        | ServiceType::Oneshot
        | ServiceType::Notify
        | ServiceType::NotifyReload => None,
    }
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
