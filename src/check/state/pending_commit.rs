//! Commits that were sent and whose answer is not learned yet.

use std::time::Duration;

use rustc_hash::FxHashMap;

use super::table::{IncarnationIndex, RunIndex, ScheduleIndex};
use crate::model::{Mode, Timestamp};

/// An unanswered commit.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PendingCommit {
    /// When the store applied it.
    pub applied_at: Option<Timestamp>,
    /// The request or its answer is on its way. If not, the answer was lost.
    pub in_flight: bool,
    /// The short name of what it does.
    pub step: &'static str,
    /// The run that it concerns.
    pub run: Option<RunIndex>,
    /// Maximum change of an active-run gauge by its answer.
    pub weight: u64,
    /// It moved its run out of `Planning`.
    pub leaves_planning: bool,
    /// Mode of the schedule of which it decides fires.
    pub fire_mode: Option<Mode>,
    /// When it was first sent.
    pub sent_at: Option<Timestamp>,
    /// Backlog of its schedule right after it: mode and images; none if the schedule is deleted.
    pub backlog: Option<(ScheduleIndex, Mode, u64)>,
}

/// Commits of living incarnations that were sent and are not learned.
#[derive(Debug, Default)]
pub(crate) struct PendingCommits {
    open: FxHashMap<(IncarnationIndex, u64), PendingCommit>,
    /// Number of commits with request or answer in flight.
    pub in_flight: u64,
    /// Number of commits that the store applied.
    pub applied: u64,
    /// Sum of the weights of applied commits.
    pub weight: u64,
    /// When an answer was last lost.
    pub lost_at: Timestamp,
}

impl PendingCommits {
    /// Changes what is known of a commit.
    pub fn update(
        &mut self,
        incarnation: IncarnationIndex,
        sequence: u64,
        change: impl FnOnce(&mut PendingCommit),
    ) {
        let call = self.open.entry((incarnation, sequence)).or_default();
        let before = *call;
        change(call);
        let after = *call;
        self.recount(before, false);
        self.recount(after, true);
    }

    /// Changes what is known of a commit, if it is still unanswered.
    pub fn update_known(
        &mut self,
        incarnation: IncarnationIndex,
        sequence: u64,
        change: impl FnOnce(&mut PendingCommit),
    ) {
        if self.open.contains_key(&(incarnation, sequence)) {
            self.update(incarnation, sequence, change);
        }
    }

    /// Removes a commit whose answer is acknowledged.
    pub fn close(&mut self, incarnation: IncarnationIndex, sequence: u64) -> Option<PendingCommit> {
        let call = self.open.remove(&(incarnation, sequence))?;
        self.recount(call, false);
        Some(call)
    }

    /// Removes and returns the unanswered commits of an incarnation that ended.
    pub fn close_incarnation(&mut self, incarnation: IncarnationIndex) -> Vec<PendingCommit> {
        let mut closed = Vec::new();
        self.open.retain(|(owner, _), call| {
            let keep = *owner != incarnation;
            if !keep {
                closed.push(*call);
            }
            keep
        });
        closed.iter().for_each(|call| self.recount(*call, false));
        closed
    }

    /// Every unanswered commit, in the order of incarnations and of their numbers.
    pub fn sorted(&self) -> Vec<((IncarnationIndex, u64), PendingCommit)> {
        let mut all: Vec<_> = self.open.iter().map(|(key, call)| (*key, *call)).collect();
        all.sort_by_key(|(key, _)| *key);
        all
    }

    /// The incarnations that wait for an answer, in no order.
    pub fn incarnations(&self) -> impl Iterator<Item = IncarnationIndex> {
        self.open.keys().map(|(incarnation, _)| *incarnation)
    }

    /// Whether every answer is there, or was lost longer than `patience` ago and so is not asked
    /// for any more.
    pub fn is_settled(&self, now: Timestamp, patience: Duration) -> bool {
        self.open.is_empty() || (self.in_flight == 0 && now.since(self.lost_at) > patience)
    }

    fn recount(&mut self, call: PendingCommit, is_added: bool) {
        let is_applied = call.applied_at.is_some();
        let changes = [
            (&mut self.in_flight, u64::from(call.in_flight)),
            (&mut self.applied, u64::from(is_applied)),
            (&mut self.weight, if is_applied { call.weight } else { 0 }),
        ];
        for (count, amount) in changes {
            *count = if is_added {
                *count + amount
            } else {
                *count - amount
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_follow_each_commit() {
        let mut pending = PendingCommits::default();
        let (a, b) = (IncarnationIndex(0), IncarnationIndex(1));
        pending.update(a, 1, |call| call.in_flight = true);
        pending.update(b, 1, |call| call.in_flight = true);
        pending.update(a, 1, |call| {
            (call.applied_at, call.weight) = (Some(Timestamp::ZERO), 1);
        });
        assert_eq!(
            (pending.in_flight, pending.applied, pending.weight),
            (2, 1, 1)
        );
        pending.update_known(a, 1, |call| call.in_flight = false);
        pending.update_known(a, 9, |call| call.in_flight = true);
        assert_eq!(
            (pending.in_flight, pending.applied, pending.weight),
            (1, 1, 1)
        );
        assert_eq!(pending.close_incarnation(a).len(), 1);
        assert!(pending.close(b, 1).is_some());
        assert!(pending.sorted().is_empty());
        assert_eq!(
            (pending.in_flight, pending.applied, pending.weight),
            (0, 0, 0)
        );
    }
}
