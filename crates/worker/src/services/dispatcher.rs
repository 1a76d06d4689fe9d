//! Dispatch: cuts a planned run into segments and releases the first of them.
//!
//! Segments, the run's state and its concurrency window are one commit. The messages follow it, so
//! a message never names a segment that does not exist. A dispatcher that dies in between leaves
//! its own message unsettled; the redelivery enqueues what the commit released.

use std::sync::Arc;

use futures_lite::future;
use rehearsal_convert::Index;

use crate::context::{BusyGuard, MAX_COMMIT_ATTEMPTS, WorkerContext};
use crate::flow::lease::{Disposition, LeasedMessage};
use crate::model::observation::QueueName;
use crate::model::{
    Commit, CommitAnswer, CommitStep, PlannerMessage, RunState, Segment, SegmentKey,
};
use crate::ports::{Ports, RunDocument, Store};
use crate::run_lifecycle::{concurrency_window, end_run, enqueue, poison};

type LeasedPlan<'a, P> = LeasedMessage<'a, P, PlannerMessage, <P as Ports>::PlannerQueue>;

/// Takes planner messages off the queue.
pub struct PlannerQueueDispatcherBackgroundService<'a, P: Ports> {
    context: &'a WorkerContext<P>,
}

impl<'a, P: Ports> PlannerQueueDispatcherBackgroundService<'a, P> {
    /// Creates the service of one process.
    pub fn new(context: &'a WorkerContext<P>) -> Self {
        Self { context }
    }

    /// Dispatches until the process stops.
    pub async fn run(self) {
        let _busy = BusyGuard::new(&self.context.busy_tasks);
        let dispatch = PlannerQueueDispatchService {
            context: self.context,
        };
        let queue = self.context.ports.planner_queue();
        while let Some(leased) =
            LeasedMessage::receive(self.context, queue, QueueName::Planner).await
        {
            let kept = leased.keep_alive(async || None);
            let disposition = future::or(dispatch.handle(&leased), kept).await;
            leased.settle(disposition).await;
        }
    }
}

/// Dispatches one run.
pub struct PlannerQueueDispatchService<'a, P: Ports> {
    context: &'a WorkerContext<P>,
}

impl<P: Ports> PlannerQueueDispatchService<'_, P> {
    async fn handle(&self, leased: &LeasedPlan<'_, P>) -> Disposition {
        let message = match poison::readable(self.context, &leased.lease).await {
            Ok(message) => message,
            Err(disposition) => return disposition,
        };
        for attempt in 1..=MAX_COMMIT_ATTEMPTS {
            let read = self
                .context
                .retry_until_ok(|| self.context.ports.store().run(&message.run));
            let Some(document) = read.await.value else {
                return Disposition::Ack;
            };
            match document.run.value.state {
                RunState::Queued => {}
                RunState::Running => return self.repeat(&document).await,
                _ => return Disposition::Ack,
            }
            let commit = self.cut(&document, message, leased.lease.delivery);
            let (segments, released) = (commit.segments.clone(), commit.release.clone());
            if let CommitAnswer::Applied(_) = self.context.commit(commit).await {
                return self.enqueue(&document, &segments, released).await;
            }
            if !self.context.backoff_after_conflict(attempt).await {
                return Disposition::Release;
            }
        }
        Disposition::ReleaseAfterBackoff
    }

    /// Returns the commit of the segments, of `Running` and of the released window.
    fn cut(&self, document: &RunDocument, message: &PlannerMessage, delivery: u64) -> Commit {
        let mut run = document.run.value.clone();
        let mut state = document.schedule.state.value.clone();
        let mut commit = self.context.new_commit(CommitStep::Dispatch, delivery);
        let size = self.context.options.segment_size as usize;
        commit.segments = (0_u32..)
            .zip(message.impact.digests.chunks(size))
            .map(|(index, digests)| {
                let run = run.id.clone();
                Segment::new(SegmentKey { run, index }, Arc::from(digests))
            })
            .collect();
        let segments = commit.segments.len().index_u32();
        run.state = RunState::Running;
        run.stats.segments = u64::from(segments);
        concurrency_window::open(&mut state, &run.id, segments);
        commit.intent_done = Some(run.id.clone());
        concurrency_window::write(&mut commit, document, run, state);
        commit
    }

    /// Enqueues what the commit released: segments of this run, and of others of its schedule.
    async fn enqueue(
        &self,
        document: &RunDocument,
        segments: &[Segment],
        released: Vec<SegmentKey>,
    ) -> Disposition {
        let run = &document.run.value;
        let (own, others): (Vec<_>, Vec<_>) =
            released.into_iter().partition(|key| key.run == run.id);
        let mut all = end_run::enqueue_released(self.context, &others).await;
        for segment in own
            .iter()
            .filter_map(|key| segments.get(key.index as usize))
        {
            if self.context.work.is_cancelled() {
                return Disposition::Release;
            }
            let message = enqueue::segment_message(run, segment);
            let queue = self.context.ports.runner_queue();
            all &= enqueue::enqueue(self.context, queue, &message, 0)
                .await
                .is_ok();
        }
        if all {
            Disposition::Ack
        } else {
            Disposition::ReleaseAfterBackoff
        }
    }

    /// Handles the redelivery of a run that is cut already. Segments that its commit released, of
    /// the run and of others of its schedule, may not be enqueued yet. All of them were released
    /// when the run began, unless repair has released them again and is about to enqueue them.
    async fn repeat(&self, document: &RunDocument) -> Disposition {
        let run = &document.run.value;
        let windows = document.schedule.state.value.running.iter();
        let keys: Vec<_> = windows
            .flat_map(|window| {
                (0..window.released).map(|index| SegmentKey {
                    run: window.run.clone(),
                    index,
                })
            })
            .collect();
        let is_of_commit =
            |segment: &Segment| segment.released_at == run.started_at || segment.requeued > 0;
        match end_run::enqueue_released_if(self.context, &keys, is_of_commit).await {
            true => Disposition::Ack,
            false => Disposition::ReleaseAfterBackoff,
        }
    }
}
