use super::subject::{Pull, Subject, Syntax};
use super::toml::parts::{self, Part};
use super::{SourceFile, SourceKind, whole_file};
use crate::systemd::plumbing;
use crate::{Diagnostic, Map, Severity, UnitKind, UnitName, stock};

/// All files, sorted by what they are about.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Library {
    units: Map<UnitName, Vec<(Syntax, SourceFile)>>,
    /// By the stem of their folder; in order of precedence.
    drop_ins: Map<String, Vec<DropIn>>,
    /// By the stem of their folder, what is linked there, and whether the link counts: one to
    /// `/dev/null` takes a relation back. The first of a name counts.
    links: Map<String, Map<(Pull, UnitName), bool>>,
    aliases: Map<UnitName, UnitName>,
    /// Units that stand in the file of a service.
    parts: Map<UnitName, Part>,
    bases: Map<String, usize>,
    /// Whether systemd's own units are taken too.
    plumbing: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct DropIn {
    file: String,
    /// Which of the search folders it was found in, first ones first.
    base: usize,
    source: SourceFile,
}

/// The files that make one unit.
pub(super) struct Found<'a> {
    pub(super) syntax: Syntax,
    pub(super) unit: &'a SourceFile,
    pub(super) drop_ins: Vec<&'a SourceFile>,
    /// Where the unit is a part of another's file.
    pub(super) part: Option<&'a Part>,
    pub(super) shadowed: Vec<String>,
}

impl Library {
    pub(super) fn new(plumbing: bool) -> Self {
        Self { plumbing, ..Self::default() }
    }

    pub(super) fn add(&mut self, source: SourceFile, diagnostics: &mut Vec<Diagnostic>) {
        match source.subject() {
            Ok(Subject::Unit(name, syntax)) => {
                let passed_over = syntax == Syntax::Systemd && !self.plumbing && plumbing::is_passed_over(&source.path, name.as_str());
                if !passed_over {
                    self.units.entry(name).or_default().push((syntax, source));
                }
            }
            Ok(Subject::DropIn { of, file }) => {
                let base = source.path.rsplitn(3, '/').nth(2).unwrap_or_default().to_owned();
                let next = self.bases.len();
                let base = *self.bases.entry(base).or_insert(next);
                self.drop_ins.entry(of).or_default().push(DropIn { file, base, source });
            }
            Ok(Subject::Link { .. }) if matches!(source.kind, SourceKind::Unreadable(_)) => {
                let message = "is no link, so it adds nothing; what is wanted is linked here".to_owned();
                diagnostics.push(Diagnostic { severity: Severity::Warning, ..whole_file(&source.path, message) });
            }
            Ok(Subject::Link { from, pull, to }) => {
                let counts = !matches!(&source.kind, SourceKind::Alias { target } if target == "/dev/null");
                self.links.entry(from).or_default().entry((pull, to)).or_insert(counts);
            }
            Err(message) => diagnostics.push(match source.kind {
                // No unit file, and found to be told of.
                SourceKind::Unreadable(why) => Diagnostic { severity: Severity::Warning, ..whole_file(&source.path, why) },
                _ => whole_file(&source.path, message),
            }),
        }
    }

    /// Every name that has files, templates too.
    pub(super) fn names(&self) -> impl Iterator<Item = &UnitName> {
        self.units.keys().chain(self.parts.keys())
    }

    /// Every name that is linked to another, and those it is linked to.
    pub(super) fn linked(&self) -> impl Iterator<Item = UnitName> {
        let folders = self.links.keys().filter_map(|stem| UnitName::new(stem).ok());
        let links = self.links.values().flatten().filter(|(_, counts)| **counts);
        folders.chain(links.map(|((_, to), _)| to.clone()))
    }

    /// What the folders of links say of `name`, its other names and its template: how it is bound
    /// to which, and whether that holds or is taken back. The name's own word comes first.
    pub(super) fn links_of(&self, name: &UnitName) -> impl Iterator<Item = (Pull, &UnitName, bool)> {
        let links = self.stems(name).into_iter().filter_map(|stem| self.links.get(&stem)).flatten();
        links.map(|((pull, to), counts)| (*pull, to, *counts))
    }

    /// Which names are other names for which; call once, when all files are in.
    pub(super) fn settle_aliases(&mut self) {
        let mut aliases = Map::new();
        for name in self.units.keys() {
            if let Some((_, SourceFile { kind: SourceKind::Alias { target }, .. })) = self.winner(name)
                && target != "/dev/null"
                && let Some(file) = target.rsplit('/').next()
                && let Ok(target) = UnitName::new(file.strip_suffix(".toml").unwrap_or(file))
                && target.kind() == name.kind()
                && target != *name
                && name.may_stand_for(&target)
            {
                aliases.insert(name.clone(), target);
            }
        }
        self.aliases = aliases;
    }

    /// Which units stand in the files of others; call once, when all files are in.
    pub(super) fn settle_parts(&mut self) {
        let winners = self.units.keys().filter_map(|name| Some((name, self.winner(name)?)));
        let parts = winners.flat_map(|(name, (syntax, file))| match (&file.kind, syntax) {
            (SourceKind::Unit(text), Syntax::Toml) => parts::of(name, text),
            (SourceKind::Unit(_) | SourceKind::DropIn(_) | SourceKind::Alias { .. } | SourceKind::Unreadable(_), _) => Vec::new(),
        });
        self.parts = parts.collect();
    }

