use super::{SourceFile, SourceKind};
use crate::{UnitKind, UnitName};

/// Which of the two syntaxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    Toml,
    Systemd,
}

/// What a file is about, by its path.
#[derive(Debug)]
pub(super) enum Subject {
    Unit(UnitName, Syntax),
    /// The stem of the folder, which may be a name, a name cut after a dash, or a kind.
    DropIn {
        of: String,
        file: String,
    },
    /// The stem of the folder, which is a unit's name or one cut after a dash; how it is bound to
    /// the other.
    Link {
        from: String,
        pull: Pull,
        to: UnitName,
    },
}

/// How a folder of links binds the unit it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pull {
    /// `Wants=`
    Wants,
    /// `Requires=`
    Requires,
    /// `Upholds=`
    Upholds,
}

impl Pull {
    /// Each, with what the name of its folder ends in.
    pub(crate) const ALL: [(Self, &'static str); 3] = [(Self::Wants, ".wants"), (Self::Requires, ".requires"), (Self::Upholds, ".upholds")];

    /// What the name of its folder ends in.
    pub(crate) fn suffix(self) -> &'static str {
        Self::ALL.iter().find(|(pull, _)| *pull == self).map_or(".wants", |(_, suffix)| suffix)
    }
}

impl SourceFile {
    pub(super) fn subject(&self) -> Result<Subject, String> {
        let mut parts = self.path.rsplit('/');
        let file = parts.next().unwrap_or_default();
        let folder = parts.next().unwrap_or_default();
        let name = |text: &str| UnitName::new(text).map_err(|error| error.to_string());
        if !matches!(self.kind, SourceKind::DropIn(_)) {
            for (pull, suffix) in Pull::ALL {
                if let Some(from) = folder.strip_suffix(suffix) {
                    let to = file.strip_suffix(".toml").unwrap_or(file);
                    return Ok(Subject::Link { from: name(from)?.as_str().to_owned(), pull, to: name(to)? });
                }
            }
        }
        if let Some(stem) = folder.strip_suffix(".toml.d") {
            return Ok(Subject::DropIn { of: name(stem)?.as_str().to_owned(), file: file.to_owned() });
        }
        if let Some(stem) = folder.strip_suffix(".d")
            && file.ends_with(".conf")
            && is_drop_in_folder(folder)
        {
            return Ok(Subject::DropIn { of: stem.to_owned(), file: file.to_owned() });
        }
        if matches!(self.kind, SourceKind::DropIn(_)) {
            return Err("a drop-in is NAME.toml.d/ANY.toml or NAME.service.d/ANY.conf".to_owned());
        }
        if let Some(stem) = file.strip_suffix(".toml") {
            return Ok(Subject::Unit(name(stem)?, Syntax::Toml));
        }
        match kind_of(file) {
            Some(_) => Ok(Subject::Unit(name(file)?, Syntax::Systemd)),
            None => Err("a unit file is named NAME.toml, or NAME.service as systemd has it".to_owned()),
        }
    }
}

/// Whether a folder of this name holds drop-ins: of a unit, of all with names that begin so, or of a
/// whole kind.
pub(crate) fn is_drop_in_folder(name: &str) -> bool {
    name.strip_suffix(".d").is_some_and(|stem| stem.ends_with(".toml") || kind_of(stem).is_some() || UnitKind::of_suffix(stem).is_some())
}

fn kind_of(name: &str) -> Option<UnitKind> {
    UnitKind::of_suffix(name.rsplit_once('.')?.1)
}
