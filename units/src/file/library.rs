use super::subject::{Subject, Syntax};
use super::{SourceFile, SourceKind, whole_file};
use crate::systemd::plumbing;
use crate::{Diagnostic, UnitName, stock};
use std::collections::{BTreeMap, BTreeSet};

/// All files, sorted by what they are about.
#[derive(Default)]
pub(super) struct Library {
    units: BTreeMap<UnitName, Vec<(Syntax, SourceFile)>>,
    /// By the stem of their folder; in order of precedence.
    drop_ins: BTreeMap<String, Vec<DropIn>>,
    /// Which unit wants or requires which.
    pub(super) links: Vec<(UnitName, bool, UnitName)>,
    aliases: BTreeMap<UnitName, UnitName>,
    bases: BTreeMap<String, usize>,
}

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
    pub(super) shadowed: Vec<String>,
}

impl Library {
    pub(super) fn add(&mut self, source: SourceFile, diagnostics: &mut Vec<Diagnostic>) {
        match source.subject() {
            Ok(Subject::Unit(name, syntax)) => {
                let passed_over = syntax == Syntax::Systemd && plumbing::is_skipped(&name);
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
            Ok(Subject::Link { from, requires, to }) => self.links.push((from, requires, to)),
            Err(message) => diagnostics.push(whole_file(&source.path, message)),
        }
    }

    /// Every name that has files, templates too.
    pub(super) fn names(&self) -> impl Iterator<Item = &UnitName> {
        self.units.keys()
    }

    /// Which names are other names for which; call once, when all files are in.
    pub(super) fn settle_aliases(&mut self) {
        let mut aliases = BTreeMap::new();
        for name in self.units.keys() {
            if let Some((_, SourceFile { kind: SourceKind::Alias { target }, .. })) = self.winner(name)
                && target != "/dev/null"
                && let Ok(target) = UnitName::new(target.rsplit('/').next().unwrap_or_default())
                && target.kind() == name.kind()
                && target != *name
            {
                aliases.insert(name.clone(), target);
            }
        }
        self.aliases = aliases;
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
        let of = template.as_ref().unwrap_or(name);
        let (syntax, unit) = self.winner(of)?;
        let files = self.units.get(of).map(Vec::as_slice).unwrap_or_default();
        let others = files.iter().filter(|(_, file)| file.path != unit.path && !stock::is_stock(&file.path));
        let shadowed = others.map(|(_, file)| file.path.clone()).collect();
        Some(Found { syntax: *syntax, unit, drop_ins: self.drop_ins(name, *syntax), shadowed })
    }

    /// The drop-ins of a unit, in the order they are applied: by file name, whichever folder they
    /// are in. Of one file name that of the first search folder counts, within it that for the
    /// longest name; those for the whole kind come last.
    fn drop_ins(&self, name: &UnitName, syntax: Syntax) -> Vec<&SourceFile> {
        let mut stems: Vec<String> = Vec::new();
        let own = std::iter::once(name.clone());
        let names = own.chain(self.aliases().filter(|(_, target)| target == name).map(|(alias, _)| alias.clone()));
        for name in names {
            let suffix = name.kind().suffix();
            stems.push(name.as_str().to_owned());
            let template = name.template().map(|template| template.as_str().to_owned());
            stems.extend(template);
            let dashes = name.prefix().match_indices('-').map(|(at, _)| at).collect::<Vec<_>>();
            for at in dashes.into_iter().rev() {
                let cut = name.prefix().get(..=at).unwrap_or_default();
                if cut.len() < name.prefix().len() {
                    stems.push(format!("{cut}.{suffix}"));
                }
            }
        }
        let kind = name.kind().suffix().to_owned();
        let ranked = stems.iter().enumerate().map(|(rank, stem)| (false, rank, stem)).chain([(true, 0, &kind)]);
        let mut best: BTreeMap<&str, ((bool, usize, usize), &SourceFile)> = BTreeMap::new();
        for (of_kind, rank, stem) in ranked {
            for drop_in in self.drop_ins.get(stem).into_iter().flatten() {
                // systemd's drop-ins are written for systemd's files.
                let fits = syntax == Syntax::Systemd || drop_in.source.path.ends_with(".toml");
                let key = (of_kind, drop_in.base, rank);
                if fits && best.get(drop_in.file.as_str()).is_none_or(|(known, _)| key < *known) {
                    best.insert(&drop_in.file, (key, &drop_in.source));
                }
            }
        }
        best.into_values().map(|(_, source)| source).collect()
    }

    /// The templates there are.
    pub(super) fn templates(&self) -> BTreeSet<UnitName> {
        self.units.keys().filter(|name| name.is_template() && !self.aliases.contains_key(*name)).cloned().collect()
    }
}
