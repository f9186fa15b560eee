//! Which units are enabled, and what enabling, disabling and masking would change on disk.
//!
//! ```text
//!   Tree ──▶ Installer ── state(name) ──▶ State
//!                      └─ enable, disable, mask, preset … ──▶ Plan { Link, Unlink …, remarks }
//! ```
//!
//! systemctl(1), "Unit File Commands". For a unit of systemd's a link `TARGET.wants/NAME` says that it
//! is enabled, and enabling makes it. The `[install]` of a unit in TOML holds by itself: it is enabled
//! as soon as its file is there; disabling makes the same link, but to `/dev/null`, and enabling
//! removes that. An instance of a template is enabled by a link in both syntaxes.
//!
//! Nothing is changed here. Who carries a plan out makes folders as he needs them. Invariant: a plan
//! removes nothing but symbolic links, and only below [`Scope`]'s folders.

mod plan;
mod preset;
mod problem;

pub use crate::file::Pull;
pub use plan::{Plan, Scope, Step, Wanted};
pub use problem::Problem;

use crate::file::{Content, Copy, Shelf};
use crate::search::{self, Link, Tree};
use crate::unit::Install;
use crate::{Set, Specifiers, UnitName, stock};
use preset::{Presets, Wish};
use std::fmt;

/// Whether a unit is enabled; the words are systemd's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is started because something is.
    Enabled,
    /// The same until the next boot.
    EnabledRuntime,
    /// Its file lies elsewhere and is linked to.
    Linked,
    /// The same until the next boot.
    LinkedRuntime,
    /// It is another name of a unit.
    Alias,
    /// It cannot be started.
    Masked,
    /// The same until the next boot.
    MaskedRuntime,
    /// It has nothing to enable.
    Static,
    /// It has only others that are enabled with it, or it is a template of which some instance is.
    Indirect,
    /// It could be enabled.
    Disabled,
    /// A generator has made it.
    Generated,
    /// It was made at run time.
    Transient,
    /// Its file cannot be read.
    Bad,
}

