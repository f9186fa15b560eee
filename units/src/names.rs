//! A set of unit names, in as little memory as it can be.
//!
//! A unit has some thirty sets of them, of which most are empty and hardly one has more than three members: as
//! B-trees, whose smallest node has room for eleven, they were most of what a unit cost.

use crate::{Set, UnitName};
use std::fmt;

/// Names in alphabetic order, each once.
#[derive(Clone, Default, PartialEq, Eq)]
#[allow(clippy::box_collection, reason = "an empty set is one word, and not three")]
pub struct Names(Option<Box<Set<UnitName>>>);

impl Names {
    /// Adds a name; `false` if it was there.
    pub fn insert(&mut self, name: UnitName) -> bool {
        self.0.get_or_insert_default().insert(name)
    }

    /// Takes a name out; `false` if it was not there.
    pub fn remove(&mut self, name: &UnitName) -> bool {
        let was_there = self.0.as_mut().is_some_and(|names| names.remove(name));
        if self.is_empty() {
            self.0 = None;
        }
        was_there
    }

    /// Takes all out.
    pub fn clear(&mut self) {
        self.0 = None;
    }

    /// Whether a name is among them.
    #[must_use]
    pub fn contains(&self, name: &UnitName) -> bool {
        self.0.as_ref().is_some_and(|names| names.contains(name))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().len()
    }

    /// All of them, in alphabetic order.
    pub fn iter(&self) -> std::slice::Iter<'_, UnitName> {
        self.0.as_deref().map(Set::iter).unwrap_or_default()
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self).finish()
    }
}

impl<'a> IntoIterator for &'a Names {
    type Item = &'a UnitName;
    type IntoIter = std::slice::Iter<'a, UnitName>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Names {
    type Item = UnitName;
    type IntoIter = std::vec::IntoIter<UnitName>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.map(|names| *names).unwrap_or_default().into_iter()
    }
}

impl Extend<UnitName> for Names {
    fn extend<I: IntoIterator<Item = UnitName>>(&mut self, names: I) {
        for name in names {
            self.insert(name);
        }
    }
}

impl FromIterator<UnitName> for Names {
    fn from_iter<I: IntoIterator<Item = UnitName>>(names: I) -> Self {
        let mut set = Self::default();
        set.extend(names);
        set
    }
}

impl<const N: usize> From<[UnitName; N]> for Names {
    fn from(names: [UnitName; N]) -> Self {
        names.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn it_is_a_set_like_any_other() {
        let name = |number: u32| UnitName::new(&format!("u{number}")).unwrap();
        let (mut names, mut tree) = (Names::default(), BTreeSet::new());
        let mut random = 1_u32;
        for _ in 0..5_000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let one = name(random >> 16 & 15);
            match random >> 24 & 3 {
                0 | 1 => assert_eq!(names.insert(one.clone()), tree.insert(one)),
                2 => assert_eq!(names.remove(&one), tree.remove(&one)),
                _ => assert_eq!(names.contains(&one), tree.contains(&one)),
            }
            assert!(names.iter().eq(&tree) && names.len() == tree.len() && names.is_empty() == tree.is_empty());
            assert_eq!(names, tree.iter().cloned().collect());
        }
    }
}
