//! Anonymous files, sealed: a program that runs from one cannot be overwritten through `/proc/PID/exe` (CVE-2019-5736). memfd_create(2).

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};

/// What no sealed copy allows. `F_SEAL_FUTURE_WRITE` and not `F_SEAL_WRITE`: nobody but us ever had the file, so there is no writable mapping of
/// old that the difference would be about, and the latter fails with EBUSY whenever the kernel itself happens to hold one of its pages (writeback,
/// compaction), which on a busy machine it does.
pub(crate) const SEALS: i32 = libc::F_SEAL_SEAL | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_FUTURE_WRITE;

fn seals() -> SealFlag {
    SealFlag::from_bits_retain(SEALS)
}

/// A sealed copy of `source`, executable, close-on-exec.
pub fn sealed_copy(name: &CStr, source: &mut impl Read) -> io::Result<OwnedFd> {
    // MFD_EXEC (Linux 6.3) says so openly; older kernels do not know the flag and make every memfd executable.
    let exec = MFdFlags::from_bits_retain(0x10);
    let base = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let fd = match memfd_create(name, base | exec) {
        Err(Errno::EINVAL) => memfd_create(name, base),
        other => other,
    }?;
    let mut file = File::from(fd);
    io::copy(source, &mut file)?;
    file.flush()?;
    seal(&file)?;
    Ok(OwnedFd::from(file))
}

/// An anonymous file to be written, and sealed when it is whole; close-on-exec.
pub fn open(name: &CStr) -> io::Result<File> {
    // MFD_NOEXEC_SEAL (Linux 6.3): nobody executes it, ever. Older kernels do not know the flag.
    let no_exec = MFdFlags::from_bits_retain(0x8);
    let base = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let fd = match memfd_create(name, base | no_exec) {
        Err(Errno::EINVAL) => memfd_create(name, base),
        other => other,
    }?;
    Ok(File::from(fd))
}

/// Seals what [`open`] made, against everybody and for ever.
pub fn seal(file: impl AsFd) -> io::Result<()> {
    Ok(fcntl(file, FcntlArg::F_ADD_SEALS(seals())).map(drop)?)
}

/// Whether it is sealed: what is read of it now is what stands there later.
pub fn is_sealed(file: impl AsFd) -> bool {
    fcntl(file, FcntlArg::F_GET_SEALS).is_ok_and(|bits| SealFlag::from_bits_retain(bits).contains(seals()))
}

/// Whether this program already runs from a sealed anonymous file.
pub fn runs_sealed() -> bool {
    let Ok(exe) = File::open("/proc/self/exe") else { return false };
    is_sealed(&exe)
}

/// The path by which an open file can be executed; needs `/proc` on the caller's side.
pub fn exec_path(fd: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}
