use super::draft::{Defaults, Draft};
use super::library::{Found, Library};
use super::subject::{Pull, Syntax};
use super::{Moulds, Source, SourceFile, SourceKind, toml, whole_file};
use crate::set::Entry;
use crate::systemd::{self, Scope, Specifiers, plumbing};
use crate::unit::{Relations, Unit};
use crate::{Diagnostic, Map, Names, Set, Severity, UnitName, UnitSet, graph};
use std::sync::Arc;

/// More instances of templates than this are a template that names ever more of itself.
const INSTANCES: usize = 2000;

/// Reads unit files, knowing what specifiers stand for and which instances are wanted.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    specifiers: Specifiers,
    wanted: Vec<UnitName>,
    plumbing: bool,
}

impl Reader {
    /// With what is known about the system.
    #[must_use]
    pub fn new(specifiers: Specifiers) -> Self {
        Self { specifiers, ..Self::default() }
    }

    /// Also these, should they be instances of templates that nothing else names.
    #[must_use]
    pub fn with_instances(mut self, names: impl IntoIterator<Item = UnitName>) -> Self {
        self.wanted.extend(names);
        self
    }

    /// Also systemd's own units, which PID 1 replaces or has no use for: for those who look at a tree and run
    /// nothing of it.
    #[must_use]
    pub fn with_plumbing(mut self) -> Self {
        self.plumbing = true;
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
        let mut reading = self.begin(files);
        while reading.go_on() {}
        reading.finish()
    }

    /// As [`Self::read`], some units at a time, for who has no time to read a thousand at once.
    #[must_use]
    pub fn begin(&self, files: impl IntoIterator<Item = SourceFile>) -> Reading {
        let mut library = Library::new(self.plumbing);
        let mut diagnostics = Vec::new();
        for file in files {
            library.add(file, &mut diagnostics);
        }
        library.settle_aliases();
        library.settle_parts();
        let mut next: Vec<UnitName> = library.names().filter(|name| !name.is_template()).cloned().collect();
        next.extend(library.linked());
        next.extend(self.wanted.iter().cloned());
        next.reverse();
        let pass = Pass { next, ..Pass::default() };
        let specifiers = self.specifiers.clone();
        Reading { specifiers, library, entries: Map::new(), pass, settled: 0, graph: None, diagnostics }
    }
}

/// Unit files that are being read.
#[derive(Debug)]
pub struct Reading {
    specifiers: Specifiers,
    library: Library,
    entries: Map<UnitName, Entry>,
    pass: Pass,
    /// How many of the units that were read have been settled.
    settled: usize,
    /// Once all are settled.
    graph: Option<graph::Building>,
    diagnostics: Vec<Diagnostic>,
}

impl Reading {
    /// Goes on with the next unit. True while there is more.
    pub fn go_on(&mut self) -> bool {
        if let Some(graph) = &mut self.graph {
            return graph.go_on(&self.entries, &self.pass.origins, &mut self.diagnostics);
        }
        let mut work = Work::new(&self.specifiers, &self.library, &mut self.entries);
        if work.read_next(&mut self.pass, &mut self.diagnostics) {
            return true;
        }
        match self.pass.new.get(self.settled) {
            Some(name) => {
                work.settle(std::slice::from_ref(name));
                self.settled += 1;
            }
            None => self.graph = Some(graph::Building::begin(&self.entries)),
        }
        true
    }

    /// What has been read. To be called when [`Self::go_on`] has said that there is no more.
    #[must_use]
    pub fn finish(self) -> (UnitSet, Vec<Diagnostic>) {
        let Self { specifiers, library, entries, graph, diagnostics, .. } = self;
        let aliases: Map<UnitName, UnitName> =
            library.aliases().filter(|(_, target)| entries.contains_key(target)).map(|(alias, target)| (alias.clone(), target)).collect();
        let graph = graph.map(graph::Building::finish).unwrap_or_default();
        let moulds = Arc::new(Moulds { library: library.into_moulds(), specifiers });
        (UnitSet { entries, graph, aliases, moulds }, diagnostics)
    }
}

