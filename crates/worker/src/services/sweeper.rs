//! Repair: enqueues work again whose message was lost, and ends overdue and orphaned runs.
//!
//! A segment or intent counts as lost if it was released, and last worked on, more than two leases
//! before the oldest message that is ready became so. Two leases are enough for its message to come
//! onto the queue, or back onto it after a release or the end of a lease. Age alone was rejected as
//! the criterion: every backlog longer than two leases would be enqueued again and again.
//!
//! The repairs of one sweep do not wait for each other, so a queue that is slow or down delays no
//! repair that does without it.

use futures_lite::future;

use crate::context::WorkerContext;
use crate::model::commit::{EndReason, Intent};
use crate::model::{CommitAnswer, CommitStep, RunId, Segment, Timestamp};
use crate::ports::{Ports, Queue, QueueDepth, Store};
use crate::run_lifecycle::end_run::{commit_end, enqueue_released};
use crate::run_lifecycle::enqueue;

/// Repairs at regular intervals.
pub struct SweeperBackgroundService<'a, P: Ports> {
    context: &'a WorkerContext<P>,
}

impl<'a, P: Ports> SweeperBackgroundService<'a, P> {
    /// Creates the service of one process.
    pub fn new(context: &'a WorkerContext<P>) -> Self {
        Self { context }
    }

    /// Sweeps until the process stops.
    pub async fn run(self) {
        while !self.context.intake.is_cancelled() {
            self.sweep().await;
            self.context
                .sleep_or_stopped(self.context.options.sweep_interval)
                .await;
        }
    }

    async fn sweep(&self) {
        let options = &self.context.options;
        let store = self.context.ports.store();
        let read = store
            .stale_work(options.stale_after(), options.run_timeout)
            .await;
        let Ok(read) = self.context.track_store_health(read) else {
            return;
        };
        let stale = read.value;
        let ends = self.end_runs(&stale.overdue, &stale.orphaned);
        let segments = self.requeue_segments(stale.segments, read.now);
        let intents = self.requeue_intents(stale.intents, read.now);
        future::zip(ends, future::zip(segments, intents)).await;
    }

    /// Ends overdue runs and those of deleted schedules. What their ends have released is enqueued
    /// last, so that a slow queue delays no end.
    async fn end_runs(&self, overdue: &[RunId], orphaned: &[RunId]) {
        let overdue = overdue.iter().map(|run| (run, EndReason::TimedOut));
        let orphaned = orphaned.iter().map(|run| (run, EndReason::ScheduleDeleted));
        let mut released = Vec::new();
        for (run, reason) in overdue.chain(orphaned) {
            let ended = commit_end(self.context, run, reason, "", 0).await;
            released.extend(ended.into_iter().flatten());
        }
        enqueue_released(self.context, &released).await;
    }

    /// Returns the instant before which work was last seen if its message is lost: a message that
    /// came onto the queue within two leases would have been leased before the oldest that is
    /// ready.
    fn lost_before(&self, now: Timestamp, depth: &QueueDepth) -> Timestamp {
        let oldest_ready = now.before(depth.oldest_ready_age);
        oldest_ready.before(self.context.options.stale_after())
    }

    /// Enqueues segments again whose message must be lost: every ready message is younger.
    async fn requeue_segments(&self, mut segments: Vec<Segment>, now: Timestamp) {
        if segments.is_empty() {
            return;
        }
        let Ok(depth) = self.context.ports.runner_queue().depth().await else {
            return;
        };
        let limit = self.lost_before(now, &depth);
        segments.retain(|segment| {
            let is_before = |at: Timestamp| at < limit;
            segment.released_at.is_some_and(is_before) && segment.worked_at.is_none_or(is_before)
        });
        if segments.is_empty() {
            return;
        }
        let mut commit = self.context.new_commit(CommitStep::Requeue, 0);
        commit.release = segments.iter().map(|segment| segment.key.clone()).collect();
        if !matches!(self.context.commit(commit).await, CommitAnswer::Applied(_)) {
            return;
        }
        for segment in &segments {
            let run = &segment.key.run;
            let read = self
                .context
                .retry_until_ok(|| self.context.ports.store().run(run))
                .await;
            let Some(document) = read.value else { continue };
            let message = enqueue::segment_message(&document.run.value, segment);
            let queue = self.context.ports.runner_queue();
            let _ = enqueue::enqueue(self.context, queue, &message, segment.requeued + 1).await;
        }
    }

    /// Has the relays enqueue intents again whose message must be lost.
    async fn requeue_intents(&self, mut intents: Vec<Intent>, now: Timestamp) {
        if intents.is_empty() {
            return;
        }
        let Ok(depth) = self.context.ports.planner_queue().depth().await else {
            return;
        };
        let limit = self.lost_before(now, &depth);
        intents.retain(|intent| intent.enqueued && intent.since < limit);
        if intents.is_empty() {
            return;
        }
        let mut commit = self.context.new_commit(CommitStep::Requeue, 0);
        commit.intents_requeued = intents
            .into_iter()
            .map(|intent| intent.message.run)
            .collect();
        self.context.commit(commit).await;
        self.context.intents.notify_one();
    }
}
