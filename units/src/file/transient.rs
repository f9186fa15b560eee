//! Units that stand in no folder: their text comes with a request, and they go with their end. systemd-run(1)

use super::library::Library;
use super::reader::{Pass, Work};
use super::{SourceFile, SourceKind};
use crate::{Diagnostic, Entry, Severity, UnitName, UnitSet, graph};
use std::sync::Arc;

/// Where such a unit's text is shown as a file; the path that its diagnostics name. systemd.unit(5), "Unit File Load Path"
pub const FOLDER: &str = "/run/systemd/transient";

/// Why there is no such unit.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TransientError {
    /// There is one already, or another that is also called so.
    #[error("Unit {} was already loaded or has a fragment file.", .0.as_str())]
    IsThere(UnitName),
    /// It cannot be started as it is written.
    #[error("{}", .0.message)]
    Bad(Box<Diagnostic>),
}

/// The path that stands for such a unit's text.
#[must_use]
pub fn path(name: &UnitName) -> String {
    format!("{FOLDER}/{}", name.as_str())
}

impl UnitSet {
    /// Makes the unit `name` of a text in systemd's words. The graph gains its node and changes nowhere else. What there is to warn of.
    ///
    /// # Errors
    /// [`TransientError`]; the set is then as it was.
    pub fn adopt(&mut self, name: &UnitName, text: &str) -> Result<Vec<Diagnostic>, TransientError> {
        if self.entries.contains_key(self.resolve(name)) {
            return Err(TransientError::IsThere(name.clone()));
        }
        let mut diagnostics = Vec::new();
        let mut library = Library::new(true);
        library.add(SourceFile { path: path(name), kind: SourceKind::Unit(text.as_bytes().to_vec()) }, &mut diagnostics);
        let moulds = Arc::clone(&self.moulds);
        let mut work = Work::new(&moulds.specifiers, &library, &mut self.entries);
        let Pass { new, origins, .. } = work.read_all(vec![name.clone()], &mut diagnostics);
        work.settle(&new);
        match self.entries.get(name) {
            Some(Entry::Unit(_)) => {}
            Some(Entry::Bad { .. } | Entry::Masked { .. }) | None => {
                new.iter().for_each(|name| drop(self.entries.remove(name)));
                let first = diagnostics.into_iter().find(|diagnostic| diagnostic.severity == Severity::Error);
                return Err(first.map_or_else(|| TransientError::IsThere(name.clone()), |first| TransientError::Bad(Box::new(first))));
            }
        }
        graph::add(&mut self.graph, &new.iter().collect(), &self.entries, &origins, &mut diagnostics);
        Ok(diagnostics)
    }

    /// Forgets such a unit; `false` if it is none.
    pub fn disown(&mut self, name: &UnitName) -> bool {
        let is_one = self.unit(name).is_some_and(|unit| unit.sources.first().is_some_and(|source| *source == path(name)));
        if is_one && let Some(Entry::Unit(unit)) = self.entries.remove(name) {
            self.graph.remove(&unit);
        }
        is_one
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::read;

    fn name(text: &str) -> UnitName {
        UnitName::new(text).unwrap()
    }

    #[test]
    fn a_unit_comes_with_its_text_and_goes_without_a_trace() {
        let file = |path: &str, text: &str| SourceFile { path: path.to_owned(), kind: SourceKind::Unit(text.as_bytes().to_vec()) };
        let (mut units, _) = read([file("/etc/systemd/system/web.service", "[Service]\nExecStart=/bin/web\n")]);
        // What a service is bound to by default is there then.
        let _ = units.adopt(&name("first.service"), "[Service]\nExecStart=/bin/true\n").unwrap();
        assert!(units.disown(&name("first.service")));
        let before = units.clone();
        let (one, timer) = (name("one.service"), name("one.timer"));
        let text = "[Unit]\nAfter=web.service\n[Service]\nExecStart=/bin/one \"a b\"\n";
        assert_eq!(units.adopt(&one, text).unwrap(), []);
        assert_eq!(units.adopt(&timer, "[Timer]\nOnActiveSec=5\nRemainAfterElapse=no\n").unwrap(), []);
        assert_eq!(units.files(&one).unwrap(), ["/run/systemd/transient/one.service"]);
        assert!(units.graph().node(&one).unwrap().after.contains(&name("web.service")));
        assert_eq!(units.adopt(&one, text).unwrap_err(), TransientError::IsThere(one.clone()));
        assert!(units.adopt(&name("web.service"), text).is_err() && !units.disown(&name("web.service")));
        assert!(units.disown(&timer) && units.disown(&one) && !units.disown(&one));
        assert_eq!(units, before);
    }

    #[test]
    fn what_cannot_be_read_changes_nothing() {
        let (mut units, _) = read([]);
        let before = units.clone();
        for text in ["", "[Service]\nType=dance\nExecStart=/bin/true\n", "[Service]\nNice=1\n"] {
            assert!(units.adopt(&name("bad.service"), text).is_err(), "{text}");
            assert_eq!(units.entries.len(), before.entries.len(), "{text}");
        }
    }
}
