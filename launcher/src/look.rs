//! A guest's files, looked at from the host: nothing of it is started, and no path leads out of its tree.
//!
//! ```text
//!   a container that runs ── /proc/PID/root of its init ───────────────────────────────────────┐
//!   one that does not ────── template and layer ─┐ laid over one another, read-only, in a      ├─▶ Look: openat2(2) beneath
//!   the built-in template ── and the host's /usr ─┘ mount namespace that ends with this process ├─
//!   a template, a folder ──────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Whoever made the tree may have put anything into it: links that lead out end inside ([`kernel::beneath`]), and what is no file with
//! content of its own is not opened.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use kernel::beneath::Dir;
use kernel::mount::{self, Attributes};
use kernel::namespace::{self, Kind};
use nix::sys::stat::SFlag;
use units::search::{self, Nature, Tree};

use crate::config::Host;
use crate::error::{Class, Error};
use crate::store::{self, ContainerConfig, ContainerName, TemplateName};
use crate::{enter, start, template};

const STEP: &str = "looking at the guest's files";

/// A tree to look at.
#[derive(Debug)]
pub struct Look(Dir);

impl Look {
    /// The container `name`, as it is now.
    ///
    /// # Errors
    /// When it ends meanwhile, or its layers cannot be laid over one another.
    pub fn container(host: &Host, name: &ContainerName) -> Result<Self, Error> {
        let config = store::find(host, name)?;
        if start::settle(host, name)?.is_alive() {
            return enter::root(host, name).map(Self);
        }
        lay(host, &config.template, Some(&config))
    }

    /// The template `name`.
    ///
    /// # Errors
    /// When there is none, or the host's `/usr` cannot be laid over it.
    pub fn template(host: &Host, name: &TemplateName) -> Result<Self, Error> {
        template::find_or_make(host, name)?;
        lay(host, name, None)
    }

    /// The tree in a folder of the host.
    ///
    /// # Errors
    /// When there is no such folder.
    pub fn folder(path: &Path) -> Result<Self, Error> {
        let fail = |error: io::Error| Error::new(class_of(&error), STEP, path.display().to_string()).source(error);
        Dir::open(&path.canonicalize().map_err(fail)?).map(Self).map_err(fail)
    }

    fn file(&self, path: &str) -> io::Result<File> {
        self.0.open_file(Path::new(path)).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidInput => io::Error::other("not a regular file"),
            _ => error,
        })
    }
}

impl Tree for Look {
    fn names(&self, folder: &str) -> Vec<(String, Nature)> {
        let Ok(folder) = self.0.dir(Path::new(folder)) else { return Vec::new() };
        let named = |name: std::ffi::CString| {
            let name = name.into_string().ok()?;
            let mode = folder.stat(Path::new(&name)).ok()??.st_mode;
            Some((name, nature(SFlag::from_bits_truncate(mode) & SFlag::S_IFMT)))
        };
        folder.names().unwrap_or_default().into_iter().filter_map(named).collect()
    }

    fn link(&self, path: &str) -> Option<String> {
        self.0.link(Path::new(path)).ok()??.into_os_string().into_string().ok()
    }

    fn read(&self, path: &str, limit: usize) -> Result<Vec<u8>, String> {
        let path = search::end_of(self, path).ok_or("too many links")?;
        if path == "/dev/null" {
            return Ok(Vec::new());
        }
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        let mut text = Vec::new();
        let read = self.file(&path).and_then(|file| file.take(limit).read_to_end(&mut text));
        read.map(|_| text).map_err(|error| error.to_string())
    }

    fn is_executable(&self, path: &str) -> bool {
        let mode = self.file(path).and_then(|file| file.metadata()).map(|about| about.permissions().mode());
        mode.is_ok_and(|mode| mode & 0o111 != 0)
    }
}

fn nature(kind: SFlag) -> Nature {
    if kind == SFlag::S_IFREG {
        Nature::File
    } else if kind == SFlag::S_IFDIR {
        Nature::Folder
    } else if kind == SFlag::S_IFLNK {
        Nature::Link
    } else {
        Nature::Other
    }
}

