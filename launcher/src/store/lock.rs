//! Locks that end with their holder.
//!
//! An open-file-description lock (fcntl(2) `F_OFD_SETLK`) rather than flock(2): it lives and dies with the descriptor
//! just the same, also across fork and exec, but one can *ask* whether it is held (`F_OFD_GETLK`) without taking it
//! for a moment, so a `fief list` never makes a `fief start` fail.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

/// A held lock; dropping it, or the end of every process that has its descriptor, releases it.
#[derive(Debug)]
#[must_use = "a lock is released when dropped"]
pub struct Lock(OwnedFd);

/// Someone else has the lock.
#[derive(Debug, PartialEq, Eq)]
pub struct Held;

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn whole_file() -> libc::flock {
    libc::flock { l_type: F_WRLCK, l_whence: SEEK_SET, l_start: 0, l_len: 0, l_pid: 0 }
}

// libc has these as c_int; the struct wants c_short. All are below 4.
#[allow(clippy::cast_possible_truncation)]
const F_WRLCK: libc::c_short = libc::F_WRLCK as libc::c_short;
#[allow(clippy::cast_possible_truncation)]
const F_UNLCK: libc::c_short = libc::F_UNLCK as libc::c_short;
#[allow(clippy::cast_possible_truncation)]
const SEEK_SET: libc::c_short = libc::SEEK_SET as libc::c_short;

/// Takes the lock, waiting for it.
///
/// # Errors
/// When the file cannot be opened.
pub fn wait(path: &Path) -> io::Result<Lock> {
    loop {
        let file = open(path)?;
        match fcntl(&file, FcntlArg::F_OFD_SETLKW(&whole_file())) {
            Ok(_) if is_at(&file, path)? => return Ok(Lock(file.into())),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Takes the lock unless someone has it.
///
/// # Errors
/// When the file cannot be opened.
pub fn attempt(path: &Path) -> io::Result<Result<Lock, Held>> {
    loop {
        let file = open(path)?;
        match fcntl(&file, FcntlArg::F_OFD_SETLK(&whole_file())) {
            Ok(_) if is_at(&file, path)? => return Ok(Ok(Lock(file.into()))),
            Ok(_) => {}
            Err(Errno::EAGAIN | Errno::EACCES) => return Ok(Err(Held)),
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Whoever held the lock before us may have removed its file: then ours is a lock on nothing, and the next one to come
/// would make a new file and hold that.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match path.symlink_metadata() {
        Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// As [`attempt`], making `folder` first.
///
/// # Errors
/// When the folder cannot be made or the file not be opened.
pub fn attempt_in(folder: &Path, path: &Path) -> io::Result<Result<Lock, Held>> {
    loop {
        super::folder(folder, 0o700)?;
        match attempt(path) {
            // Its last holder has just removed the folder.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
    }
}

/// Is the lock held by anyone? A missing file is not locked.
///
/// # Errors
/// When the file exists but cannot be opened.
pub fn is_held(path: &Path) -> io::Result<bool> {
    let file = match OpenOptions::new().read(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let mut lock = whole_file();
    fcntl(&file, FcntlArg::F_OFD_GETLK(&mut lock))?;
    Ok(lock.l_type != F_UNLCK)
}

impl Lock {
    /// The lock in a descriptor that was inherited; whoever passed it held the lock through it.
    pub fn inherited(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// The descriptor that holds the lock, to hand it on to another process.
    #[must_use]
    pub fn into_fd(self) -> OwnedFd {
        self.0
    }
}

impl AsFd for Lock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[test]
    fn one_holder_at_a_time_and_asking_takes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        assert!(!is_held(&path).unwrap());
        let lock = attempt(&path).unwrap().unwrap();
        assert!(is_held(&path).unwrap());
        assert_eq!(attempt(&path).unwrap().map(drop), Err(Held));
        let passed_on = Lock::inherited(lock.into_fd());
        assert!(is_held(&path).unwrap());
        drop(passed_on);
        assert!(!is_held(&path).unwrap());
        let _again = wait(&path).unwrap();
    }

    #[test]
    fn a_removed_file_is_no_lock() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = folder.path().join("web1");
        let path = runtime.join("lock");
        let held = attempt_in(&runtime, &path).unwrap().unwrap();
        // One who opened the file before it was removed, and locks it after.
        let waiting = std::thread::spawn({
            let path = path.clone();
            move || wait(&path)
        });
        std::fs::remove_dir_all(&runtime).unwrap();
        drop(held);
        match waiting.join().unwrap() {
            Ok(_) => panic!("held a lock on nothing"),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::NotFound),
        }
        assert!(attempt_in(&runtime, &path).unwrap().is_ok());
    }
}
