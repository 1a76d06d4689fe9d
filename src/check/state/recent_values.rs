//! A number now and shortly before, for comparison with a gauge that may be somewhat old.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::Timestamp;

/// A number, now and shortly before.
#[derive(Debug, Default)]
pub(crate) struct RecentValues {
    /// The present value.
    pub current: u64,
    /// Each value with the instant from which it held; the last one holds now.
    history: VecDeque<(Timestamp, u64)>,
}

impl RecentValues {
    /// The value changes at `now`. What was over longer than `kept` ago is forgotten.
    pub fn set(&mut self, value: u64, now: Timestamp, kept: Duration) {
        if self.history.is_empty() {
            self.history.push_back((Timestamp::ZERO, self.current));
        }
        self.current = value;
        self.history.push_back((now, value));
        let horizon = now.before(kept);
        // The value in force at the horizon is the last that began at or before it.
        while self
            .history
            .get(1)
            .is_some_and(|(since, _)| *since < horizon)
        {
            self.history.pop_front();
        }
    }

    /// Whether the value held at some instant in [`from`, `to`].
    pub fn held_within(&self, value: u64, from: Timestamp, to: Timestamp) -> bool {
        if self.current == value {
            return true;
        }
        let mut until = None;
        self.history.iter().rev().any(|(since, held)| {
            let overlaps = *since <= to && until.is_none_or(|until| until >= from);
            until = Some(*since);
            overlaps && *held == value
        })
    }

    /// Whether the value changed since `from`.
    pub fn changed_since(&self, from: Timestamp) -> bool {
        self.history.back().is_some_and(|(since, _)| *since >= from)
    }

    /// The lowest and highest value since `from`.
    pub fn range_since(&self, from: Timestamp) -> (u64, u64) {
        let (mut least, mut most) = (self.current, self.current);
        let mut until = None::<Timestamp>;
        for (since, value) in self.history.iter().rev() {
            if until.is_some_and(|until| until < from) {
                break;
            }
            (least, most) = (least.min(*value), most.max(*value));
            until = Some(*since);
        }
        (least, most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_held_within_a_window_that_touches_its_span() {
        let at = Timestamp::from_seconds;
        let mut backlog = RecentValues::default();
        backlog.set(5, at(100), Duration::from_secs(15));
        backlog.set(3, at(110), Duration::from_secs(15));
        assert!(backlog.held_within(3, at(111), at(126)));
        assert!(
            backlog.held_within(5, at(110), at(125)),
            "it ended at the window's edge"
        );
        assert!(!backlog.held_within(5, at(111), at(126)));
        assert!(backlog.held_within(0, at(99), at(111)));
        assert!(!backlog.held_within(4, at(0), at(126)));
        assert_eq!(backlog.range_since(at(105)), (3, 5));
        assert_eq!(backlog.range_since(at(120)), (3, 3));
    }
}
