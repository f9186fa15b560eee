//! Directories made for a unit, owned by its user. systemd.exec(5), `RuntimeDirectory=`.
//!
//! ```text
//! /var/lib/shop                      of a user of the container's
//! /var/lib/shop → private/shop       of a user made up for the time: /var/lib/private is root's alone, so that
//! /var/lib/private/shop              whoever has that number later does not get there
//! ```
//!
//! Invariant: what the unit's user can reach leads nowhere else. Each part of a path is opened from
//! the one before it without following links, but those that root made (`/var/lib/mysql` on another
//! disk); owner and mode are set on the descriptor, never by path. What lies in a directory changes its
//! owner only when the directory itself had the wrong one.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, fchmod, fstat, fstatat, mkdirat};
use nix::unistd::{fchown, fchownat};
use supervisor::Afterwards;
use units::unit::{Directory, DirectoryKind, Preserve, Service};

use super::gone::Gone;
use super::identity::Identity;

/// So many files change their owner in one go; PID 1 does nothing else meanwhile.
const MOST_FILES: usize = 4096;

/// Make them all. The error is for a person.
pub(super) fn make(service: &Service, identity: &Identity) -> Result<(), String> {
    for directory in &service.directories.0 {
        make_whole(service, directory, identity).map_err(|error| format!("making {} failed: {error}", path(directory).display()))?;
    }
    Ok(())
}

fn make_whole(service: &Service, directory: &Directory, identity: &Identity) -> io::Result<()> {
    let root = Path::new(directory.kind.root());
    let wanted = place(service, directory);
    match private_root(directory.kind).filter(|_| service.execution.dynamic_user) {
        None => make_one(root, directory, identity)?,
        Some(private) => {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(private)?;
            let usual = path(directory);
            // Made before the unit had such a user.
            if fs::symlink_metadata(&usual).is_ok_and(|about| about.is_dir()) && fs::symlink_metadata(&wanted).is_err() {
                fs::rename(&usual, &wanted)?;
            }
            make_one(Path::new(private), directory, identity)?;
            // One that lies in another of the unit's is reached by the link to that.
            if !service.directories.0.iter().any(|other| is_within(directory, other)) {
                link(&usual, &wanted)?;
            }
        }
    }
    for name in &directory.links {
        link(&root.join(name), &wanted)?;
    }
    Ok(())
}

/// Whether the one lies in the other.
fn is_within(inner: &Directory, outer: &Directory) -> bool {
    let (inside, outside) = (Path::new(&inner.path), Path::new(&outer.path));
    inner.kind == outer.kind && inside != outside && inside.starts_with(outside)
}

/// A link of that name, if nothing else is there.
fn link(name: &Path, target: &Path) -> io::Result<()> {
    if let Some(parent) = name.parent() {
        fs::create_dir_all(parent)?;
    }
    match std::os::unix::fs::symlink(target, name) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if fs::read_link(name).is_ok_and(|there| there == target) {
                Ok(())
            } else {
                Err(error)
            }
        }
        other => other,
    }
}

/// Take away those that live no longer than the unit.
pub(super) fn remove(service: &Service, after: Afterwards, gone: &mut Gone) {
    match (service.runtime_preserve, after) {
        (Preserve::Yes, _) | (Preserve::Restart, Afterwards::Restart) => return,
        (Preserve::No, _) | (Preserve::Restart, Afterwards::Rest) => {}
    }
    for directory in service.directories.0.iter().filter(|directory| directory.kind == DirectoryKind::Runtime) {
        gone.take(&path(directory));
        for name in &directory.links {
            let _ = fs::remove_file(Path::new(directory.kind.root()).join(name));
        }
    }
}

/// Where what is kept for users made up for the time lies; `None` where it lies as ever.
pub(super) fn private_root(kind: DirectoryKind) -> Option<&'static str> {
    match kind {
        DirectoryKind::State => Some("/var/lib/private"),
        DirectoryKind::Cache => Some("/var/cache/private"),
        DirectoryKind::Logs => Some("/var/log/private"),
        DirectoryKind::Runtime | DirectoryKind::Configuration => None,
    }
}

/// Where the directory itself is.
pub(super) fn place(service: &Service, directory: &Directory) -> PathBuf {
    let private = private_root(directory.kind).filter(|_| service.execution.dynamic_user);
    Path::new(private.unwrap_or(directory.kind.root())).join(&directory.path)
}

fn path(directory: &Directory) -> PathBuf {
    Path::new(directory.kind.root()).join(&directory.path)
}

