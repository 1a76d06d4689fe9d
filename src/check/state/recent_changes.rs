//! Recent changes in order of time, for checks that look at nothing else.

use std::collections::VecDeque;
use std::time::Duration;

use rehearsal_convert::Index;

use crate::model::Timestamp;

/// Changed items in the order of their changes. Old changes are forgotten.
#[derive(Debug)]
pub(crate) struct RecentChanges<T> {
    changes: VecDeque<(Timestamp, T)>,
    /// Number of changes before those.
    forgotten: u64,
}

impl<T> Default for RecentChanges<T> {
    fn default() -> Self {
        Self {
            changes: VecDeque::new(),
            forgotten: 0,
        }
    }
}

impl<T: Copy> RecentChanges<T> {
    /// An item changes at `now`. Changes longer than `kept` ago are forgotten.
    pub fn push(&mut self, item: T, now: Timestamp, kept: Duration) {
        self.changes.push_back((now, item));
        let horizon = now.before(kept);
        while self.changes.front().is_some_and(|(at, _)| *at < horizon) {
            self.changes.pop_front();
            self.forgotten += 1;
        }
    }

    /// Number of changes so far.
    pub fn count(&self) -> u64 {
        self.forgotten + self.changes.len() as u64
    }

    /// Items that changed at `from` or later, or after the first `seen` changes. `None` if some of
    /// them are forgotten.
    pub fn since(&self, seen: u64, from: Timestamp) -> Option<impl Iterator<Item = T> + '_> {
        let unseen = seen.checked_sub(self.forgotten)?.to_index();
        let recent = self.changes.partition_point(|(at, _)| *at < from);
        let changes = self.changes.range(unseen.min(recent)..);
        Some(changes.map(|(_, item)| *item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_given_by_time_and_by_number() {
        let at = Timestamp::from_seconds;
        let mut changes = RecentChanges::default();
        for item in 0..10 {
            changes.push(item, at(100 + item), Duration::from_secs(5));
        }
        let since = |seen, from| Some(changes.since(seen, at(from))?.collect::<Vec<_>>());
        assert_eq!(changes.count(), 10);
        assert_eq!(since(10, 200), Some(vec![]));
        assert_eq!(since(8, 200), Some(vec![8, 9]));
        assert_eq!(since(10, 107), Some(vec![7, 8, 9]));
        assert_eq!(since(4, 0), Some((4..10).collect()));
        assert_eq!(since(3, 200), None, "its change is forgotten");
    }
}
