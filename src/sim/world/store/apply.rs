//! Application of commits, all parts of one at once.

use super::SimStore;
use crate::model::commit::Intent;
use crate::model::{Applied, Commit, CommitStep, PlannerMessage, RunId, SegmentKey, Timestamp};

/// Number of commits between two checks of the store's sums in builds with debug assertions.
#[cfg(debug_assertions)]
const CHECK_INTERVAL: usize = 64;

impl SimStore {
    /// Applies a stamped commit to which [`SimStore::decide`] has no objection.
    pub(in crate::sim::world) fn apply(&mut self, commit: Commit, applied: Applied) {
        debug_assert!(
            !self.tokens.contains_key(&commit.token),
            "a commit is applied once"
        );
        let now = applied.at;
        let first_run = commit.runs.first().map(|write| write.run.id.clone());
        for write in commit.runs {
            let before = self.runs.get(&write.run.id).map(|record| &record.run);
            self.schedules.move_backlog(before, &write.run);
            self.runs.write(write.run, now);
        }
        if let Some(write) = commit.schedule {
            self.schedules.write_state(&write.id, write.state);
        }
        if let Some(record) = first_run.and_then(|id| self.runs.get_mut(&id)) {
            record.impact = commit.impact.or(record.impact.take());
        }
        for segment in commit.segments {
            self.runs.cut(segment);
        }
        let is_requeue = matches!(commit.step, CommitStep::Requeue);
        for key in &commit.release {
            self.runs.release(key, is_requeue, now);
        }
        if let CommitStep::Segment(step) = commit.step {
            self.runs
                .commit_segment(&step.key, &commit.token, &commit.release);
            if let Some(record) = self.runs.get(&step.key.run) {
                self.baselines.commit(&record.run.tenant, step.reports, now);
            }
        }
        self.apply_intents(
            commit.intent,
            commit.intent_done.as_ref(),
            &commit.intents_requeued,
            now,
        );
        for event in commit.events {
            self.outbox.push(event);
        }
        if let Some(booking) = commit.active_runs_delta {
            self.balances.book(&commit.token.incarnation, booking, now);
        }
        if let Some(tenant) = commit.served {
            self.served_last += 1;
            self.served.insert(tenant, self.served_last);
        }
        if let Some((_, handled)) = commit.exports {
            self.export_cursor = handled;
        }
        if let Some(take_over) = commit.adoption {
            self.balances
                .take_over(&take_over.from, &commit.token.incarnation, now);
        }
        self.tokens.insert(commit.token, applied);
        #[cfg(debug_assertions)]
        if self.tokens.len().is_multiple_of(CHECK_INTERVAL) {
            self.assert_consistent();
        }
    }

    fn apply_intents(
        &mut self,
        written: Option<PlannerMessage>,
        done: Option<&RunId>,
        requeued: &[RunId],
        now: Timestamp,
    ) {
        if let Some(message) = written {
            let run = message.run.clone();
            let intent = Intent {
                message,
                since: now,
                enqueued: false,
                requeued: 0,
            };
            self.runs.set_intent(&run, Some(intent));
        }
        if let Some(run) = done {
            self.runs.set_intent(run, None);
        }
        for run in requeued {
            let intent = self.runs.get(run).and_then(|record| record.intent.clone());
            let again = intent.map(|intent| Intent {
                since: now,
                enqueued: false,
                requeued: intent.requeued + 1,
                ..intent
            });
            self.runs.set_intent(run, again);
        }
    }

    /// Raises the fence of a segment to `delivery` and records that it is worked, unless a newer
    /// delivery did so before.
    pub fn fence_segment(&mut self, key: &SegmentKey, delivery: u64, now: Timestamp) {
        let record = self.runs.get_mut(&key.run);
        let Some(segment) = record.and_then(|record| record.segment_mut(key.index)) else {
            return;
        };
        if segment.delivery <= delivery {
            segment.delivery = delivery;
            segment.worked_at = Some(now);
        }
    }

    /// Records that the messages of the intents of these runs are enqueued.
    pub fn note_enqueued(&mut self, runs: &[RunId]) {
        for run in runs {
            let record = self.runs.get_mut(run);
            if let Some(intent) = record.and_then(|record| record.intent.as_mut()) {
                intent.enqueued = true;
            }
        }
    }
}
