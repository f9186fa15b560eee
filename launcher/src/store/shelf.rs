//! The containers of this host: making, finding and unmaking their folders.
//!
//! A container is made in a hidden folder beside the others and renamed into place under the lock, and it is unmade
//! by renaming it out of the way first: at no moment is there half a container, whatever kills us. What a killed
//! command left hidden is removed by the next one.

use std::collections::BTreeSet;
use std::fs::DirBuilder;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use super::lock::{self, Lock};
use super::{ContainerConfig, ContainerName, TemplateName, ids, remove_tree};
use crate::config::{Host, strict};
use crate::error::{Class, Error};

/// The containers, with the lock held: names, ids and addresses can be handed out.
#[derive(Debug)]
pub struct Shelf<'a> {
    host: &'a Host,
    _lock: Lock,
}

impl<'a> Shelf<'a> {
    /// Takes the lock, waiting for it, and clears away what killed commands left.
    ///
    /// # Errors
    /// When the folders cannot be made (not root) or locked.
    pub fn lock(host: &'a Host) -> Result<Self, Error> {
        const STEP: &str = "locking /var/lib/fief";
        let library = host.paths.library();
        let fail = |error: io::Error| Error::new(strict::class_of(&error), STEP, library.display().to_string()).source(error);
        folder(&host.paths.containers(), 0o700).map_err(fail)?;
        folder(&host.paths.templates(), 0o700).map_err(fail)?;
        let shelf = Self { host, _lock: lock::wait(&host.paths.library_lock()).map_err(fail)? };
        shelf.sweep();
        Ok(shelf)
    }

    /// Hidden folders of containers exist only while someone holds the lock, or while they are being removed.
    fn sweep(&self) {
        let Ok(entries) = std::fs::read_dir(self.host.paths.containers()) else { return };
        for entry in entries.flatten() {
            if entry.file_name().as_encoded_bytes().starts_with(b".")
                && let Err(error) = remove_tree(&entry.path())
            {
                log::warn!("cannot clear away {}: {error}", entry.path().display());
            }
        }
    }

    /// Every container that can be read. One that cannot is told and left out: but its ids may be taken, so making
    /// a new one is refused by [`Shelf::used`].
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn all(&self) -> Result<Vec<ContainerConfig>, Error> {
        all(self.host).map(|found| found.into_iter().filter_map(|(_, config)| config.ok()).collect())
    }

    /// The id bases and addresses that are taken, whether their containers run or not.
    ///
    /// # Errors
    /// When a container's config cannot be read: handing out its ids again would be worse than refusing.
    pub fn used(&self) -> Result<(BTreeSet<u32>, BTreeSet<IpAddr>), Error> {
        let mut bases = BTreeSet::new();
        let mut addresses = BTreeSet::new();
        for (name, config) in all(self.host)? {
            // What it has is not known, so nothing can be handed out that it surely does not have.
            let config = config.map_err(|error| error.advice(format!("mend it, or fief destroy {name}")))?;
            bases.insert(config.ids.base);
            addresses.extend(config.addresses().map(|cidr| cidr.address()));
        }
        Ok((bases, addresses))
    }

    /// A free id range.
    ///
    /// # Errors
    /// When the pool is used up.
    pub fn pick_ids(&self, used: &BTreeSet<u32>) -> Result<super::Ids, Error> {
        let reserved = ids::Reserved::of_host(Path::new("/etc"));
        let inhabited = ids::Reserved::of_processes(Path::new("/proc"));
        ids::pick(&self.host.config, used, &reserved, &inhabited)
    }

    /// Is the name free?
    ///
    /// # Errors
    /// When a container has it.
    pub fn name_is_free(&self, name: &ContainerName) -> Result<(), Error> {
        if self.host.paths.container(name).symlink_metadata().is_ok() {
            return Err(Error::new(Class::Exists, "creating the container", format!("there is a container {name} already"))
                .advice(format!("choose another name, or fief destroy {name}")));
        }
        Ok(())
    }

    /// Puts a new container on the shelf.
    ///
    /// # Errors
    /// When the name is taken or the disk full; then nothing is left of it.
    pub fn add(&self, config: &ContainerConfig) -> Result<(), Error> {
        const STEP: &str = "creating the container";
        self.name_is_free(&config.name)?;
        let paths = &self.host.paths;
        let hidden = paths.containers().join(format!(".new-{}", config.name));
        let made = Self::furnish(&hidden, config).and_then(|()| {
            let fail = |error: io::Error| Error::new(Class::Internal, STEP, config.name.to_string()).source(error);
            std::fs::rename(&hidden, paths.container(&config.name)).map_err(fail)?;
            super::remove::sync(&paths.containers()).map_err(fail)
        });
        if made.is_err() {
            // The failure that is told is the first one.
            let _ = remove_tree(&hidden);
        }
        made
    }

    fn furnish(hidden: &Path, config: &ContainerConfig) -> Result<(), Error> {
        let fail =
            |error: io::Error| Error::new(strict::class_of(&error), "creating the container", hidden.display().to_string()).source(error);
        remove_tree(hidden).map_err(fail)?;
        folder(hidden, 0o700).map_err(fail)?;
        folder(&hidden.join("layer"), 0o700).map_err(fail)?;
        // The root of the guest is this folder: everyone inside must be able to pass.
        folder(&hidden.join("layer/upper"), 0o755).map_err(fail)?;
        folder(&hidden.join("layer/work"), 0o700).map_err(fail)?;
        config.write(&hidden.join("container.toml"))
    }