/// How far the reading of units has come.
#[derive(Debug, Default)]
pub(super) struct Pass {
    /// Those to be read, the last first.
    next: Vec<UnitName>,
    /// Those that have been, in that order.
    pub(super) new: Vec<UnitName>,
    instances: usize,
    pub(super) origins: graph::Origins,
}

/// Units being read, into what has been read before.
pub(super) struct Work<'a> {
    specifiers: &'a Specifiers,
    library: &'a Library,
    entries: &'a mut Map<UnitName, Entry>,
}

impl<'a> Work<'a> {
    pub(super) fn new(specifiers: &'a Specifiers, library: &'a Library, entries: &'a mut Map<UnitName, Entry>) -> Self {
        Self { specifiers, library, entries }
    }

    /// These units, then what they name, until nothing new is named.
    pub(super) fn read_all(&mut self, next: Vec<UnitName>, diagnostics: &mut Vec<Diagnostic>) -> Pass {
        let mut pass = Pass { next, ..Pass::default() };
        while self.read_next(&mut pass, diagnostics) {}
        pass
    }

    /// The next one, and what it names is next. False if there is none.
    fn read_next(&mut self, pass: &mut Pass, diagnostics: &mut Vec<Diagnostic>) -> bool {
        let Some(name) = pass.next.pop() else { return false };
        let name = self.library.resolve(&name);
        if self.entries.contains_key(&name) || name.is_template() {
            return true;
        }
        pass.instances += usize::from(name.instance().is_some());
        if pass.instances > INSTANCES {
            return true;
        }
        let entry = match self.library.find(&name) {
            Some(found) => self.read_found(&name, &found, diagnostics),
            None => self.standard(&name, diagnostics),
        };
        let Some((mut entry, origins)) = entry else { return true };
        if let Entry::Unit(unit) = &mut entry {
            self.link(unit);
            unit.fit();
            pass.next.extend(named(unit));
        }
        pass.origins.add(&name, origins);
        self.entries.insert(name.clone(), entry);
        pass.new.push(name);
        true
    }

    /// What folders of links add to a unit's own relations.
    fn link(&self, unit: &mut Unit) {
        let mut said = Set::new();
        for (pull, to, counts) in self.library.links_of(&unit.name) {
            if said.insert((pull, to)) && counts && *to != unit.name {
                let set = match pull {
                    Pull::Wants => &mut unit.relations.wants,
                    Pull::Requires => &mut unit.relations.requires,
                    Pull::Upholds => &mut unit.relations.upholds,
                };
                set.insert(to.clone());
            }
        }
    }

    /// Whether a link to `/dev/null` takes back that `from` wants or requires `to`.
    fn is_taken_back(&self, pull: Pull, from: &UnitName, to: &UnitName) -> bool {
        let mut said = self.library.links_of(from).filter(|(of, other, _)| *of == pull && self.library.resolve(other) == *to);
        said.next().is_some_and(|(_, _, counts)| !counts)
    }

