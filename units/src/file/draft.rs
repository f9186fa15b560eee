use super::body;
use super::section::{Found, Section};
use super::source::Source;
use crate::diagnostic::Place;
use crate::unit::{Body, Condition, Conditions, Relations, Service, Strength, Test, Unit};
use crate::{UnitKind, UnitName};
use std::collections::BTreeSet;
use std::ops::Range;
use toml::de::DeTable;

/// A unit being read: its file first, then every drop-in on top of it.
pub(super) struct Draft {
    name: UnitName,
    description: String,
    sources: Vec<String>,
    relations: Relations,
    default_dependencies: bool,
    conditions: Vec<Condition>,
    wanted_by: Vec<UnitName>,
    required_by: Vec<UnitName>,
    pub(super) service: body::ServiceDraft,
    origins: Vec<(UnitName, Origin)>,
}

/// Where a relation to a unit was written.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) path: String,
    pub(crate) place: Place,
    pub(crate) key: &'static str,
}

type Set = fn(&mut Relations) -> &mut BTreeSet<UnitName>;

const RELATIONS: [(&str, Set); 8] = [
    ("after", |r| &mut r.after),
    ("before", |r| &mut r.before),
    ("requires", |r| &mut r.requires),
    ("requisite", |r| &mut r.requisite),
    ("wants", |r| &mut r.wants),
    ("binds-to", |r| &mut r.binds_to),
    ("part-of", |r| &mut r.part_of),
    ("conflicts", |r| &mut r.conflicts),
];

impl Draft {
    pub(super) fn new(name: UnitName) -> Self {
        Self {
            name,
            description: String::new(),
            sources: Vec::new(),
            relations: Relations::default(),
            default_dependencies: true,
            conditions: Vec::new(),
            wanted_by: Vec::new(),
            required_by: Vec::new(),
            service: body::ServiceDraft::default(),
            origins: Vec::new(),
        }
    }

    /// Lays one file over what there is: scalars override, lists grow, `reset` clears first.
    pub(super) fn apply(&mut self, source: &Source<'_>) {
        self.sources.push(source.path().to_owned());
        let Some(text) = source.text() else { return };
        let bom = if text.starts_with('\u{feff}') { 3 } else { 0 };
        let document = match DeTable::parse(text.get(bom..).unwrap_or_default()) {
            Ok(document) => document,
            Err(error) => {
                let span = error.span().unwrap_or(0..1);
                let message: String = error.message().replace('\n', ", ").chars().take(200).collect();
                source.error(span.start + bom..span.end + bom, message, None);
                return;
            }
        };
        let mut top = Section::new(source, "", document.get_ref());
        for found in top.texts("reset") {
            if !self.reset(&found.value) {
                top.wrong_at(found.span, format!("nothing named `{}` can be reset", found.value));
            }
        }
        if let Some(mut unit) = top.section("unit") {
            self.read_unit(source, &mut unit);
            unit.finish();
        }
        self.read_unit(source, &mut top);
        if self.name.kind() == UnitKind::Service {
            self.service.read(&mut top);
        }
        if let Some(mut install) = top.section("install") {
            self.wanted_by.extend(install.names("wanted-by").into_iter().map(|f| f.value));
            self.required_by.extend(install.names("required-by").into_iter().map(|f| f.value));
            install.finish();
        }
        top.finish();
    }

    fn read_unit(&mut self, source: &Source<'_>, section: &mut Section<'_, '_>) {
        if let Some(found) = section.text("description") {
            self.description = found.value;
        }
        // Documentation is for those who read the file.
        let _ = section.texts("documentation");
        for (key, set) in RELATIONS {
            for Found { value, span } in section.names(key) {
                if value == self.name {
                    section.wrong_at(span, format!("`{key}` names the unit itself"));
                    continue;
                }
                self.note(source, key, &value, span);
                set(&mut self.relations).insert(value);
            }
        }
        if let Some(value) = section.bool("default-dependencies") {
            self.default_dependencies = value;
        }
        for (key, strength) in [("condition", Strength::Condition), ("assert", Strength::Assert)] {
            if let Some(mut table) = section.section(key) {
                self.conditions.extend(read_conditions(&mut table, strength));
                table.finish();
            }
        }
    }