fn make_one(root: &Path, directory: &Directory, identity: &Identity) -> io::Result<()> {
    fs::create_dir_all(root)?;
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
        give(&here, identity)?;
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

/// The directory is the unit's user's; if it was another's, so is what lies in it. Its contents first: should that end half-way, the next
/// time finds the directory as it was and goes on.
fn give(top: &OwnedFd, identity: &Identity) -> io::Result<()> {
    let is_his = |about: &FileStat| about.st_uid == identity.uid.as_raw() && about.st_gid == identity.gid.as_raw();
    if is_his(&fstat(top)?) {
        return Ok(());
    }
    let (mut left, mut waiting) = (MOST_FILES, vec![top.try_clone()?]);
    while let Some(here) = waiting.pop() {
        // A directory that is open is reached by its descriptor only: nobody can put another in its place.
        for entry in fs::read_dir(format!("/proc/self/fd/{}", here.as_raw_fd()))? {
            left =
                left.checked_sub(1).ok_or_else(|| io::Error::other(format!("more than {MOST_FILES} files in it are somebody else's")))?;
            let name = PathBuf::from(entry?.file_name());
            // Held before it is looked at: whoever the directory belongs to may put another in its place at any moment.
            let held = openat(&here, &name, OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())?;
            let about = fstat(&held)?;
            // A file of several names may be known by one of them elsewhere: it is not this directory's to give.
            let is_dir = about.st_mode & libc::S_IFMT == libc::S_IFDIR;
            if is_dir || about.st_nlink == 1 {
                fchownat(&held, "", Some(identity.uid), Some(identity.gid), AtFlags::AT_EMPTY_PATH)?;
            }
            if is_dir {
                let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
                waiting.push(openat(&held, ".", flags, Mode::empty())?);
            }
        }
    }
    Ok(fchown(top.as_fd(), Some(identity.uid), Some(identity.gid))?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use nix::unistd::{Gid, Uid};
    use std::os::unix::fs::{MetadataExt, symlink};

    fn wanted(path: &str) -> Directory {
        let mode = units::value::Mode::read("0750").unwrap();
        Directory { kind: DirectoryKind::State, path: path.to_owned(), links: Vec::new(), mode }
    }

    fn somebody(uid: u32, gid: u32) -> Identity {
        let user = crate::accounts::User { name: String::new(), uid, gid, home: String::new(), shell: String::new() };
        Identity { user, uid: Uid::from_raw(uid), gid: Gid::from_raw(gid), groups: Vec::new(), unchanged: false }
    }

    /// As whoever runs the test.
    fn me() -> Identity {
        somebody(nix::unistd::getuid().as_raw(), nix::unistd::getgid().as_raw())
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

    #[test]
    fn links_to_it_are_made_and_what_is_in_their_place_stays() {
        let root = tempfile::tempdir().unwrap();
        let (name, target) = (root.path().join("more/name"), root.path().join("target"));
        link(&name, &target).unwrap();
        link(&name, &target).unwrap();
        assert_eq!(fs::read_link(&name).unwrap(), target);
        link(&name, root.path()).unwrap_err();
    }

    #[test]
    #[ignore = "needs root"]
    fn contents_change_hands_only_with_the_top_and_never_through_links() {
        let root = tempfile::tempdir().unwrap();
        let (top, outside) = (root.path().join("top"), root.path().join("outside"));
        fs::create_dir_all(top.join("deep/er")).unwrap();
        for file in [outside.clone(), top.join("deep/er/file"), top.join("another")] {
            fs::write(file, "").unwrap();
        }
        symlink(&outside, top.join("link")).unwrap();
        fs::hard_link(&outside, top.join("hard")).unwrap();
        let owner = |path: &Path| fs::symlink_metadata(path).unwrap().uid();
        make_one(root.path(), &wanted("top"), &somebody(4711, 4711)).unwrap();
        for name in ["", "deep", "deep/er/file", "link", "another"] {
            assert_eq!(owner(&top.join(name)), 4711, "{name}");
        }
        assert_eq!(owner(&outside), 0);
        // The top is right now: the rest is left.
        std::os::unix::fs::lchown(top.join("another"), Some(1), None).unwrap();
        make_one(root.path(), &wanted("top"), &somebody(4711, 4711)).unwrap();
        assert_eq!(owner(&top.join("another")), 1);
        for number in 0..MOST_FILES {
            fs::write(top.join(number.to_string()), "").unwrap();
        }
        make_one(root.path(), &wanted("top"), &somebody(4712, 4711)).unwrap_err();
        assert_eq!(owner(&top), 4711);
    }
}