/// What a start would lay over one another.
fn lay(host: &Host, template: &TemplateName, container: Option<&ContainerConfig>) -> Result<Look, Error> {
    let rootfs = host.paths.template_rootfs(template);
    let fail = |cause: &str, error: io::Error| Error::new(class_of(&error), STEP, cause.to_owned()).source(error);
    if container.is_some() || template.is_builtin() {
        namespace::leave(Kind::Mount).map_err(|e| fail("cannot make a mount namespace", e.into()))?;
        mount::slave_all().map_err(|e| fail("cannot cut the mount namespace off", e.into()))?;
    }
    if let Some(config) = container {
        let upper = host.paths.upper(&config.name);
        overlay(&upper, &rootfs).map_err(|e| fail(&format!("cannot lay {} over {}", upper.display(), rootfs.display()), e))?;
    }
    let root = Dir::open(&rootfs).map_err(|e| fail(&rootfs.display().to_string(), e))?;
    if template.is_builtin() {
        // Not by its path: what is on the way is the guest's.
        let place = root.dir(Path::new("usr")).map_err(|e| fail("the guest's /usr", e))?;
        let usr = mount::Tree::clone_of_path(Path::new("/usr")).map_err(|e| fail("/usr", e))?;
        usr.set(Attributes::RDONLY).and_then(|()| usr.attach(place.as_fd())).map_err(|e| fail("/usr", e.into()))?;
    }
    Ok(Look(root))
}

/// The container's layer over its template, mounted where the template is. A layer of a container that does not run is in no other overlay.
fn overlay(upper: &Path, rootfs: &Path) -> io::Result<()> {
    let open = |path: &Path| Dir::open(path);
    let (upper, lower) = (open(upper)?, open(rootfs)?);
    // By descriptor: a colon in a path would end it, and templates' names have one.
    let path = |dir: &Dir| PathBuf::from(format!("/proc/self/fd/{}", dir.as_fd().as_raw_fd()));
    let both = mount::c_path(Path::new(&format!("{}:{}", path(&upper).display(), path(&lower).display())))?;
    let options = [(c"lowerdir", Some(both.as_c_str())), (c"userxattr", None)];
    let quiet = Attributes::RDONLY.and(Attributes::NODEV).and(Attributes::NOSUID).and(Attributes::NOEXEC);
    let tree = mount::Tree::new(c"overlay", options.into_iter(), quiet)?;
    Ok(tree.attach(mount::place(rootfs)?.as_fd())?)
}

fn class_of(error: &io::Error) -> Class {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Class::Missing,
        _ => Class::Unfit,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_end_inside_and_only_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "x").unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("units")).unwrap();
        std::fs::write(at("units/a.service"), "[Service]\n").unwrap();
        std::fs::write(at("true"), "").unwrap();
        std::fs::set_permissions(at("true"), std::fs::Permissions::from_mode(0o755)).unwrap();
        symlink("/units/a.service", at("absolute")).unwrap();
        symlink(outside.path().join("secret"), at("out")).unwrap();
        symlink("../../../../../../../../true", at("up")).unwrap();
        symlink("masked", at("masked-too")).unwrap();
        symlink("/dev/null", at("masked")).unwrap();
        symlink("round", at("round")).unwrap();
        let look = Look::folder(folder.path()).unwrap();
        assert_eq!(look.names("/units"), [("a.service".to_owned(), Nature::File)]);
        assert_eq!(look.names("/none"), []);
        assert_eq!(look.read("/absolute", 4), Ok(b"[Ser".to_vec()));
        assert_eq!(look.read("/masked-too", 4), Ok(Vec::new()));
        assert_eq!(look.link("/masked").as_deref(), Some("/dev/null"));
        assert!(look.read("/out", 4).unwrap_err().contains("No such file"));
        assert_eq!(look.read("/units", 4), Err("not a regular file".to_owned()));
        assert_eq!(look.read("/round", 4), Err("too many links".to_owned()));
        assert!(look.is_executable("/up") && !look.is_executable("/absolute") && !look.is_executable("/units"));
        assert_eq!(Look::folder(&at("true")).unwrap_err().class(), Class::Missing);
    }
}
