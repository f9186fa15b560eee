//! Directories made for a unit, owned by its user. systemd.exec(5), `RuntimeDirectory=`.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, lchown};
use std::path::{Path, PathBuf};

use units::unit::{Directory, DirectoryKind, Service};

use super::identity::Identity;

/// Make them all. The error is for a person.
pub(crate) fn make(service: &Service, identity: &Identity) -> Result<(), String> {
    for directory in &service.directories.0 {
        let path = path(directory);
        make_one(directory, &path, identity).map_err(|error| format!("making {} failed: {error}", path.display()))?;
    }
    Ok(())
}

/// Take away those that live no longer than the unit.
pub(crate) fn remove(service: &Service) {
    for directory in service.directories.0.iter().filter(|directory| directory.kind == DirectoryKind::Runtime) {
        // remove_dir_all follows no link; a mount left inside makes it EBUSY and stays.
        let _ = fs::remove_dir_all(path(directory));
    }
}

fn path(directory: &Directory) -> PathBuf {
    Path::new(directory.kind.root()).join(&directory.path)
}

fn make_one(directory: &Directory, path: &Path, identity: &Identity) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    match fs::create_dir(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // A link here could make us give somebody else's directory away.
            if !fs::symlink_metadata(path)?.is_dir() {
                return Err(io::ErrorKind::NotADirectory.into());
            }
        }
        Err(error) => return Err(error),
    }
    // Configuration stays root's, as systemd has it.
    if directory.kind != DirectoryKind::Configuration {
        lchown(path, Some(identity.uid.as_raw()), Some(identity.gid.as_raw()))?;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(directory.mode.bits()))
}
