//! The name of a unit, checked once.

use crate::systemd::escape::escape;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Longest canonical name, as systemd has it (`UNIT_NAME_MAX` is 256 with the ending NUL).
pub const NAME_LIMIT: usize = 255;

/// What a unit is, told by the suffix of its name.
///
/// All of systemd's kinds can be named, so that an order relative to one (`after =
/// ["syslog.socket"]`) can be written; a kind nobody implements is simply never found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnitKind {
    /// Something with processes.
    Service,
    /// A point of synchronisation without processes.
    Target,
    /// A listening socket.
    Socket,
    /// A clock.
    Timer,
    /// A watched path.
    Path,
    /// A mount point.
    Mount,
    /// A mount point mounted when first touched.
    Automount,
    /// Swap space.
    Swap,
    /// A device.
    Device,
    /// A node of the cgroup tree.
    Slice,
    /// Processes started by somebody else.
    Scope,
}

impl UnitKind {
    const ALL: [(Self, &'static str); 11] = [
        (Self::Service, "service"),
        (Self::Target, "target"),
        (Self::Socket, "socket"),
        (Self::Timer, "timer"),
        (Self::Path, "path"),
        (Self::Mount, "mount"),
        (Self::Automount, "automount"),
        (Self::Swap, "swap"),
        (Self::Device, "device"),
        (Self::Slice, "slice"),
        (Self::Scope, "scope"),
    ];

    /// All kinds.
    pub fn every() -> impl Iterator<Item = Self> {
        Self::ALL.iter().map(|(kind, _)| *kind)
    }

    /// The suffix without its dot.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("service", |(_, suffix)| suffix)
    }

    pub(crate) fn of_suffix(suffix: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == suffix).map(|(kind, _)| *kind)
    }
}

/// The canonical name of a unit, with its suffix: `ssh.service`, `multi-user.target`.
///
/// Parsed from text in which `.service` may be left out; [`fmt::Display`] leaves it out too.
/// Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UnitName(Arc<str>);

/// Why a text is not the name of a unit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing before the suffix.
    #[error("a unit name may not be empty")]
    Empty,
    /// More than [`NAME_LIMIT`] bytes.
    #[error("a unit name has at most {NAME_LIMIT} bytes")]
    TooLong,
    /// A character outside `A-Z a-z 0-9 : - _ . \ @`.
    #[error("{0:?} may not occur in a unit name")]
    Character(char),
    /// A name of dots only would be a path.
    #[error("a unit name may not begin with a dot")]
    Dot,
}

