//! Where things are on this host, and what its `fief.toml` says.

use std::path::PathBuf;

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
        const STEP: &str = "finding fief-init";
        let candidates: Vec<PathBuf> = if let Some(path) = &self.config.init {
            vec![path.clone()]
        } else {
            let exe = crate::seal::own_path().or_fail(Class::Internal, STEP, || "who am I".into())?;
            let beside = exe.parent().map(|folder| folder.join("fief-init"));
            beside.into_iter().chain([PathBuf::from("/usr/lib/fief/fief-init")]).collect()
        };
        candidates.iter().find(|path| path.is_file()).cloned().ok_or_else(|| {
            let tried: Vec<String> = candidates.iter().map(|path| path.display().to_string()).collect();
            Error::new(Class::Unfit, STEP, format!("no program at {}", tried.join(" nor ")))
                .advice("install fief-init beside fief, or set init = \"…\" in fief.toml")
        })
    }
}
