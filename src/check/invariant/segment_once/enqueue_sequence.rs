//! Sequences of enqueues: a process that has read several segments enqueues them one after the
//! other, so the last of them may be done by then.
//!
//! A limit on the time per enqueue was rejected: it must hold for the slowest queue, and then finds
//! nothing in a large run.

use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::check::state::table::{IncarnationIndex, RunIndex};
use crate::model::Timestamp;

/// Enqueues of segments of one run by one process, in ascending order.
#[derive(Debug)]
struct EnqueueSequence {
    run: RunIndex,
    began_at: Timestamp,
    last_at: Timestamp,
    last_segment: u32,
}

/// Sequences of each process that may go on.
#[derive(Debug, Default)]
pub(super) struct EnqueueSequences(FxHashMap<IncarnationIndex, Vec<EnqueueSequence>>);

impl EnqueueSequences {
    /// Adds an enqueue to the sequence that it continues, or to a new one, and returns when that
    /// began. A sequence goes on while its enqueues are at most `pause_max` apart.
    pub fn add(
        &mut self,
        incarnation: IncarnationIndex,
        (run, segment): (RunIndex, u32),
        now: Timestamp,
        pause_max: Duration,
    ) -> Timestamp {
        let sequences = self.0.entry(incarnation).or_default();
        sequences.retain(|sequence| now.since(sequence.last_at) <= pause_max);
        // Several tasks of a process may work on one run: the nearest sequence goes on.
        // A fault may enqueue a message twice at once.
        let may_continue = |sequence: &EnqueueSequence| {
            let is_repeated = sequence.last_segment == segment && sequence.last_at == now;
            sequence.last_segment < segment || is_repeated
        };
        let continued = sequences
            .iter_mut()
            .filter(|sequence| sequence.run == run && may_continue(sequence))
            .max_by_key(|sequence| sequence.last_segment);
        if let Some(sequence) = continued {
            (sequence.last_at, sequence.last_segment) = (now, segment);
            return sequence.began_at;
        }
        sequences.push(EnqueueSequence {
            run,
            began_at: now,
            last_at: now,
            last_segment: segment,
        });
        now
    }

    /// Forgets a process that has ended.
    pub fn end(&mut self, incarnation: IncarnationIndex) {
        self.0.remove(&incarnation);
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
        let both = [(0, 1, 0), (2, 1, 1), (3, 1, 9), (4, 1, 2), (5, 1, 10)];
        assert_eq!(began(&both), [0, 0, 0, 4, 0]);
    }
}