impl UnitName {
    /// Checks `text` and adds `.service` where no known suffix is given.
    ///
    /// # Errors
    /// [`NameError`] says what is wrong with it.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let (stem, kind) = Self::kind_of(text).unwrap_or((text, UnitKind::Service));
        if stem.is_empty() {
            return Err(NameError::Empty);
        }
        if stem.starts_with('.') {
            return Err(NameError::Dot);
        }
        let odd = |c: &char| !(c.is_ascii_alphanumeric() || ":-_.\\@".contains(*c));
        if let Some(c) = stem.chars().find(odd) {
            return Err(NameError::Character(c));
        }
        let canonical = format!("{stem}.{}", kind.suffix());
        if canonical.len() > NAME_LIMIT {
            return Err(NameError::TooLong);
        }
        Ok(Self(canonical.into()))
    }

    /// What a suffix says, where there is one, and what stands before it.
    fn kind_of(text: &str) -> Option<(&str, UnitKind)> {
        let (stem, suffix) = text.rsplit_once('.')?;
        UnitKind::of_suffix(suffix).map(|kind| (stem, kind))
    }

    /// Whether a text says which kind of unit it names.
    pub(crate) fn has_suffix(text: &str) -> bool {
        Self::kind_of(text).is_some()
    }

    /// The canonical name, which is also the name of the unit's cgroup.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the suffix says.
    #[must_use]
    pub fn kind(&self) -> UnitKind {
        let suffix = self.0.rsplit_once('.').map_or("", |(_, suffix)| suffix);
        UnitKind::of_suffix(suffix).unwrap_or(UnitKind::Service)
    }

    /// What stands before the `@`, or the whole stem where there is none.
    #[must_use]
    pub fn prefix(&self) -> &str {
        self.stem().split_once('@').map_or(self.stem(), |(prefix, _)| prefix)
    }

    /// The stems of the folders of drop-ins and links that concern it, its own first: itself, its template, cut after every dash, and
    /// of an instance the same with its `@`; systemd.unit(5).
    pub(crate) fn stems(&self) -> Vec<String> {
        let suffix = self.kind().suffix();
        let mut stems = vec![self.as_str().to_owned()];
        stems.extend(self.template().map(|template| template.as_str().to_owned()));
        let dashes = self.prefix().rmatch_indices('-').filter_map(|(at, _)| self.prefix().get(..=at));
        let cuts: Vec<&str> = dashes.filter(|cut| cut.len() < self.prefix().len()).collect();
        stems.extend(cuts.iter().map(|cut| format!("{cut}.{suffix}")));
        if let Some(instance) = self.instance().filter(|instance| !instance.is_empty()) {
            stems.extend(cuts.iter().flat_map(|cut| [format!("{cut}@{instance}.{suffix}"), format!("{cut}@.{suffix}")]));
        }
        stems
    }

    /// What stands behind the `@`: empty for a template, absent where there is no `@`.
    #[must_use]
    pub fn instance(&self) -> Option<&str> {
        self.stem().split_once('@').map(|(_, instance)| instance)
    }

    /// Whether it is the name of a template, `getty@.service`: it names no unit of its own.
    #[must_use]
    pub fn is_template(&self) -> bool {
        self.instance() == Some("")
    }

    /// The template of an instance: `getty@.service` for `getty@tty1.service`.
    #[must_use]
    pub fn template(&self) -> Option<Self> {
        self.instance().filter(|instance| !instance.is_empty())?;
        Some(Self(format!("{}@.{}", self.prefix(), self.kind().suffix()).into()))
    }

    /// The instance of a template; `None` if this is no template, or the name would be none.
    #[must_use]
    pub fn with_instance(&self, instance: &str) -> Option<Self> {
        if !self.is_template() {
            return None;
        }
        Self::new(&format!("{}@{instance}.{}", self.prefix(), self.kind().suffix())).ok()
    }

    /// Whether a link of this name may lead to that one: instances only to a template, or to their like.
    pub(crate) fn may_stand_for(&self, other: &Self) -> bool {
        match (self.instance(), other.instance()) {
            (None, None) | (Some(_), Some("")) => true,
            (Some(own), Some(others)) => own == others,
            (None, Some(_)) | (Some(_), None) => false,
        }
    }

    /// The unit of another kind with the same stem: `web.service` for `web.socket`.
    #[must_use]
    pub fn of_kind(&self, kind: UnitKind) -> Self {
        Self(format!("{}.{}", self.stem(), kind.suffix()).into())
    }

    /// The slice its group lies in where the unit names none: instances of a template lie together. systemd.resource-control(5), `Slice=`.
    #[must_use]
    pub fn usual_slice(&self) -> Self {
        let together = self.template().map(|_| format!("system-{}.slice", escape(self.prefix())));
        Self(together.filter(|name| name.len() <= NAME_LIMIT).unwrap_or_else(|| "system.slice".to_owned()).into())
    }

    /// Of a slice's name: the slices its group lies in, the outermost first, and itself. `a-b.slice` lies in `a.slice`; `-.slice` is the root of
    /// all, and no group of its own. systemd.slice(5)
    #[must_use]
    pub fn nested(&self) -> Vec<Self> {
        let stem = self.stem();
        if stem == "-" {
            return Vec::new();
        }
        let above = stem.match_indices('-').filter(|(at, _)| *at > 0).map(|(at, _)| stem.get(..at).unwrap_or(stem));
        above.chain([stem]).map(|stem| Self(format!("{stem}.slice").into())).collect()
    }

    /// Checks nothing but the length: for texts in which specifiers still stand.
    pub(crate) fn unexpanded(text: &str) -> Option<Self> {
        let odd = |c: char| c.is_control() || c.is_whitespace() || c == '/';
        let known = text.rsplit_once('.').is_some_and(|(stem, suffix)| !stem.is_empty() && UnitKind::of_suffix(suffix).is_some());
        (known && text.contains('%') && !text.contains(odd) && text.len() <= NAME_LIMIT).then(|| Self(text.into()))
    }

    /// The name without its suffix.
    #[must_use]
    pub fn stem(&self) -> &str {
        self.0.rsplit_once('.').map_or(&*self.0, |(stem, _)| stem)
    }
}