    fn note(&mut self, source: &Source<'_>, key: &'static str, name: &UnitName, span: Range<usize>) {
        let origin = Origin { path: source.path().to_owned(), place: source.place(span), key };
        self.origins.push((name.clone(), origin));
    }

    fn reset(&mut self, what: &str) -> bool {
        if let Some((_, set)) = RELATIONS.iter().find(|(key, _)| *key == what) {
            set(&mut self.relations).clear();
            self.origins.retain(|(_, origin)| origin.key != what);
            return true;
        }
        match what {
            "condition" => self.conditions.retain(|c| c.strength != Strength::Condition),
            "assert" => self.conditions.retain(|c| c.strength != Strength::Assert),
            "install.wanted-by" => self.wanted_by.clear(),
            "install.required-by" => self.required_by.clear(),
            _ => return self.service.reset(what),
        }
        true
    }

    /// The unit, or what is wrong with it as a whole.
    pub(super) fn finish(self) -> Result<(Unit, Vec<(UnitName, Origin)>), String> {
        let body = match self.name.kind() {
            UnitKind::Target => Body::Target,
            UnitKind::Service => Body::Service(Box::<Service>::new(self.service.finish()?)),
            UnitKind::Socket
            | UnitKind::Timer
            | UnitKind::Path
            | UnitKind::Mount
            | UnitKind::Automount
            | UnitKind::Swap
            | UnitKind::Device
            | UnitKind::Slice
            | UnitKind::Scope => {
                return Err(format!("units of the kind `{}` are not implemented", self.name.kind().suffix()));
            }
        };
        let unit = Unit {
            name: self.name,
            description: self.description,
            sources: self.sources,
            relations: self.relations,
            default_dependencies: self.default_dependencies,
            conditions: Conditions(self.conditions),
            wanted_by: self.wanted_by,
            required_by: self.required_by,
            body,
        };
        Ok((unit, self.origins))
    }
}

type MakeTest = fn(String) -> Test;

const TESTS: [(&str, &str, MakeTest); 10] = [
    ("path-exists", "not-path-exists", Test::PathExists),
    ("path-is-directory", "not-path-is-directory", Test::PathIsDirectory),
    ("path-is-symbolic-link", "not-path-is-symbolic-link", Test::PathIsSymbolicLink),
    ("path-is-mount-point", "not-path-is-mount-point", Test::PathIsMountPoint),
    ("path-is-read-write", "not-path-is-read-write", Test::PathIsReadWrite),
    ("file-not-empty", "not-file-not-empty", Test::FileNotEmpty),
    ("file-is-executable", "not-file-is-executable", Test::FileIsExecutable),
    ("directory-not-empty", "not-directory-not-empty", Test::DirectoryNotEmpty),
    ("virtualization", "not-virtualization", Test::Virtualization),
    ("capability", "not-capability", Test::Capability),
];

fn read_conditions(table: &mut Section<'_, '_>, strength: Strength) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for (plain, not, make) in TESTS {
        for (key, inverted) in [(plain, false), (not, true)] {
            for Found { value, span } in table.texts(key) {
                let bare = value.trim_start_matches(['!', '|']);
                let prefixes = value.get(..value.len() - bare.len()).unwrap_or_default();
                let is_path = plain.starts_with("path") || plain.starts_with("file") || plain.starts_with("dir");
                if is_path && !bare.starts_with('/') {
                    table.wrong_at(span, format!("`{key}` takes an absolute path"));
                    continue;
                }
                conditions.push(Condition {
                    test: make(bare.to_owned()),
                    negated: prefixes.contains('!') != inverted,
                    triggering: prefixes.contains('|'),
                    strength,
                });
            }
        }
    }
    for (key, test) in [("first-boot", Test::FirstBoot), ("ac-power", Test::AcPower)] {
        if let Some(wanted) = table.bool(key) {
            conditions.push(Condition { test, negated: !wanted, triggering: false, strength });
        }
    }
    conditions
}
