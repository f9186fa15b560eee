//! Why the two may differ: data, one line for each kind of difference.

use super::judge::Difference;

/// A kind of difference that is meant.
pub(crate) struct Reason {
    /// The properties it is about; none is any.
    properties: &'static [&'static str],
    /// What systemd says, or the item that only it has.
    theirs: Says,
    /// What we say.
    ours: Says,
    /// Why, for the reader of the document.
    pub(crate) why: &'static str,
}

/// A pattern.
enum Says {
    Anything,
    Nothing,
    One(&'static [&'static str]),
    Begins(&'static [&'static str]),
    Ends(&'static [&'static str]),
}

use Says::{Anything, Begins, Ends, Nothing, One};

impl Says {
    fn fits(&self, said: Option<&str>) -> bool {
        match (self, said) {
            (Anything, _) | (Nothing, None) => true,
            (Nothing, Some(_)) | (One(_) | Begins(_) | Ends(_), None) => false,
            (One(all), Some(said)) => all.contains(&said),
            (Begins(all), Some(said)) => all.iter().any(|start| said.starts_with(start)),
            (Ends(all), Some(said)) => all.iter().any(|end| said.ends_with(end)),
        }
    }
}

pub(crate) const REASONS: &[Reason] = &[];

/// The first reason that fits.
pub(crate) fn find(_id: &str, property: &str, difference: &Difference) -> Option<usize> {
    REASONS.iter().position(|reason| {
        (reason.properties.is_empty() || reason.properties.contains(&property))
            && reason.theirs.fits(difference.theirs.as_deref())
            && reason.ours.fits(difference.ours.as_deref())
    })
}

/// Units that no file makes.
pub(crate) fn is_of_the_machine(_id: &str) -> bool {
    false
}

/// Properties with one line for each of their values.
pub(crate) fn is_repeated(property: &str) -> bool {
    property.starts_with("Exec") && !property.contains("Main") && property != "ExecSearchPath" && !property.ends_with("Paths")
        || ["EnvironmentFiles", "Listen", "TimersCalendar", "TimersMonotonic", "Paths"].contains(&property)
}

/// Properties whose value is a set of words.
pub(crate) fn is_list(property: &str) -> bool {
    const LISTS: &[&str] = &[
        "After",
        "Before",
        "BindsTo",
        "BoundBy",
        "Conflicts",
        "ConflictedBy",
        "ConsistsOf",
        "Names",
        "OnFailure",
        "OnFailureOf",
        "OnSuccess",
        "OnSuccessOf",
        "PartOf",
        "PropagatesReloadTo",
        "PropagatesStopTo",
        "ReloadPropagatedFrom",
        "RequiredBy",
        "Requires",
        "RequiresMountsFor",
        "Requisite",
        "RequisiteOf",
        "StopPropagatedFrom",
        "TriggeredBy",
        "Triggers",
        "UpheldBy",
        "Upholds",
        "WantedBy",
        "Wants",
        "Environment",
        "SystemCallFilter",
        "RestrictAddressFamilies",
        "RestrictNamespaces",
        "Documentation",
    ];
    LISTS.contains(&property)
}
