//! Filling an empty folder with a stranger's tree.
//!
//! Every path is walked from the top by descriptor, part by part, without following a link (`O_NOFOLLOW`): what the
//! stranger put there a moment ago cannot lead the next entry out. Ids and modes are kept; what has no place in a
//! template — device nodes, sockets, attributes that mean something to overlayfs — is left out and counted.

use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::io::{self, Read};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::sys::stat::{Mode, UtimensatFlags, fchmodat, futimens, mkdirat, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, LinkatFlags, Uid, UnlinkatFlags, fchown, fchownat, linkat, mkfifoat, symlinkat, unlinkat};
use xattr::FileExt as _;

/// The highest id that a range of 64 Ki can show; what lies above becomes nobody.
const HIGHEST_ID: u64 = 65_535;
const NOBODY: u32 = 65_534;

/// Owner, mode, time and attributes of an entry.
#[derive(Debug, Clone, Default)]
pub(super) struct Attributes {
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) mode: u32,
    pub(super) mtime: i64,
    pub(super) xattrs: Vec<(String, Vec<u8>)>,
}

/// What was left out or changed, for one line at the end.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct LeftOut {
    pub(super) devices: u64,
    pub(super) sockets: u64,
    pub(super) xattrs: u64,
    pub(super) ids: u64,
}

impl LeftOut {
    /// What to say about it, if anything.
    pub(super) fn words(self) -> Option<String> {
        let parts: Vec<String> = [
            (self.devices, "device nodes left out"),
            (self.sockets, "sockets left out"),
            (self.xattrs, "extended attributes left out"),
            (self.ids, "entries with ids above 65535 given to nobody"),
        ]
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// Why an entry cannot be put into the tree.
#[derive(Debug, thiserror::Error)]
pub(super) enum TreeError {
    #[error("{0:?} is not a path inside the tree")]
    Outside(PathBuf),
    #[error("{0:?} would be written through a symbolic link or a file")]
    ThroughLink(PathBuf),
    #[error("cannot make {path:?}")]
    Make { path: PathBuf, source: io::Error },
}

/// The tree.
pub(super) struct Tree {
    top: OwnedFd,
    /// The folder of the last entry: entries of one folder come together.
    last: Option<(PathBuf, OwnedFd)>,
    /// Times of folders, set when nothing is put into them any more.
    times: Vec<(PathBuf, i64)>,
    pub(super) left_out: LeftOut,
}

type Result<T> = std::result::Result<T, TreeError>;

fn folder_flags() -> OFlag {
    OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC
}

/// `path` as parts beneath the top: no `..`, not absolute. `./a//b/` is `a/b`.
pub(super) fn inside(path: &Path) -> Result<PathBuf> {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::CurDir => {}
            Component::RootDir | Component::ParentDir | Component::Prefix(_) => {
                return Err(TreeError::Outside(path.to_owned()));
            }
        }
    }
    Ok(clean)
}

impl Tree {
    /// The folder at `top`, which nobody else writes to.
    pub(super) fn open(top: &Path) -> io::Result<Self> {
        let top = open(top, folder_flags(), Mode::empty())?;
        Ok(Self { top, last: None, times: Vec::new(), left_out: LeftOut::default() })
    }

    /// The top itself gets these attributes.
    pub(super) fn top(&mut self, attributes: &Attributes) -> Result<()> {
        let top = self.top.try_clone().map_err(|source| make(Path::new("."), source))?;
        self.dress(&File::from(top), Path::new("."), attributes)
    }

    pub(super) fn folder(&mut self, path: &Path, attributes: &Attributes) -> Result<()> {
        let (path, name) = split(path)?;
        let parent = self.parent(&path)?;
        match mkdirat(&parent, name, Mode::S_IRWXU) {
            // A second entry for a folder, as when it was made for a file that came first, sets its attributes.
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(make(&path, errno.into())),
        }
        let folder = openat(&parent, name, folder_flags(), Mode::empty()).map_err(|errno| link_or(&path, errno))?;
        self.dress(&File::from(folder), &path, attributes)?;
        self.times.push((path, attributes.mtime));
        Ok(())
    }

    pub(super) fn file(&mut self, path: &Path, attributes: &Attributes, content: &mut dyn Read) -> Result<()> {
        let (path, name) = split(path)?;
        let parent = self.parent(&path)?;
        replace(&parent, name, &path)?;
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let file = openat(&parent, name, flags, Mode::S_IRUSR | Mode::S_IWUSR).map_err(|e| make(&path, e.into()))?;
        let mut file = File::from(file);
        io::copy(content, &mut file).map_err(|source| make(&path, source))?;
        self.dress(&file, &path, attributes)?;
        let time = time_of(attributes.mtime);
        futimens(&file, &time, &time).map_err(|errno| make(&path, errno.into()))
    }

