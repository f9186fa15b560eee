//! The cgroup hierarchies of this machine, whichever generation they are.

use std::fs;
use std::path::{Path, PathBuf};

const TOP: &str = "/sys/fs/cgroup";

/// The root of cgroup2: the mount itself, or `unified` beside the old controllers.
pub(crate) fn unified() -> PathBuf {
    let hybrid = Path::new(TOP).join("unified");
    if hybrid.join("cgroup.procs").exists() { hybrid } else { TOP.into() }
}

/// The roots of all hierarchies.
pub(crate) fn roots() -> Vec<PathBuf> {
    if unified() == Path::new(TOP) {
        return vec![TOP.into()];
    }
    let mut roots: Vec<PathBuf> = fs::read_dir(TOP).unwrap().map(|entry| entry.unwrap().path()).filter(|path| !path.is_symlink()).collect();
    roots.retain(|path| path.join("cgroup.procs").exists());
    roots
}

/// A cgroup and everything below it, the deepest first.
pub(crate) fn tree(cgroup: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(cgroup).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(tree(&entry.path()));
        }
    }
    if cgroup.is_dir() {
        found.push(cgroup.to_path_buf());
    }
    found
}

/// The processes of a cgroup and of those below it.
pub(crate) fn processes(cgroup: &Path) -> Vec<i32> {
    tree(cgroup)
        .iter()
        .filter_map(|path| fs::read_to_string(path.join("cgroup.procs")).ok())
        .flat_map(|text| text.lines().filter_map(|line| line.parse().ok()).collect::<Vec<i32>>())
        .collect()
}
