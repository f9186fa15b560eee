//! What every template made from a stranger's tree needs before a container may lie over it.
//!
//! Identities go: two containers must not share host keys or a machine id. What only the maker's host needed goes.
//! The names under which people and scripts look for an init's commands come, where nothing has them. All of it by
//! descriptor beneath the tree: the stranger's links lead nowhere else.

use std::io;
use std::path::Path;

use kernel::beneath::Dir;
use nix::sys::stat::SFlag;
use units::programs::PROGRAMS;

use crate::error::{Class, Error};

const STEP: &str = "preparing the template";

/// Where the launcher shows our init inside every guest.
const INIT_INSIDE: &str = "/run/host/fief/fief-init";

/// Folders that get something mounted on them, and so must be folders of the tree itself.
const MOUNT_POINTS: [(&str, u32); 6] = [("dev", 0o755), ("proc", 0o555), ("sys", 0o555), ("run", 0o755), ("tmp", 0o1777), ("root", 0o700)];

/// Checks the tree at `rootfs` and makes it a template's.
///
/// # Errors
/// When it is no system one could boot, or cannot be changed.
pub(super) fn prepare(rootfs: &Path) -> Result<(), Error> {
    let root = Dir::open(rootfs).map_err(|source| failed("the tree", source))?;
    check(&root)?;
    for (name, mode) in MOUNT_POINTS {
        let name = Path::new(name);
        match kind(&root, name)? {
            Some(SFlag::S_IFDIR) => {}
            None => root.make_dirs(name, mode).map(drop).map_err(|source| failed(name.display(), source))?,
            Some(_) => {
                return Err(Error::new(Class::Template, STEP, format!("/{} is not a folder", name.display())));
            }
        }
    }
    forget(&root).map_err(|source| failed("what belongs to the maker", source))?;
    link(&root).map_err(|source| failed("the links to fief-init", source))
}

