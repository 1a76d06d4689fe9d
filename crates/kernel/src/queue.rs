//! Event queue: keys ordered by time, then by creation.
//!
//! ```text
//!          push at <= near_last_ns            push at > near_last_ns
//!                  |                                   |
//!                  v                                   v
//!   late: a small heap      sorted: an array <--- far: buckets by digits of time
//!                  |            |          the earliest, when the near future is used up
//!                  +-- least ---+
//!                        |
//!                        v pop
//! ```
//!
//! Few entries all stay in the heap, which is fastest then. With many entries, each costs *O*(1):
//! it goes to a bucket, moves to a finer one now and then, and is sorted among some dozens of
//! others. The sorted entries tell which memory the next events need. [`EventQueue::ahead`] lets
//! the kernel prefetch it; with a million tasks that is most of the cost.

mod radix_heap;
mod timer_heap;

use self::radix_heap::RadixHeap;
use self::timer_heap::TimerHeap;
use rehearsal_convert::LowBits;

/// Maximum number of entries for which the heap is faster than the buckets.
const LATE_MAX: usize = 256;
/// Number of entries sorted at a time: enough to look ahead, few enough to stay in the cache.
const SORTED_WANTED: usize = 64;
/// Sentinel after every entry: no key has all bits set.
const NONE: u128 = u128::MAX;

/// Priority queue of `(at_ns, key)`, least first. Keys are unique.
pub(super) struct EventQueue {
    /// Entries taken from the buckets last, the least at the end.
    sorted: Vec<u128>,
    /// Entries pushed into the near future after that.
    late: TimerHeap,
    /// Latest time of near entries; later entries are far. `u64::MAX` without far entries.
    near_last_ns: u64,
    far: RadixHeap,
    /// Least entry, or [`NONE`]. Cached because it is read more often than it changes.
    least: u128,
}

impl EventQueue {
    pub(super) fn new() -> Self {
        Self {
            sorted: Vec::new(),
            late: TimerHeap::new(),
            near_last_ns: u64::MAX,
            far: RadixHeap::new(),
            least: NONE,
        }
    }

    /// Adds an entry. *O*(1) amortised; *O*(log n) while there are few.
    #[inline]
    pub(super) fn push(&mut self, at_ns: u64, key: u64) {
        let entry = u128::from(at_ns) << 64 | u128::from(key);
        debug_assert!(entry != NONE, "key {key} at {at_ns} ns is the sentinel");
        if at_ns > self.near_last_ns {
            self.far.push(entry);
            return;
        }
        self.late.push(entry);
        self.least = self.least.min(entry);
        // Compared with the sorted entries, so that many entries of one instant stay in place.
        if self.late.len() > LATE_MAX && self.late.len() > self.sorted.len() {
            self.spread();
        }
    }

    /// Moves everything to the buckets, and the earliest back.
    #[cold]
    fn spread(&mut self) {
        debug_assert!(
            self.near_last_ns >= (self.least >> 64).low_u64(),
            "the least entry is near"
        );
        self.far.set_reference((self.least >> 64) as u64);
        self.sorted.drain(..).for_each(|entry| self.far.push(entry));
        self.late.drain().for_each(|entry| self.far.push(entry));
        self.refill();
    }

    /// Takes the earliest entries from the buckets, when there are none nearer.
    #[inline(never)]
    fn refill(&mut self) {
        let last_ns = self.far.take_first(SORTED_WANTED, &mut self.sorted);
        self.sorted.sort_unstable_by(|left, right| right.cmp(left));
        self.near_last_ns = if self.far.is_empty() {
            u64::MAX
        } else {
            last_ns.unwrap_or(u64::MAX)
        };
        self.least = self.sorted.last().copied().unwrap_or(NONE);
        debug_assert!(
            self.sorted.is_sorted_by(|left, right| left > right),
            "keys are unique and sorted"
        );
    }

    /// Returns the least entry.
    #[inline]
    pub(super) fn peek(&self) -> Option<(u64, u64)> {
        let is_some = self.least != NONE;
        is_some.then_some(((self.least >> 64) as u64, self.least.low_u64()))
    }

    /// Returns whether the least entry is later than `now_ns`, or the queue is empty.
    #[inline]
    pub(super) fn is_later_than(&self, now_ns: u64) -> bool {
        (self.least >> 64) as u64 > now_ns
    }

