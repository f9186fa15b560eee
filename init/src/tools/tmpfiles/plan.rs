//! What is to be done to which path, and in which order.
//!
//! ```text
//!   places:  /run/a ◀─ parent ─ /run/a/b        remove, clean: /run/a/b, /run/a        create: /run/a, /run/a/b
//! ```
//!
//! Invariant: of what a path *is* it has one line, the first (the same line twice is one); lines about how it is come after that one.

use units::Map;
use units::tmpfiles::{Age, Kind, Line, Mode};

use super::super::tree::Tree;
use super::{Asked, acl, clean, create, pattern};
use crate::accounts::Accounts;
use crate::say;

/// An owner's number, and whether it is given to new things only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) id: u32,
    pub(super) only_new: bool,
}

/// One line, its names looked up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) kind: Kind,
    pub(super) forced: bool,
    pub(super) replaces: bool,
    pub(super) path: String,
    pub(super) mode: Option<Mode>,
    pub(super) user: Option<Owner>,
    pub(super) group: Option<Owner>,
    pub(super) age: Option<Age>,
    pub(super) acl: Vec<acl::Entry>,
    may_fail: bool,
}

impl Item {
    pub(super) fn resolve(line: Line, accounts: &Accounts) -> Result<Self, String> {
        let Line { kind, forced, may_fail, replaces, path, mode, user, group, age } = line;
        let find = |owner: Option<units::tmpfiles::Owner>, what: &str, id: &dyn Fn(&str) -> Option<u32>| {
            let Some(owner) = owner else { return Ok(None) };
            let id = id(&owner.who).ok_or_else(|| format!("Failed to resolve {what} '{}': No such process", owner.who))?;
            Ok::<_, String>(Some(Owner { id, only_new: owner.only_new }))
        };
        let user = find(user, "user", &|who| accounts.user(who).map(|user| user.uid))?;
        let group = find(group, "group", &|who| accounts.group(who))?;
        let acl = match &kind {
            Kind::Acl(text) | Kind::AclTree(text) => acl::read(text, accounts)?,
            _ => Vec::new(),
        };
        Ok(Self { kind, forced, replaces, path, mode, user, group, age, acl, may_fail })
    }

    fn agrees_with(&self, other: &Self) -> bool {
        !(self.kind.owns() && other.kind.owns()) || self == other
    }
}

/// One path, or one pattern of paths.
#[derive(Debug)]
struct Place {
    items: Vec<Item>,
    parent: Option<usize>,
    children: Vec<usize>,
    cleared: bool,
    made: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Plan {
    places: Vec<Place>,
    /// Of each path and, beside it, of each pattern.
    plain: Map<String, usize>,
    patterns: Map<String, usize>,
}

impl Plan {
    /// Takes a line in; its path, if another line has said already what is there.
    pub(super) fn take(&mut self, item: Item) -> Option<String> {
        let globs = item.kind.globs();
        let known = if globs { &mut self.patterns } else { &mut self.plain };
        let at = *known.entry(item.path.clone()).or_insert(self.places.len());
        let Some(place) = self.places.get_mut(at) else {
            self.places.push(Place { items: vec![item], parent: None, children: Vec::new(), cleared: false, made: false });
            return None;
        };
        if !item.forced && !place.items.iter().all(|there| there.agrees_with(&item)) {
            return Some(item.path);
        }
        // The one that makes it comes first; the others by their letters.
        let rank = |item: &Item| (!item.kind.owns(), item.kind.letter());
        let before = place.items.iter().position(|there| rank(there) > rank(&item)).unwrap_or(place.items.len());
        place.items.insert(before, item);
        None
    }

    /// Whether all went well.
    pub(super) fn carry_out(&mut self, tree: &Tree, asked: &Asked) -> bool {
        self.link();
        let order: Vec<usize> = {
            let mut plain: Vec<usize> = self.plain.values().copied().collect();
            let mut patterns: Vec<usize> = self.patterns.values().copied().collect();
            for all in [&mut plain, &mut patterns] {
                units::order::by(all, Ord::cmp);
            }
            plain.into_iter().chain(patterns).collect()
        };
        let mut well = true;
        if asked.remove || asked.clean {
            for at in &order {
                well &= self.clear(*at, tree, asked);
            }
        }
        if asked.create {
            for at in &order {
                well &= self.make(*at, tree);
            }
        }
        well
    }

    /// Each knows the nearest one that it is in.
    fn link(&mut self) {
        for at in 0..self.places.len() {
            let Some(path) = self.places.get(at).and_then(|place| place.items.first()).map(|item| item.path.clone()) else { continue };
            let mut path = path.as_str();
            let parent = loop {
                path = match path.rsplit_once('/') {
                    None => break None,
                    Some(("", "")) => break None,
                    Some(("", _)) => "/",
                    Some((outer, _)) => outer,
                };
                if let Some(found) = self.plain.get(path).or_else(|| self.patterns.get(path)) {
                    break Some(*found);
                }
            };
            if let Some(parent) = parent {
                if let Some(outer) = self.places.get_mut(parent) {
                    outer.children.push(at);
                }
                if let Some(place) = self.places.get_mut(at) {
                    place.parent = Some(parent);
                }
            }
        }
    }

    fn clear(&mut self, at: usize, tree: &Tree, asked: &Asked) -> bool {
        let Some(place) = self.places.get_mut(at) else { return true };
        if std::mem::replace(&mut place.cleared, true) {
            return true;
        }
        let mut well = true;
        for child in place.children.clone() {
            well &= self.clear(child, tree, asked);
        }
        for item in self.places.get(at).map(|place| place.items.as_slice()).unwrap_or_default() {
            let removed = if asked.remove { clean::remove(tree, item) } else { Ok(()) };
            let cleaned = if asked.clean { clean::clean(tree, item, self) } else { Ok(()) };
            for trouble in [removed, cleaned].into_iter().filter_map(Result::err) {
                say::error(format_args!("{trouble}"));
                well = false;
            }
        }
        well
    }

    fn make(&mut self, at: usize, tree: &Tree) -> bool {
        let Some(place) = self.places.get_mut(at) else { return true };
        if std::mem::replace(&mut place.made, true) {
            return true;
        }
        let mut well = place.parent.is_none_or(|parent| self.make(parent, tree));
        for item in self.places.get(at).map(|place| place.items.as_slice()).unwrap_or_default() {
            if let Err(why) = create::create(tree, item) {
                say::error(format_args!("{why}"));
                well &= item.may_fail;
            }
        }
        well
    }

    /// How old things may grow around a path or pattern: as the nearest directory's line has it.
    pub(super) fn age_around(&self, path: &str) -> Option<Age> {
        let outer = |outer: &str| path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let around = self.plain.iter().filter(|(path, _)| outer(path)).filter_map(|(_, at)| self.places.get(*at));
        // Of two that are around it, the inner one is later by its name.
        around.filter_map(|place| place.items.first()).rfind(|item| "dDC".contains(item.kind.letter()))?.age
    }

    /// Whether a line of its own speaks of this path: it is cared for there.
    pub(super) fn speaks_of(&self, path: &str) -> bool {
        self.plain.contains_key(path) || self.patterns.keys().any(|pattern| pattern::fits(pattern, path))
    }
}
