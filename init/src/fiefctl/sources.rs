//! The unit files of a system, this one's or one beneath a folder, read as init reads them.

use std::fs;

use units::search::{self, Nature, Tree};
use units::{Diagnostic, Reader, SourceFile, Specifiers, UnitSet, stock};

use crate::boot::files::{self, Here};

/// A tree whose root is a folder of this one. Paths in it are resolved by the kernel in this tree's own
/// terms, so a link in it that leads to `/x` leads to the folder's `x`.
pub(crate) struct Beneath {
    root: String,
}

impl Beneath {
    /// The tree beneath `--root`; this system's without.
    pub(crate) fn new(root: Option<&str>) -> Self {
        Self { root: root.unwrap_or_default().trim_end_matches('/').to_owned() }
    }

    /// Whether it is this system's own.
    pub(crate) fn is_here(&self) -> bool {
        self.root.is_empty()
    }

    /// Where a path of the tree is in this system.
    pub(crate) fn place(&self, path: &str) -> String {
        format!("{}{path}", self.root)
    }

    /// All files, in order of precedence, those that come with init last.
    pub(crate) fn files(&self) -> Vec<SourceFile> {
        let mut files = search::everything(self);
        files.extend(stock::files());
        files
    }
}

impl Tree for Beneath {
    fn names(&self, folder: &str) -> Vec<(String, Nature)> {
        Here.names(&self.place(folder))
    }

    fn link(&self, path: &str) -> Option<String> {
        Here.link(&self.place(path))
    }

    fn read(&self, path: &str, limit: usize) -> Result<Vec<u8>, String> {
        // An absolute link means the tree's root, which the kernel does not know.
        match search::end_of(self, path).ok_or("too many links")? {
            null if null == "/dev/null" => Ok(Vec::new()),
            end => Here.read(&self.place(&end), limit),
        }
    }

    fn is_executable(&self, path: &str) -> bool {
        search::end_of(self, path).is_some_and(|end| Here.is_executable(&self.place(&end)))
    }
}

/// Read them.
pub(crate) fn read(tree: &Beneath, files: Vec<SourceFile>) -> (UnitSet, Vec<Diagnostic>) {
    Reader::new(specifiers(tree)).read(files)
}

/// What specifiers stand for; in another system that is not known here.
pub(crate) fn specifiers(tree: &Beneath) -> Specifiers {
    if tree.is_here() { files::specifiers() } else { Specifiers::default() }
}

/// The text of a file as it is now; none where there is no file.
pub(crate) fn present(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}
