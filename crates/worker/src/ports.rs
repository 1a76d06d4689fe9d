//! The traits through which the worker touches the world.
//!
//! One implementation simulates the world in virtual time, others speak to real services. All are
//! used by generics, so that nothing is boxed on the hot path. A port's future may be dropped at
//! any await: a call that was sent may then still take effect.
//!
//! Every call that reaches a service can fail in two ways, and the difference matters:
//! [`PortError::Unavailable`] (certainly no effect) and [`PortError::Unknown`] (maybe an effect).

mod set;
mod unavailable;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

pub use self::set::{PortSet, UnavailablePorts};
pub use self::unavailable::Unavailable;
pub use super::document::{
    BacklogSnapshot, Export, HeartbeatAnswer, PermitGrant, RunDocument, ScheduleDocument,
    ScheduleEntry, SegmentDocument, StaleWork, Timestamped, Versioned, WaitingRun,
};
use crate::model::commit::Intent;
use crate::model::message::QueueMessage;
use crate::model::{
    Baseline, Commit, CommitAnswer, DecodeError, Event, EventId, ImageDigest, IncarnationId, Mode,
    PlannerMessage, RunId, ScanReport, ScheduleId, SegmentKey, SegmentMessage, Selector, TenantId,
    Timestamp,
};

/// Why a call gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// The service was not reached: the call certainly had no effect.
    #[error("the service is not available")]
    Unavailable,
    /// The call was sent and no answer came: it may have had its effect.
    #[error("the service did not answer; the call may have had its effect")]
    Unknown,
}

/// The result of a call.
pub type PortResult<T> = Result<T, PortError>;

/// Everything a process needs from the world. Implemented once per kind of world.
pub trait Ports: Clone + 'static {
    /// The process's own clock.
    type Clock: Clock;
    /// The store.
    type Store: Store;
    /// The planner queue.
    type PlannerQueue: Queue<PlannerMessage>;
    /// The runner queue.
    type RunnerQueue: Queue<SegmentMessage>;
    /// The Scanner.
    type Scanner: Scanner;
    /// The impact index.
    type ImpactIndex: ImpactQuery;
    /// Notify.
    type Notify: EventPublisher;
    /// Random numbers.
    type Random: Random;

    /// The clock.
    fn clock(&self) -> &Self::Clock;
    /// The store.
    fn store(&self) -> &Self::Store;
    /// The planner queue.
    fn planner_queue(&self) -> &Self::PlannerQueue;
    /// The runner queue.
    fn runner_queue(&self) -> &Self::RunnerQueue;
    /// The Scanner.
    fn scanner(&self) -> &Self::Scanner;
    /// The impact index.
    fn impact_index(&self) -> &Self::ImpactIndex;
    /// Notify.
    fn notify(&self) -> &Self::Notify;
    /// Random numbers.
    fn random(&self) -> &Self::Random;
}

/// A process's own clock. It may be skewed, so it only measures elapsed time.
pub trait Clock {
    /// Time since some fixed instant; never falls within an incarnation.
    fn elapsed(&self) -> Duration;
    /// Waits.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()>;
}

/// Random numbers for back-off and jitter.
pub trait Random {
    /// A number drawn evenly from 0 to `bound` (exclusive); 0 if `bound` is 0.
    fn below(&self, bound: u64) -> u64;
}

/// The store: linearizable; one commit is atomic over everything in it.
pub trait Store {
    /// Lists the schedules that are not deleted.
    fn schedules(&self) -> impl Future<Output = PortResult<Timestamped<Arc<Vec<ScheduleEntry>>>>>;

    /// Reads a schedule; none if it never existed.
    fn schedule(
        &self,
        id: &ScheduleId,
    ) -> impl Future<Output = PortResult<Timestamped<Option<ScheduleDocument>>>>;

    /// Reads the exports after the cursor that `CommitStep::Export` commits move, `limit` at most, and
    /// the cursor.
    fn exports(
        &self,
        limit: usize,
    ) -> impl Future<Output = PortResult<Timestamped<(u64, Vec<Export>)>>>;

    /// Lists runs in `Planning` whose `not_before` has passed: of each tenant the `per_tenant`
    /// oldest.
    fn planning_runs(
        &self,
        per_tenant: usize,
    ) -> impl Future<Output = PortResult<Timestamped<Vec<WaitingRun>>>>;

