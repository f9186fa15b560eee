//! A map that remembers what of it has changed since it was last written down.

use std::ops::Deref;
use units::{Map, Set};

/// A map; reading it is a map's reading.
#[derive(Debug)]
pub(crate) struct Kept<K, V> {
    map: Map<K, V>,
    touched: Set<K>,
}

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self { map: Map::new(), touched: Set::new() }
    }
}

impl<K: Ord + Clone, V> Kept<K, V> {
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.touched.insert(key.clone());
        self.map.insert(key, value)
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let value = self.map.remove(key)?;
        self.touched.insert(key.clone());
        Some(value)
    }

    /// For a change.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let value = self.map.get_mut(key)?;
        self.touched.insert(key.clone());
        Some(value)
    }

    /// For a change that need not be written down.
    pub(crate) fn quiet_mut(&mut self, key: &K) -> Option<&mut V> {
        self.map.get_mut(key)
    }

    /// For a change, made if it is not there.
    pub(crate) fn entry(&mut self, key: &K) -> &mut V
    where
        V: Default,
    {
        self.touched.insert(key.clone());
        self.map.entry(key.clone()).or_default()
    }

    /// For a change to those that `wanted` says.
    pub(crate) fn touched_where(&mut self, wanted: impl Fn(&K, &V) -> bool) -> impl Iterator<Item = (&K, &mut V)> {
        let Self { map, touched } = self;
        map.iter_mut().filter(move |(key, value)| {
            let hit = wanted(key, value);
            if hit {
                touched.insert((*key).clone());
            }
            hit
        })
    }

    pub(crate) fn retain(&mut self, mut wanted: impl FnMut(&K, &V) -> bool) {
        let Self { map, touched } = self;
        map.retain(|key, value| {
            let keep = wanted(key, value);
            if !keep {
                touched.insert(key.clone());
            }
            keep
        });
    }

    /// Everything counts as changed.
    pub(crate) fn touch_all(&mut self) {
        self.touched.extend(self.map.keys().cloned());
    }

    /// For a change that need not be written down: what it is about is found anew.
    pub(crate) fn quietly(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.map.iter_mut()
    }

    /// Those changed, each with its value if it is still there; from now on they are written down.
    pub(crate) fn changes(&mut self) -> impl Iterator<Item = (K, Option<&V>)> {
        std::mem::take(&mut self.touched).into_iter().map(|key| {
            let value = self.map.get(&key);
            (key, value)
        })
    }
}

impl<K, V> Deref for Kept<K, V> {
    type Target = Map<K, V>;

    fn deref(&self) -> &Self::Target {
        &self.map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_changed_is_told_once() {
        let mut kept = Kept::default();
        kept.insert(1, "one");
        kept.insert(2, "two");
        assert_eq!(kept.changes().collect::<Vec<_>>(), [(1, Some(&"one")), (2, Some(&"two"))]);
        kept.remove(&1);
        kept.get_mut(&2);
        assert!(kept.get_mut(&3).is_none() && kept.remove(&3).is_none());
        assert_eq!(kept.changes().collect::<Vec<_>>(), [(1, None), (2, Some(&"two"))]);
        assert_eq!(kept.changes().count(), 0);
    }
}
