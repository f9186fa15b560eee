//! Reading unit files.
//!
//! ```text
//!   SourceFile ─ subject ─▶ Library (units, drop-ins, aliases, links) ─ toml │ systemd ─▶ Draft ─▶ Unit
//!                                        └───────── what is wrong ─────────▶ Diagnostic
//! ```
//!
//! Strict and never fatal: an unknown key of ours is an error with a guess at what was meant, and
//! makes this unit bad, not its neighbours (test `noise_is_told_and_nobody_else_suffers`). systemd's
//! files are read as systemd reads them: what is unknown there is a warning.

mod body;
mod draft;
mod instance;
mod keys;
mod library;
mod reader;
mod section;
mod shelf;
mod source;
mod subject;
mod toml;
pub mod transient;

pub(crate) use body::Kind;
pub(crate) use draft::{Draft, Origin};
pub(crate) use instance::Moulds;
pub use instance::{InstanceError, Made};
pub use keys::canonical;
pub use keys::nearest;
pub use reader::{Reader, Reading};
pub(crate) use shelf::{Content, Copy, Shelf};
pub(crate) use source::Source;
pub use subject::Pull;
pub(crate) use subject::is_drop_in_folder;
pub(crate) use toml::assignments;

use crate::{Diagnostic, UnitSet};

/// The largest file that is read, in bytes. Read at most one byte more from disk: a longer text
/// becomes a diagnostic.
pub const FILE_LIMIT: usize = 1 << 20;

/// One file, as found.
///
/// Its path says what it is about: `…/web.toml` and `…/web.service` are units, `…/web.toml.d/10.toml`,
/// `…/web.service.d/10.conf`, `…/foo-.service.d/10.conf` and `…/service.d/10.conf` drop-ins, and
/// `…/multi-user.target.wants/web.service` says that the one wants the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path.
    pub path: String,
    /// What it is.
    pub kind: SourceKind,
}

/// What a file is, and what stands in it. An empty text masks the unit, as does a link to
/// `/dev/null`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A unit.
    Unit(Vec<u8>),
    /// A drop-in to a unit.
    DropIn(Vec<u8>),
    /// A symbolic link whose target has another unit's name: a further name for that unit. In a
    /// folder `NAME.wants`, `NAME.requires` or `NAME.upholds` only a target `/dev/null` matters: it
    /// takes the relation back.
    Alias {
        /// What it leads to, as read from the link.
        target: String,
    },
    /// A unit file or drop-in that could not be read, and why.
    Unreadable(String),
}

/// Reads all files, given in order of precedence, without knowing anything of the system; see
/// [`Reader::read`].
#[must_use]
pub fn read(files: impl IntoIterator<Item = SourceFile>) -> (UnitSet, Vec<Diagnostic>) {
    Reader::default().read(files)
}

fn whole_file(path: &str, message: String) -> Diagnostic {
    let path = path.to_owned();
    Diagnostic { severity: crate::Severity::Error, path, place: None, message, help: None }
}

#[cfg(test)]
mod tests;
