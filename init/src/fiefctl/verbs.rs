//! Every verb and every option of fiefctl: the one table that the parser, `--help`, the completions and
//! docs/fiefctl.md are made of.

mod table;

use super::line::Line;
use super::session::Failed;

pub(crate) use table::ALL;

/// A verb.
#[derive(Debug)]
pub(crate) struct Verb {
    pub(crate) name: &'static str,
    pub(crate) aliases: &'static [&'static str],
    pub(crate) group: Group,
    pub(crate) operands: Operands,
    pub(crate) options: &'static [Opt],
    /// In a few words.
    pub(crate) about: &'static str,
    /// What else is to be known; may be empty.
    pub(crate) more: &'static str,
    pub(crate) run: fn(&Line) -> Result<u8, Failed>,
}

/// Where a verb stands in the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Looking,
    Doing,
    Files,
    Boot,
    System,
}

impl Group {
    pub(crate) const ALL: [(Self, &'static str); 5] = [
        (Self::Looking, "Looking"),
        (Self::Doing, "Doing"),
        (Self::Files, "Unit files"),
        (Self::Boot, "The boot"),
        (Self::System, "The system"),
    ];
}

/// What stands behind a verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operands {
    None,
    /// Exactly one.
    One(&'static str),
    /// One or none.
    MayOne(&'static str),
    /// One at least.
    Some(&'static str),
    /// Any number.
    Any(&'static str),
    /// A unit, and one at least of these.
    UnitAnd(&'static str),
}

impl Operands {
    /// As in a usage line.
    pub(crate) fn usage(self) -> String {
        match self {
            Self::None => String::new(),
            Self::One(what) => format!(" {what}"),
            Self::MayOne(what) => format!(" [{what}]"),
            Self::Some(what) => format!(" {what}…"),
            Self::Any(what) => format!(" [{what}…]"),
            Self::UnitAnd(what) => format!(" UNIT {what}…"),
        }
    }

    /// What may be completed there.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::None => "",
            Self::One(what) | Self::MayOne(what) | Self::Some(what) | Self::Any(what) => what,
            Self::UnitAnd(_) => "UNIT",
        }
    }
}

/// An option.
#[derive(Debug)]
pub(crate) struct Opt {
    pub(crate) long: &'static str,
    pub(crate) short: Option<char>,
    /// What its value is called, where it takes one.
    pub(crate) value: Option<&'static str>,
    pub(crate) about: &'static str,
}

/// What every verb knows.
pub(super) const COMMON: &[Opt] = &[Opt { long: "json", short: None, value: None, about: "for programs" }];

impl Verb {
    /// Its own options and those of all.
    pub(crate) fn options(&self) -> impl Iterator<Item = &'static Opt> {
        self.options.iter().chain(COMMON)
    }
}
