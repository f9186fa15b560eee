use crate::UnitName;
use std::fmt;

/// Why something could not be planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// There is neither a file nor a link of it.
    NoSuchUnit(UnitName),
    /// The file masks it.
    Masked {
        /// Which unit.
        unit: UnitName,
        /// The file.
        path: String,
    },
    /// Its file cannot be read, and why.
    Bad(UnitName, String),
    /// A file lies where the link would be.
    InTheWay(String),
    /// A link is there already, to somewhere else.
    Leads {
        /// The link.
        path: String,
        /// Where it leads.
        to: String,
    },
    /// Its own file lies where the mask would be.
    OwnFile {
        /// Which unit.
        unit: UnitName,
        /// The file.
        path: String,
    },
    /// A template without a default instance.
    NoInstance {
        /// Which.
        template: UnitName,
        /// The first that it would be linked to.
        target: Option<UnitName>,
    },
    /// One cannot be another name of the other.
    NoAlias {
        /// The other name.
        alias: UnitName,
        /// The unit.
        unit: UnitName,
    },
    /// It is no absolute path of a unit file.
    NoPath(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchUnit(unit) => write!(f, "there is no {unit}"),
            Self::Masked { unit, path } => write!(f, "{unit} is masked ({path})"),
            Self::Bad(unit, why) => write!(f, "{unit} is bad: {why}"),
            Self::InTheWay(path) => write!(f, "{path} is in the way"),
            Self::Leads { path, to } => write!(f, "{path} leads to {to} already"),
            Self::OwnFile { unit, path } => write!(f, "{unit} cannot be masked: its file is in the way, {path}"),
            Self::NoInstance { template, .. } => {
                write!(f, "{template} is a template: say which instance, or give it a DefaultInstance=")
            }
            Self::NoAlias { alias, unit } => write!(f, "{alias} cannot be another name of {unit}"),
            Self::NoPath(path) => write!(f, "{path:?} is no absolute path of a unit file"),
        }
    }
}
