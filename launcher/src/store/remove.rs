//! Removing a tree that a stranger filled.
//!
//! Every step is by descriptor and without following links, and the depth of the tree costs neither stack nor
//! descriptors: each folder found is first moved up into the top one, so there are never more than two levels open.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, open, openat2, renameat};
use nix::sys::stat::{Mode, SFlag, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

/// Removes `path` and everything in it; no such path is well. A symlink in its place is unlinked, not followed.
///
/// # Errors
/// When something cannot be unlinked; the rest is gone nevertheless, as far as it was come to.
pub fn remove_tree(path: &Path) -> io::Result<()> {
    let top = match open(path, folder_flags(), Mode::empty()) {
        Ok(top) => top,
        Err(Errno::ENOENT) => return Ok(()),
        Err(Errno::ENOTDIR | Errno::ELOOP) => return gone(std::fs::remove_file(path)),
        Err(errno) => return Err(errno.into()),
    };
    let mut moved = 0u64;
    // What is directly in the top folder: files go, folders are emptied into the top and then go. Emptying adds
    // folders to the top, so it is read again until nothing is left.
    loop {
        let folders = unlink_files(&top, |_| Ok(()))?;
        if folders.is_empty() {
            match std::fs::remove_dir(path) {
                // Someone else is removing the same tree and moved a folder up in between.
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => continue,
                other => return gone(other),
            }
        }
        for name in folders {
            // Never into something that is mounted there: it is not ours to empty.
            let how = OpenHow::new().flags(folder_flags()).resolve(ResolveFlag::RESOLVE_NO_XDEV | ResolveFlag::RESOLVE_BENEATH);
            let folder = match openat2(&top, name.as_c_str(), how) {
                Ok(folder) => folder,
                Err(Errno::ENOENT) => continue,
                Err(Errno::EXDEV) => {
                    let what = format!("something is mounted beneath {}", path.display());
                    return Err(io::Error::new(io::ErrorKind::CrossesDevices, what));
                }
                Err(errno) => return Err(errno.into()),
            };
            unlink_files(&folder, |inner| {
                loop {
                    let free = format!(".fief-gone-{moved}");
                    moved += 1;
                    match renameat(&folder, inner, &top, free.as_str()) {
                        Err(Errno::EEXIST | Errno::ENOTEMPTY | Errno::ENOTDIR) => {}
                        Err(Errno::ENOENT) => return Ok(()),
                        other => return other,
                    }
                }
            })?;
            match unlinkat(&top, name.as_c_str(), UnlinkatFlags::RemoveDir) {
                Ok(()) | Err(Errno::ENOENT) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

fn folder_flags() -> OFlag {
    OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC
}

fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Unlinks everything in `folder` that is no folder; hands each folder to `each` and lists them.
fn unlink_files(folder: &OwnedFd, mut each: impl FnMut(&std::ffi::CStr) -> nix::Result<()>) -> io::Result<Vec<std::ffi::CString>> {
    let mut folders = Vec::new();
    let mut files = Vec::new();
    let mut listing = Dir::openat(folder, ".", folder_flags(), Mode::empty())?;
    for entry in listing.iter() {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let is_folder = match entry.file_type() {
            Some(kind) => kind == Type::Directory,
            None => fstatat(folder, name, AtFlags::AT_SYMLINK_NOFOLLOW)
                .is_ok_and(|stat| stat.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFDIR.bits()),
        };
        if is_folder { folders.push(name.to_owned()) } else { files.push(name.to_owned()) }
    }
    for name in files {
        match unlinkat(folder, name.as_c_str(), UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    for name in &folders {
        each(name)?;
    }
    Ok(folders)
}

/// How many bytes of disk everything beneath `path` takes, hard links once; what cannot be read counts nothing.
#[must_use]
pub fn disk_usage(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let mut seen = std::collections::HashSet::new();
    let mut total = 0u64;
    let mut todo = vec![path.to_owned()];
    while let Some(folder) = todo.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let Ok(meta) = entry.path().symlink_metadata() else { continue };
            if meta.nlink() < 2 || meta.is_dir() || seen.insert((meta.dev(), meta.ino())) {
                total = total.saturating_add(meta.blocks().saturating_mul(512));
            }
            if meta.is_dir() {
                todo.push(entry.path());
            }
        }
    }
    total
}

/// The folder's entries survive a crash from here on.
///
/// # Errors
/// When it cannot be opened.
pub(crate) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn links_are_not_followed_and_depth_does_not_matter() {
        let folder = tempfile::tempdir().unwrap();
        let outside = folder.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("kept"), "x").unwrap();
        use nix::fcntl::openat;
        let tree = folder.path().join("tree");
        std::fs::create_dir_all(tree.join("a/b")).unwrap();
        std::fs::create_dir(tree.join(".fief-gone-0")).unwrap();
        std::fs::write(tree.join(".fief-gone-1"), "in the way").unwrap();
        std::fs::write(tree.join("a/b/f"), "x").unwrap();
        std::os::unix::fs::symlink(&outside, tree.join("a/link")).unwrap();
        std::os::unix::fs::symlink("..", tree.join("loop")).unwrap();
        // Deeper than PATH_MAX and than any descriptor limit.
        let mut fd = open(&tree.join("a/b"), folder_flags(), Mode::empty()).unwrap();
        for _ in 0..3000 {
            nix::sys::stat::mkdirat(&fd, "deep", Mode::S_IRWXU).unwrap();
            fd = openat(&fd, "deep", folder_flags(), Mode::empty()).unwrap();
        }
        drop(fd);
        assert!(disk_usage(&tree) > 0);
        remove_tree(&tree).unwrap();
        assert!(!tree.exists());
        assert!(outside.join("kept").exists());
        remove_tree(&tree).unwrap();
        std::os::unix::fs::symlink(&outside, &tree).unwrap();
        remove_tree(&tree).unwrap();
        assert!(outside.join("kept").exists() && !tree.is_symlink());
    }
}