    /// Reads a run in `Planning` in order to plan it; none if there is no such run.
    fn begin_planning(
        &self,
        run: &RunId,
    ) -> impl Future<Output = PortResult<Timestamped<Option<RunDocument>>>>;

    /// Reads a run with its schedule; none if there is no such run.
    fn run(
        &self,
        run: &RunId,
    ) -> impl Future<Output = PortResult<Timestamped<Option<RunDocument>>>>;

    /// Reads when a report of each image was last committed for the tenant.
    fn last_reports(
        &self,
        tenant: &TenantId,
        images: &[ImageDigest],
    ) -> impl Future<Output = PortResult<Timestamped<Vec<Option<Timestamp>>>>>;

    /// Raises the segment's delivery fence to `delivery` (never lowers it), notes the time as
    /// `worked_at` unless the fence stands higher, and reads segment and run. Holders repeat it
    /// with each renewal.
    fn begin_segment(
        &self,
        key: &SegmentKey,
        delivery: u64,
    ) -> impl Future<Output = PortResult<Timestamped<SegmentDocument>>>;

    /// Reads a segment with its run, without touching the fence.
    fn segment(
        &self,
        key: &SegmentKey,
    ) -> impl Future<Output = PortResult<Timestamped<SegmentDocument>>>;

    /// Reads the last committed reports of images of a tenant.
    fn baselines(
        &self,
        tenant: &TenantId,
        images: &[ImageDigest],
    ) -> impl Future<Output = PortResult<Vec<Option<Baseline>>>>;

    /// Applies a commit, or says why not. Repeating it is safe.
    fn commit(&self, commit: &Arc<Commit>) -> impl Future<Output = PortResult<CommitAnswer>>;

    /// Lists intents that are not enqueued yet, oldest first.
    fn intents(&self, limit: usize) -> impl Future<Output = PortResult<Vec<Intent>>>;

    /// Notes that the intents of these runs are enqueued.
    fn intents_enqueued(&self, runs: &[RunId]) -> impl Future<Output = PortResult<()>>;

    /// Lists events of the outbox, oldest first, and tells its depth.
    fn outbox(&self, limit: usize) -> impl Future<Output = PortResult<(Vec<Arc<Event>>, u64)>>;

    /// Removes published events from the outbox.
    fn forget_events(&self, events: &[EventId]) -> impl Future<Output = PortResult<()>>;

    /// Reserves `count` permits of a schedule at `rate_per_second`, none before `lead` from now.
    fn reserve_permits(
        &self,
        schedule: &ScheduleId,
        rate_per_second: f64,
        count: u32,
        lead: Duration,
    ) -> impl Future<Output = PortResult<PermitGrant>>;

    /// Reads the backlog of every schedule that is not deleted.
    fn backlog(&self) -> impl Future<Output = PortResult<Timestamped<BacklogSnapshot>>>;

    /// Notes that the incarnation is alive (or, if `stopping`, that its balance is free to take at
    /// once).
    fn heartbeat(
        &self,
        incarnation: &IncarnationId,
        abandoned_after: Duration,
        stopping: bool,
    ) -> impl Future<Output = PortResult<HeartbeatAnswer>>;

    /// Looks for work for repair: released or written before now − `stale_after`, or created before
    /// now − `run_timeout`.
    fn stale_work(
        &self,
        stale_after: Duration,
        run_timeout: Duration,
    ) -> impl Future<Output = PortResult<Timestamped<StaleWork>>>;
}

/// A message under lease.
#[derive(Debug, Clone, PartialEq)]
pub struct Lease<M> {
    /// The body, or why it can't be read.
    pub body: Result<M, DecodeError>,
    /// Header: the run.
    pub run: RunId,
    /// Header: the schedule.
    pub schedule: ScheduleId,
    /// A fencing number: grows with every lease that the queue gives.
    pub delivery: u64,
    /// Deliveries so far that count against the limit, this one included.
    pub attempt: u32,
}

/// The queue's answer to a call about a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseAnswer {
    /// Done.
    Done,
    /// The lease had ended: nothing was done.
    Expired,
}

/// What a queue holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueDepth {
    /// Messages that are ready or leased.
    pub depth: u64,
    /// Age of the oldest ready message; zero if there is none.
    pub oldest_ready_age: Duration,
}

