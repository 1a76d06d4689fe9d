//! End of an unfinished run: by command, deletion of its schedule, timeout or poison.
//!
//! Every cause takes the same path, one commit guarded by the run's version. The causes race with
//! segment commits and with each other, and the version decides which one ends the run. A flag that
//! runners poll was rejected: a run would then be cancelled and completed at once.

use super::{concurrency_window, enqueue};
use crate::context::{MAX_COMMIT_ATTEMPTS, WorkerContext};
use crate::metrics::PlannerStatus;
use crate::model::commit::{ActiveRunsDelta, EndReason};
use crate::model::{
    Commit, CommitAnswer, CommitStep, RunFailure, RunId, RunState, Segment, SegmentKey,
};
use crate::ports::{Ports, RunDocument, Store};

/// Ends a run that is not terminal, and enqueues what that has released. Returns true once the run
/// is terminal or purged, and false if conflicts prevented the end: the caller comes back later.
pub async fn end_run<P: Ports>(
    context: &WorkerContext<P>,
    id: &RunId,
    reason: EndReason,
    detail: &str,
    delivery: u64,
) -> bool {
    let released = commit_end(context, id, reason, detail, delivery).await;
    if let Some(released) = &released {
        enqueue_released(context, released).await;
    }
    released.is_some()
}

/// Ends a run that is not terminal. Returns the segments that this has released, which the caller
/// enqueues, or none if conflicts prevented the end.
pub async fn commit_end<P: Ports>(
    context: &WorkerContext<P>,
    id: &RunId,
    reason: EndReason,
    detail: &str,
    delivery: u64,
) -> Option<Vec<SegmentKey>> {
    for attempt in 1..=MAX_COMMIT_ATTEMPTS {
        let read = context
            .retry_until_ok(|| context.ports.store().run(id))
            .await;
        let Some(document) = read
            .value
            .filter(|document| !document.run.value.state.is_terminal())
        else {
            return Some(Vec::new());
        };
        let commit = end_commit(context, &document, reason, detail, delivery);
        let released = commit.release.clone();
        if let CommitAnswer::Applied(applied) = context.commit(commit).await {
            let run = &document.run.value;
            if is_cancelled(reason) {
                context.metrics.run_cancelled(run.mode);
            } else if run.state == RunState::Planning {
                let latency = applied.at.since(run.created_at).as_secs_f64();
                context
                    .metrics
                    .planner_run(run.mode, PlannerStatus::Failed, latency);
            }
            return Some(released);
        }
        if !context.backoff_after_conflict(attempt).await {
            break;
        }
    }
    None
}

fn is_cancelled(reason: EndReason) -> bool {
    matches!(reason, EndReason::Command | EndReason::ScheduleDeleted)
}

fn end_commit<P: Ports>(
    context: &WorkerContext<P>,
    document: &RunDocument,
    reason: EndReason,
    detail: &str,
    delivery: u64,
) -> Commit {
    let mut run = document.run.value.clone();
    let mut state = document.schedule.state.value.clone();
    let mut commit = context.new_commit(CommitStep::End(reason), delivery);
    if run.state.is_open() {
        commit.active_runs_delta = Some(ActiveRunsDelta {
            mode: run.mode,
            change: -1,
        });
    }
    (run.state, run.error) = match reason {
        EndReason::Command | EndReason::ScheduleDeleted => (RunState::Cancelled, None),
        EndReason::TimedOut => (RunState::Error, Some(RunFailure::TimedOut)),
        EndReason::Poisoned => (
            RunState::Error,
            Some(RunFailure::Poisoned(detail.to_owned())),
        ),
    };
    concurrency_window::close(&mut state, &run.id);
    commit.intent_done = Some(run.id.clone());
    concurrency_window::write(&mut commit, document, run, state);
    commit
}

/// Enqueues segments that a commit has released, if they still await work. Returns whether the
/// queue accepted all of them; repair brings the others back. Stops once the grace of a stopping
/// process is over.
pub async fn enqueue_released<P: Ports>(context: &WorkerContext<P>, keys: &[SegmentKey]) -> bool {
    enqueue_released_if(context, keys, |_| true).await
}

/// Does the same for the segments that are `wanted`.
pub async fn enqueue_released_if<P: Ports>(
    context: &WorkerContext<P>,
    keys: &[SegmentKey],
    wanted: impl Fn(&Segment) -> bool,
) -> bool {
    let mut all = true;
    for key in keys {
        if context.work.is_cancelled() {
            return false;
        }
        let read = context
            .retry_until_ok(|| context.ports.store().segment(key))
            .await
            .value;
        let (Some(document), Some(segment)) = (read.run, read.segment) else {
            continue;
        };
        let run = &document.run.value;
        let awaits_work = segment.committed_by.is_none() && run.state == RunState::Running;
        if !awaits_work || !wanted(&segment) {
            continue;
        }
        let message = enqueue::segment_message(run, &segment);
        let queue = context.ports.runner_queue();
        all &= enqueue::enqueue(context, queue, &message, segment.requeued)
            .await
            .is_ok();
    }
    all
}
