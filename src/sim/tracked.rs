//! Maps that remember when each of their entries changed.
//!
//! A viewer of the simulated Discord is told what changed since it last looked. Comparing everything with what it
//! was told would cost a look at every message at each change; announcing each change by hand would be forgotten
//! somewhere. Here every way to change an entry leaves a mark, and there is no other way.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many removals a map remembers. A viewer that missed more is shown everything anew.
const REMOVALS: usize = 10_000;

/// The number of the last change, counted over all maps of a world.
#[derive(Debug, Clone, Default)]
pub(crate) struct Revisions(Arc<AtomicU64>);

impl Revisions {
    /// The number of the last change; 0 before the first.
    pub(crate) fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// A map that knows the revision of each of its entries. It reads like the map that it is.
#[derive(Debug)]
pub(crate) struct Tracked<K, V> {
    revisions: Revisions,
    entries: BTreeMap<K, V>,
    changed: BTreeMap<K, u64>,
    /// The same by revision.
    order: BTreeMap<u64, K>,
    removed: BTreeMap<u64, K>,
    /// The revision of the newest removal that is not remembered any more.
    forgotten: u64,
}

impl<K, V> Deref for Tracked<K, V> {
    type Target = BTreeMap<K, V>;

    fn deref(&self) -> &BTreeMap<K, V> {
        &self.entries
    }
}

impl<K: Ord + Copy, V> Tracked<K, V> {
    pub(crate) fn new(revisions: &Revisions) -> Self {
        Self {
            revisions: revisions.clone(),
            entries: BTreeMap::new(),
            changed: BTreeMap::new(),
            order: BTreeMap::new(),
            removed: BTreeMap::new(),
            forgotten: 0,
        }
    }

    fn mark(&mut self, key: K) {
        let revision = self.revisions.next();
        if let Some(before) = self.changed.insert(key, revision) {
            self.order.remove(&before);
        }
        self.order.insert(revision, key);
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.mark(key);
        self.entries.insert(key, value);
    }

    /// An entry to be changed: it counts as changed from here on.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        if self.entries.contains_key(key) {
            self.mark(*key);
        }
        self.entries.get_mut(key)
    }

    /// An entry to be changed, made where there is none.
    pub(crate) fn get_or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        self.mark(key);
        self.entries.entry(key).or_default()
    }

    /// Counts an entry as changed that looks different because of the time alone.
    pub(crate) fn touch(&mut self, key: &K) {
        if self.entries.contains_key(key) {
            self.mark(*key);
        }
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let value = self.entries.remove(key)?;
        if let Some(before) = self.changed.remove(key) {
            self.order.remove(&before);
        }
        self.removed.insert(self.revisions.next(), *key);
        if self.removed.len() > REMOVALS
            && let Some((oldest, _)) = self.removed.pop_first()
        {
            self.forgotten = oldest;
        }
        Some(value)
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        let gone: Vec<K> = self
            .entries
            .iter()
            .filter(|(_, value)| !keep(value))
            .map(|(key, _)| *key)
            .collect();
        for key in gone {
            self.remove(&key);
        }
    }

    /// The keys of what changed after a revision, the removed ones too.
    pub(crate) fn since(&self, revision: u64) -> impl Iterator<Item = K> {
        let later = revision.saturating_add(1)..;
        self.order
            .range(later.clone())
            .chain(self.removed.range(later))
            .map(|(_, key)| *key)
    }

    /// Whether everything that changed after a revision is known.
    pub(crate) fn remembers(&self, revision: u64) -> bool {
        revision >= self.forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn since(map: &Tracked<u8, u8>, revision: u64) -> Vec<u8> {
        map.since(revision).collect()
    }

    #[test]
    fn every_change_is_marked_and_the_newest_counts() {
        let revisions = Revisions::default();
        let mut map = Tracked::new(&revisions);
        map.insert(1, 10);
        map.insert(2, 20);
        let before = revisions.now();
        assert_eq!(
            (before, since(&map, 0), since(&map, before)),
            (2, vec![1, 2], vec![])
        );
        *map.get_mut(&1).unwrap() += 1;
        assert_eq!(map.get_mut(&9), None);
        *map.get_or_default(3) = 1;
        map.touch(&2);
        map.touch(&9);
        assert_eq!(since(&map, before), [1, 3, 2]);
        assert_eq!(map.remove(&3), Some(1));
        assert_eq!(map.remove(&3), None);
        map.retain(|value| *value != 20);
        assert_eq!(since(&map, before), [1, 3, 2], "the removed ones are told of too");
        assert_eq!(map.keys().copied().collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn maps_share_their_count() {
        let revisions = Revisions::default();
        let (mut one, mut other) = (Tracked::new(&revisions), Tracked::new(&revisions));
        one.insert(1, 0);
        other.insert(1, 0);
        assert_eq!(revisions.now(), 2);
        assert_eq!((since(&one, 1), since(&other, 1)), (vec![], vec![1]));
    }

    #[test]
    fn old_removals_are_forgotten_and_that_is_known() {
        let revisions = Revisions::default();
        let mut map = Tracked::new(&revisions);
        map.insert(0_usize, ());
        assert!(map.remembers(0));
        for key in 0..=REMOVALS {
            map.insert(key, ());
            map.remove(&key);
        }
        assert!(!map.remembers(0) && map.remembers(revisions.now()));
        assert_eq!(map.since(0).count(), REMOVALS);
    }
}
