//! What all loops of one process share.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use async_lock::Semaphore;
use futures_lite::future;

use super::backoff::Backoff;
use super::options::WorkerOptions;
use super::ports::{Clock, PortResult, Ports, Store};
use super::signal::{CancellationToken, Notify};
use crate::metrics::SchedulerWorkerMetrics;
use crate::model::time::nanos_of;
use crate::model::{Commit, CommitAnswer, CommitStep, CommitToken, IncarnationId};

/// Tries of a commit: after a version conflict things are read again, 16 times.
pub const MAX_COMMIT_ATTEMPTS: u32 = 17;

/// After a version conflict.
const CONFLICT_BACKOFF: Backoff = Backoff {
    initial: Duration::from_millis(10),
    factor: 2,
    max: Duration::from_millis(1280),
};

/// Tries of a call to a queue that does not answer. Past them the lease runs out by itself, and
/// repair brings the message back.
const MAX_QUEUE_ATTEMPTS: u32 = 4;

/// Between two tries of a call to a service that doesn't answer, at most.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(10);

/// Stands for no instant: the store answers.
const REACHABLE: u64 = u64::MAX;

/// What all loops of one process share.
pub struct Context<P: Ports> {
    /// The world.
    pub ports: P,
    /// Options.
    pub options: WorkerOptions,
    /// This incarnation of the process.
    pub incarnation: IncarnationId,
    /// Its metrics.
    pub metrics: Arc<SchedulerWorkerMetrics>,
    /// Raised when the process is asked to stop.
    pub intake: CancellationToken,
    /// Raised when a stopping process has been at it for as long as it may finish work.
    pub work: CancellationToken,
    /// Raised when a stopping process has nothing in hand any more: what shows that it lives ends
    /// last.
    pub monitoring: CancellationToken,
    /// Raised when a stopping process has given its last sign of life.
    pub final_heartbeat_sent: Notify,
    /// Raised when there may be intents to relay.
    pub intents: Notify,
    /// Raised when there may be events to relay.
    pub events: Notify,
    /// Held by the runner place that asks the queue for the next segment.
    pub receiving: Semaphore,
    /// Loops that have work in hand.
    pub busy_tasks: AtomicU32,
    /// When the store first gave no answer again, on the process's clock; [`REACHABLE`] if it
    /// answers.
    store_unreachable_since_ns: AtomicU64,
    /// Of the next commit.
    sequence: AtomicU64,
}

impl<P: Ports> Context<P> {
    /// The context of a new incarnation.
    pub fn new(
        ports: P,
        options: WorkerOptions,
        incarnation: IncarnationId,
        metrics: Arc<SchedulerWorkerMetrics>,
    ) -> Self {
        Self {
            ports,
            options,
            incarnation,
            metrics,
            intake: CancellationToken::default(),
            work: CancellationToken::default(),
            monitoring: CancellationToken::default(),
            final_heartbeat_sent: Notify::default(),
            intents: Notify::default(),
            events: Notify::default(),
            receiving: Semaphore::new(1),
            busy_tasks: AtomicU32::new(0),
            store_unreachable_since_ns: AtomicU64::new(REACHABLE),
            sequence: AtomicU64::new(1),
        }
    }

    /// The process's own time.
    pub fn elapsed(&self) -> Duration {
        self.ports.clock().elapsed()
    }

    /// Waits for `duration`, or until the process is asked to stop.
    pub async fn sleep_or_stopped(&self, duration: Duration) {
        future::or(self.ports.clock().sleep(duration), self.intake.cancelled()).await;
    }

    /// Waits for `duration`, or until the process has nothing in hand any more.
    pub async fn sleep_or_drained(&self, duration: Duration) {
        future::or(
            self.ports.clock().sleep(duration),
            self.monitoring.cancelled(),
        )
        .await;
    }

    /// Waits for `duration`, a poke, or until the process is asked to stop.
    pub async fn sleep_or_notified(&self, duration: Duration, wake_up: &Notify) {
        future::or(wake_up.notified(), self.sleep_or_stopped(duration)).await;
    }

