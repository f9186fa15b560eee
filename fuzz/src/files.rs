//! Unit files, ours and systemd's.

use std::sync::LazyLock;
use std::time::Duration;

use units::unit::{Body, Unit};
use units::value::Limit;
use units::{Diagnostic, Entry, SourceFile, SourceKind, Specifiers, UnitKind, UnitName, UnitSet, convert};

use crate::text;

/// What is told of one file at most; and of one set of three files, with what concerns it as a whole.
const TOLD: usize = 3 * 20 + 64;
/// The longest that is told at once: an excerpt, a message that quotes a value, a list of names.
const LONGEST_TOLD: usize = 64 << 10;

/// The kinds that have files, by the first byte of the input: a capital letter is an instance of a template.
const KINDS: [(u8, UnitKind); 7] = [
    (b's', UnitKind::Service),
    (b't', UnitKind::Target),
    (b'k', UnitKind::Socket),
    (b'c', UnitKind::Timer),
    (b'p', UnitKind::Path),
    (b'm', UnitKind::Mount),
    (b'l', UnitKind::Slice),
];

/// Another unit, which nothing in the file under test may spoil.
const NEIGHBOUR: &str = "after = [\"srv-thing\"]\n[service]\ncommand = [\"/bin/true\"]\n";
/// The neighbour, read alone.
static ALONE: LazyLock<(UnitName, Option<Entry>)> = LazyLock::new(|| {
    let name = UnitName::new("neighbour").unwrap_or_else(|error| panic!("{error}"));
    let (set, _) = units::read([neighbour()]);
    let entry = set.entry(&name).cloned();
    (name, entry)
});

fn neighbour() -> SourceFile {
    SourceFile { path: "/u/neighbour.toml".to_owned(), kind: SourceKind::Unit(NEIGHBOUR.into()) }
}

/// A unit in TOML: its neighbour is what it is without it, what is told is bounded and points at a place that is there; and a file
/// without a fault is the same unit in systemd's syntax.
pub fn toml_unit(bytes: &[u8]) {
    let Some((kind, instance, body)) = split(bytes) else { return };
    let name = name_of(kind, instance);
    let path = format!("/u/{}.toml", file_of(&name));
    let (set, told) = read(vec![SourceFile { path, kind: SourceKind::Unit(body.to_vec()) }], &name);
    bounded(&told);
    if instance {
        return;
    }
    let (Some(unit), Some(toml)) = (faultless(&set, &told, &name), text(body)) else { return };
    if let Ok(theirs) = convert::to_systemd(kind, toml)
        && !["# not carried over", "%y", "%Y"].iter().any(|text| theirs.contains(text))
    {
        let path = format!("/u/{}", name.as_str());
        let (set, told) = read(vec![SourceFile { path, kind: SourceKind::Unit(theirs.clone().into_bytes()) }], &name);
        same(&unit, faultless(&set, &told, &name), &theirs, &told);
    }
}

/// A unit of systemd's with a drop-in of its own and one of its kind, form feeds between them: as above, and the unit's own file
/// alone is the same unit in TOML.
pub fn systemd_unit(bytes: &[u8]) {
    let Some((kind, instance, body)) = split(bytes) else { return };
    let name = name_of(kind, instance);
    let file = file_of(&name);
    let paths = [format!("/u/{file}"), format!("/u/{file}.d/10.conf"), format!("/u/{}.d/20.conf", kind.suffix())];
    let mut files = Vec::new();
    for (at, (path, text)) in paths.iter().zip(body.split(|byte| *byte == 0x0c)).enumerate() {
        let text = text.to_vec();
        let kind = if at == 0 { SourceKind::Unit(text) } else { SourceKind::DropIn(text) };
        files.push(SourceFile { path: path.clone(), kind });
    }
    let single = files.len() == 1 && !instance;
    let (set, told) = read(files, &name);
    bounded(&told);
    let (true, Some(unit), Some(theirs)) = (single, faultless(&set, &told, &name), text(body)) else { return };
    let ours = convert::to_toml(theirs);
    // A NUL has no place in a file of ours.
    // `%y` is another path there.
    let elsewhere = ["\0", "%y", "%Y"].iter().any(|text| theirs.contains(text));
    if !elsewhere && !ours.contains("# not carried over") {
        let path = format!("/u/{}.toml", name.as_str());
        let (set, told) = read(vec![SourceFile { path, kind: SourceKind::Unit(ours.clone().into_bytes()) }], &name);
        same(&unit, faultless(&set, &told, &name), &ours, &told);
    }
}