    pub(super) fn read_found(&self, name: &UnitName, found: &Found<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Read> {
        match &found.unit.kind {
            SourceKind::Unit(text) if text.is_empty() => return Some(masked(found.unit)),
            SourceKind::Alias { target } if target == "/dev/null" => return Some(masked(found.unit)),
            SourceKind::Alias { target } if self.library.is_endless(name) => {
                let first = whole_file(&found.unit.path, format!("leads to {target}, and so on in a circle"));
                diagnostics.push(first.clone());
                return Some((Entry::Bad { first: Box::new(first) }, Vec::new()));
            }
            // Leads nowhere.
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
        let found = Found { syntax: Syntax::Toml, unit: &file, drop_ins: Vec::new(), part: None, shadowed: Vec::new() };
        self.read_found(name, &found, diagnostics)
    }

    fn read_unit(&self, name: &UnitName, found: &Found<'_>, diagnostics: &mut Vec<Diagnostic>) -> Result<(Unit, Origins), Box<Diagnostic>> {
        let mut draft = Draft::new(name.clone(), defaults(found));
        let mut first_error = None;
        let specifiers = self.specifiers;
        for file in std::iter::once(found.unit).chain(found.drop_ins.iter().copied()) {
            let told = match &file.kind {
                SourceKind::Unreadable(why) => vec![whole_file(&file.path, format!("cannot be read: {why}"))],
                SourceKind::Alias { target } if target == "/dev/null" => Vec::new(),
                SourceKind::Alias { target } => vec![whole_file(&file.path, format!("leads to {target}, which is no drop-in"))],
                SourceKind::Unit(text) | SourceKind::DropIn(text) => {
                    let scope = Scope { specifiers, name, path: &found.unit.path };
                    let source = Source::new(&file.path, text, scope);
                    draft.sources.push(file.path.clone());
                    if let (Some(part), SourceKind::Unit(_)) = (found.part, &file.kind) {
                        toml::parts::apply(&mut draft, &source, part);
                    } else if file.path.ends_with(".toml") {
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

    /// Aliases become the names they stand for; what is satisfied by our being there is taken out.
    pub(super) fn settle(&mut self, new: &[UnitName]) {
        for name in new {
            // Out of the map while the others are asked for.
            let Some(mut entry) = self.entries.remove(name) else { continue };
            if let Entry::Unit(unit) = &mut entry {
                self.settle_one(unit);
            }
            self.entries.insert(name.clone(), entry);
        }
    }

    fn settle_one(&self, unit: &mut Unit) {
        let own = unit.name.clone();
        unit.aliases.extend(self.library.aliases().filter(|(_, target)| *target == own).map(|(alias, _)| alias.clone()));
        let known = |name: &UnitName| *name == own || self.entries.contains_key(name);
        let canonical = |name: &UnitName| {
            let name = self.library.resolve(name);
            plumbing::replacement(&name).filter(|ours| !known(&name) && known(ours)).unwrap_or(name)
        };
        each_relation(&mut unit.relations, |set, needs| {
            let names = set.iter().map(canonical).filter(|name| *name != own);
            *set = names.filter(|name| !needs || known(name) || !plumbing::is_satisfied(name)).collect();
        });
        if let Some(named) = unit.triggers() {
            let real = canonical(&named);
            if real != named && known(&real) {
                unit.trigger(real);
            }
        }
        for (list, pull) in [(&mut unit.wanted_by, Pull::Wants), (&mut unit.required_by, Pull::Requires)] {
            for name in list.iter_mut() {
                *name = canonical(name);
            }
            list.retain(|from| *from != own && !self.is_taken_back(pull, from, &own));
        }
    }
}

pub(super) type Origins = Vec<(UnitName, super::Origin)>;
pub(super) type Read = (Entry, Origins);

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
    let sets = [&r.requires, &r.needs_once, &r.requisite, &r.wants, &r.binds_to, &r.upholds, &r.on_failure, &r.on_success];
    let listed = unit.wanted_by.iter().chain(&unit.required_by).cloned();
    sets.into_iter().flatten().cloned().chain(listed).chain(unit.triggers()).collect()
}

/// All sets of names; whether those named must be there.
fn each_relation(relations: &mut Relations, mut change: impl FnMut(&mut Names, bool)) {
    let r = relations;
    for set in [&mut r.requires, &mut r.needs_once, &mut r.requisite, &mut r.binds_to, &mut r.wants, &mut r.upholds, &mut r.part_of] {
        change(set, true);
    }
    for set in [&mut r.after, &mut r.before, &mut r.conflicts, &mut r.on_failure, &mut r.on_success] {
        change(set, false);
    }
    for set in [&mut r.propagates_reload_to, &mut r.reload_propagated_from, &mut r.propagates_stop_to, &mut r.stop_propagated_from] {
        change(set, false);
    }
}
