use super::draft::{Defaults, Draft};
use super::library::{Found, Library};
use super::subject::Syntax;
use super::{Source, SourceFile, SourceKind, toml, whole_file};
use crate::set::Entry;
use crate::systemd::{self, Scope, Specifiers, plumbing};
use crate::unit::{Relations, Unit};
use crate::{Diagnostic, Severity, UnitName, UnitSet, graph};
use std::collections::{BTreeMap, BTreeSet};

/// More instances of templates than this are a template that names ever more of itself.
const INSTANCES: usize = 2000;

/// Reads unit files, knowing what specifiers stand for and which instances are wanted.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    specifiers: Specifiers,
    wanted: Vec<UnitName>,
}

impl Reader {
    /// With what is known about the system.
    #[must_use]
    pub fn new(specifiers: Specifiers) -> Self {
        Self { specifiers, wanted: Vec::new() }
    }

    /// Also these, should they be instances of templates that nothing else names.
    #[must_use]
    pub fn with_instances(mut self, names: impl IntoIterator<Item = UnitName>) -> Self {
        self.wanted.extend(names);
        self
    }

    /// Reads all files, given in order of precedence: of two units with one name the first counts
    /// (but any TOML before any of systemd's), and of two drop-ins of one unit with the same file
    /// name. Templates are instantiated where one of their instances is named.
    ///
    /// Never fails as a whole: what is wrong becomes diagnostics, and the unit concerned
    /// [`crate::Entry::Bad`].
    #[must_use]
    pub fn read(&self, files: impl IntoIterator<Item = SourceFile>) -> (UnitSet, Vec<Diagnostic>) {
        let mut work = Work { reader: self, library: Library::default(), entries: BTreeMap::new(), origins: graph::Origins::default() };
        let mut diagnostics = Vec::new();
        for file in files {
            work.library.add(file, &mut diagnostics);
        }
        work.library.settle_aliases();
        work.read_all(&mut diagnostics);
        work.link();
        let Work { library, mut entries, origins, .. } = work;
        let aliases: BTreeMap<UnitName, UnitName> =
            library.aliases().filter(|(_, target)| entries.contains_key(target)).map(|(alias, target)| (alias.clone(), target)).collect();
        settle(&mut entries, &library, &aliases);
        let graph = graph::build(&entries, &origins, &mut diagnostics);
        (UnitSet { entries, graph, aliases, templates: library.templates() }, diagnostics)
    }
}

struct Work<'a> {
    reader: &'a Reader,
    library: Library,
    entries: BTreeMap<UnitName, Entry>,
    origins: graph::Origins,
}

impl Work<'_> {
    /// Every unit that has a file, then what these name, until nothing new is named.
    fn read_all(&mut self, diagnostics: &mut Vec<Diagnostic>) {
        let mut next: Vec<UnitName> = self.library.names().filter(|name| !name.is_template()).cloned().collect();
        next.extend(self.library.links.iter().flat_map(|(from, _, to)| [from.clone(), to.clone()]));
        next.extend(self.reader.wanted.iter().cloned());
        let mut instances = 0;
        next.reverse();
        while let Some(name) = next.pop() {
            let name = self.library.resolve(&name);
            if self.entries.contains_key(&name) || name.is_template() {
                continue;
            }
            instances += usize::from(name.instance().is_some());
            if instances > INSTANCES {
                continue;
            }
            let entry = match self.library.find(&name) {
                Some(found) => self.read_found(&name, &found, diagnostics),
                None => self.standard(&name, diagnostics),
            };
            let Some((entry, origins)) = entry else { continue };
            if let Entry::Unit(unit) = &entry {
                next.extend(named(unit));
            }
            self.origins.add(&name, origins);
            self.entries.insert(name, entry);
        }
    }

    fn read_found(&self, name: &UnitName, found: &Found<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Read> {
        match &found.unit.kind {
            SourceKind::Unit(text) if text.is_empty() => return Some(masked(found.unit)),
            SourceKind::Alias { target } if target == "/dev/null" => return Some(masked(found.unit)),
            // Leads nowhere, or in a circle.
            SourceKind::Alias { .. } => return None,
            SourceKind::Unit(_) | SourceKind::DropIn(_) | SourceKind::Unreadable(_) => {}
        }
        Some(match self.read_unit(name, found, diagnostics) {
            Ok((mut unit, origins)) => {
                unit.shadowed.clone_from(&found.shadowed);
                (Entry::Unit(Box::new(unit)), origins)
            }
            Err(first) => (Entry::Bad { first }, Vec::new()),
        })
    }

    /// A target that systemd brings, made when it is named.
    fn standard(&self, name: &UnitName, diagnostics: &mut Vec<Diagnostic>) -> Option<Read> {
        let text = plumbing::standard_target(name)?;
        let file = SourceFile { path: format!("built-in/{}.toml", name.as_str()), kind: SourceKind::Unit(text.into_bytes()) };
        let found = Found { syntax: Syntax::Toml, unit: &file, drop_ins: Vec::new(), shadowed: Vec::new() };
        self.read_found(name, &found, diagnostics)
    }

    fn read_unit(&self, name: &UnitName, found: &Found<'_>, diagnostics: &mut Vec<Diagnostic>) -> Result<(Unit, Origins), Box<Diagnostic>> {
        let mut draft = Draft::new(name.clone(), defaults(found));
        let mut first_error = None;
        let specifiers = &self.reader.specifiers;
        for file in std::iter::once(found.unit).chain(found.drop_ins.iter().copied()) {
            let told = match &file.kind {
                SourceKind::Unreadable(why) => vec![whole_file(&file.path, format!("cannot be read: {why}"))],
                SourceKind::Alias { target } if target == "/dev/null" => Vec::new(),
                SourceKind::Alias { target } => vec![whole_file(&file.path, format!("leads to {target}, which is no drop-in"))],
                SourceKind::Unit(text) | SourceKind::DropIn(text) => {
                    let scope = Scope { specifiers, name, path: &found.unit.path };
                    let source = Source::new(&file.path, text, scope);
                    draft.sources.push(file.path.clone());
                    if file.path.ends_with(".toml") {
                        toml::apply(&mut draft, &source);
                    } else {
                        systemd::reader::apply(&mut draft, &source, scope);
                    }
                    source.into_found()
                }
            };
            for diagnostic in told {
                if diagnostic.severity == Severity::Error && first_error.is_none() {
                    first_error = Some(Box::new(diagnostic.clone()));
                }
                diagnostics.push(diagnostic);
            }
        }
        if let Some(first) = first_error {
            return Err(first);
        }
        draft.finish().map_err(|message| {
            let diagnostic = whole_file(&found.unit.path, message);
            diagnostics.push(diagnostic.clone());
            Box::new(diagnostic)
        })
    }

    /// What folders of links say, as relations.
    fn link(&mut self) {
        for (from, requires, to) in std::mem::take(&mut self.library.links) {
            let (from, to) = (self.library.resolve(&from), self.library.resolve(&to));
            if let Some(Entry::Unit(unit)) = self.entries.get_mut(&to) {
                let list = if requires { &mut unit.required_by } else { &mut unit.wanted_by };
                if !list.contains(&from) {
                    list.push(from);
                }
            }
        }
    }
}