    pub(super) fn symlink(&mut self, path: &Path, attributes: &Attributes, target: &OsStr) -> Result<()> {
        let (path, name) = split(path)?;
        let parent = self.parent(&path)?;
        replace(&parent, name, &path)?;
        let fail = |errno: Errno| make(&path, errno.into());
        symlinkat(target, &parent, name).map_err(fail)?;
        let (uid, gid) = self.owner(attributes);
        fchownat(&parent, name, Some(uid), Some(gid), AtFlags::AT_SYMLINK_NOFOLLOW).map_err(fail)?;
        let time = time_of(attributes.mtime);
        utimensat(&parent, name, &time, &time, UtimensatFlags::NoFollowSymlink).map_err(fail)
    }

    pub(super) fn fifo(&mut self, path: &Path, attributes: &Attributes) -> Result<()> {
        let (path, name) = split(path)?;
        let parent = self.parent(&path)?;
        replace(&parent, name, &path)?;
        let fail = |errno: Errno| make(&path, errno.into());
        mkfifoat(&parent, name, Mode::S_IRUSR | Mode::S_IWUSR).map_err(fail)?;
        let (uid, gid) = self.owner(attributes);
        fchownat(&parent, name, Some(uid), Some(gid), AtFlags::AT_SYMLINK_NOFOLLOW).map_err(fail)?;
        // We made it a moment ago in a folder nobody else writes to: it is no link.
        let mode = Mode::from_bits_truncate(attributes.mode & 0o7777);
        fchmodat(&parent, name, mode, nix::sys::stat::FchmodatFlags::FollowSymlink).map_err(fail)
    }

    /// `path` is another name of `target`, which is in the tree already.
    pub(super) fn hard_link(&mut self, path: &Path, target: &Path) -> Result<()> {
        let (target, target_name) = split(target)?;
        let from = self.parent(&target)?;
        let (path, name) = split(path)?;
        let to = self.parent(&path)?;
        if target == path {
            return Ok(());
        }
        replace(&to, name, &path)?;
        // Without AT_SYMLINK_FOLLOW a link is linked itself.
        linkat(&from, target_name, &to, name, LinkatFlags::empty()).map_err(|errno| make(&path, errno.into()))
    }

    /// Sets the folders' times. Call it last.
    pub(super) fn finish(mut self) -> Result<LeftOut> {
        for (path, mtime) in std::mem::take(&mut self.times).into_iter().rev() {
            let folder = self.walk(&path)?;
            let time = time_of(mtime);
            futimens(&folder, &time, &time).map_err(|errno| make(&path, errno.into()))?;
        }
        Ok(self.left_out)
    }

    /// The folder that holds `path`; missing parts are made.
    fn parent(&mut self, path: &Path) -> Result<OwnedFd> {
        let parent = path.parent().unwrap_or(Path::new(""));
        let folder = match self.last.take() {
            Some((last, folder)) if last == parent => folder,
            _ => self.walk(parent)?,
        };
        let again = folder.try_clone().map_err(|source| make(path, source))?;
        self.last = Some((parent.to_owned(), again));
        Ok(folder)
    }

    fn walk(&self, path: &Path) -> Result<OwnedFd> {
        let mut folder = self.top.try_clone().map_err(|source| make(path, source))?;
        for part in path {
            let next = match openat(&folder, part, folder_flags(), Mode::empty()) {
                Err(Errno::ENOENT) => {
                    mkdirat(&folder, part, Mode::from_bits_truncate(0o755)).map_err(|errno| make(path, errno.into()))?;
                    openat(&folder, part, folder_flags(), Mode::empty())
                }
                other => other,
            };
            folder = next.map_err(|errno| link_or(path, errno))?;
        }
        Ok(folder)
    }

    /// Owner first: chown(2) takes setuid bits and capabilities away.
    fn dress(&mut self, file: &File, path: &Path, attributes: &Attributes) -> Result<()> {
        let (uid, gid) = self.owner(attributes);
        fchown(file.as_fd(), Some(uid), Some(gid)).map_err(|errno| make(path, errno.into()))?;
        let mode = Permissions::from_mode(attributes.mode & 0o7777);
        file.set_permissions(mode).map_err(|source| make(path, source))?;
        for (name, value) in &attributes.xattrs {
            if is_kept(name) {
                file.set_xattr(name, value).map_err(|source| make(path, source))?;
            } else {
                self.left_out.xattrs += 1;
            }
        }
        Ok(())
    }

    fn owner(&mut self, attributes: &Attributes) -> (Uid, Gid) {
        if attributes.uid > HIGHEST_ID || attributes.gid > HIGHEST_ID {
            self.left_out.ids += 1;
        }
        let id = |id: u64| u32::try_from(id).ok().filter(|_| id <= HIGHEST_ID).unwrap_or(NOBODY);
        (Uid::from_raw(id(attributes.uid)), Gid::from_raw(id(attributes.gid)))
    }
}

