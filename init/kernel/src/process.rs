//! The calling process, and what `/proc` tells of another. prctl(2), proc(5).
#![allow(unsafe_code)]

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, fstat};

use crate::raw;

/// Opens `/dev/null` for those of 0, 1, 2 that are closed, so that no later open(2) lands there.
pub fn ensure_standard_descriptors() {
    for number in 0..3 {
        // SAFETY: F_GETFD only asks; the number need not be open.
        let closed = unsafe { libc::fcntl(number, libc::F_GETFD) } == -1;
        if closed {
            // The lowest free number is `number`, since those before it are open. Kept for the life of the process.
            let _ = nix::fcntl::open("/dev/null", OFlag::O_RDWR, Mode::empty()).map(std::os::fd::IntoRawFd::into_raw_fd);
        }
    }
}

/// Marks all descriptors from 3 on close-on-exec: nothing that the caller leaked reaches a child. close_range(2).
pub fn close_on_exec_from_3() -> Result<(), Errno> {
    raw::close_range_cloexec(3)
}

/// `PR_SET_CHILD_SUBREAPER`: orphans of descendants become children of this process.
pub fn become_subreaper() -> Result<(), Errno> {
    // SAFETY: this prctl(2) takes numbers.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }).map(drop)
}

/// `PR_SET_DUMPABLE` 0: only real root may look into this process, through `/proc` or ptrace(2).
pub fn not_dumpable() -> Result<(), Errno> {
    // SAFETY: this prctl(2) takes numbers.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) }).map(drop)
}

/// Names the process as `ps` shows it; at most 15 bytes. `PR_SET_NAME`.
pub fn set_name(name: &std::ffi::CStr) {
    // SAFETY: `name` is a C string. The call cannot fail.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr(), 0, 0, 0) };
}

/// Sets the nice value of this process. setpriority(2)
pub fn renice(nice: i32) -> Result<(), Errno> {
    // SAFETY: setpriority(2) takes numbers.
    Errno::result(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) }).map(drop)
}

/// Takes the login uid off, so that programs of a guest may set theirs: pam_loginuid(8) fails otherwise. Soft: kernels without audit lack it.
pub fn clear_login_uid() -> io::Result<()> {
    match fs::write("/proc/self/loginuid", "4294967295") {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// The executable of this process, open for reading; survives its file being replaced.
pub fn own_executable() -> io::Result<File> {
    File::open("/proc/self/exe")
}

/// Takes over a descriptor that the parent passed under `number` (3 or above) and marks it close-on-exec. `EBADF` when nothing is open there.
/// To be called once for each number, before anything else opens descriptors: what the parent did not pass is not ours to take.
pub fn inherited(number: i32) -> Result<OwnedFd, Errno> {
    if number < 3 {
        return Err(Errno::EBADF);
    }
    // SAFETY: F_SETFD takes a number; it fails where nothing is open.
    Errno::result(unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    // SAFETY: open, and passed by the parent for us alone: the caller promises to ask once.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Whether two descriptors of this process are one open file: kcmp(2), and where the kernel lacks it or a filter forbids it, whether they lead to one
/// inode (which two openings of one file do too).
pub fn is_same_file(a: impl AsFd, b: impl AsFd) -> bool {
    match raw::kcmp_file(a.as_fd(), b.as_fd()) {
        Ok(order) => order == 0,
        Err(_) => match (fstat(a), fstat(b)) {
            (Ok(a), Ok(b)) => (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino),
            (Ok(_) | Err(_), _) => false,
        },
    }
}
