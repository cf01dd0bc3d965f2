//! A map that nearly always has one entry. A `BTreeMap` allocates room for eleven, which counts where there are 100,000 maps.

use std::borrow::Borrow;
use std::collections::BTreeMap;

/// A map whose first entry needs no allocation.
#[derive(Debug)]
pub(super) struct Few<K, V> {
    first: Option<(K, V)>,
    others: BTreeMap<K, V>,
}

impl<K, V> Default for Few<K, V> {
    fn default() -> Self {
        Self { first: None, others: BTreeMap::new() }
    }
}

impl<K: Ord, V> Few<K, V> {
    /// Returns the value of the first entry, if its key is the one that is meant.
    pub(super) fn first_if(&mut self, is: impl FnOnce(&K) -> bool) -> Option<&mut V> {
        self.first.as_mut().filter(|(key, _)| is(key)).map(|(_, value)| value)
    }

    /// Returns the value of a key, after inserting the entry of `new` if there is none; `None` if `new` has none either.
    pub(super) fn get_or_insert<Q: Ord + ?Sized>(
        &mut self,
        key: &Q,
        new: impl FnOnce() -> Option<(K, V)>,
    ) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        if self.first.is_none() {
            self.first = new();
            return self.first.as_mut().map(|(_, value)| value);
        }
        if self.first.as_ref().is_some_and(|(first, _)| first.borrow() == key) {
            return self.first.as_mut().map(|(_, value)| value);
        }
        if !self.others.contains_key(key) {
            let (key, value) = new()?;
            self.others.insert(key, value);
        }
        self.others.get_mut(key)
    }
}

impl<K: Ord, V> IntoIterator for Few<K, V> {
    type Item = (K, V);
    type IntoIter = std::collections::btree_map::IntoIter<K, V>;

    /// Iterates in the order of the keys.
    fn into_iter(mut self) -> Self::IntoIter {
        self.others.extend(self.first);
        self.others.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn is_a_map(keys in prop::collection::vec("[abc]", 0..6)) {
            let (mut few, mut map) = (Few::<String, usize>::default(), BTreeMap::new());
            for key in &keys {
                *few.get_or_insert(key.as_str(), || Some((key.clone(), 0))).unwrap() += 1;
                *map.entry(key.clone()).or_insert(0) += 1;
            }
            prop_assert!(few.into_iter().eq(map));
        }
    }
}
