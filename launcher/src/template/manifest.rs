//! `template.toml`: what a template is.

use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::config::strict;
use crate::error::{Class, Error, OrFail as _};
use crate::store::{TemplateName, atomic};

const VERSION: u32 = 1;

/// What a template's tree holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A whole system.
    Rootfs,
    /// Everything but `/usr`, which is the host's own, read-only.
    HostUsr,
}

impl Kind {
    /// The word in the file and in listings.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rootfs => "rootfs",
            Self::HostUsr => "host-usr",
        }
    }
}

/// A template, as `template.toml` has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    version: u32,
    /// Its name; the folder has the same.
    pub name: TemplateName,
    /// What its tree holds.
    pub kind: Kind,
    /// When it was made: RFC 3339, UTC.
    pub created: String,
    /// Where it came from, for people.
    pub source: String,
    /// The disk it takes, in bytes, when it was made.
    pub size: u64,
}

impl Manifest {
    pub(super) fn new(name: TemplateName, kind: Kind, source: &str, size: u64) -> Self {
        let created = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        Self { version: VERSION, name, kind, created, source: source.to_owned(), size }
    }

    /// Reads `path`; `None` when there is no such file.
    ///
    /// # Errors
    /// When it cannot be read, has another version, or says something that makes no sense.
    pub fn read(path: &Path) -> Result<Option<Self>, Error> {
        const STEP: &str = "reading the template's manifest";
        let Some(manifest) = strict::read::<Self>(path, STEP)? else { return Ok(None) };
        if manifest.version != VERSION {
            let cause = format!("{}: version = {} is not {VERSION}", path.display(), manifest.version);
            return Err(Error::new(Class::Value, STEP, cause));
        }
        Ok(Some(manifest))
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), Error> {
        const STEP: &str = "writing the template's manifest";
        let text = toml::to_string(self).or_fail(Class::Internal, STEP, || path.display().to_string())?;
        atomic::write(path, text.as_bytes(), 0o644).or_fail(Class::Template, STEP, || path.display().to_string())
    }
}
