//! A list whose versions share what has not changed.

use std::sync::Arc;

/// Number of items in each part but the last.
const PART_LEN: usize = 16;

/// An immutable list in parts. A new version shares every part without a change with the version
/// before, so what differs is found in *O*(parts + items of changed parts).
#[derive(Debug, Clone, PartialEq)]
pub struct SharedList<T> {
    parts: Arc<Vec<Arc<Vec<T>>>>,
    len: usize,
}

impl<T> SharedList<T> {
    /// Returns the number of items.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the items in their order.
    pub fn iter(&self) -> impl Iterator<Item = &T> + Clone {
        self.parts.iter().flat_map(|part| part.iter())
    }

    /// Returns an item by its position.
    pub fn get(&self, position: usize) -> Option<&T> {
        self.parts
            .get(position / PART_LEN)?
            .get(position % PART_LEN)
    }

    /// Returns whether both are the same version. Equal versions may differ in this.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.parts, &other.parts)
    }

    /// Returns the slices that may differ from those of a version of the same length, with their
    /// positions: before, now. `None` if the lengths differ.
    pub fn changes<'a>(
        &'a self,
        before: &'a Self,
    ) -> Option<impl Iterator<Item = (usize, &'a [T], &'a [T])>> {
        let pairs = before.parts.iter().zip(self.parts.iter());
        let changed = (0..)
            .step_by(PART_LEN)
            .zip(pairs)
            .filter(|(_, (before, now))| !Arc::ptr_eq(before, now))
            .map(|(position, (before, now))| (position, &before[..], &now[..]));
        (self.len == before.len).then_some(changed)
    }

    /// Returns the position of the first item for which `is_before` does not hold, in a list in
    /// which no item after that holds.
    pub fn partition_point(&self, is_before: impl Fn(&T) -> bool) -> usize {
        let starts_before = |part: &Arc<Vec<T>>| part.first().is_some_and(&is_before);
        let after = self.parts.partition_point(starts_before);
        let Some(part) = after.checked_sub(1) else {
            return 0;
        };
        part * PART_LEN + self.parts[part].partition_point(is_before)
    }
}

impl<T: Clone> SharedList<T> {
    /// Returns an item to be changed, in a new version if the present one is in use.
    pub fn get_mut(&mut self, position: usize) -> Option<&mut T> {
        let parts = Arc::make_mut(&mut self.parts);
        let part = Arc::make_mut(parts.get_mut(position / PART_LEN)?);
        part.get_mut(position % PART_LEN)
    }
}

impl<T> Default for SharedList<T> {
    fn default() -> Self {
        Self {
            parts: Arc::default(),
            len: 0,
        }
    }
}

impl<T> FromIterator<T> for SharedList<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let (mut items, mut len) = (items.into_iter(), 0);
        let parts = std::iter::from_fn(|| {
            let part: Vec<T> = items.by_ref().take(PART_LEN).collect();
            len += part.len();
            (!part.is_empty()).then(|| Arc::new(part))
        });
        let parts = Arc::new(parts.collect());
        Self { parts, len }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_version_shares_the_other_parts() {
        let before: SharedList<usize> = (0..200).collect();
        let mut now = before.clone();
        assert!(now.is_same(&before));
        *now.get_mut(70).unwrap() = 0;
        assert!(!now.is_same(&before));
        assert!(
            before.iter().copied().eq(0..200),
            "the version in use stays"
        );
        let changes: Vec<_> = now.changes(&before).unwrap().collect();
        let [(64, old, new)] = changes[..] else {
            panic!("one part: {changes:?}");
        };
        assert_eq!((old.len(), old[6], new[6]), (16, 70, 0));
        assert!(now.get_mut(200).is_none());
        assert!(now.changes(&(0..199).collect()).is_none());
    }

    #[test]
    fn position_is_that_of_a_plain_list() {
        let list: SharedList<usize> = (0..200).collect();
        for bound in [0, 1, 63, 64, 65, 128, 199, 200, 300] {
            assert_eq!(list.partition_point(|item| *item < bound), bound.min(200));
        }
        let items = [0, 63, 64, 199, 200].map(|position| list.get(position).copied());
        assert_eq!(items, [Some(0), Some(63), Some(64), Some(199), None]);
        let empty = SharedList::<usize>::default();
        assert!(empty.is_empty() && empty.partition_point(|_| true) == 0);
    }
}