/// A queue: delivers at least once, in no promised order.
pub trait Queue<M: QueueMessage> {
    /// Puts a message on the queue, unless one with this key came within the idempotency window.
    fn enqueue(&self, message: &M, idempotency_key: &str) -> impl Future<Output = PortResult<()>>;

    /// Leases the next ready message; waits for one up to `patience`.
    fn lease(
        &self,
        lease: Duration,
        patience: Duration,
    ) -> impl Future<Output = PortResult<Option<Lease<M>>>>;

    /// Extends a lease to `lease` from now.
    fn renew(
        &self,
        delivery: u64,
        lease: Duration,
    ) -> impl Future<Output = PortResult<LeaseAnswer>>;

    /// Removes a message.
    fn acknowledge(&self, delivery: u64) -> impl Future<Output = PortResult<LeaseAnswer>>;

    /// Hands a message back, ready again after `delay`. `counted`: the delivery counts against the
    /// limit.
    fn release(
        &self,
        delivery: u64,
        delay: Duration,
        counted: bool,
    ) -> impl Future<Output = PortResult<LeaseAnswer>>;

    /// Sets a message aside with its headers and a reason.
    fn dead_letter(
        &self,
        delivery: u64,
        reason: &str,
    ) -> impl Future<Output = PortResult<LeaseAnswer>>;

    /// Removes a message that is past the limit without setting it aside.
    fn discard(&self, delivery: u64, reason: &str)
    -> impl Future<Output = PortResult<LeaseAnswer>>;

    /// Puts dead letters back with a fresh attempt count; tells how many.
    fn redrive(&self, limit: usize) -> impl Future<Output = PortResult<u64>>;

    /// What the queue holds.
    fn depth(&self) -> impl Future<Output = PortResult<QueueDepth>>;
}

/// A request to the Scanner.
#[derive(Debug, Clone, Copy)]
pub struct ScanRequest<'a> {
    /// The owner.
    pub tenant: &'a TenantId,
    /// On whose behalf.
    pub schedule: &'a ScheduleId,
    /// The schedule's rate, if it has one.
    pub rate_per_second: Option<f64>,
    /// The image.
    pub image: &'a ImageDigest,
    /// Report only, or scan first.
    pub mode: Mode,
    /// The lease under which it is asked.
    pub delivery: u64,
    /// 1 for the first request of an image under a lease.
    pub attempt: u32,
    /// The instant of its permit.
    pub permit: Option<Timestamp>,
}

/// Why the Scanner gave no report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScannerError {
    /// 404 or 422: it never will.
    #[error("the scanner refuses the image")]
    Refused,
    /// 429: not before this long from now.
    #[error("the scanner asks to wait {0:?}")]
    Throttled(Duration),
    /// 5xx.
    #[error("the scanner failed")]
    Failed,
    /// No answer within the caller's patience. Made by the caller, never by a port.
    #[error("the scanner did not answer in time")]
    TimedOut,
    /// It was not reached.
    #[error("the scanner is not available")]
    Unavailable,
}

/// The Scanner. It has no time-out of its own: the caller stops waiting.
pub trait Scanner {
    /// Asks for a report of an image. The request is sent at the first poll.
    fn report(
        &self,
        request: &ScanRequest<'_>,
    ) -> impl Future<Output = Result<ScanReport, ScannerError>>;
}

/// A question to the impact index.
#[derive(Debug, Clone, Copy)]
pub struct ImpactRequest<'a> {
    /// The owner: no other tenant's image is given.
    pub tenant: &'a TenantId,
    /// The schedule's selector.
    pub selector: &'a Selector,
    /// Only images with one of these products; empty: all.
    pub product_keys: &'a [Arc<str>],
    /// Only images that use such a product from their entrypoint.
    pub usage_only: bool,
}

/// The images that an [`ImpactRequest`] gives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Impacted {
    /// Candidates, duplicates by digest included.
    pub candidates: u64,
    /// Their digests, each once, in the index's stable order.
    pub digests: Vec<ImageDigest>,
}

/// The impact index.
pub trait ImpactQuery {
    /// Resolves a question.
    fn resolve(&self, request: &ImpactRequest<'_>) -> impl Future<Output = PortResult<Impacted>>;
}

/// Notify.
pub trait EventPublisher {
    /// Publishes events; each at least once if it answers yes.
    fn publish(&self, events: &[Arc<Event>]) -> impl Future<Output = PortResult<()>>;
}
