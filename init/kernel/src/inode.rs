//! What a file has besides its mode and owner: extended attributes, xattr(7), and flags, ioctl_iflags(2).
#![allow(unsafe_code)]

use std::ffi::CString;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::Path;

use nix::errno::Errno;

use crate::mount::c_path;

/// Longest value; xattr(7).
const MOST: usize = 64 * 1024;

/// Sets an attribute of what is at the path; a link is followed.
pub fn set_xattr(path: &Path, name: &str, value: &[u8]) -> Result<(), Errno> {
    let (path, name) = (c_path(path).map_err(|_| Errno::EINVAL)?, CString::new(name).map_err(|_| Errno::EINVAL)?);
    // SAFETY: both names end in NUL, and the value is as long as is said.
    Errno::result(unsafe { libc::setxattr(path.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) }).map(drop)
}

/// The value of an attribute of what is at the path, a link followed; `ENODATA` where it has none.
pub fn xattr(path: &Path, name: &str) -> Result<Vec<u8>, Errno> {
    let (path, name) = (c_path(path).map_err(|_| Errno::EINVAL)?, CString::new(name).map_err(|_| Errno::EINVAL)?);
    let mut value = vec![0; MOST];
    // SAFETY: both names end in NUL, and the buffer is as long as is said.
    let length = Errno::result(unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), value.as_mut_ptr().cast(), value.len()) })?;
    value.truncate(usize::try_from(length).unwrap_or(0));
    Ok(value)
}

/// Sets those of the flags (`FS_*_FL`) that are in `mask` as they are in `set`; nothing is written where nothing changes.
pub fn change_attributes(file: BorrowedFd<'_>, set: u32, mask: u32) -> Result<(), Errno> {
    let mut flags: libc::c_int = 0;
    // SAFETY: FS_IOC_GETFLAGS writes an int.
    unsafe { calls::get_flags(file.as_raw_fd(), &raw mut flags) }?;
    let old = flags.cast_unsigned();
    let new = (old & !mask) | (set & mask);
    if new == old {
        return Ok(());
    }
    flags = new.cast_signed();
    // SAFETY: FS_IOC_SETFLAGS reads an int.
    unsafe { calls::set_flags(file.as_raw_fd(), &raw const flags) }.map(drop)
}

mod calls {
    #![allow(missing_docs, reason = "the macros write functions without")]

    // The kernel's own names for their numbers say a long and mean an int.
    nix::ioctl_read_bad!(get_flags, nix::request_code_read!(b'f', 1, size_of::<libc::c_long>()), libc::c_int);
    nix::ioctl_write_ptr_bad!(set_flags, nix::request_code_write!(b'f', 2, size_of::<libc::c_long>()), libc::c_int);
}
