//! A 4-ary heap: half the depth of a binary heap, and all children of a node in one cache line.

use std::hint::select_unpredictable;

/// Number of children per node.
const ARITY: usize = 4;

/// Priority queue, least first. *O*(log n).
///
/// A push follows most pops: a timer fires, and its task starts another. A pop therefore only moves
/// the least child up to the root and leaves a hole in its place. The push fills the hole:
///
/// ```text
///         3                5                5
///       / | \     pop    / | \    push 8  / | \
///      5  9  7   ---->  .  9  7   ---->  6  9  7
///     / \              / \              / \
///    6   8'           6   8'           8   8'
/// ```
pub(super) struct TimerHeap {
    entries: Vec<u128>,
    /// Index of the hole among the root's children; 0 without a hole.
    hole: usize,
}

impl TimerHeap {
    pub(super) fn new() -> Self {
        Self {
            entries: Vec::new(),
            hole: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len() - usize::from(self.hole != 0)
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u128> {
        self.entries.first().copied()
    }

    #[inline]
    pub(super) fn push(&mut self, entry: u128) {
        if self.hole == 0 {
            self.entries.push(entry);
            self.sift_up(self.entries.len() - 1, entry);
        } else {
            let hole = std::mem::take(&mut self.hole);
            self.sift_down(hole, entry);
        }
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<u128> {
        if self.hole != 0 {
            self.fill_hole();
        }
        let least = self.peek()?;
        if self.entries.len() == 1 {
            self.entries.clear();
        } else {
            let (child, next) = least_child(&self.entries, 0);
            self.entries[0] = next;
            self.hole = child;
        }
        Some(least)
    }

    /// Fills an open hole with the last entry.
    #[cold]
    fn fill_hole(&mut self) {
        let hole = std::mem::take(&mut self.hole);
        if hole == 0 {
            return;
        }
        if let Some(last) = self.entries.pop()
            && hole < self.entries.len()
        {
            self.sift_down(hole, last);
        }
    }

    /// Puts `entry` at `hole` or above.
    #[inline]
    fn sift_up(&mut self, mut hole: usize, entry: u128) {
        debug_assert!(hole < self.entries.len(), "hole {hole} is within the heap");
        while hole > 0 {
            let parent = (hole - 1) / ARITY;
            if self.entries[parent] <= entry {
                break;
            }
            self.entries[hole] = self.entries[parent];
            hole = parent;
        }
        self.entries[hole] = entry;
    }

    /// Puts `entry` on the path between the root and the leaves below `hole`. The hole sinks to a
    /// leaf and then rises to the place of the entry, which is near: most entries are leaves.
    #[inline]
    fn sift_down(&mut self, mut hole: usize, entry: u128) {
        while hole * ARITY + 1 < self.entries.len() {
            let (child, least) = least_child(&self.entries, hole);
            self.entries[hole] = least;
            hole = child;
        }
        self.sift_up(hole, entry);
    }

    /// Removes all entries, unordered.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = u128> + '_ {
        self.fill_hole();
        self.entries.drain(..)
    }

    /// Keeps the entries for which `keep` returns true. *O*(n log n).
    pub(super) fn retain(&mut self, keep: impl Fn(u128) -> bool) {
        self.fill_hole();
        self.entries.retain(|&entry| keep(entry));
        // A sorted array is a heap.
        self.entries.sort_unstable();
    }
}

/// Returns index and entry of the least child of a node with children.
///
/// The choice is computed without branches: a misprediction would cost more than the comparisons.
#[inline]
fn least_child(entries: &[u128], node: usize) -> (usize, u128) {
    debug_assert!(node * ARITY + 1 < entries.len(), "node {node} has children");
    let first = node * ARITY + 1;
    if let Some(&[a, b, c, d]) = entries.get(first..first + ARITY) {
        let (is_b, is_d) = (b < a, d < c);
        let (left, right) = (
            select_unpredictable(is_b, b, a),
            select_unpredictable(is_d, d, c),
        );
        let is_right = right < left;
        let index = select_unpredictable(is_right, 2 + usize::from(is_d), usize::from(is_b));
        (first + index, select_unpredictable(is_right, right, left))
    } else {
        // The last node with children may have fewer.
        let least = |least, child| {
            if entries[child] < entries[least] {
                child
            } else {
                least
            }
        };
        let child = (first + 1..entries.len()).fold(first, least);
        (child, entries[child])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn queue_equals_ordered_set(
            actions in prop::collection::vec((0..3_u8, any::<u16>()), 0..2_000),
        ) {
            let (mut heap, mut model) = (TimerHeap::new(), BTreeSet::new());
            for (serial, (action, at)) in actions.into_iter().enumerate() {
                let entry = u128::from(at) << 64 | serial as u128;
                if action == 0 {
                    prop_assert_eq!(heap.pop(), model.pop_first());
                } else {
                    heap.push(entry);
                    model.insert(entry);
                }
                if at % 256 == 0 {
                    heap.retain(|entry| entry % 7 != 0);
                    model.retain(|entry| entry % 7 != 0);
                }
                prop_assert_eq!(heap.peek(), model.first().copied());
                prop_assert_eq!(heap.len(), model.len());
            }
            let rest: BTreeSet<u128> = heap.drain().collect();
            prop_assert_eq!(rest, model);
        }
    }
}
