//! Where things are on this host, and what its `fief.toml` says.

use std::path::{Path, PathBuf};

use crate::error::{Class, Error, OrFail as _};

mod address;
mod host;
mod paths;
pub mod strict;

pub use address::{Cidr, CidrError};
pub use host::HostConfig;
pub use paths::Paths;

/// This host: its folders and its config. Every command starts from one.
#[derive(Debug, Clone)]
pub struct Host {
    /// Where everything lies.
    pub paths: Paths,
    /// What `fief.toml` says.
    pub config: HostConfig,
}

impl Host {
    /// Finds the folders (`FIEF_ROOT`) and reads `fief.toml`; a missing file means the defaults.
    ///
    /// # Errors
    /// When the file cannot be read or says something that makes no sense.
    pub fn load() -> Result<Self, Error> {
        let paths = Paths::from_environment()?;
        let config = HostConfig::read(&paths.host_config())?;
        Ok(Self { paths, config })
    }

    /// The `fief-init` of this host: as configured, else beside this program, else `/usr/lib/fief/fief-init`.
    ///
    /// # Errors
    /// When no such file exists.
    pub fn init_program(&self) -> Result<PathBuf, Error> {
        let advice = "install fief-init beside fief, or set init = \"…\" in fief.toml";
        companion("finding fief-init", "fief-init", self.config.init.as_deref()).map_err(|error| error.advice(advice))
    }

    /// The package for Debian and Ubuntu guests that was made with this `fief`; looked for where `fief-init` is.
    ///
    /// # Errors
    /// When no such file exists.
    pub fn guest_package(&self) -> Result<PathBuf, Error> {
        let name = format!("fief-guest_{}_{ARCHITECTURE}.deb", env!("CARGO_PKG_VERSION"));
        let advice = "cargo xtask dist makes it; put it beside fief, or set guest-package = \"…\" in fief.toml";
        companion("finding the guests' package", &name, self.config.guest_package.as_deref()).map_err(|error| error.advice(advice))
    }
}

/// What Debian calls this machine.
const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };

/// A file that comes with `fief`: where it was `told` to be, else beside this program or in `/usr/lib/fief`.
fn companion(step: &'static str, name: &str, told: Option<&Path>) -> Result<PathBuf, Error> {
    let candidates: Vec<PathBuf> = if let Some(path) = told {
        vec![path.to_owned()]
    } else {
        let exe = crate::seal::own_path().or_fail(Class::Internal, step, || "who am I".into())?;
        let beside = exe.parent().map(|folder| folder.join(name));
        beside.into_iter().chain([Path::new("/usr/lib/fief").join(name)]).collect()
    };
    candidates.iter().find(|path| path.is_file()).cloned().ok_or_else(|| {
        let tried: Vec<String> = candidates.iter().map(|path| path.display().to_string()).collect();
        Error::new(Class::Unfit, step, format!("no file at {}", tried.join(" nor ")))
    })
}