impl State {
    /// What systemctl(1) prints.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::EnabledRuntime => "enabled-runtime",
            Self::Linked => "linked",
            Self::LinkedRuntime => "linked-runtime",
            Self::Alias => "alias",
            Self::Masked => "masked",
            Self::MaskedRuntime => "masked-runtime",
            Self::Static => "static",
            Self::Indirect => "indirect",
            Self::Disabled => "disabled",
            Self::Generated => "generated",
            Self::Transient => "transient",
            Self::Bad => "bad",
        }
    }

    /// Whether `is-enabled` answers with success.
    #[must_use]
    pub fn is_enabled(self) -> bool {
        match self {
            Self::Enabled | Self::EnabledRuntime | Self::Alias | Self::Static | Self::Indirect | Self::Generated => true,
            Self::Linked | Self::LinkedRuntime | Self::Masked | Self::MaskedRuntime | Self::Disabled | Self::Transient | Self::Bad => false,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// The unit files and links of a tree, as they are now.
#[derive(Debug)]
pub struct Installer {
    shelf: Shelf,
    links: Vec<Link>,
    presets: Presets,
    /// Whatever lies where a plan makes links, by its path.
    taken: Set<String>,
}

impl Installer {
    /// Looks at the tree; `stock` as well, if the units that come with fief-init are part of it.
    #[must_use]
    pub fn of(tree: &dyn Tree, specifiers: Specifiers, with_stock: bool) -> Self {
        let folders = search::folders(tree);
        let stock = stock::files().filter(|_| with_stock);
        let files = search::everything(tree).into_iter().chain(stock);
        let (links, presets) = (search::links(tree, &folders), Presets::of(tree));
        Self { shelf: Shelf::new(files, specifiers), links, presets, taken: plan::taken(tree) }
    }

    /// All units and templates that have a file, and other names of them.
    pub fn names(&self) -> impl Iterator<Item = &UnitName> {
        self.shelf.names()
    }

    /// Whether a unit is enabled; `None` if there is none.
    #[must_use]
    pub fn state(&self, name: &UnitName) -> Option<State> {
        if self.shelf.resolve(name) != *name {
            return self.shelf.find(&self.shelf.resolve(name)).map(|_| State::Alias);
        }
        let copy = self.shelf.find(name)?;
        let unit = match &copy.content {
            Content::Masked if copy.path.starts_with("/run/") => return Some(State::MaskedRuntime),
            Content::Masked => return Some(State::Masked),
            Content::Bad(_) => return Some(State::Bad),
            Content::Unit(unit) => unit,
        };
        if copy.path.starts_with("/run/systemd/generator") || copy.path.starts_with("generated/") {
            return Some(State::Generated);
        }
        if copy.path.starts_with("/run/systemd/transient/") {
            return Some(State::Transient);
        }
        let install = &unit.install;
        if copy.is_toml && name.instance().is_none() {
            return Some(self.state_of_ours(name, install));
        }
        let has_rules = has_rules(install);
        let pulls = self.links.iter().filter(|link| link.pull().is_some() && !link.is_null() && link.names(name));
        let names = self.links.iter().filter(|link| link.pull().is_none() && link.leads_to(name) && !link.names(name));
        let mut enabling = pulls.chain(names).filter(|link| has_rules || link.is_an_administrators());
        let others = || self.links.iter().any(|link| link.pull().is_some() && !link.is_null() && link.names_instance_of(name));
        let linked = self.links.iter().find(|link| link.path == copy.path && link.pull().is_none());
        Some(match (enabling.next(), linked) {
            (Some(first), _) if first.is_runtime() && enabling.all(Link::is_runtime) => State::EnabledRuntime,
            (Some(_), _) => State::Enabled,
            (None, _) if name.is_template() && others() => self.state_of_template(name, install),
            (None, Some(link)) if link.is_runtime() => State::LinkedRuntime,
            (None, Some(_)) => State::Linked,
            (None, None) if has_rules => State::Disabled,
            (None, None) if !install.also.is_empty() => State::Indirect,
            (None, None) => State::Static,
        })
    }

    /// Whether the distribution wants it enabled; `None` where a policy has it left as it is.
    #[must_use]
    pub fn is_preset(&self, name: &UnitName) -> Option<bool> {
        match self.presets.wish(name) {
            Wish::Enable => Some(true),
            Wish::Disable => Some(false),
            Wish::Ignore => None,
        }
    }

    /// What it is called in its own file, where it is another name.
    #[must_use]
    pub fn resolve(&self, name: &UnitName) -> UnitName {
        self.shelf.resolve(name)
    }

    /// Whether there is such a unit.
    #[must_use]
    pub fn knows(&self, name: &UnitName) -> bool {
        self.find(name).is_some()
    }

    /// Its file.
    #[must_use]
    pub fn path(&self, name: &UnitName) -> Option<String> {
        self.find(name).map(|copy| copy.path)
    }

    /// Whether its file says when it is to be enabled.
    #[must_use]
    pub fn has_install(&self, name: &UnitName) -> bool {
        self.find(&self.shelf.resolve(name)).is_some_and(|copy| match &copy.content {
            Content::Unit(unit) => has_rules(&unit.install) || !unit.install.also.is_empty() || unit.install.default_instance.is_some(),
            Content::Masked | Content::Bad(_) => false,
        })
    }

    fn state_of_ours(&self, name: &UnitName, install: &Install) -> State {
        let mut pulls = pulls(install).peekable();
        if pulls.peek().is_none() {
            return if install.also.is_empty() { State::Static } else { State::Indirect };
        }
        let is_taken_back = |(pull, from): (Pull, &UnitName)| {
            let mut said = self.links.iter().filter(|link| link.pull() == Some((pull, from.as_str())) && link.names(name));
            said.next().is_some_and(Link::is_null)
        };
        if pulls.all(is_taken_back) { State::Disabled } else { State::Enabled }
    }

    fn state_of_template(&self, template: &UnitName, install: &Install) -> State {
        let default = install.default_instance.as_ref().and_then(|instance| template.with_instance(instance));
        match default.and_then(|instance| self.state(&instance)) {
            Some(state @ (State::Enabled | State::EnabledRuntime)) => state,
            Some(_) | None => State::Indirect,
        }
    }

    fn find(&self, name: &UnitName) -> Option<Copy> {
        self.shelf.find(name)
    }
}

/// What it is wanted and required by.
fn pulls(install: &Install) -> impl Iterator<Item = (Pull, &UnitName)> {
    let wants = install.wanted_by.iter().map(|name| (Pull::Wants, name));
    wants.chain(install.required_by.iter().map(|name| (Pull::Requires, name)))
}

fn has_rules(install: &Install) -> bool {
    !(install.wanted_by.is_empty() && install.required_by.is_empty() && install.alias.is_empty())
}

#[cfg(test)]
mod tests;
