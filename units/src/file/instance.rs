//! Instances of templates made when the rest has long been read.

use super::library::Library;
use super::reader::{Pass, Work};
use crate::{Diagnostic, Entry, Specifiers, UnitName, UnitSet, graph};
use std::sync::Arc;

/// What is kept of the files for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Moulds {
    pub(crate) library: Library,
    pub(crate) specifiers: Specifiers,
}

/// An instance that is there now.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// The unit that the name stands for.
    pub name: UnitName,
    /// What is new in the set: the unit itself, if it was not there, and the instances it names. One
    /// whose template is wrong is [`Entry::Bad`].
    pub new: Vec<UnitName>,
    /// What is wrong with them.
    pub diagnostics: Vec<Diagnostic>,
}

/// Why there is no such instance.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstanceError {
    /// It names no instance at all.
    #[error("{0} is no instance of a template")]
    NoInstance(UnitName),
    /// What stands behind the `@` is left out.
    #[error("{0} is a template: which instance is to stand behind the `@`")]
    Template(UnitName),
    /// No file is there for it.
    #[error("there is no template for {0}")]
    NoTemplate(UnitName),
}

impl UnitSet {
    /// Makes the instance `name` of its template, and those it names, from the texts that were read
    /// when the set was: no file is looked at. The graph gains their nodes and changes nowhere else.
    ///
    /// # Errors
    /// [`InstanceError`] when the set has no template for it.
    pub fn instantiate(&mut self, name: &UnitName) -> Result<Made, InstanceError> {
        let moulds = Arc::clone(&self.moulds);
        let name = moulds.library.resolve(self.resolve(name));
        if self.entries.contains_key(&name) {
            return Ok(Made { name, new: Vec::new(), diagnostics: Vec::new() });
        }
        if name.is_template() {
            return Err(InstanceError::Template(name));
        }
        if name.instance().is_none() {
            return Err(InstanceError::NoInstance(name));
        }
        let mut diagnostics = Vec::new();
        let mut work = Work::new(&moulds.specifiers, &moulds.library, &mut self.entries);
        let Pass { new, origins, .. } = work.read_all(vec![name.clone()], &mut diagnostics);
        if !new.contains(&name) {
            return Err(InstanceError::NoTemplate(name));
        }
        work.settle(&new);
        graph::add(&mut self.graph, &new.iter().collect(), &self.entries, &origins, &mut diagnostics);
        Ok(Made { name, new, diagnostics })
    }

    /// Forgets an instance that nobody needs any more: one made for a connection that has ended.
    /// `false` if it is none.
    pub fn forget(&mut self, name: &UnitName) -> bool {
        let is_made = name.template().is_some_and(|template| self.moulds.library.templates().any(|known| *known == template));
        if is_made && let Some(Entry::Unit(unit)) = self.entries.remove(name) {
            self.graph.remove(&unit);
        }
        is_made
    }

    /// The templates there are: `getty@.service`. They are no units themselves.
    pub fn templates(&self) -> impl Iterator<Item = &UnitName> {
        self.moulds.library.templates()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{SourceFile, SourceKind, read};

    fn name(text: &str) -> UnitName {
        UnitName::new(text).unwrap()
    }

    fn file(path: &str, text: &str) -> SourceFile {
        let text = text.as_bytes().to_vec();
        let kind = if path.contains(".d/") { SourceKind::DropIn(text) } else { SourceKind::Unit(text) };
        SourceFile { path: path.to_owned(), kind }
    }

    fn link(path: &str, target: &str) -> SourceFile {
        SourceFile { path: path.to_owned(), kind: SourceKind::Alias { target: target.to_owned() } }
    }

    fn files() -> Vec<SourceFile> {
        vec![
            file(
                "/etc/systemd/system/shop@.service",
                "[Unit]\nRequires=db@%i.service\nAfter=db@%i.service web.service\n[Service]\nExecStart=/bin/shop %i\n",
            ),
            file("/etc/systemd/system/shop@two.service.d/a.conf", "[Service]\nEnvironment=TWO=2\n"),
            file("/etc/systemd/system/shop@.service.d/b.conf", "[Unit]\nDescription=Shop %i\n"),
            file("/etc/systemd/system/web.service.d/b.conf", "[Unit]\nDescription=Web\n"),
            file("/etc/fief/units/db@.toml", "[service]\ncommand = \"/bin/db %i\"\n"),
            file("/etc/systemd/system/web.service", "[Unit]\nBefore=shop@three.service\n[Service]\nExecStart=/bin/web\n"),
            link("/etc/systemd/system/store@.service", "shop@.service"),
            link("/etc/systemd/system/shop@.service.wants/web.service", "../web.service"),
        ]
    }

    #[test]
    fn an_instance_made_later_is_the_one_that_is_made_at_once() {
        for wanted in ["shop@two", "shop@three", "store@three"].map(name) {
            let (at_once, told) = crate::Reader::default().with_instances([wanted.clone()]).read(files());
            assert_eq!(told, []);
            let (mut later, _) = read(files());
            let before = later.clone();
            let made = later.instantiate(&wanted).unwrap();
            assert_eq!(made.name, name(&wanted.as_str().replace("store", "shop")));
            assert_eq!((made.new.len(), made.diagnostics.len()), (2, 0));
            assert_eq!(later.unit(&made.name), at_once.unit(&made.name));
            assert_eq!(later.graph(), at_once.graph());
            assert_eq!(later.instantiate(&wanted).unwrap().new, []);
            for name in &made.new {
                assert!(later.forget(name));
            }
            assert_eq!(later, before);
        }
    }

    #[test]
    fn what_is_no_instance_is_refused_and_what_is_bad_is_told() {
        let (mut units, _) = read(files().into_iter().chain([file("/etc/fief/units/bad@.toml", "[service]\ncomand = \"/bin/x\"\n")]));
        let refused = |units: &mut UnitSet, text: &str| units.instantiate(&name(text)).unwrap_err().to_string();
        assert_eq!(refused(&mut units, "nothing@x"), "there is no template for nothing@x");
        assert_eq!(refused(&mut units, "shop@"), "shop@ is a template: which instance is to stand behind the `@`");
        assert_eq!(refused(&mut units, "nothing"), "nothing is no instance of a template");
        assert_eq!(units.instantiate(&name("web")).unwrap().new, []);
        let made = units.instantiate(&name("bad@x")).unwrap();
        assert_eq!(made.diagnostics.len(), 1);
        assert!(matches!(units.entry(&name("bad@x")), Some(Entry::Bad { .. })));
        assert!(units.forget(&name("bad@x")) && units.entry(&name("bad@x")).is_none());
        assert!(!units.forget(&name("web")));
    }

    #[test]
    fn an_instance_that_closes_a_cycle_loses_an_edge() {
        let (mut units, _) = read([
            file("/etc/fief/units/a.toml", "after = [\"b@x\"]\n[service]\ncommand = \"/bin/a\"\n"),
            file("/etc/fief/units/b@.toml", "after = [\"a\"]\n[service]\ncommand = \"/bin/b\"\n"),
        ]);
        let made = units.instantiate(&name("b@x")).unwrap();
        assert_eq!(made.diagnostics.len(), 1);
        assert_eq!(units.graph().order().len(), 2);
    }
}
