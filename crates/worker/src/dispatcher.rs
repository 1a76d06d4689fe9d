//! Dispatch: cutting a planned run into segments, and releasing the first of them.

use std::sync::Arc;

use futures_lite::future;

use super::context::{BusyGuard, Context, MAX_COMMIT_ATTEMPTS};
use super::lease::LeasedMessage;
use super::ports::{Ports, RunDocument, Store};
use super::{Disposition, ending, enqueue, poison, window};
use crate::model::observation::QueueName;
use crate::model::{
    Commit, CommitAnswer, CommitStep, PlannerMessage, RunState, Segment, SegmentKey,
};

type LeasedPlan<'a, P> = LeasedMessage<'a, P, PlannerMessage, <P as Ports>::PlannerQueue>;

/// Takes planner messages off the queue.
pub struct PlannerQueueDispatcherBackgroundService<'a, P: Ports> {
    context: &'a Context<P>,
}

impl<'a, P: Ports> PlannerQueueDispatcherBackgroundService<'a, P> {
    /// The service of one process.
    pub fn new(context: &'a Context<P>) -> Self {
        Self { context }
    }

    /// Dispatches until the process stops.
    pub async fn run(self) {
        let _busy = BusyGuard::new(&self.context.busy_tasks);
        let dispatch = PlannerQueueDispatchService {
            context: self.context,
        };
        let queue = self.context.ports.planner_queue();
        while let Some(held) = LeasedMessage::receive(self.context, queue, QueueName::Planner).await
        {
            let ended = future::or(dispatch.handle(&held), held.keep(async || None)).await;
            held.end(ended).await;
        }
    }
}

/// Dispatches one run.
pub struct PlannerQueueDispatchService<'a, P: Ports> {
    context: &'a Context<P>,
}

impl<P: Ports> PlannerQueueDispatchService<'_, P> {
    async fn handle(&self, held: &LeasedPlan<'_, P>) -> Disposition {
        let message = match poison::readable(self.context, &held.lease).await {
            Ok(message) => message,
            Err(ended) => return ended,
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
            let commit = self.cut(&document, message, held.lease.delivery);
            let (segments, released) = (commit.segments.clone(), commit.release.clone());
            if let CommitAnswer::Applied(_) = self.context.commit(commit).await {
                return self.enqueue(&document, &segments, released).await;
            }
            self.context.backoff_after_conflict(attempt).await;
        }
        Disposition::ReleaseAfterBackoff
    }

    /// One commit: segments, `Running`, and the released window.
    fn cut(&self, document: &RunDocument, message: &PlannerMessage, delivery: u64) -> Commit {
        let mut run = document.run.value.clone();
        let mut state = document.schedule.state.value.clone();
        let mut commit = self.context.new_commit(CommitStep::Dispatch, delivery);
        let size = self.context.options.segment_size as usize;
        commit.segments = (0_u32..)
            .zip(message.impact.digests.chunks(size))
            .map(|(index, digests)| Segment {
                key: SegmentKey {
                    run: run.id.clone(),
                    index,
                },
                digests: Arc::from(digests),
                released_at: None,
                requeued: 0,
                delivery: 0,
                committed_by: None,
                worked_at: None,
                released_next: Vec::new(),
            })
            .collect();
        run.state = RunState::Running;
        run.stats.segments = commit.segments.len() as u64;
        window::open(&mut state, &run.id, commit.segments.len() as u32);
        commit.intent_done = Some(run.id.clone());
        window::write(&mut commit, document, run, state);
        commit
    }

    /// Enqueues what the commit released: of the run just cut, and of others if there was room.
    async fn enqueue(
        &self,
        document: &RunDocument,
        segments: &[Segment],
        released: Vec<SegmentKey>,
    ) -> Disposition {
        let run = &document.run.value;
        let (own, others): (Vec<_>, Vec<_>) =
            released.into_iter().partition(|key| key.run == run.id);
        let mut all = ending::enqueue_released(self.context, &others).await;
        for segment in own
            .iter()
            .filter_map(|key| segments.get(key.index as usize))
        {
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

    /// A redelivery of a run that is cut already: what its commit has released, of the run itself and of
    /// others of its schedule, may not be enqueued. All of it was released when the run began, unless
    /// repair has released it again and is about to enqueue it.
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
        match ending::enqueue_those(self.context, &keys, is_of_commit).await {
            true => Disposition::Ack,
            false => Disposition::ReleaseAfterBackoff,
        }
    }
}
