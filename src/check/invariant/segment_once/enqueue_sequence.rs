//! Sequences of enqueues: a process that has read several segments enqueues them one after the
//! other, so the last of them may be done by then.
//!
//! A limit on the time per enqueue was rejected: it must hold for the slowest queue, and then finds
//! nothing in a large run.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::check::state::table::{IncarnationIndex, RunIndex};
use crate::model::Timestamp;

/// Time of an enqueue.
#[derive(Debug, Clone, Copy)]
struct SegmentEnqueue {
    at: Timestamp,
    /// Time at which its sequence began.
    began_at: Timestamp,
}

/// Enqueues by one process that a sequence may continue.
#[derive(Debug, Default)]
struct RecentEnqueues {
    by_segment: BTreeMap<(RunIndex, u32), SegmentEnqueue>,
    /// In the order of their times.
    order: VecDeque<(Timestamp, (RunIndex, u32))>,
}

/// Sequences of each process that may go on.
#[derive(Debug, Default)]
pub(super) struct EnqueueSequences(FxHashMap<IncarnationIndex, RecentEnqueues>);

impl EnqueueSequences {
    /// Adds an enqueue to the sequence that it continues, or to a new one, and returns when that
    /// began. It continues the enqueue of the nearest lower segment of its run, if that is at most
    /// `pause_max` old. Several tasks of a process may work on one run: each enqueue can be
    /// continued, not only the last one.
    pub fn add(
        &mut self,
        incarnation: IncarnationIndex,
        (run, segment): (RunIndex, u32),
        now: Timestamp,
        pause_max: Duration,
    ) -> Timestamp {
        let recent = self.0.entry(incarnation).or_default();
        recent.forget_before(now.before(pause_max));
        let began_at = recent.continued(run, segment, now).unwrap_or(now);
        let enqueue = SegmentEnqueue { at: now, began_at };
        recent.by_segment.insert((run, segment), enqueue);
        recent.order.push_back((now, (run, segment)));
        began_at
    }

    /// Forgets a process that has ended.
    pub fn end(&mut self, incarnation: IncarnationIndex) {
        self.0.remove(&incarnation);
    }
}

impl RecentEnqueues {
    /// Returns when the sequence began that an enqueue continues.
    fn continued(&self, run: RunIndex, segment: u32, now: Timestamp) -> Option<Timestamp> {
        let same = self.by_segment.get(&(run, segment));
        // A fault may enqueue a message twice at once.
        let repeated = same.filter(|same| same.at == now);
        let lower = || self.by_segment.range((run, 0)..(run, segment)).next_back();
        let continued = repeated.or_else(|| lower().map(|(_, enqueue)| enqueue));
        continued.map(|enqueue| enqueue.began_at)
    }

    fn forget_before(&mut self, time: Timestamp) {
        while let Some((at, key)) = self.order.pop_front_if(|(at, _)| *at < time) {
            if self
                .by_segment
                .get(&key)
                .is_some_and(|latest| latest.at == at)
            {
                self.by_segment.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE_MAX: Duration = Duration::from_secs(10);

    /// Times at which the sequences of these enqueues began: (second, run, segment).
    fn began(enqueues: &[(u64, u32, u32)]) -> Vec<u64> {
        let mut sequences = EnqueueSequences::default();
        let add = |(second, run, segment): &(u64, u32, u32)| {
            let at = Timestamp::from_seconds(*second);
            let segment = (RunIndex(*run), *segment);
            let began = sequences.add(IncarnationIndex(1), segment, at, PAUSE_MAX);
            began.since(Timestamp::ZERO).as_secs()
        };
        enqueues.iter().map(add).collect()
    }

    #[test]
    fn ascending_segments_without_a_pause_are_one_sequence() {
        assert_eq!(began(&[(0, 1, 0), (8, 1, 1), (16, 1, 5)]), [0, 0, 0]);
    }

    #[test]
    fn pause_repeat_lower_segment_or_other_run_begins_a_sequence() {
        assert_eq!(began(&[(0, 1, 0), (11, 1, 1)]), [0, 11]);
        assert_eq!(began(&[(0, 1, 3), (5, 1, 3)]), [0, 5]);
        assert_eq!(began(&[(0, 1, 3), (5, 1, 2)]), [0, 5]);
        assert_eq!(began(&[(0, 1, 3), (5, 2, 4)]), [0, 5]);
    }

    #[test]
    fn message_enqueued_twice_at_once_is_of_its_sequence() {
        assert_eq!(began(&[(0, 1, 0), (5, 1, 1), (5, 1, 1), (6, 1, 2)]), [0; 4]);
    }

    #[test]
    fn sequences_of_two_tasks_go_on_side_by_side() {
        let both = [(0, 1, 9), (2, 1, 1), (3, 1, 10), (4, 1, 2), (5, 1, 11)];
        assert_eq!(began(&both), [0, 2, 0, 2, 0]);
    }

    #[test]
    fn single_enqueue_of_a_higher_segment_ends_no_sequence() {
        assert_eq!(
            began(&[(0, 1, 0), (2, 1, 9), (4, 1, 1), (14, 1, 2)]),
            [0; 4]
        );
    }

    #[test]
    fn enqueues_are_forgotten_once_no_sequence_can_continue_them() {
        let mut sequences = EnqueueSequences::default();
        let at = |second| Timestamp::from_seconds(second);
        for second in 0..100 {
            let segment = (RunIndex(1), 100 - u32::try_from(second).unwrap());
            sequences.add(IncarnationIndex(1), segment, at(second), PAUSE_MAX);
        }
        let recent = &sequences.0[&IncarnationIndex(1)];
        assert_eq!((recent.by_segment.len(), recent.order.len()), (11, 11));
    }
}