type Origins = Vec<(UnitName, super::Origin)>;
type Read = (Entry, Origins);

fn masked(file: &SourceFile) -> Read {
    (Entry::Masked { path: file.path.clone() }, Vec::new())
}

fn defaults(found: &Found<'_>) -> Defaults {
    match (&found.unit.kind, found.syntax) {
        (_, Syntax::Systemd) => Defaults::Systemd,
        (SourceKind::Unit(text), Syntax::Toml)
            if text.len() <= super::FILE_LIMIT && std::str::from_utf8(text).is_ok_and(toml::wants_systemds_defaults) =>
        {
            Defaults::Systemd
        }
        (_, Syntax::Toml) => Defaults::Native,
    }
}

/// What a unit needs to be there: instances and standard targets.
fn named(unit: &Unit) -> Vec<UnitName> {
    let r = &unit.relations;
    let sets = [&r.requires, &r.requisite, &r.wants, &r.binds_to, &r.upholds, &r.on_failure, &r.on_success];
    let listed = unit.wanted_by.iter().chain(&unit.required_by).cloned();
    sets.into_iter().flatten().cloned().chain(listed).chain(unit.triggers()).collect()
}

/// Aliases become the names they stand for; what is satisfied by our being there is taken out.
fn settle(entries: &mut BTreeMap<UnitName, Entry>, library: &Library, aliases: &BTreeMap<UnitName, UnitName>) {
    let known: BTreeSet<UnitName> = entries.keys().cloned().collect();
    for entry in entries.values_mut() {
        let Entry::Unit(unit) = entry else { continue };
        let own = unit.name.clone();
        unit.aliases.extend(aliases.iter().filter(|(_, target)| **target == own).map(|(alias, _)| alias.clone()));
        let canonical = |name: &UnitName| {
            let name = library.resolve(name);
            plumbing::replacement(&name).filter(|ours| !known.contains(&name) && known.contains(ours)).unwrap_or(name)
        };
        each_relation(&mut unit.relations, |set, needs| {
            let names = set.iter().map(canonical).filter(|name| *name != own);
            *set = names.filter(|name| !needs || known.contains(name) || !plumbing::is_satisfied(name)).collect();
        });
        for list in [&mut unit.wanted_by, &mut unit.required_by] {
            for name in list.iter_mut() {
                *name = canonical(name);
            }
        }
    }
}

/// All sets of names; whether those named must be there.
fn each_relation(relations: &mut Relations, mut change: impl FnMut(&mut BTreeSet<UnitName>, bool)) {
    let r = relations;
    for set in [&mut r.requires, &mut r.requisite, &mut r.binds_to, &mut r.wants, &mut r.upholds, &mut r.part_of] {
        change(set, true);
    }
    for set in [&mut r.after, &mut r.before, &mut r.conflicts, &mut r.on_failure, &mut r.on_success] {
        change(set, false);
    }
    for set in [&mut r.propagates_reload_to, &mut r.reload_propagated_from, &mut r.propagates_stop_to, &mut r.stop_propagated_from] {
        change(set, false);
    }
}
