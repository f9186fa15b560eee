//! Reading the unit files, a slice at a time: a thousand of them are more than a turn of the loop may take.
//!
//! ```text
//! folders ─find─▶ paths ─ look into one ─▶ texts ─begin─▶ units ─ one after the other ─▶ graph ─ one after the other ─▶ Read
//! ```
//!
//! Slices and not a child that reads in our stead: what is to be handed over would be the units themselves, a second form of all
//! there is in them. What is not sliced is the names in the folders, and the copy of the texts; both are a small part.

use std::os::fd::OwnedFd;
use std::time::Duration;

use units::search::Found;
use units::{Diagnostic, Entry, Reader, SourceFile, UnitSet};

use super::files;
use super::{Options, is_guest};
use crate::again::text_of;
use crate::stamps::{Noting, Stamps};
use crate::{fault, guard};

/// No further file or unit is begun after so long.
const SPAN: Duration = Duration::from_millis(4);

/// What the unit files say.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) units: UnitSet,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Good ones.
    pub(crate) count: usize,
    pub(crate) remarks: Vec<String>,
    /// What they were read from; none where there is no memory for it.
    pub(crate) text: Option<OwnedFd>,
    /// What these files were like.
    pub(crate) stamps: Stamps,
}

/// The reading under way.
#[derive(Debug)]
pub(crate) struct Slices {
    /// None after a fault.
    stage: Option<Stage>,
    bare: bool,
}

/// How far it has come.
#[derive(Debug)]
enum Stage {
    Files(Noting, Found, Vec<SourceFile>),
    Texts(Stamps, Vec<SourceFile>),
    Units(Box<units::Reading>, Option<OwnedFd>, Stamps),
    Over(Box<Read>),
}

/// Read all unit files at once. Where the reader itself is at fault, the system has the units that come
/// with init at least: enough to log in and mend it.
pub(crate) fn read_units(options: &Options) -> Read {
    let mut slices = Slices::begin(options);
    loop {
        if let (Some(read), _) = slices.go_on_for(Duration::MAX) {
            return read;
        }
    }
}

impl Slices {
    /// The names of the files are found.
    pub(crate) fn begin(options: &Options) -> Self {
        let stage = guard::caught(|| {
            let noting = Noting::default();
            let found = files::find(&noting, &options.folders);
            Stage::Files(noting, found, Vec::new())
        });
        Self { stage, bare: options.bare }
    }

    /// Goes on for a part of a turn. What was read, when all is; and what it did.
    pub(crate) fn go_on(&mut self) -> (Option<Read>, &'static str) {
        self.go_on_for(SPAN)
    }

    fn go_on_for(&mut self, span: Duration) -> (Option<Read>, &'static str) {
        let until = kernel::time::boottime().saturating_add(span);
        loop {
            let stage = self.stage.take();
            let what = stage.as_ref().map_or("reading the stock units", Stage::word);
            match stage.and_then(|stage| guard::caught(|| stage.step(self.bare))) {
                Some(Stage::Over(read)) => return (Some(*read), what),
                Some(stage) => self.stage = Some(stage),
                None => return (Some(self.stock()), what),
            }
            if kernel::time::boottime() >= until {
                return (None, what);
            }
        }
    }

    fn stock(&self) -> Read {
        let remark = format!("a fault in reading the unit files: {}; going on with the stock ones", fault::last());
        let sources: Vec<SourceFile> = stock(self.bare).collect();
        let stamps = Stamps::default();
        let text = text_of(&sources, &stamps);
        let (units, diagnostics) = guard::caught(|| units::read(sources)).unwrap_or_default();
        Read::new(units, diagnostics, vec![remark], text, stamps)
    }
}

impl Read {
    fn new(units: UnitSet, diagnostics: Vec<Diagnostic>, remarks: Vec<String>, text: Option<OwnedFd>, stamps: Stamps) -> Self {
        let count = units.iter().filter(|(_, entry)| matches!(entry, Entry::Unit(_))).count();
        Self { units, diagnostics, count, remarks, text, stamps }
    }
}

impl Stage {
    /// One more file or unit, or what is done with all at once.
    fn step(self, bare: bool) -> Self {
        match self {
            Self::Files(noting, mut found, mut sources) => match found.next(&noting) {
                Some(file) => {
                    sources.push(file);
                    Self::Files(noting, found, sources)
                }
                None => {
                    sources.extend(stock(bare));
                    Self::Texts(noting.into(), sources)
                }
            },
            Self::Texts(stamps, sources) => {
                let text = text_of(&sources, &stamps);
                Self::Units(Box::new(Reader::new(files::specifiers()).begin(sources)), text, stamps)
            }
            Self::Units(mut reading, text, stamps) => {
                if reading.go_on() {
                    return Self::Units(reading, text, stamps);
                }
                let (units, diagnostics) = reading.finish();
                Self::Over(Box::new(Read::new(units, diagnostics, Vec::new(), text, stamps)))
            }
            Self::Over(read) => Self::Over(read),
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Files(..) => "looking into unit files",
            Self::Texts(..) => "keeping the text of unit files",
            Self::Units(..) | Self::Over(_) => "reading units",
        }
    }
}

/// The units that come with init.
fn stock(bare: bool) -> impl Iterator<Item = SourceFile> {
    let wanted = is_guest() && !bare;
    units::stock::files().filter(move |_| wanted)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn slices_say_what_one_reading_says() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..40 {
            let next = (number + 1) % 40;
            let text = format!("after = [\"u{next}\"]\nwants = [\"u{next}\", \"made@{number}\"]\n[service]\ncommand = \"/bin/true\"\n");
            std::fs::write(folder.path().join(format!("u{number}.toml")), text).unwrap();
        }
        std::fs::write(folder.path().join("made@.toml"), "[service]\ncommand = \"/bin/echo %i\"\n").unwrap();
        std::fs::write(folder.path().join("bad.toml"), "[service]\nnothing = 1\n").unwrap();
        let options = Options { folders: vec![folder.path().to_str().unwrap().to_owned()], bare: true, ..Options::default() };
        let whole = read_units(&options);
        let mut slices = Slices::begin(&options);
        let mut count = 0;
        // A moment that has passed: each goes one step.
        let read = loop {
            count += 1;
            if let (Some(read), _) = slices.go_on_for(Duration::ZERO) {
                break read;
            }
        };
        assert!(count > 100, "{count}");
        assert_eq!((&read.units, &read.diagnostics), (&whole.units, &whole.diagnostics));
        assert_eq!((read.count, whole.diagnostics.is_empty()), (80, false));
    }
}
