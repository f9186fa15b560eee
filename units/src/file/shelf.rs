use super::SourceFile;
use super::library::Library;
use super::reader::Work;
use super::subject::Syntax;
use crate::{Diagnostic, Entry, Map, Specifiers, Unit, UnitName};

/// All files there are, for who wants to know of one unit at a time.
#[derive(Debug)]
pub(crate) struct Shelf {
    library: Library,
    specifiers: Specifiers,
}

/// What is on the shelf under a name.
#[derive(Debug)]
pub(crate) struct Copy {
    /// The file that counts.
    pub(crate) path: String,
    /// Whether it is one of ours.
    pub(crate) is_toml: bool,
    /// What it says.
    pub(crate) content: Content,
}

#[derive(Debug)]
pub(crate) enum Content {
    Unit(Box<Unit>),
    Masked,
    Bad(Box<Diagnostic>),
}

impl Shelf {
    pub(crate) fn new(files: impl IntoIterator<Item = SourceFile>, specifiers: Specifiers) -> Self {
        let mut library = Library::default();
        // What is wrong is told by whoever reads them to start them.
        let mut diagnostics = Vec::new();
        for file in files {
            library.add(file, &mut diagnostics);
        }
        library.settle_aliases();
        Self { library, specifiers }
    }

    /// The unit that a name stands for.
    pub(crate) fn resolve(&self, name: &UnitName) -> UnitName {
        self.library.resolve(name)
    }

    /// Every name that has a file, templates and aliases too.
    pub(crate) fn names(&self) -> impl Iterator<Item = &UnitName> {
        self.library.names()
    }

    /// The unit or template of this very name, or the instance of a template.
    pub(crate) fn find(&self, name: &UnitName) -> Option<Copy> {
        let found = self.library.find(name)?;
        let mut entries = Map::new();
        let work = Work::new(&self.specifiers, &self.library, &mut entries);
        let (entry, _) = work.read_found(name, &found, &mut Vec::new())?;
        let content = match entry {
            Entry::Unit(unit) => Content::Unit(unit),
            Entry::Masked { .. } => Content::Masked,
            Entry::Bad { first } => Content::Bad(first),
        };
        Some(Copy { path: found.unit.path.clone(), is_toml: found.syntax == Syntax::Toml, content })
    }
}