impl fmt::Display for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `x.timer.service` keeps its suffix: without it, it would be the name of a timer.
        let short = self.0.strip_suffix(".service").filter(|short| Self::kind_of(short).is_none());
        f.pad(short.unwrap_or(&self.0))
    }
}

impl fmt::Debug for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for UnitName {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl TryFrom<String> for UnitName {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::new(&text)
    }
}

impl From<UnitName> for String {
    fn from(name: UnitName) -> Self {
        name.0.as_ref().to_owned()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_suffix_may_be_left_out() {
        assert_eq!(UnitName::new("web").unwrap().as_str(), "web.service");
        assert_eq!(UnitName::new("web").unwrap(), UnitName::new("web.service").unwrap());
        assert_eq!(UnitName::new("web.service").unwrap().to_string(), "web");
        assert_eq!(UnitName::new("basic.target").unwrap().to_string(), "basic.target");
        assert_eq!(UnitName::new("x.timer.service").unwrap().to_string(), "x.timer.service");
        assert_eq!(UnitName::new("php8.2-fpm").unwrap().as_str(), "php8.2-fpm.service");
    }

    #[test]
    fn templates_and_instances_name_each_other() {
        let template = UnitName::new("getty@").unwrap();
        let instance = template.with_instance("tty1").unwrap();
        assert!(template.is_template() && !instance.is_template());
        assert_eq!(instance.as_str(), "getty@tty1.service");
        assert_eq!(instance.template(), Some(template));
        assert_eq!((instance.prefix(), instance.instance()), ("getty", Some("tty1")));
        assert_eq!(UnitName::new("web").unwrap().template(), None);
        assert_eq!(UnitName::new("web").unwrap().of_kind(UnitKind::Socket).as_str(), "web.socket");
    }

    #[test]
    fn slices_lie_in_each_other_by_their_names() {
        let nested = |name: &str| UnitName::new(name).unwrap().nested().iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>();
        assert_eq!(nested("a-b-c.slice"), ["a.slice", "a-b.slice", "a-b-c.slice"]);
        assert_eq!(nested("system-serial\\x2dgetty.slice"), ["system.slice", "system-serial\\x2dgetty.slice"]);
        assert_eq!(nested("-.slice"), [""; 0]);
        let usual = |name: &str| UnitName::new(name).unwrap().usual_slice();
        assert_eq!(usual("ssh").as_str(), "system.slice");
        assert_eq!(usual("serial-getty@ttyS0").as_str(), "system-serial\\x2dgetty.slice");
        assert_eq!(usual(&format!("{}@x", "-".repeat(200))).as_str(), "system.slice", "a name no file system has room for");
    }

    #[test]
    fn what_could_be_a_path_is_refused() {
        assert_eq!(UnitName::new(""), Err(NameError::Empty));
        assert_eq!(UnitName::new(".service"), Err(NameError::Empty));
        assert_eq!(UnitName::new("../x"), Err(NameError::Dot));
        assert_eq!(UnitName::new("a/b"), Err(NameError::Character('/')));
        assert_eq!(UnitName::new("a\0b"), Err(NameError::Character('\0')));
        assert_eq!(UnitName::new(&"a".repeat(300)), Err(NameError::TooLong));
    }
}
