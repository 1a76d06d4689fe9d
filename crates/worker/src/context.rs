//! State that the tasks of one process share, and their ways to call and to wait.
//!
//! Two retry policies differ on purpose. A call to the store is repeated until it is answered
//! ([`retry_until_ok`](WorkerContext::retry_until_ok)): a commit's outcome must be known before
//! anything else is done about it, and its token makes the repeat safe. A call to a queue is
//! repeated a few times ([`retry_bounded`](WorkerContext::retry_bounded)): when it fails for
//! longer, the lease expires or repair enqueues the message again, and a task that kept trying
//! would only block the next message.

use std::cell::Cell;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use async_lock::Semaphore;
use futures_lite::future;

use crate::flow::backoff::Backoff;
use crate::flow::wake::{CancellationToken, WakeSignal};
use crate::metrics::{InstrumentWrites, ReadTime};
use crate::model::time::nanos_of;
use crate::model::{Commit, CommitAnswer, CommitStep, CommitToken, IncarnationId, Mode};
use crate::options::WorkerOptions;
use crate::ports::{Clock, PortError, PortResult, Ports, Store};

/// Maximum attempts of a commit: the first, and 16 more after version conflicts.
pub const MAX_COMMIT_ATTEMPTS: u32 = 17;

/// Backoff after a version conflict.
const CONFLICT_BACKOFF: Backoff = Backoff {
    initial: Duration::from_millis(10),
    factor: 2,
    max: Duration::from_millis(1280),
};

/// Maximum attempts of a call to a queue that does not answer. After them the lease expires by
/// itself, and repair brings the message back.
const MAX_QUEUE_ATTEMPTS: u32 = 4;

/// Maximum delay between two attempts of a call to a store that does not answer.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(10);

/// Value of `store_unreachable_since_ns` while the store answers.
const REACHABLE: u64 = u64::MAX;

/// State that the tasks of one process share.
pub struct WorkerContext<P: Ports> {
    /// Services, clock and random numbers.
    pub ports: P,
    /// Validated options.
    pub options: WorkerOptions,
    /// Incarnation that commits are attributed to.
    pub incarnation: IncarnationId,
    /// Instruments of the process.
    pub metrics: Arc<dyn InstrumentWrites>,
    /// Cancelled when a stop is requested: no new work is taken.
    pub intake: CancellationToken,
    /// Cancelled when `stopGrace` has passed since the stop was requested: running work is
    /// released.
    pub work: CancellationToken,
    /// Cancelled when all work is drained. Heartbeat and gauges stop only after it.
    pub monitoring: CancellationToken,
    /// Notified when the last heartbeat of a stopping process is answered.
    pub final_heartbeat_sent: WakeSignal,
    /// Notified when there may be intents to relay.
    pub intents: WakeSignal,
    /// Notified when there may be events to relay.
    pub events: WakeSignal,
    /// Held by the runner task that asks the queue for the next segment.
    ///
    /// `async_lock`'s semaphore is first in, first out, which keeps traces equal. Its `Mutex` is
    /// not used: it reads the system clock to decide on fairness.
    pub receiving: Semaphore,
    /// Number of tasks that have work, or wait for it and would take it.
    pub busy_tasks: AtomicU32,
    /// Time of the first unanswered call to the store since its last answer, in nanoseconds on the
    /// process's clock, or [`REACHABLE`].
    store_unreachable_since_ns: AtomicU64,
    /// Sequence number of the next commit.
    next_sequence: AtomicU64,
}

impl<P: Ports> WorkerContext<P> {
    /// Creates the context of a new incarnation.
    pub fn new(
        ports: P,
        options: WorkerOptions,
        incarnation: IncarnationId,
        metrics: Arc<dyn InstrumentWrites>,
    ) -> Self {
        Self {
            ports,
            options,
            incarnation,
            metrics,
            intake: CancellationToken::default(),
            work: CancellationToken::default(),
            monitoring: CancellationToken::default(),
            final_heartbeat_sent: WakeSignal::default(),
            intents: WakeSignal::default(),
            events: WakeSignal::default(),
            receiving: Semaphore::new(1),
            busy_tasks: AtomicU32::new(0),
            store_unreachable_since_ns: AtomicU64::new(REACHABLE),
            next_sequence: AtomicU64::new(1),
        }
    }

    /// Returns the time on the process's own clock.
    pub fn elapsed(&self) -> Duration {
        self.ports.clock().elapsed()
    }

    /// Waits for `duration`, or until a stop is requested.
    pub async fn sleep_or_stopped(&self, duration: Duration) {
        future::or(self.ports.clock().sleep(duration), self.intake.cancelled()).await;
    }

