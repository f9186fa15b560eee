//! The units that come with fief-init.

use crate::SourceFile;

/// The files of `units/stock`, compiled in; read last, so that any file of the guest wins.
pub fn files() -> impl Iterator<Item = SourceFile> {
    std::iter::empty()
}
