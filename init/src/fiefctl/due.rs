//! Whether the unit files should be read again: whether those of a unit are others than when init read them.
//!
//! ```text
//!   init ─ sources, stamps ─▶ a file has changed, or has gone          listings, where every unit is looked at
//!                       └───▶ read anew: other files count for it now   one unit
//! ```

use units::control::{LoadState, UnitRow};
use units::file::transient;
use units::search::{self, About, Index};
use units::{Entry, Reader, Specifiers, UnitName, UnitSet, stock, sysv};

use super::sources::Beneath;
use crate::boot::files;
use crate::stamps;

/// Say of each row what `question` answers, where init has told what it has read; in the place of what it has told.
pub(crate) fn look(rows: &mut [UnitRow], question: impl Fn(&UnitRow) -> bool) {
    for row in rows {
        // Of one that came with a request the file only shows the text.
        let is_transient = row.sources.first().is_some_and(|source| *source == transient::path(&row.name));
        row.reload_due = (row.stamps.len() == row.sources.len()).then(|| !is_transient && question(row));
        row.stamps.clear();
    }
}

/// Whether one of its files has changed. One that has come since does not show.
pub(crate) fn has_changed(row: &UnitRow) -> bool {
    // A mask is a link that is not followed.
    row.load != LoadState::Masked && row.sources.iter().zip(&row.stamps).any(|(path, stamp)| *stamp != stamps::present(path))
}

/// As [`look`], whether one of the files has changed or others count for the unit now. The folders are looked into once.
pub(crate) fn look_anew(rows: &mut [UnitRow]) {
    let tree = Beneath::new(None);
    let (index, specifiers) = (Index::new(&tree), files::specifiers());
    look(rows, |row| has_changed(row) || (is_of_the_usual(row) && is_read_otherwise(row, &index, &specifiers)));
}

/// Tells of those that nobody has named yet, instances of templates, what their files say. The folders are looked into once.
pub(crate) fn as_on_disk<'r>(rows: impl Iterator<Item = &'r mut UnitRow>) {
    let tree = Beneath::new(None);
    let (index, specifiers) = (Index::new(&tree), files::specifiers());
    for row in rows {
        let set = read_now(row, &index, &specifiers);
        let Some(unit) = set.unit(&row.name) else { continue };
        row.load = LoadState::Loaded;
        row.properties.iter_mut().filter(|(key, _)| key == "LoadState").for_each(|(_, value)| "loaded".clone_into(value));
        row.description.clone_from(&unit.description);
        row.documentation.clone_from(&unit.documentation);
        row.sources.clone_from(&unit.sources);
        row.stamps = row.sources.iter().map(|path| stamps::present(path)).collect();
    }
}

/// Whether there is a file of any of these now.
pub(crate) fn is_any_on_disk(names: &[UnitName]) -> bool {
    let tree = Beneath::new(None);
    let index = Index::new(&tree);
    names.iter().any(|name| {
        let found = search::everything(&About::new(&index, std::slice::from_ref(name), &[]));
        found.iter().any(|file| search::unit_of(&file.path).is_some_and(|of| of == *name))
    })
}

/// Whether it is from where units are looked for: init may have been told other folders.
fn is_of_the_usual(row: &UnitRow) -> bool {
    let folders = || search::FIEF.iter().chain(&search::SYSTEMD).chain([&sysv::ROOT]);
    let is_usual = |path: &String| {
        stock::is_stock(path) || folders().any(|folder| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')))
    };
    row.sources.iter().all(is_usual)
}

/// A unit and those that have to do with it, as their files are now.
fn read_now(row: &UnitRow, index: &Index<'_>, specifiers: &Specifiers) -> UnitSet {
    let names: Vec<UnitName> = std::iter::once(&row.name).chain(&row.aliases).cloned().collect();
    let mut found = search::everything(&About::new(index, &names, &row.sources));
    found.extend(stock::files().filter(|file| search::unit_of(&file.path).is_some_and(|name| names.contains(&name))));
    Reader::new(specifiers.clone()).with_instances([row.name.clone()]).read(found).0
}

fn is_read_otherwise(row: &UnitRow, index: &Index<'_>, specifiers: &Specifiers) -> bool {
    let set = read_now(row, index, specifiers);
    let load = match set.entry(set.resolve(&row.name)) {
        Some(Entry::Unit(_)) => LoadState::Loaded,
        Some(Entry::Bad { .. }) => LoadState::BadSetting,
        Some(Entry::Masked { .. }) => LoadState::Masked,
        None => LoadState::NotFound,
    };
    let is_another = set.files(&row.name).is_some_and(|files| files != row.sources.iter().map(String::as_str).collect::<Vec<_>>());
    // One whose files have gone stays as long as it is up, and reading again changes nothing.
    is_another || (load != row.load && load != LoadState::NotFound)
}
