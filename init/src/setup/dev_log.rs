//! `/dev/log` leads to the log's own socket, in the place of the one that PID 1 has there until then. A daemon that has taken the name over keeps it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::Trouble;
use crate::file;

const NAME: &str = "/dev/log";
const BESIDE: &str = "/dev/log.fief-new";
const TARGET: &str = "/run/systemd/journal/dev-log";
/// All sockets of a busy container, bytes.
const MOST: u64 = 16 << 20;

pub(super) fn apply() -> Result<(), Trouble> {
    let name = Path::new(NAME);
    let is_free = fs::symlink_metadata(name).map_or(true, |about| about.is_symlink()) || is_of_init();
    if !is_free || fs::read_link(name).is_ok_and(|target| target == Path::new(TARGET)) {
        return Ok(());
    }
    let _ = fs::remove_file(BESIDE);
    // At no moment is there none.
    symlink(TARGET, BESIDE).and_then(|()| fs::rename(BESIDE, name)).map_err(|error| Trouble::file("make", name, error))
}

/// Whether the socket that is bound there is one of PID 1's. `/proc/net/unix`, proc(5)
fn is_of_init() -> bool {
    let all = file::read_text("/proc/net/unix", MOST).unwrap_or_default();
    let bound = all.lines().filter_map(|line| line.strip_suffix(NAME)?.split_whitespace().last());
    let names: Vec<String> = bound.map(|inode| format!("socket:[{inode}]")).collect();
    let held = fs::read_dir("/proc/1/fd").into_iter().flatten().flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    held.filter_map(|link| link.into_os_string().into_string().ok()).any(|link| names.contains(&link))
}
