//! Going through a tree of groups that somebody else made.
//!
//! A group given away may hold groups in any number and depth, with names of 255 bytes: neither the stack nor a path (`PATH_MAX`) nor the
//! table of descriptors may be what bounds the walk. So it goes by descriptor, one level at a time, with one descriptor open; `..` is safe
//! here, for a group cannot be moved to another parent, and cgroup file systems have no links.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, UnlinkatFlags, unlinkat};

const FOLDER: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// Calls `enter` with each group from `top` down, and after all beneath one are done `leave` with its parent and its name; not for `top`. What
/// vanishes meanwhile is passed over.
fn walk(top: &Path, mut enter: impl FnMut(&OwnedFd), mut leave: impl FnMut(&OwnedFd, &CStr) -> Result<(), Errno>) -> Result<(), Errno> {
    let mut here = match open(top, FOLDER, Mode::empty()) {
        Err(Errno::ENOENT) => return Ok(()),
        other => other?,
    };
    enter(&here);
    let mut above: Vec<(CString, Vec<CString>)> = vec![(CString::default(), children(&here)?)];
    while let Some((_, rest)) = above.last_mut() {
        if let Some(name) = rest.pop() {
            match openat(&here, name.as_c_str(), FOLDER, Mode::empty()) {
                Ok(child) => {
                    here = child;
                    enter(&here);
                    above.push((name, children(&here)?));
                }
                Err(Errno::ENOENT) => {}
                Err(e) => return Err(e),
            }
        } else if let Some((name, _)) = above.pop().filter(|_| !above.is_empty()) {
            here = openat(&here, "..", FOLDER, Mode::empty())?;
            leave(&here, &name)?;
        }
    }
    Ok(())
}

fn children(folder: &OwnedFd) -> Result<Vec<CString>, Errno> {
    // A directory of kernfs has a link for each directory in it, as most have; one that does not count them says 1.
    if nix::sys::stat::fstat(folder)?.st_nlink == 2 {
        return Ok(Vec::new());
    }
    let mut listing = match Dir::openat(folder, ".", FOLDER, Mode::empty()) {
        Err(Errno::ENOENT) => return Ok(Vec::new()),
        other => other?,
    };
    let groups = listing.iter().flatten().filter(|entry| entry.file_type() == Some(Type::Directory));
    Ok(groups.map(|entry| entry.file_name().to_owned()).filter(|name| !matches!(name.to_bytes(), b"." | b"..")).collect())
}

/// rmdir(2) from the leaves up; groups hold no files of their own. None there is fine; `ResourceBusy` while a process is left.
pub(super) fn remove(top: &Path) -> io::Result<()> {
    let rmdir = || unlinkat(nix::fcntl::AT_FDCWD, top, UnlinkatFlags::RemoveDir);
    // Most have none beneath them.
    if matches!(rmdir(), Ok(()) | Err(Errno::ENOENT)) {
        return Ok(());
    }
    walk(top, |_| {}, |parent, name| empty_out(|| unlinkat(parent, name, UnlinkatFlags::RemoveDir)))?;
    Ok(empty_out(rmdir)?)
}

/// A process that was killed leaves its group a moment after it is reaped: rmdir says EBUSY until then.
fn empty_out(rmdir: impl Fn() -> Result<(), Errno>) -> Result<(), Errno> {
    for _ in 0..50 {
        match rmdir() {
            Err(Errno::EBUSY) => std::thread::yield_now(),
            Err(Errno::ENOENT) => return Ok(()),
            other => return other,
        }
    }
    rmdir()
}

/// All processes in `top` and beneath it.
pub(super) fn processes(top: &Path, found: &mut Vec<Pid>) {
    let enter = |group: &OwnedFd| {
        let text = file(group, c"cgroup.procs", OFlag::O_RDONLY).and_then(|f| io::read_to_string(std::fs::File::from(f)));
        found.extend(text.unwrap_or_default().lines().filter_map(|l| l.parse().ok()).map(Pid::from_raw));
    };
    // As far as one comes: what is gone has no processes.
    let _ = walk(top, enter, |_, _| Ok(()));
}

/// `THAWED` to the v1 freezer in `top` and beneath it.
pub(super) fn thaw(top: &Path) {
    let enter = |group: &OwnedFd| {
        if let Ok(state) = file(group, c"freezer.state", OFlag::O_WRONLY) {
            let _ = nix::unistd::write(&state, b"THAWED");
        }
    };
    let _ = walk(top, enter, |_, _| Ok(()));
}

fn file(group: &impl AsFd, name: &CStr, flags: OFlag) -> io::Result<OwnedFd> {
    Ok(openat(group.as_fd(), name, flags | OFlag::O_CLOEXEC, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_tree_deeper_than_any_path_is_walked_and_removed() {
        let scratch = std::env::temp_dir().join(format!("fief-test-walk-{}", std::process::id()));
        std::fs::create_dir_all(scratch.join("a/b")).unwrap();
        let name = CString::new("d".repeat(200)).unwrap();
        let mut here = open(&scratch, FOLDER, Mode::empty()).unwrap();
        for _ in 0..2000 {
            nix::sys::stat::mkdirat(&here, name.as_c_str(), Mode::S_IRWXU).unwrap();
            here = openat(&here, name.as_c_str(), FOLDER, Mode::empty()).unwrap();
        }
        let mut seen = 0;
        walk(&scratch, |_| seen += 1, |_, _| Ok(())).unwrap();
        assert_eq!(seen, 2003);
        remove(&scratch).unwrap();
        assert!(!scratch.exists());
        remove(&scratch).unwrap();
    }
}