/// Whether the tree at `rootfs` has an init's names from somebody.
///
/// # Errors
/// When that cannot be seen.
pub(super) fn has_an_init(rootfs: &Path) -> Result<bool, Error> {
    let root = Dir::open(rootfs).map_err(|source| failed("the tree", source))?;
    let places = PROGRAMS.iter().flat_map(|(name, folder)| [folder.path(), folder.unmerged()].map(|folder| Path::new(folder).join(name)));
    for path in places {
        if kind(&root, &path)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn failed(what: impl std::fmt::Display, source: io::Error) -> Error {
    Error::new(Class::Template, STEP, what.to_string()).source(source)
}

/// What `path` itself is; links are not followed.
fn kind(root: &Dir, path: &Path) -> Result<Option<SFlag>, Error> {
    let stat = root.stat(path).map_err(|source| failed(path.display(), source))?;
    Ok(stat.map(|stat| SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT))
}

/// Is it a tree with a system in it?
fn check(root: &Dir) -> Result<(), Error> {
    let is_folder = |name: &str| Ok(kind(root, Path::new(name))? == Some(SFlag::S_IFDIR));
    if !is_folder("etc")? {
        return Err(Error::new(Class::Template, STEP, "there is no folder /etc at its top")
            .advice("the tree of a whole system is wanted, with etc and usr at its top"));
    }
    if !is_folder("usr")? && !is_folder("bin")? {
        return Err(Error::new(Class::Template, STEP, "there is no folder /usr or /bin at its top")
            .advice("the tree of a whole system is wanted, with etc and usr at its top"));
    }
    Ok(())
}

/// Removes identities and what the maker's host needed.
fn forget(root: &Dir) -> io::Result<()> {
    let files = |folder: &str, wanted: fn(&[u8]) -> bool| -> io::Result<()> {
        let dir = match root.dir(Path::new(folder)) {
            Ok(dir) => dir,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(()),
            Err(error) => return Err(error),
        };
        for name in dir.names()?.iter().filter(|name| wanted(name.to_bytes())) {
            let name = Path::new(std::ffi::OsStr::new(name.to_str().unwrap_or_default()));
            if !name.as_os_str().is_empty() {
                // A folder with something in it stays: apt's `partial`, somebody's cache.
                match dir.remove(name) {
                    Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
                    other => other?,
                }
            }
        }
        Ok(())
    };
    files("etc/ssh", |name| name.starts_with(b"ssh_host_"))?;
    files("var/cache/apt/archives", |name| name.ends_with(b".deb"))?;
    files("var/cache/apt", |name| name.ends_with(b".bin"))?;
    files("var/lib/apt/lists", |name| name.contains(&b'_'))?;
    for path in [
        "etc/resolv.conf",
        "etc/hostname",
        ".dockerenv",
        "var/lib/dbus/machine-id",
        "root/.bash_history",
        "var/lib/systemd/random-seed",
        "var/lib/urandom/random-seed",
    ] {
        match root.remove(Path::new(path)) {
            Err(error) if matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotADirectory) => {}
            other => other?,
        }
    }
    // Images for one program have it (docker's do): in a container that has an init, no package would start what it brings.
    for path in ["usr/sbin/policy-rc.d", "sbin/policy-rc.d"] {
        if root.stat(Path::new(path))?.is_some() {
            root.remove(Path::new(path))?;
            log::warn!("/{path} is left out: with it no package would start its services");
        }
    }
    // Empty means: fill me from container_uuid, this is not a first boot with presets (machine-id(5)).
    root.write(Path::new("etc/machine-id"), b"", 0o444)
}

/// Makes the links of an init where nothing has the name.
fn link(root: &Dir) -> io::Result<()> {
    for (name, folder) in PROGRAMS {
        let (folder, other) = (folder.path(), folder.unmerged());
        // On a merged system `sbin` is a link to `usr/sbin`; on an old one the names are looked for in both.
        let merged = root.stat(Path::new(other))?.is_some_and(|stat| is_link(stat.st_mode));
        let home = if merged || root.dir(Path::new(other)).is_err() { folder } else { other };
        root.make_dirs(Path::new(home), 0o755)?;
        let is_in = |folder: &str| root.exists(&Path::new(folder).join(name));
        if !is_in(folder)? && !is_in(other)? {
            root.symlink(Path::new(INIT_INSIDE), &Path::new(home).join(name))?;
        }
    }
    Ok(())
}

fn is_link(mode: u32) -> bool {
    SFlag::from_bits_truncate(mode) & SFlag::S_IFMT == SFlag::S_IFLNK
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn system() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for folder in ["etc/ssh", "usr/sbin", "usr/bin", "var/lib/apt/lists/partial", "var/cache/apt/archives"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        symlink("usr/sbin", root.path().join("sbin")).unwrap();
        symlink("usr/bin", root.path().join("bin")).unwrap();
        root
    }

    #[test]
    fn identities_go_and_links_come() {
        let root = system();
        let at = |path: &str| root.path().join(path);
        for file in [
            "etc/ssh/ssh_host_rsa_key",
            "etc/machine-id",
            "etc/hostname",
            "usr/sbin/policy-rc.d",
            "usr/sbin/halt",
            "etc/ssh/sshd_config",
            "var/lib/apt/lists/x_y",
            "var/cache/apt/archives/a.deb",
        ] {
            fs::write(at(file), "old").unwrap();
        }
        symlink("/run/systemd/resolve/stub-resolv.conf", at("etc/resolv.conf")).unwrap();
        prepare(root.path()).unwrap();
        for gone in
            ["etc/ssh/ssh_host_rsa_key", "etc/hostname", "usr/sbin/policy-rc.d", "var/lib/apt/lists/x_y", "var/cache/apt/archives/a.deb"]
        {
            assert!(!at(gone).exists(), "{gone}");
        }
        assert!(!at("etc/resolv.conf").is_symlink());
        assert_eq!(fs::read(at("etc/machine-id")).unwrap(), b"");
        assert_eq!(fs::read(at("usr/sbin/halt")).unwrap(), b"old");
        assert_eq!(fs::read_link(at("usr/sbin/reboot")).unwrap(), Path::new(INIT_INSIDE));
        assert_eq!(fs::read_link(at("usr/bin/fiefctl")).unwrap(), Path::new(INIT_INSIDE));
        assert!(at("etc/ssh/sshd_config").exists() && at("dev").is_dir() && at("proc").is_dir());
        prepare(root.path()).unwrap();
    }

    #[test]
    fn a_hostile_tree_changes_nothing_outside() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("ssh_host_rsa_key"), "mine").unwrap();
        fs::write(outside.path().join("hostname"), "mine").unwrap();
        let root = system();
        fs::remove_dir(root.path().join("etc/ssh")).unwrap();
        symlink(outside.path(), root.path().join("etc/ssh")).unwrap();
        fs::remove_dir(root.path().join("usr/sbin")).unwrap();
        symlink(outside.path(), root.path().join("usr/sbin")).unwrap();
        symlink(outside.path().join("hostname"), root.path().join("etc/machine-id")).unwrap();
        let _ = prepare(root.path());
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 2);
        assert_eq!(fs::read(outside.path().join("hostname")).unwrap(), b"mine");
        let linked = system();
        symlink(outside.path(), linked.path().join("proc")).unwrap();
        assert!(prepare(linked.path()).unwrap_err().line().contains("/proc is not a folder"));
    }

    #[test]
    fn what_is_no_system_is_refused() {
        let root = tempfile::tempdir().unwrap();
        assert!(prepare(root.path()).unwrap_err().line().contains("/etc"));
        fs::create_dir(root.path().join("etc")).unwrap();
        assert!(prepare(root.path()).unwrap_err().line().contains("/usr"));
        symlink("/usr", root.path().join("usr")).unwrap();
        assert!(prepare(root.path()).is_err());
    }
}
