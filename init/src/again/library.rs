//! The text of the unit files as they were read, kept so that another life of the program has the same units.
//!
//! Text and not what was made of it: every version of the program can read it. A unit that is up though its file has
//! gone keeps the text it was read from.

use std::os::fd::OwnedFd;
use std::rc::Rc;

use kernel::again::hand_over;
use serde::{Deserialize, Serialize};
use units::{Map, SourceFile, SourceKind, UnitName};

use super::{Inherited, UNITS, read};
use crate::ledger::{self, Kind, Ledger, Pages};
use crate::stamps::Stamps;

const UNIT: Kind = Kind(b'u');
const DROP_IN: Kind = Kind(b'd');
const ALIAS: Kind = Kind(b'a');
const UNREADABLE: Kind = Kind(b'x');
const STAMPS: Kind = Kind(b's');

/// What the units were read from.
#[derive(Debug, Default)]
pub(crate) struct Library {
    newest: Option<Rc<OwnedFd>>,
    /// What these files were like.
    stamps: Stamps,
    /// Units that stand in older text only.
    kept: Map<UnitName, Rc<OwnedFd>>,
}

/// The numbers of both.
#[derive(Debug, Default, Serialize, Deserialize)]
struct LibraryNote {
    newest: Option<i32>,
    kept: Map<UnitName, i32>,
}

impl Library {
    /// Units were read from `text`, of files that were like this; those of `kept` are not among them and stay as they were.
    pub(crate) fn take(&mut self, text: Option<OwnedFd>, stamps: Stamps, kept: &[UnitName]) {
        let newest = text.map(Rc::new);
        self.stamps = stamps;
        let former = std::mem::replace(&mut self.newest, newest);
        let was = std::mem::take(&mut self.kept);
        self.kept = kept.iter().filter_map(|name| Some((name.clone(), was.get(name).cloned().or_else(|| former.clone())?))).collect();
    }

    /// What the files were like when they were read.
    pub(crate) fn stamps(&self) -> &Stamps {
        &self.stamps
    }

    /// Write down where it is.
    pub(super) fn note(&self, ledger: &mut Ledger) {
        let newest = self.newest.as_deref().map(hand_over);
        let kept = self.kept.iter().map(|(name, text)| (name.clone(), hand_over(&**text))).collect();
        ledger.put(UNITS, "", &LibraryNote { newest, kept }, &[]);
    }

    /// The one of an earlier life of the program.
    pub(super) fn restored(pages: &mut Pages, inherited: &mut Inherited, remarks: &mut Vec<String>) -> Self {
        let note: LibraryNote = pages.one(UNITS).and_then(|record| read(&record, "the unit files", remarks)).unwrap_or_default();
        let newest = note.newest.and_then(|number| inherited.take(number)).map(Rc::new);
        let mut taken: Map<i32, Rc<OwnedFd>> = Map::new();
        let mut kept = Map::new();
        for (name, number) in note.kept {
            let text = taken.get(&number).cloned().or_else(|| inherited.take(number).map(Rc::new));
            if let Some(text) = text {
                taken.insert(number, text.clone());
                kept.insert(name, text);
            }
        }
        let stamps = newest.as_deref().map(stamps).unwrap_or_default();
        Self { newest, stamps, kept }
    }

    /// What the units were read from; `None` when that has been lost.
    pub(super) fn sources(&self) -> Option<Vec<SourceFile>> {
        sources(self.newest.as_deref()?)
    }

    /// The units that stand in older text, with that.
    pub(super) fn older(&self) -> impl Iterator<Item = (&UnitName, Vec<SourceFile>)> {
        self.kept.iter().filter_map(|(name, text)| Some((name, sources(text)?)))
    }
}

/// The text of these files, which were like this, where another life of the program finds it.
pub(crate) fn text_of(all: &[SourceFile], stamps: &Stamps) -> Option<OwnedFd> {
    let written = Ledger::sealed(c"fief-units", |ledger| {
        ledger.say(STAMPS, &(), &stamps.to_bytes());
        for SourceFile { path, kind } in all {
            match kind {
                SourceKind::Unit(text) => ledger.say(UNIT, path, text),
                SourceKind::DropIn(text) => ledger.say(DROP_IN, path, text),
                SourceKind::Alias { target } => ledger.say(ALIAS, path, target.as_bytes()),
                SourceKind::Unreadable(why) => ledger.say(UNREADABLE, path, why.as_bytes()),
            }
        }
    });
    written.ok()
}

fn stamps(text: &OwnedFd) -> Stamps {
    let said = ledger::read(text).map(|pages| pages.said).unwrap_or_default();
    said.iter().find(|(kind, _)| *kind == STAMPS).map(|(_, record)| Stamps::from_bytes(&record.raw)).unwrap_or_default()
}

fn sources(text: &OwnedFd) -> Option<Vec<SourceFile>> {
    let said = ledger::read(text).ok()?.said.into_iter().filter(|(kind, _)| *kind != STAMPS);
    let source = |(kind, record): (Kind, crate::ledger::Record)| {
        let path = serde_json::from_slice(&record.note).ok()?;
        let text = |raw: Vec<u8>| String::from_utf8_lossy(&raw).into_owned();
        let kind = match kind {
            UNIT => SourceKind::Unit(record.raw),
            DROP_IN => SourceKind::DropIn(record.raw),
            ALIAS => SourceKind::Alias { target: text(record.raw) },
            _ => SourceKind::Unreadable(text(record.raw)),
        };
        Some(SourceFile { path, kind })
    };
    Some(said.filter_map(source).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_as_they_were_and_old_text_stays_while_it_is_needed() {
        let file = |path: &str, kind| SourceFile { path: path.to_owned(), kind };
        let first = [
            file("/a.toml", SourceKind::Unit(b"\xffraw".to_vec())),
            file("/a.toml.d/x.toml", SourceKind::DropIn(Vec::new())),
            file("/b.toml", SourceKind::Alias { target: "a.service".to_owned() }),
            file("/c.toml", SourceKind::Unreadable("no".to_owned())),
        ];
        let none = Stamps::default;
        let mut library = Library::default();
        library.take(text_of(&first, &none()), none(), &[]);
        assert_eq!(library.sources().as_deref(), Some(&first[..]));
        let gone: Vec<UnitName> = UnitName::new("a").into_iter().collect();
        for _ in 0..2 {
            library.take(text_of(&[], &none()), none(), &gone);
            assert_eq!(library.sources(), Some(Vec::new()));
            assert_eq!(library.older().map(|(_, text)| text).collect::<Vec<_>>(), [first.to_vec()]);
        }
        library.take(text_of(&[], &none()), none(), &[]);
        assert_eq!(library.older().count(), 0);
    }
}
