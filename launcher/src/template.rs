//! What containers lie over: a folder with the root of a system, shared, read-only and untouched.
//!
//! ```text
//!   /var/lib/fief/templates/NAME/template.toml     what it is, where it came from
//!                               /rootfs/           the tree; ids as inside, owned by host root
//!                          .new-NAME-PID/          one in the making; its `lock` is held while someone makes it
//! ```
//!
//! A template is made in a hidden folder and renamed into place, so there is never half a one; what a killed command
//! left hidden is removed by the next one that makes a template.

use std::io;
use std::path::{Path, PathBuf};

use crate::config::{Host, strict};
use crate::error::{Class, Error};
use crate::store::lock::{self, Lock};
use crate::store::{ContainerName, Shelf, TemplateName, disk_usage, folder, random, remove_tree};

pub mod build;
pub mod builtin;
mod dpkg;
pub mod import;
mod manifest;
mod prepare;
mod tree;

pub use manifest::{Kind, Manifest};

/// A template and who lies over it.
#[derive(Debug)]
pub struct Listed {
    /// Its name.
    pub name: TemplateName,
    /// What it is, or why that cannot be read.
    pub manifest: Result<Manifest, Error>,
    /// The containers over it.
    pub users: Vec<ContainerName>,
}

/// The template `name`.
///
/// # Errors
/// When there is none, or its manifest makes no sense.
pub fn find(host: &Host, name: &TemplateName) -> Result<Manifest, Error> {
    Manifest::read(&host.paths.template(name).join("template.toml"))?.ok_or_else(|| {
        Error::new(Class::Missing, "finding the template", format!("there is no template {name}")).advice(if name.as_str().contains(':') {
            format!("fief template build {name}, or fief template list")
        } else {
            "fief template list shows them".to_owned()
        })
    })
}

/// The template `name`, made first if it is the built-in one and not there yet.
///
/// # Errors
/// When there is none, or it cannot be made.
pub fn find_or_make(host: &Host, name: &TemplateName) -> Result<Manifest, Error> {
    if name.is_builtin() {
        builtin::ensure(host)?;
    }
    find(host, name)
}

/// Every template, by name.
///
/// # Errors
/// When the folders cannot be listed.
pub fn all(host: &Host) -> Result<Vec<Listed>, Error> {
    let path = host.paths.templates();
    let entries = match std::fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(Error::new(strict::class_of(&error), "listing the templates", path.display().to_string()).source(error));
        }
    };
    let containers = crate::store::all(host)?;
    let mut names: Vec<TemplateName> = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    names.sort();
    let listed = |name: TemplateName| {
        let lies_over = |config: &crate::store::ContainerConfig| config.template == name;
        let users = containers.iter().filter(|(_, config)| config.as_ref().is_ok_and(lies_over));
        Listed { manifest: find(host, &name), users: users.map(|(user, _)| user.clone()).collect(), name }
    };
    Ok(names.into_iter().map(listed).collect())
}

/// Removes a template that no container lies over.
///
/// # Errors
/// When there is none, a container needs it, or it cannot be removed.
pub fn remove(host: &Host, name: &TemplateName) -> Result<(), Error> {
    const STEP: &str = "removing the template";
    let shelf = Shelf::lock(host)?;
    if host.paths.template(name).symlink_metadata().is_err() {
        return find(host, name).map(drop);
    }
    // A container whose config cannot be read may lie over it.
    shelf.used()?;
    let users = shelf.users_of(name)?;
    if !users.is_empty() {
        let users: Vec<&str> = users.iter().map(ContainerName::as_str).collect();
        return Err(
            Error::new(Class::State, STEP, format!("containers lie over {name}: {}", users.join(", "))).advice("destroy them first")
        );
    }
    let hidden = hidden(host, ".gone-", name);
    let fail = |error: io::Error| Error::new(strict::class_of(&error), STEP, name.to_string()).source(error);
    std::fs::rename(host.paths.template(name), &hidden).map_err(fail)?;
    drop(shelf);
    remove_tree(&hidden).map_err(fail)
}

fn hidden(host: &Host, prefix: &str, name: &TemplateName) -> PathBuf {
    host.paths.templates().join(format!("{prefix}{name}-{}", std::process::id()))
}

/// A template in the making. Dropped before [`Draft::finish`], nothing is left of it.
#[derive(Debug)]
pub struct Draft<'a> {
    host: &'a Host,
    name: TemplateName,
    folder: PathBuf,
    replace: bool,
    _lock: Lock,
}

impl<'a> Draft<'a> {
    /// Begins a template; `replace` allows one of that name to be there.
    ///
    /// # Errors
    /// When the name is taken, or the folder cannot be made.
    pub fn begin(host: &'a Host, name: &TemplateName, replace: bool) -> Result<Self, Error> {
        const STEP: &str = "making the template";
        let shelf = Shelf::lock(host)?;
        sweep(host);
        if !replace {
            name_is_free(host, name)?;
        }
        let path = hidden(host, ".new-", name);
        let fail = |error: io::Error| Error::new(strict::class_of(&error), STEP, path.display().to_string()).source(error);
        folder(&path, 0o700).map_err(fail)?;
        // The shelf's lock keeps a sweep out until ours is held.
        let lock = lock::wait(&path.join("lock")).map_err(fail)?;
        drop(shelf);
        let draft = Self { host, name: name.clone(), folder: path.clone(), replace, _lock: lock };
        folder(&draft.rootfs(), 0o755).map_err(fail)?;
        Ok(draft)
    }