/// Attributes that mean the same in every place. `trusted.overlay.*` and `user.overlay.*` would speak to the overlay
/// that the template becomes a layer of: hide files, point elsewhere.
fn is_kept(name: &str) -> bool {
    let user = name.starts_with("user.") && !name.starts_with("user.overlay.");
    user || matches!(name, "security.capability" | "system.posix_acl_access" | "system.posix_acl_default")
}

fn split(path: &Path) -> Result<(PathBuf, &OsStr)> {
    let clean = inside(path)?;
    // The same last part, but borrowed from the caller's path.
    let name = path.components().next_back().map(Component::as_os_str);
    match name {
        Some(name) if !clean.as_os_str().is_empty() && name != "." => Ok((clean, name)),
        _ => Err(TreeError::Outside(path.to_owned())),
    }
}

/// A later entry of the same name takes the place of an earlier one, unless that is a folder.
fn replace(parent: &OwnedFd, name: &OsStr, path: &Path) -> Result<()> {
    match unlinkat(parent, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(errno) => Err(make(path, errno.into())),
    }
}

fn make(path: &Path, source: io::Error) -> TreeError {
    TreeError::Make { path: path.to_owned(), source }
}

fn link_or(path: &Path, errno: Errno) -> TreeError {
    match errno {
        Errno::ELOOP | Errno::ENOTDIR => TreeError::ThroughLink(path.to_owned()),
        errno => make(path, errno.into()),
    }
}

fn time_of(seconds: i64) -> TimeSpec {
    TimeSpec::new(seconds, 0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn plain(mode: u32) -> Attributes {
        Attributes { uid: u64::from(Uid::current().as_raw()), gid: u64::from(Gid::current().as_raw()), mode, ..Default::default() }
    }

    #[test]
    fn nothing_is_written_through_a_link() {
        let top = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let mut tree = Tree::open(top.path()).unwrap();
        tree.symlink(Path::new("out"), &plain(0o777), outside.path().as_os_str()).unwrap();
        tree.folder(Path::new("a/b"), &plain(0o755)).unwrap();
        tree.symlink(Path::new("a/b/up"), &plain(0o777), OsStr::new("../..")).unwrap();
        for path in ["out/x", "a/b/up/x", "out"] {
            let written = tree.folder(Path::new(path), &plain(0o755));
            assert!(matches!(written, Err(TreeError::ThroughLink(_))), "{path}");
        }
        assert!(tree.file(Path::new("out/x"), &plain(0o644), &mut &b"x"[..]).is_err());
        assert!(tree.hard_link(Path::new("passwd"), Path::new("out/../etc/passwd")).is_err());
        for path in ["/etc/x", "../x", "a/../../x", "..", "", ".", "/"] {
            let written = tree.file(Path::new(path), &plain(0o644), &mut &b"x"[..]);
            assert!(matches!(written, Err(TreeError::Outside(_))), "{path}");
        }
        // A file in the place of a link replaces the link.
        tree.file(Path::new("out"), &plain(0o644), &mut &b"x"[..]).unwrap();
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
        assert!(top.path().join("out").symlink_metadata().unwrap().is_file());
    }

    #[test]
    fn modes_times_and_links_are_kept() {
        use std::os::unix::fs::MetadataExt as _;
        let top = tempfile::tempdir().unwrap();
        let mut tree = Tree::open(top.path()).unwrap();
        tree.folder(Path::new("./d/"), &Attributes { mtime: 77, ..plain(0o1777) }).unwrap();
        tree.file(Path::new("d/su"), &Attributes { mtime: 42, ..plain(0o4755) }, &mut &b"x"[..]).unwrap();
        tree.hard_link(Path::new("d/also"), Path::new("./d/su")).unwrap();
        tree.fifo(Path::new("d/fifo"), &plain(0o622)).unwrap();
        tree.finish().unwrap();
        let meta = |path: &str| top.path().join(path).symlink_metadata().unwrap();
        assert_eq!((meta("d").mode() & 0o7777, meta("d").mtime()), (0o1777, 77));
        assert_eq!((meta("d/su").mode() & 0o7777, meta("d/su").mtime(), meta("d/su").nlink()), (0o4755, 42, 2));
        assert_eq!(meta("d/fifo").mode() & 0o7777, 0o622);
    }

    #[test]
    fn overlay_attributes_are_not_kept() {
        assert!(is_kept("security.capability") && is_kept("user.mime_type"));
        for name in ["trusted.overlay.opaque", "user.overlay.redirect", "security.selinux", "trusted.x", "user"] {
            assert!(!is_kept(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_path_stays_inside(text in "[a./]{0,12}") {
            if let Ok(path) = inside(Path::new(&text)) {
                prop_assert!(path.components().all(|part| matches!(part, Component::Normal(_))));
            }
        }
    }
}