    /// Whether the last call to the store was answered. A process that can't reach the store takes
    /// no new work.
    pub fn store_reachable(&self) -> bool {
        self.store_unreachable_since_ns.load(Ordering::Relaxed) == REACHABLE
    }

    /// How long the store has given no answer.
    pub fn store_unreachable_for(&self) -> Duration {
        let since = self.store_unreachable_since_ns.load(Ordering::Relaxed);
        self.elapsed().saturating_sub(Duration::from_nanos(since))
    }

    /// Notes whether the store answered, and passes the result on.
    pub fn track_store_health<T>(&self, result: PortResult<T>) -> PortResult<T> {
        let since = &self.store_unreachable_since_ns;
        let order = Ordering::Relaxed;
        if result.is_ok() {
            since.store(REACHABLE, order);
        } else {
            // Silence counts from the first call that failed.
            let now = nanos_of(self.elapsed());
            let _ = since.compare_exchange(REACHABLE, now, order, order);
        }
        result
    }

    /// A new commit of this incarnation. `delivery`: of the message that is worked, or 0.
    pub fn new_commit(&self, step: CommitStep, delivery: u64) -> Commit {
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        Commit::new(
            CommitToken {
                incarnation: self.incarnation.clone(),
                sequence,
                delivery,
            },
            step,
        )
    }

    /// Commits: the same commit with the same token again and again, until its outcome is known.
    /// Moves the active counter, and the backlog of the schedule, in the step that learns of it.
    pub async fn commit(&self, commit: Commit) -> CommitAnswer {
        let commit = Arc::new(commit);
        // The answer may be that of an earlier try: what it tells is at least as new as this.
        let asked_at = self.elapsed();
        let answer = self
            .retry_until_ok(|| self.ports.store().commit(&commit))
            .await;
        if let CommitAnswer::Applied(applied) = &answer {
            if let Some(booking) = commit.active_runs_delta {
                self.metrics.runs_active_add(booking.mode, booking.change);
            }
            for mode in crate::model::Mode::ALL {
                self.metrics
                    .runs_active_add(mode, applied.adopted[mode.index()]);
            }
            if let Some(row) = &applied.backlog {
                let backlog = self.metrics.backlog();
                backlog.set(row.mode, row.schedule.as_str(), row.images, asked_at);
            }
        }
        answer
    }

    /// Waits a little after the `attempt`-th conflict in a row (from 1), longer each time and at
    /// random, so that those who want the same document don't meet again and again.
    pub async fn backoff_after_conflict(&self, attempt: u32) {
        let delay = CONFLICT_BACKOFF.delay(attempt, self.ports.random());
        self.ports.clock().sleep(delay).await;
    }

    /// Repeats a call to a queue a few times, until it is answered.
    ///
    /// # Errors
    /// The queue stays silent.
    pub async fn retry_bounded<T, F: Future<Output = PortResult<T>>>(
        &self,
        mut call: impl FnMut() -> F,
    ) -> PortResult<T> {
        let mut result = call().await;
        for attempt in 1..MAX_QUEUE_ATTEMPTS {
            if result.is_ok() {
                break;
            }
            let delay = self.options.backoff().delay(attempt, self.ports.random());
            self.ports.clock().sleep(delay).await;
            result = call().await;
        }
        result
    }

    /// Repeats a call to the store until it is answered.
    pub async fn retry_until_ok<T, F: Future<Output = PortResult<T>>>(
        &self,
        mut call: impl FnMut() -> F,
    ) -> T {
        for attempt in 1.. {
            if let Ok(answer) = self.track_store_health(call().await) {
                return answer;
            }
            let delay = self.options.backoff().delay(attempt, self.ports.random());
            let delay = delay.min(MAX_RETRY_DELAY);
            self.ports.clock().sleep(delay).await;
        }
        unreachable!("the loop above has no end but its return")
    }
}

/// Counts a loop as busy while it lives.
pub struct BusyGuard<'a>(&'a AtomicU32);

impl<'a> BusyGuard<'a> {
    /// Counts one more.
    pub fn new(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for BusyGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
