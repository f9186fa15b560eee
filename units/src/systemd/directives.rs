//! Every directive there is, and what becomes of it: the one place that says so.

mod table;

use crate::file::Draft;
use crate::systemd::set::{Assigned, Fault};
use crate::unit::{Amount, Command, DirectoryKind, EmergencyAction, Question, Resource};
use crate::value::{Limit, Mode, Signal};
use crate::{Names, UnitKind, UnitName};
use std::time::Duration;

pub(crate) use table::{CGROUP, EXEC, INSTALL, KILL, MOUNT, PATH, SCOPE, SERVICE, SOCKET, TIMER, UNIT};

/// A directive.
#[derive(Clone, Copy)]
pub(crate) struct Directive {
    /// systemd's name of it.
    pub(crate) name: &'static str,
    pub(crate) act: Act,
    /// Whether PID 1 does what the model then says.
    pub(crate) done: bool,
}

/// What becomes of a directive. Where it names a field, an empty assignment resets it.
#[derive(Clone, Copy)]
pub(crate) enum Act {
    Bool(fn(&mut Draft) -> &mut bool),
    /// Text with specifiers.
    Text(fn(&mut Draft) -> &mut Option<String>),
    /// Words, quoted or not, with specifiers; assignments add up.
    Texts(fn(&mut Draft) -> &mut Vec<String>),
    /// A relation, with our name of it.
    Units(&'static str, fn(&mut Draft) -> &mut Names),
    /// Names of units; assignments add up.
    Names(fn(&mut Draft) -> &mut Vec<UnitName>),
    /// The name of a unit of this kind.
    Unit(UnitKind, fn(&mut Draft) -> &mut Option<UnitName>),
    Commands(fn(&mut Draft) -> &mut Vec<Command>),
    /// A span; 0 is none where the flag says so.
    Span(fn(&mut Draft) -> &mut Limit<Duration>),
    Finite(fn(&mut Draft) -> &mut Duration),
    Signal(fn(&mut Draft) -> &mut Signal),
    Mode(fn(&mut Draft) -> &mut Mode),
    Amount(fn(&mut Draft) -> &mut Option<Limit<Amount>>),
    Action(fn(&mut Draft) -> &mut EmergencyAction),
    Condition(Question),
    Directory(DirectoryKind),
    DirectoryMode(DirectoryKind),
    Limit(Resource),
    /// Whatever else.
    Set(fn(&mut Draft, &Assigned<'_>) -> Result<(), Fault>),
    /// A restriction, which is also recorded as it is written; see [`crate::sandbox`].
    Restrict(fn(&mut Draft, &Assigned<'_>) -> Result<(), Fault>),
    /// Recorded as it is written.
    Hardening,
    Tuning,
    Foreign,
    /// Without it something else would run than was meant: the unit is refused.
    Vital(&'static str),
    /// An old name of another.
    Old(&'static str),
}

/// The directives of a section of systemd's files; none if there is no such section.
pub(crate) fn groups(section: &str) -> &'static [&'static [Directive]] {
    match section {
        "Unit" => &[UNIT],
        "Install" => &[INSTALL],
        "Service" => &[SERVICE, EXEC, KILL, CGROUP],
        "Socket" => &[SOCKET, EXEC, KILL, CGROUP],
        "Mount" | "Swap" | "Automount" => &[MOUNT, EXEC, KILL, CGROUP],
        "Slice" => &[CGROUP],
        "Scope" => &[SCOPE, KILL, CGROUP],
        "Timer" => &[TIMER],
        "Path" => &[PATH],
        "Target" | "Device" => &[&[]],
        _ => &[],
    }
}

/// In which section of the file of such a unit, `Service` or another, a directive stands: in that one, or in `Unit`; `None` where there is none of this
/// name.
#[must_use]
pub fn section_of(section: &'static str, name: &str) -> Option<&'static str> {
    [section, "Unit"].into_iter().find(|section| find(section, name).is_some())
}

/// The directive of this name, old names followed.
pub(crate) fn find(section: &str, name: &str) -> Option<&'static Directive> {
    let named = |name: &str| groups(section).iter().flat_map(|group| group.iter()).find(|d| d.name == name);
    let found = named(name)?;
    match found.act {
        Act::Old(new) => named(new),
        _ => Some(found),
    }
}

/// As [`find`], by the name in kebab-case.
pub(crate) fn find_kebab(section: &str, key: &str) -> Option<&'static Directive> {
    let all = groups(section).iter().flat_map(|group| group.iter());
    all.into_iter().find(|d| crate::file::canonical(d.name) == key).and_then(|d| find(section, d.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const SECTIONS: [&str; 11] = ["Unit", "Install", "Service", "Socket", "Mount", "Slice", "Scope", "Timer", "Path", "Target", "Swap"];

    #[test]
    fn no_directive_is_there_twice_and_old_names_lead_somewhere() {
        for section in SECTIONS {
            let mut seen = BTreeSet::new();
            for directive in groups(section).iter().flat_map(|group| group.iter()) {
                assert!(seen.insert(crate::file::canonical(directive.name)), "{section} {}", directive.name);
                assert!(find(section, directive.name).is_some_and(|d| !matches!(d.act, Act::Old(_))), "{}", directive.name);
            }
        }
    }
}