    /// Waits for `duration`, or until a stopping process has drained its work.
    pub async fn sleep_or_drained(&self, duration: Duration) {
        let drained = self.monitoring.cancelled();
        future::or(self.ports.clock().sleep(duration), drained).await;
    }

    /// Waits for `duration`, a notification, or until a stop is requested.
    pub async fn sleep_or_notified(&self, duration: Duration, wake_up: &WakeSignal) {
        future::or(wake_up.notified(), self.sleep_or_stopped(duration)).await;
    }

    /// Returns whether the store answered the last call. A process that cannot reach the store
    /// takes no new work.
    pub fn store_reachable(&self) -> bool {
        self.store_unreachable_since_ns.load(Ordering::Relaxed) == REACHABLE
    }

    /// Returns the time since the first unanswered call to the store; zero while it answers.
    pub fn store_unreachable_for(&self) -> Duration {
        let since = self.store_unreachable_since_ns.load(Ordering::Relaxed);
        self.elapsed().saturating_sub(Duration::from_nanos(since))
    }

    /// Records whether the store answered, and returns `result`.
    pub fn track_store_health<T>(&self, result: PortResult<T>) -> PortResult<T> {
        let since = &self.store_unreachable_since_ns;
        let order = Ordering::Relaxed;
        if result.is_ok() {
            since.store(REACHABLE, order);
        } else {
            // The outage counts from its first failed call.
            let now = nanos_of(self.elapsed());
            let _ = since.compare_exchange(REACHABLE, now, order, order);
        }
        result
    }

    /// Creates a commit of this incarnation. `delivery` is that of the message under work, or 0.
    pub fn new_commit(&self, step: CommitStep, delivery: u64) -> Commit {
        let sequence = self.next_sequence.fetch_add(1, Ordering::Relaxed);
        Commit::new(
            CommitToken {
                incarnation: self.incarnation.clone(),
                sequence,
                delivery,
            },
            step,
        )
    }

    /// Commits, with the same token in every attempt, until the outcome is known. Moves the active
    /// counter and the backlog of the schedule in the step that receives the answer.
    pub async fn commit(&self, commit: Commit) -> CommitAnswer {
        let commit = Arc::new(commit);
        // An answer may belong to any attempt that was sent: it is no older than the first.
        let sent_at = Cell::new(None);
        let attempt = async || {
            let asked_at = self.elapsed();
            let answer = self.ports.store().commit(&commit).await;
            if !matches!(answer, Err(PortError::Unavailable)) {
                sent_at.set(sent_at.get().or(Some(asked_at)));
            }
            answer
        };
        let answer = self.retry_until_ok(attempt).await;
        if let CommitAnswer::Applied(applied) = &answer {
            if let Some(delta) = commit.active_runs_delta {
                debug_assert!(delta.change.abs() == 1, "one run enters or leaves");
                self.metrics.runs_active_add(delta.mode, delta.change);
            }
            for mode in Mode::ALL {
                self.metrics
                    .runs_active_add(mode, applied.adopted[mode.index()]);
            }
            if let Some(row) = &applied.backlog {
                let time = ReadTime {
                    asked_at: sent_at.get().unwrap_or_default(),
                    as_of: applied.at,
                };
                let schedule = row.schedule.as_str();
                self.metrics
                    .backlog_set(row.mode, schedule, row.images, time);
            }
        }
        answer
    }

    /// Waits after the `attempt`-th conflict in a row (from 1), and returns whether to try again:
    /// not once the grace of a stopping process is over. The delay grows and is random, so that
    /// writers of one document do not collide again and again.
    pub async fn backoff_after_conflict(&self, attempt: u32) -> bool {
        let delay = CONFLICT_BACKOFF.delay(attempt, self.ports.random());
        future::or(self.ports.clock().sleep(delay), self.work.cancelled()).await;
        !self.work.is_cancelled()
    }

    /// Repeats a call to a queue until it is answered, four times at most.
    ///
    /// # Errors
    /// The queue answered no attempt.
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
        unreachable!("the loop ends only by its return")
    }
}

/// Counts a task as busy until it is dropped.
pub struct BusyGuard<'a>(&'a AtomicU32);

impl<'a> BusyGuard<'a> {
    /// Counts one task more.
    pub fn new(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for BusyGuard<'_> {
    fn drop(&mut self) {
        let before = self.0.fetch_sub(1, Ordering::Relaxed);
        debug_assert!(before > 0, "every guard is counted once");
    }
}