    /// Finds the least entry, after the former one was removed.
    #[inline]
    fn find_least(&mut self) {
        let sorted = self.sorted.last().copied().unwrap_or(NONE);
        self.least = sorted.min(self.late.peek().unwrap_or(NONE));
        if self.least == NONE {
            self.near_last_ns = u64::MAX;
            if !self.far.is_empty() {
                self.refill();
            }
        }
    }

    /// Removes the least entry, whose key [`EventQueue::peek`] has just returned.
    #[inline]
    pub(super) fn remove_least(&mut self, key: u64) {
        debug_assert_eq!(self.least.low_u64(), key, "key of the least entry");
        if self
            .sorted
            .last()
            .is_some_and(|&sorted| sorted.low_u64() == key)
        {
            self.sorted.pop();
        } else {
            self.late.pop();
        }
        self.find_least();
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.sorted.len() + self.late.len() + self.far.len()
    }

    /// Returns the key `count` places after the least one, if it is known without a search.
    #[inline]
    pub(super) fn ahead(&self, count: usize) -> Option<u64> {
        let index = self.sorted.len().checked_sub(count + 1)?;
        Some(self.sorted[index].low_u64())
    }

    /// Keeps the keys for which `keep` returns true. *O*(n).
    pub(super) fn retain(&mut self, keep: impl Fn(u64) -> bool) {
        self.sorted.retain(|&entry| keep(entry.low_u64()));
        self.late.retain(|entry| keep(entry.low_u64()));
        self.far.retain(|entry| keep(entry.low_u64()));
        self.find_least();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn pop(queue: &mut EventQueue) -> Option<(u64, u64)> {
        let (at_ns, key) = queue.peek()?;
        queue.remove_least(key);
        Some((at_ns, key))
    }

    #[derive(Clone, Debug)]
    enum TestAction {
        Push {
            delay_ns: u64,
            count: u64,
        },
        Pop {
            count: usize,
        },
        /// Peeks, as a run does that stops at a deadline.
        Peek,
        Sweep {
            modulus: u64,
        },
    }

    fn actions() -> impl Strategy<Value = Vec<TestAction>> {
        let delay_ns = (0..64_u32, any::<u64>()).prop_map(|(bits, delay)| delay >> bits);
        let action = prop_oneof![
            4 => (delay_ns, 0..600_u64)
                .prop_map(|(delay_ns, count)| TestAction::Push { delay_ns, count }),
            4 => (0..600_usize).prop_map(|count| TestAction::Pop { count }),
            1 => Just(TestAction::Peek),
            1 => (2..5_u64).prop_map(|modulus| TestAction::Sweep { modulus }),
        ];
        prop::collection::vec(action, 0..60)
    }

    proptest! {
        #[test]
        fn queue_equals_ordered_set(actions in actions(), start_ns: u64) {
            let (mut queue, mut model) = (EventQueue::new(), BTreeSet::new());
            let (mut now_ns, mut key) = (start_ns, 0);
            for action in actions {
                match action {
                    TestAction::Push { delay_ns, count } => for index in 0..count {
                        key += 1;
                        let step_ns = if key % 3 == 0 { 0 } else { delay_ns >> 8 };
                        let spread_ns = index.saturating_mul(step_ns);
                        let at_ns = now_ns.saturating_add(delay_ns).saturating_add(spread_ns);
                        queue.push(at_ns, key);
                        model.insert((at_ns, key));
                    },
                    TestAction::Pop { count } => for _ in 0..count {
                        let popped = pop(&mut queue);
                        prop_assert_eq!(popped, model.pop_first());
                        now_ns = popped.map_or(now_ns, |(at_ns, _)| at_ns);
                    },
                    TestAction::Peek => prop_assert_eq!(queue.peek(), model.first().copied()),
                    TestAction::Sweep { modulus } => {
                        queue.retain(|key| key % modulus != 0);
                        model.retain(|(_, key)| key % modulus != 0);
                    }
                }
            }
            while let Some(entry) = model.pop_first() {
                prop_assert_eq!(pop(&mut queue), Some(entry));
            }
            prop_assert_eq!(pop(&mut queue), None);
        }
    }

    #[test]
    fn queue_entries_of_same_instant_keep_order() {
        let mut queue = EventQueue::new();
        for key in 0..100_000 {
            queue.push(5, key);
        }
        for key in 0..100_000 {
            assert_eq!(pop(&mut queue), Some((5, key)));
        }
    }
}
