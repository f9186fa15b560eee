//! Directories made for a unit, owned by its user. systemd.exec(5), `RuntimeDirectory=`.
//!
//! Invariant: what the unit's user can reach leads nowhere else. Each part of a path is opened from
//! the one before it without following links, but those that root made (`/var/lib/mysql` on another
//! disk); owner and mode are set on the descriptor, never by path.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, fchmod, fstatat, mkdirat};
use nix::unistd::fchown;
use units::unit::{Directory, DirectoryKind, Service};

use super::gone::Gone;
use super::identity::Identity;

/// Make them all. The error is for a person.
pub(super) fn make(service: &Service, identity: &Identity) -> Result<(), String> {
    for directory in &service.directories.0 {
        let done = make_one(Path::new(directory.kind.root()), directory, identity);
        done.map_err(|error| format!("making {} failed: {error}", path(directory).display()))?;
    }
    Ok(())
}

/// Take away those that live no longer than the unit.
pub(super) fn remove(service: &Service, gone: &mut Gone) {
    for directory in service.directories.0.iter().filter(|directory| directory.kind == DirectoryKind::Runtime) {
        gone.take(&path(directory));
    }
}

fn path(directory: &Directory) -> PathBuf {
    Path::new(directory.kind.root()).join(&directory.path)
}

fn make_one(root: &Path, directory: &Directory, identity: &Identity) -> io::Result<()> {
    std::fs::create_dir_all(root)?;
    let mut here = OwnedFd::from(File::open(root)?);
    for part in Path::new(&directory.path).components() {
        let Component::Normal(name) = part else { return Err(io::ErrorKind::InvalidInput.into()) };
        match mkdirat(&here, name, Mode::from_bits_truncate(0o755)) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
        here = enter(&here, name.as_ref())?;
    }
    // Configuration stays root's, as systemd has it.
    if directory.kind != DirectoryKind::Configuration {
        fchown(here.as_fd(), Some(identity.uid), Some(identity.gid))?;
    }
    fchmod(here.as_fd(), Mode::from_bits_truncate(directory.mode.bits()))?;
    Ok(())
}

fn enter(here: &OwnedFd, name: &Path) -> io::Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    match openat(here, name, flags | OFlag::O_NOFOLLOW, Mode::empty()) {
        // A link, which O_DIRECTORY tells as ENOTDIR and O_NOFOLLOW alone as ELOOP; open(2).
        Err(Errno::ENOTDIR | Errno::ELOOP) if is_root_s(here, name) => Ok(openat(here, name, flags, Mode::empty())?),
        other => Ok(other?),
    }
}

/// Whether a link and the directory it lies in are root's, so that nobody else can have made it.
fn is_root_s(here: &OwnedFd, name: &Path) -> bool {
    let root_s = |place: &Path| fstatat(here, place, AtFlags::AT_SYMLINK_NOFOLLOW).is_ok_and(|about| about.st_uid == 0);
    root_s(name) && root_s(Path::new("."))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};

    fn wanted(path: &str) -> Directory {
        Directory { kind: DirectoryKind::State, path: path.to_owned(), mode: units::value::Mode::read("0750").unwrap() }
    }

    /// As whoever runs the test.
    fn me() -> Identity {
        let (uid, gid) = (nix::unistd::getuid(), nix::unistd::getgid());
        let user =
            crate::accounts::User { name: String::new(), uid: uid.as_raw(), gid: gid.as_raw(), home: String::new(), shell: String::new() };
        Identity { user, uid, gid, groups: Vec::new(), unchanged: false }
    }

    #[test]
    fn parents_are_made_and_the_mode_is_the_last_one_s() {
        let root = tempfile::tempdir().unwrap();
        make_one(root.path(), &wanted("a/b"), &me()).unwrap();
        make_one(root.path(), &wanted("a/b"), &me()).unwrap();
        assert_eq!(fs::metadata(root.path().join("a/b")).unwrap().mode() & 0o7777, 0o750);
        assert_eq!(fs::metadata(root.path().join("a")).unwrap().mode() & 0o7777, 0o755);
    }

    #[test]
    fn a_link_of_somebody_else_s_leads_nowhere() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("target");
        fs::create_dir(&target).unwrap();
        let link = root.path().join("link");
        symlink(&target, &link).unwrap();
        if nix::unistd::getuid().is_root() {
            make_one(root.path(), &wanted("link"), &me()).unwrap();
            std::os::unix::fs::lchown(&link, Some(4711), None).unwrap();
        }
        make_one(root.path(), &wanted("link"), &me()).unwrap_err();
        make_one(root.path(), &wanted("link/x"), &me()).unwrap_err();
        assert!(!target.join("x").exists());
    }
}