    /// Takes a container off the shelf and gives the lock back before its files are removed. Its name, ids and
    /// addresses are free from the moment of the rename.
    ///
    /// # Errors
    /// When there is none, or its files cannot be removed.
    pub fn remove(self, name: &ContainerName) -> Result<(), Error> {
        const STEP: &str = "destroying the container";
        let paths = &self.host.paths;
        let from = paths.container(name);
        let hidden = paths.containers().join(format!(".gone-{name}-{}", std::process::id()));
        let fail = |error: io::Error| Error::new(strict::class_of(&error), STEP, name.to_string()).source(error);
        match std::fs::rename(&from, &hidden) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing(name)),
            Err(error) => return Err(fail(error)),
        }
        let _ = super::remove::sync(&paths.containers());
        drop(self);
        remove_tree(&hidden).map_err(fail)
    }

    /// Replaces the config of an existing container.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn replace(&self, config: &ContainerConfig) -> Result<(), Error> {
        config.write(&self.host.paths.container_config(&config.name))
    }

    /// The containers that lie over `template`.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn users_of(&self, template: &TemplateName) -> Result<Vec<ContainerName>, Error> {
        Ok(self.all()?.into_iter().filter(|config| config.template == *template).map(|config| config.name).collect())
    }
}

/// There is no such container.
pub(crate) fn missing(name: &ContainerName) -> Error {
    Error::new(Class::Missing, "finding the container", format!("there is no container {name}")).advice("fief list shows them")
}

/// The config of `name`.
///
/// # Errors
/// When there is no such container or its config makes no sense.
pub fn find(host: &Host, name: &ContainerName) -> Result<ContainerConfig, Error> {
    let path = host.paths.container_config(name);
    let config = ContainerConfig::read(&path)?.ok_or_else(|| missing(name))?;
    if config.name != *name {
        return Err(Error::new(
            Class::Value,
            "reading the container's config",
            format!("{}: name = \"{}\" is not the name of its folder", path.display(), config.name),
        ));
    }
    Ok(config)
}

/// A container by name, and its config or why that cannot be read.
pub type Found = (ContainerName, Result<ContainerConfig, Error>);

/// Every container by name, with its config or why that cannot be read.
///
/// # Errors
/// When the folder cannot be listed.
pub fn all(host: &Host) -> Result<Vec<Found>, Error> {
    let folder = host.paths.containers();
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(Error::new(strict::class_of(&error), "listing the containers", folder.display().to_string()).source(error));
        }
    };
    let mut names: Vec<ContainerName> = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    names.sort();
    // One that is destroyed at this moment is no failure.
    let found = names.into_iter().map(|name| {
        let config = find(host, &name);
        (name, config)
    });
    Ok(found.filter(|(_, config)| !matches!(config, Err(error) if error.class() == Class::Missing)).collect())
}

/// Makes a folder and its parents with `mode`; one that exists is left as it is.
pub(crate) fn folder(path: &Path, mode: u32) -> io::Result<()> {
    match DirBuilder::new().mode(mode).create(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = path.parent().ok_or(error)?;
            folder(parent, 0o755)?;
            folder(path, mode)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::{HostConfig, Paths};
    use crate::store::Ids;

    fn host(root: &Path) -> Host {
        Host { paths: Paths::beneath(root), config: HostConfig::default() }
    }

    fn config(name: &str, base: u32) -> ContainerConfig {
        let uuid = "6f1c2f6e-1b1a-4c0f-9d55-7a3c5e2d1b00".into();
        ContainerConfig::new(name.parse().unwrap(), uuid, TemplateName::builtin(), Ids { base })
    }

    #[test]
    fn a_container_is_there_whole_or_not_at_all() {
        let root = tempfile::tempdir().unwrap();
        let host = host(root.path());
        let shelf = Shelf::lock(&host).unwrap();
        let web = config("web1", 0x7000_0000);
        shelf.add(&web).unwrap();
        assert_eq!(shelf.add(&web).unwrap_err().class(), Class::Exists);
        assert_eq!(find(&host, &web.name).unwrap(), web);
        assert!(host.paths.upper(&web.name).is_dir() && host.paths.work(&web.name).is_dir());
        assert_eq!(shelf.used().unwrap().0, BTreeSet::from([0x7000_0000]));
        assert_eq!(shelf.users_of(&TemplateName::builtin()).unwrap(), std::slice::from_ref(&web.name));
        shelf.remove(&web.name).unwrap();
        assert_eq!(std::fs::read_dir(host.paths.containers()).unwrap().count(), 0);
        let shelf = Shelf::lock(&host).unwrap();
        assert_eq!(shelf.remove(&web.name).unwrap_err().class(), Class::Missing);
    }

    #[test]
    fn what_a_killed_command_left_is_cleared_away() {
        let root = tempfile::tempdir().unwrap();
        let host = host(root.path());
        drop(Shelf::lock(&host).unwrap());
        std::fs::create_dir_all(host.paths.containers().join(".new-web1/layer/upper/etc")).unwrap();
        std::fs::create_dir_all(host.paths.containers().join(".gone-web2/layer")).unwrap();
        drop(Shelf::lock(&host).unwrap());
        assert_eq!(std::fs::read_dir(host.paths.containers()).unwrap().count(), 0);
    }

    #[test]
    fn a_config_that_cannot_be_read_stops_handing_out_but_not_listing() {
        let root = tempfile::tempdir().unwrap();
        let host = host(root.path());
        let shelf = Shelf::lock(&host).unwrap();
        shelf.add(&config("good", 0x7000_0000)).unwrap();
        shelf.add(&config("bad", 0x7001_0000)).unwrap();
        std::fs::write(host.paths.container_config(&"bad".parse().unwrap()), "nonsense = ").unwrap();
        assert_eq!(shelf.all().unwrap().len(), 1);
        assert_eq!(all(&host).unwrap().len(), 2);
        assert_eq!(shelf.used().unwrap_err().class(), Class::Value);
    }
}
