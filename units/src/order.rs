//! Sorting, once for all types.
//!
//! The standard library's sort is 4 KB of code for each type and each order that is sorted by. Here the places are sorted, by one sort
//! for whatever stands in them, and what stands there then goes to its place.

use std::cmp::Ordering;

/// Sorts; what is equal stays in its order.
pub fn by<T>(all: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let mut places = {
        let all = &*all;
        places(all.len(), &|a, b| match (all.get(a), all.get(b)) {
            (Some(a), Some(b)) => compare(a, b),
            // Places are those of `all`.
            (None, _) | (_, None) => Ordering::Equal,
        })
    };
    // One ring of places after the other: what belongs here comes here, and its place is where the search goes on.
    for first in 0..places.len() {
        let mut here = first;
        while let Some(place) = places.get_mut(here) {
            let from = std::mem::replace(place, here);
            if from == first || from == here {
                break;
            }
            all.swap(here, from);
            here = from;
        }
    }
}

/// Sorts by what is compared of each; what is equal stays in its order.
pub fn by_key<T, K: Ord>(all: &mut [T], key: impl Fn(&T) -> K) {
    by(all, |a, b| key(a).cmp(&key(b)));
}

/// The places from 0, in the order of what stands there.
fn places(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    places.sort_by(|a, b| compare(*a, *b));
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_sorts_as_the_standard_library_does(mut all in prop::collection::vec((0_u8..8, any::<u16>()), 0..40)) {
            let mut other = all.clone();
            other.sort_by_key(|(key, _)| *key);
            by_key(&mut all, |(key, _)| *key);
            prop_assert_eq!(&all, &other);
            other.sort();
            by(&mut all, Ord::cmp);
            prop_assert_eq!(all, other);
        }
    }
}
