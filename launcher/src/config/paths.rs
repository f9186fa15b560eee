//! The folders of fief on the host; `FIEF_ROOT` moves the whole set elsewhere.

use std::path::{Path, PathBuf};

use crate::error::{Class, Error};
use crate::store::{ContainerName, TemplateName};

/// Where everything lies.
///
/// ```text
///   ROOT/etc/fief/fief.toml
///   ROOT/var/lib/fief/{lock, containers/NAME/{container.toml, layer/{upper,work}}, templates/NAME/{template.toml, rootfs/}}
///   ROOT/run/fief/containers/NAME/{lock, record.json, keeper.sock, host/}
///   ROOT/var/log/fief/NAME.log
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    root: PathBuf,
}

impl Paths {
    /// All folders beneath `root`; `/` is the ordinary place.
    #[must_use]
    pub fn beneath(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// As `FIEF_ROOT` says; unset or empty means `/`.
    ///
    /// # Errors
    /// When `FIEF_ROOT` is not an absolute path.
    pub fn from_environment() -> Result<Self, Error> {
        match std::env::var_os("FIEF_ROOT") {
            Some(root) if !root.is_empty() => {
                let root = PathBuf::from(root);
                if root.is_absolute() {
                    Ok(Self { root })
                } else {
                    Err(Error::new(Class::Value, "reading FIEF_ROOT", format!("{} is not absolute", root.display())))
                }
            }
            _ => Ok(Self::beneath("/")),
        }
    }

    /// `/`, or what `FIEF_ROOT` says.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `/etc/fief/fief.toml`.
    #[must_use]
    pub fn host_config(&self) -> PathBuf {
        self.root.join("etc/fief/fief.toml")
    }

    /// `/var/lib/fief`.
    #[must_use]
    pub fn library(&self) -> PathBuf {
        self.root.join("var/lib/fief")
    }

    /// `/var/lib/fief/lock`, held while names, ids and addresses are handed out.
    #[must_use]
    pub fn library_lock(&self) -> PathBuf {
        self.library().join("lock")
    }

    /// `/var/lib/fief/containers`.
    #[must_use]
    pub fn containers(&self) -> PathBuf {
        self.library().join("containers")
    }

    /// `/var/lib/fief/containers/NAME`.
    #[must_use]
    pub fn container(&self, name: &ContainerName) -> PathBuf {
        self.containers().join(name.as_str())
    }

    /// `/var/lib/fief/containers/NAME/container.toml`.
    #[must_use]
    pub fn container_config(&self, name: &ContainerName) -> PathBuf {
        self.container(name).join("container.toml")
    }

    /// `/var/lib/fief/containers/NAME/layer/upper`: what the container wrote.
    #[must_use]
    pub fn upper(&self, name: &ContainerName) -> PathBuf {
        self.container(name).join("layer/upper")
    }

    /// `/var/lib/fief/containers/NAME/layer/work`: overlayfs's own.
    #[must_use]
    pub fn work(&self, name: &ContainerName) -> PathBuf {
        self.container(name).join("layer/work")
    }

    /// `/var/lib/fief/build`: where programs that do not run as root must be able to pass while a template is built.
    #[must_use]
    pub fn workshops(&self) -> PathBuf {
        self.library().join("build")
    }

    /// `/var/lib/fief/templates`.
    #[must_use]
    pub fn templates(&self) -> PathBuf {
        self.library().join("templates")
    }

    /// `/var/lib/fief/templates/NAME`.
    #[must_use]
    pub fn template(&self, name: &TemplateName) -> PathBuf {
        self.templates().join(name.as_str())
    }

    /// `/var/lib/fief/templates/NAME/rootfs`.
    #[must_use]
    pub fn template_rootfs(&self, name: &TemplateName) -> PathBuf {
        self.template(name).join("rootfs")
    }

    /// `/run/fief/containers`.
    #[must_use]
    pub fn runtimes(&self) -> PathBuf {
        self.root.join("run/fief/containers")
    }

    /// `/run/fief/containers/NAME`.
    #[must_use]
    pub fn runtime(&self, name: &ContainerName) -> PathBuf {
        self.runtimes().join(name.as_str())
    }

    /// `/run/fief/containers/NAME/lock`, held by the keeper for its life.
    #[must_use]
    pub fn runtime_lock(&self, name: &ContainerName) -> PathBuf {
        self.runtime(name).join("lock")
    }

    /// `/run/fief/containers/NAME/record.json`.
    #[must_use]
    pub fn record(&self, name: &ContainerName) -> PathBuf {
        self.runtime(name).join("record.json")
    }

    /// `/run/fief/containers/NAME/keeper.sock`.
    #[must_use]
    pub fn keeper_socket(&self, name: &ContainerName) -> PathBuf {
        self.runtime(name).join("keeper.sock")
    }

    /// `/run/fief/containers/NAME/host`: becomes `/run/host` inside.
    #[must_use]
    pub fn guest_view(&self, name: &ContainerName) -> PathBuf {
        self.runtime(name).join("host")
    }

    /// `/var/log/fief`.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.root.join("var/log/fief")
    }

    /// `/var/log/fief/NAME.log`: the console's output and the keeper's diagnostics.
    #[must_use]
    pub fn log(&self, name: &ContainerName) -> PathBuf {
        self.logs().join(format!("{name}.log"))
    }

    /// `/var/log/fief/NAME.log.1`: what was there before the last rotation.
    #[must_use]
    pub fn old_log(&self, name: &ContainerName) -> PathBuf {
        self.logs().join(format!("{name}.log.1"))
    }
}