    /// The unit a name stands for, all links followed.
    pub(super) fn resolve(&self, name: &UnitName) -> UnitName {
        let mut now = name.clone();
        // systemd gives up on longer chains too.
        for _ in 0..8 {
            let next = match (self.aliases.get(&now), now.template()) {
                (Some(target), _) => match (target.is_template(), now.instance()) {
                    (true, Some(instance)) if !instance.is_empty() => target.with_instance(instance),
                    _ => Some(target.clone()),
                },
                (None, Some(template)) if !self.units.contains_key(&now) => {
                    let target = self.aliases.get(&template);
                    target.and_then(|target| target.with_instance(now.instance().unwrap_or_default()))
                }
                (None, _) => None,
            };
            match next {
                Some(next) => now = next,
                None => return now,
            }
        }
        now
    }

    /// Whether a name, all links followed, is still a link: they go round in a circle.
    pub(super) fn is_endless(&self, name: &UnitName) -> bool {
        self.aliases.contains_key(&self.resolve(name))
    }

    /// Other names, with what they stand for.
    pub(super) fn aliases(&self) -> impl Iterator<Item = (&UnitName, UnitName)> {
        self.aliases.keys().map(|alias| (alias, self.resolve(alias))).filter(|(alias, target)| *alias != target)
    }

    /// The file that counts: ours before systemd's, but what comes with us after all others.
    fn winner(&self, name: &UnitName) -> Option<&(Syntax, SourceFile)> {
        let files = self.units.get(name)?;
        let own = |wanted: Syntax| files.iter().find(|(syntax, file)| *syntax == wanted && !stock::is_stock(&file.path));
        own(Syntax::Toml).or_else(|| own(Syntax::Systemd)).or_else(|| files.first())
    }

    /// The files of a unit, or of the template it is an instance of.
    pub(super) fn find(&self, name: &UnitName) -> Option<Found<'_>> {
        let template = name.template().filter(|_| !self.units.contains_key(name));
        let part = self.parts.get(name).filter(|_| !self.units.contains_key(name));
        let of = part.map(|part| &part.of).or(template.as_ref()).unwrap_or(name);
        let (syntax, unit) = self.winner(of)?;
        let files = self.units.get(of).map(Vec::as_slice).unwrap_or_default();
        let others = files.iter().filter(|(_, file)| file.path != unit.path && !stock::is_stock(&file.path));
        let shadowed = others.map(|(_, file)| file.path.clone()).collect();
        Some(Found { syntax: *syntax, unit, drop_ins: self.drop_ins(name, *syntax), part, shadowed })
    }

    /// The drop-ins of a unit, in the order they are applied: by file name, whichever folder they
    /// are in. Of one file name that of the first search folder counts, within it that for the
    /// longest name; those for the whole kind come last. What comes with us is about the unit of that
    /// very name: another that a link gives the name to is another program.
    fn drop_ins(&self, name: &UnitName, syntax: Syntax) -> Vec<&SourceFile> {
        let stems = self.stems(name);
        let own = name.stems();
        let kind = name.kind().suffix().to_owned();
        let ranked = stems.iter().enumerate().map(|(rank, stem)| (false, rank, stem)).chain([(true, 0, &kind)]);
        let mut best: Map<&str, ((bool, usize, usize), &SourceFile)> = Map::new();
        for (of_kind, rank, stem) in ranked {
            for drop_in in self.drop_ins.get(stem).into_iter().flatten() {
                // systemd's drop-ins are written for systemd's files.
                let fits = syntax == Syntax::Systemd || drop_in.source.path.ends_with(".toml");
                let fits = fits && (!stock::is_stock(&drop_in.source.path) || own.contains(stem));
                let key = (of_kind, drop_in.base, rank);
                if fits && best.get(drop_in.file.as_str()).is_none_or(|(known, _)| key < *known) {
                    best.insert(&drop_in.file, (key, &drop_in.source));
                }
            }
        }
        best.into_values().map(|(_, source)| source).collect()
    }

    /// The stems of the folders that concern a unit, its own first; of each of its names: itself, its
    /// template, cut after every dash, and of an instance the same with its `@`.
    fn stems(&self, name: &UnitName) -> Vec<String> {
        let aliases = self.aliases().filter(|(_, target)| target == name).map(|(alias, _)| alias);
        std::iter::once(name).chain(aliases).flat_map(UnitName::stems).collect()
    }

    /// The templates there are.
    pub(crate) fn templates(&self) -> impl Iterator<Item = &UnitName> {
        self.units.keys().filter(|name| name.is_template() && !self.aliases.contains_key(*name))
    }

    /// What instances may still be made of when everything else has been read: the templates, with
    /// whatever concerns an instance of theirs.
    pub(super) fn into_moulds(mut self) -> Self {
        self.units.retain(|name, _| name.is_template());
        self.parts.clear();
        let units = &self.units;
        let concerns = |stem: &str| {
            let kind = UnitKind::of_suffix(stem);
            let name = UnitName::new(stem).ok();
            units.keys().any(|template| {
                let of_kind = kind == Some(template.kind());
                let named = name.as_ref().filter(|name| name.kind() == template.kind()).map(UnitName::prefix);
                let cut = |prefix: &str| prefix.ends_with('-') && template.prefix().starts_with(prefix);
                of_kind || named.is_some_and(|prefix| prefix == template.prefix() || cut(prefix))
            })
        };
        self.drop_ins.retain(|stem, _| concerns(stem));
        self.links.retain(|stem, _| concerns(stem));
        self
    }
}