    /// The tree to fill: an empty folder.
    #[must_use]
    pub fn rootfs(&self) -> PathBuf {
        self.folder.join("rootfs")
    }

    /// Writes the manifest and puts the template in its place.
    ///
    /// # Errors
    /// When the name was taken meanwhile, or the disk is full.
    pub fn finish(self, kind: Kind, source: &str) -> Result<Manifest, Error> {
        const STEP: &str = "making the template";
        let manifest = Manifest::new(self.name.clone(), kind, source, disk_usage(&self.rootfs()));
        manifest.write(&self.folder.join("template.toml"))?;
        let shelf = Shelf::lock(self.host)?;
        let place = self.host.paths.template(&self.name);
        let fail = |error: io::Error| Error::new(Class::Template, STEP, self.name.to_string()).source(error);
        let old = hidden(self.host, ".gone-", &self.name);
        if self.replace {
            let users = shelf.users_of(&self.name)?;
            if place.exists() && !users.is_empty() {
                let users: Vec<&str> = users.iter().map(ContainerName::as_str).collect();
                return Err(Error::new(Class::State, STEP, format!("containers lie over {}: {}", self.name, users.join(", ")))
                    .advice("build it under another --name, or destroy them first"));
            }
            match std::fs::rename(&place, &old) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
                _ => {}
            }
        } else {
            name_is_free(self.host, &self.name)?;
        }
        let _ = std::fs::remove_file(self.folder.join("lock"));
        std::fs::rename(&self.folder, &place).map_err(fail)?;
        drop(shelf);
        if let Err(error) = remove_tree(&old) {
            log::warn!("cannot remove the replaced template: {error}");
        }
        Ok(manifest)
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        // After `finish` the folder has another name and this finds nothing.
        if let Err(error) = remove_tree(&self.folder) {
            log::warn!("cannot remove {}: {error}", self.folder.display());
        }
    }
}

/// A folder to build a tree in by a program that drops root, as apt does: unlike a [`Draft`] others may pass through
/// it. Dropped, nothing is left of it.
#[derive(Debug)]
struct Workshop {
    folder: PathBuf,
    _lock: Lock,
}

impl Workshop {
    /// A folder whose name nobody can list or guess: what is setuid in it is no one's to run.
    fn open(host: &Host) -> Result<Self, Error> {
        let top = host.paths.workshops();
        let fail = |error: io::Error| Error::new(strict::class_of(&error), "making the template", top.display().to_string()).source(error);
        let shelf = Shelf::lock(host)?;
        folder(&top, 0o711).map_err(fail)?;
        let secret = u128::from_be_bytes(random::bytes().map_err(fail)?);
        let path = top.join(format!("{secret:032x}"));
        folder(&path, 0o711).map_err(fail)?;
        let lock = lock::wait(&path.join("lock")).map_err(fail)?;
        drop(shelf);
        Ok(Self { folder: path, _lock: lock })
    }

    fn rootfs(&self) -> PathBuf {
        self.folder.join("rootfs")
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        if let Err(error) = remove_tree(&self.folder) {
            log::warn!("cannot remove {}: {error}", self.folder.display());
        }
    }
}

fn name_is_free(host: &Host, name: &TemplateName) -> Result<(), Error> {
    if host.paths.template(name).symlink_metadata().is_err() {
        return Ok(());
    }
    Err(Error::new(Class::Exists, "making the template", format!("there is a template {name} already"))
        .advice("choose another name, or --replace it"))
}

/// Removes hidden folders and workshops that nobody is filling any more. Called with the shelf's lock held.
fn sweep(host: &Host) {
    let entries = |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let hidden = entries(host.paths.templates()).filter(|path| is_hidden(path));
    for path in hidden.chain(entries(host.paths.workshops())) {
        if lock::is_held(&path.join("lock")).is_ok_and(|held| !held)
            && let Err(error) = remove_tree(&path)
        {
            log::warn!("cannot clear away {}: {error}", path.display());
        }
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::{HostConfig, Paths};

    #[test]
    fn a_template_is_there_whole_or_not_at_all() {
        let root = tempfile::tempdir().unwrap();
        let host = Host { paths: Paths::beneath(root.path()), config: HostConfig::default() };
        let name: TemplateName = "x:1".parse().unwrap();
        let count = || std::fs::read_dir(host.paths.templates()).unwrap().count();
        let draft = Draft::begin(&host, &name, false).unwrap();
        std::fs::write(draft.rootfs().join("f"), "x").unwrap();
        assert_eq!(find(&host, &name).unwrap_err().class(), Class::Missing);
        drop(draft);
        assert_eq!(count(), 0);
        Draft::begin(&host, &name, false).unwrap().finish(Kind::Rootfs, "test").unwrap();
        assert_eq!(find(&host, &name).unwrap().kind, Kind::Rootfs);
        assert_eq!(Draft::begin(&host, &name, false).map(drop).unwrap_err().class(), Class::Exists);
        Draft::begin(&host, &name, true).unwrap().finish(Kind::Rootfs, "again").unwrap();
        assert_eq!(find(&host, &name).unwrap().source, "again");
        assert_eq!(all(&host).unwrap().len(), 1);
        // What a killed command left.
        std::fs::create_dir_all(host.paths.templates().join(".new-y-1/rootfs/etc")).unwrap();
        drop(Draft::begin(&host, &"z".parse().unwrap(), false).unwrap());
        assert_eq!(count(), 1);
        remove(&host, &name).unwrap();
        assert_eq!(remove(&host, &name).unwrap_err().class(), Class::Missing);
        assert_eq!(count(), 0);
    }
}