fn split(bytes: &[u8]) -> Option<(UnitKind, bool, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let kind = KINDS.iter().find(|(letter, _)| *letter == first.to_ascii_lowercase()).map_or(UnitKind::Service, |(_, kind)| *kind);
    Some((kind, first.is_ascii_uppercase(), rest))
}

fn name_of(kind: UnitKind, instance: bool) -> UnitName {
    let name = if instance { "srv-thing@a-b\\x2dc" } else { "srv-thing" };
    UnitName::new(&format!("{name}.{}", kind.suffix())).unwrap_or_else(|error| panic!("{error}"))
}

/// The file of a unit, or of its template.
fn file_of(name: &UnitName) -> String {
    name.template().as_ref().unwrap_or(name).as_str().to_owned()
}

fn read(mut files: Vec<SourceFile>, name: &UnitName) -> (UnitSet, Vec<Diagnostic>) {
    files.push(neighbour());
    let reader = units::Reader::new(Specifiers::default().with('H', "host").with('m', "0123456789abcdef")).with_instances([name.clone()]);
    let (set, told) = reader.read(files);
    let (neighbour, alone) = &*ALONE;
    assert_eq!(set.entry(neighbour), alone.as_ref(), "a neighbour suffers");
    // Nobody is lost from the order.
    let good = set.iter().filter(|(_, entry)| matches!(entry, Entry::Unit(_))).count();
    assert_eq!(set.graph().order().len(), good, "an order without everybody");
    (set, told)
}

fn bounded(told: &[Diagnostic]) {
    assert!(told.len() <= TOLD, "{} things told", told.len());
    for diagnostic in told {
        let shown = diagnostic.to_string();
        assert!(shown.len() <= LONGEST_TOLD, "{} bytes told", shown.len());
        let odd = |c: char| c.is_control() && c != '\n';
        assert!(!shown.contains(odd), "what is told moves the cursor: {shown:?}");
        if let Some(place) = &diagnostic.place {
            let width = place.excerpt.chars().count();
            assert!(place.line >= 1 && place.column >= 1 && place.width >= 1 && place.caret <= width, "{place:?}");
        }
    }
}

/// The unit, where nothing was told of it; others may be missing.
fn faultless(set: &UnitSet, told: &[Diagnostic], name: &UnitName) -> Option<Unit> {
    if told.iter().any(|diagnostic| !diagnostic.message.contains("does not exist")) {
        return None;
    }
    // What differs by its being another file: where it is, what holds at once for ours only, the order of independent things.
    let mut unit = set.unit(name)?.clone();
    unit.sources.clear();
    (unit.wanted_by, unit.required_by) = (Vec::new(), Vec::new());
    // Blanks around a value cannot be written there.
    unit.description = unit.description.trim().to_owned();
    unit.conditions.0.sort_by_key(|condition| format!("{condition:?}"));
    unit.ignored.sort_by_key(|ignored| ignored.directive);
    match &mut unit.body {
        Body::Service(service) => {
            service.execution.hardening.sort_by(|a, b| a.directive.cmp(b.directive));
            service.directories.0.sort_by_key(|directory| directory.kind);
            // systemd has no word for no time at all: a microsecond stands for it.
            if service.stop.timeout == Limit::At(Duration::from_micros(1)) {
                service.stop.timeout = Limit::At(Duration::ZERO);
            }
        }
        Body::Path(path) => path.paths.sort_by_key(|path| format!("{path:?}")),
        _ => {}
    }
    Some(unit)
}

fn same(unit: &Unit, other: Option<Unit>, written: &str, told: &[Diagnostic]) {
    let Some(other) = other else {
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        panic!("converted, it has faults:\n{written}\n{}", told.join("\n"));
    };
    if other != *unit {
        let (one, two) = (format!("{unit:#?}"), format!("{other:#?}"));
        let only = |these: &str, those: &str| {
            let those: Vec<&str> = those.lines().collect();
            these.lines().filter(|line| !those.contains(line)).collect::<Vec<_>>().join("\n")
        };
        panic!("converted, it is another unit:\n{written}\n--- was:\n{}\n--- is:\n{}", only(&one, &two), only(&two, &one));
    }
}
