//! Ports: the traits through which the worker reaches services, time and randomness.
//!
//! One implementation simulates the services in virtual time, others call real ones. All are used
//! through generics and `impl Future`; trait objects were rejected because they box every call on
//! the hot path. A port's future may be dropped at any await: a call that was sent may then still
//! take effect.
//!
//! Every call to a service can fail in two ways that need different handling:
//! [`PortError::Unavailable`] (certainly no effect) and [`PortError::Unknown`] (maybe an effect).

mod decision;
mod documents;
mod set;
mod unavailable;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

pub use self::decision::{CommitDecision, SegmentFence, StoredDocuments, stamp_runs};
pub use self::documents::{
    BacklogSnapshot, Export, HeartbeatAnswer, RunDocument, ScheduleDocument, ScheduleEntry,
    SegmentDocument, StaleWork, Timestamped, Versioned, WaitingRun,
};
pub use self::set::{PortSet, UnavailablePorts};
pub use self::unavailable::Unavailable;

use crate::model::commit::Intent;
use crate::model::message::QueueMessage;
use crate::model::{
    Baseline, Commit, CommitAnswer, DecodeError, Event, EventId, ImageDigest, IncarnationId, Mode,
    PermitGrant, PermitRequest, PlannerMessage, ProcessName, RunId, ScanReport, ScheduleId,
    SegmentKey, SegmentMessage, Selector, SharedList, TenantId, Timestamp,
};

/// Reason why a call gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// The service was not reached, so the call had no effect.
    #[error("the service is not available")]
    Unavailable,
    /// The call was sent and not answered, so it may have had its effect.
    #[error("the service did not answer; the call may have had its effect")]
    Unknown,
}

/// Result of a call to a service.
pub type PortResult<T> = Result<T, PortError>;

/// Services, clock and random numbers of a process. Implemented once per environment.
pub trait Ports: Clone + 'static {
    /// Clock of the process.
    type Clock: Clock;
    /// Store of schedules and runs.
    type Store: Store;
    /// Queue of planned runs.
    type PlannerQueue: Queue<PlannerMessage>;
    /// Queue of segments.
    type RunnerQueue: Queue<SegmentMessage>;
    /// Scanner of images.
    type Scanner: Scanner;
    /// Index from selectors and products to images.
    type ImpactIndex: ImpactQuery;
    /// Notify, which delivers events to subscribers.
    type Notify: EventPublisher;
    /// Source of random numbers.
    type Random: Random;

    /// Returns the clock.
    fn clock(&self) -> &Self::Clock;
    /// Returns the store.
    fn store(&self) -> &Self::Store;
    /// Returns the planner queue.
    fn planner_queue(&self) -> &Self::PlannerQueue;
    /// Returns the runner queue.
    fn runner_queue(&self) -> &Self::RunnerQueue;
    /// Returns the Scanner.
    fn scanner(&self) -> &Self::Scanner;
    /// Returns the impact index.
    fn impact_index(&self) -> &Self::ImpactIndex;
    /// Returns Notify.
    fn notify(&self) -> &Self::Notify;
    /// Returns the source of random numbers.
    fn random(&self) -> &Self::Random;
}

/// A process's own monotonic clock. It may run fast or slow, so it only measures elapsed time.
pub trait Clock {
    /// Returns the time since a fixed instant. It never decreases within one incarnation.
    fn elapsed(&self) -> Duration;
    /// Waits for `duration` on this clock.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()>;
}

/// Random numbers for backoff and jitter.
pub trait Random {
    /// Returns a uniform number from 0 up to, but not including, `bound`; 0 if `bound` is 0.
    fn below(&self, bound: u64) -> u64;
}

/// Linearizable store. One commit is atomic over all of its documents.
pub trait Store {
    /// Lists the schedules that are not deleted, in ascending order.
    fn schedules(&self)
    -> impl Future<Output = PortResult<Timestamped<SharedList<ScheduleEntry>>>>;

    /// Reads a schedule; none if it never existed.
    fn schedule(
        &self,
        id: &ScheduleId,
    ) -> impl Future<Output = PortResult<Timestamped<Option<ScheduleDocument>>>>;

    /// Reads the export cursor, which `CommitStep::Export` commits move, and up to `limit` exports
    /// after it.
    fn exports(
        &self,
        limit: usize,
    ) -> impl Future<Output = PortResult<Timestamped<(u64, Vec<Export>)>>>;

    /// Lists the runs in `Planning` whose `not_before` has passed, the `per_tenant` oldest of each
    /// tenant.
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

    /// Reads the time at which a report of each image was last committed for the tenant.
    fn last_reports(
        &self,
        tenant: &TenantId,
        images: &[ImageDigest],
    ) -> impl Future<Output = PortResult<Timestamped<Vec<Option<Timestamp>>>>>;

    /// Raises the segment's delivery fence to `delivery` (never lowers it) and reads segment and
    /// run. Records the time as `worked_at`, unless the fence is higher. Holders repeat the call
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

    /// Applies a commit, or answers why not. A repeat with the same token is safe.
    fn commit(&self, commit: &Arc<Commit>) -> impl Future<Output = PortResult<CommitAnswer>>;

    /// Lists up to `limit` intents that are not enqueued yet, oldest first.
    fn intents(&self, limit: usize) -> impl Future<Output = PortResult<Vec<Intent>>>;

    /// Marks the intents of these runs as enqueued.
    fn intents_enqueued(&self, runs: &[RunId]) -> impl Future<Output = PortResult<()>>;

    /// Lists up to `limit` events of the outbox, oldest first.
    fn outbox(&self, limit: usize) -> impl Future<Output = PortResult<Vec<Arc<Event>>>>;

    /// Removes published events from the outbox.
    fn forget_events(&self, events: &[EventId]) -> impl Future<Output = PortResult<()>>;

    /// Reserves permits of a schedule.
    fn reserve_permits(
        &self,
        schedule: &ScheduleId,
        request: PermitRequest,
    ) -> impl Future<Output = PortResult<PermitGrant>>;

    /// Reads the backlog of every schedule that is not deleted, and the depth of the outbox.
    fn backlog(&self) -> impl Future<Output = PortResult<Timestamped<BacklogSnapshot>>>;

    /// Records a heartbeat of the incarnation. `abandoned_after` is the time without a heartbeat
    /// after which a count is orphaned; with `stopping` the own count is orphaned at once.
    fn heartbeat(
        &self,
        incarnation: &IncarnationId,
        abandoned_after: Duration,
        stopping: bool,
    ) -> impl Future<Output = PortResult<HeartbeatAnswer>>;

    /// Registers a new incarnation of a process. Its number is higher than that of every earlier
    /// incarnation of a process with this name, so that no commit token repeats. A process that
    /// gets no answer must not start, and may repeat the call: numbers may have gaps.
    fn register(&self, process: &ProcessName) -> impl Future<Output = PortResult<IncarnationId>>;

    /// Lists work for repair: released or written before now − `stale_after`, or created before now
    /// − `run_timeout`.
    fn stale_work(
        &self,
        stale_after: Duration,
        run_timeout: Duration,
    ) -> impl Future<Output = PortResult<Timestamped<StaleWork>>>;
}

/// A message under lease.
#[derive(Debug, Clone, PartialEq)]
pub struct Lease<M> {
    /// Body, or the reason why it cannot be read.
    pub body: Result<M, DecodeError>,
    /// Run, from the message's headers.
    pub run: RunId,
    /// Schedule, from the message's headers.
    pub schedule: ScheduleId,
    /// Fencing token: grows with every lease that the queue grants, even if the queue is created
    /// anew. See [`DeliveryEpoch`](crate::model::DeliveryEpoch).
    pub delivery: u64,
    /// Deliveries that count against the limit, including this one.
    pub attempt: u32,
}

/// Answer of a queue to a call about a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseAnswer {
    /// The call took effect.
    Done,
    /// The lease had expired, so the call had no effect.
    Expired,
}

/// Fill level of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueDepth {
    /// Number of messages that are ready, delayed or leased.
    pub depth: u64,
    /// Age of the oldest ready message; zero if there is none.
    pub oldest_ready_age: Duration,
}

/// Queue with at-least-once delivery in no guaranteed order.
pub trait Queue<M: QueueMessage> {
    /// Enqueues a message, unless one with this key was enqueued within the idempotency window.
    fn enqueue(&self, message: &M, idempotency_key: &str) -> impl Future<Output = PortResult<()>>;

    /// Leases the next ready message for `lease`, and waits for one up to `wait_time`.
    fn lease(
        &self,
        lease: Duration,
        wait_time: Duration,
    ) -> impl Future<Output = PortResult<Option<Lease<M>>>>;

    /// Extends a lease to `lease` from now.
    fn renew(
        &self,
        delivery: u64,
        lease: Duration,
    ) -> impl Future<Output = PortResult<LeaseAnswer>>;

    /// Removes a message whose work is complete.
    fn acknowledge(&self, delivery: u64) -> impl Future<Output = PortResult<LeaseAnswer>>;

    /// Releases a message, which is ready again after `delay`. `counted`: the delivery counts
    /// against the limit.
    fn release(
        &self,
        delivery: u64,
        delay: Duration,
        counted: bool,
    ) -> impl Future<Output = PortResult<LeaseAnswer>>;

    /// Makes a message a dead letter, with its headers and a reason.
    fn dead_letter(
        &self,
        delivery: u64,
        reason: &str,
    ) -> impl Future<Output = PortResult<LeaseAnswer>>;

    /// Removes a message that is past the limit, without a dead letter.
    fn discard(&self, delivery: u64, reason: &str)
    -> impl Future<Output = PortResult<LeaseAnswer>>;

    /// Puts up to `limit` dead letters back with an attempt count of zero, and returns their
    /// number.
    fn redrive(&self, limit: usize) -> impl Future<Output = PortResult<u64>>;

    /// Returns the fill level.
    fn depth(&self) -> impl Future<Output = PortResult<QueueDepth>>;
}

/// A request to the Scanner.
#[derive(Debug, Clone, Copy)]
pub struct ScanRequest<'a> {
    /// Tenant that owns the image.
    pub tenant: &'a TenantId,
    /// Schedule on whose behalf the request is made.
    pub schedule: &'a ScheduleId,
    /// Rate limit of the schedule, in requests per second.
    pub rate_per_second: Option<f64>,
    /// Image to report on.
    pub image: &'a ImageDigest,
    /// Whether the report needs a new scan first.
    pub mode: Mode,
    /// Delivery number of the lease under which the request is made.
    pub delivery: u64,
    /// Number of the request for this image under the lease, from 1.
    pub attempt: u32,
    /// Instant of the permit; none without a rate limit.
    pub permit: Option<Timestamp>,
}

/// Reason why the Scanner gave no report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScannerError {
    /// 404 or 422: the image will never have a report.
    #[error("the scanner refuses the image")]
    Refused,
    /// 429: no request before this time has passed.
    #[error("the scanner asks to wait {0:?}")]
    Throttled(Duration),
    /// 5xx: the request may be repeated.
    #[error("the scanner failed")]
    Failed,
    /// No answer within the caller's timeout. Created by the caller, never by a port.
    #[error("the scanner did not answer in time")]
    TimedOut,
    /// The Scanner was not reached.
    #[error("the scanner is not available")]
    Unavailable,
}

/// Scanner of images. It has no timeout of its own: the caller stops waiting.
pub trait Scanner {
    /// Requests a report of an image. The request is sent at the first poll.
    fn report(
        &self,
        request: &ScanRequest<'_>,
    ) -> impl Future<Output = Result<ScanReport, ScannerError>>;
}

/// A query of the impact index.
#[derive(Debug, Clone, Copy)]
pub struct ImpactRequest<'a> {
    /// Tenant whose images are searched.
    pub tenant: &'a TenantId,
    /// Selector of the schedule.
    pub selector: &'a Selector,
    /// Products of which an image must contain one; empty for all images.
    pub product_keys: &'a [Arc<str>],
    /// Whether the image must use that product from its entrypoint.
    pub usage_only: bool,
}

/// Images that match an [`ImpactRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Impacted {
    /// Number of matching images, duplicates by digest included.
    pub candidates: u64,
    /// Digests of the matching images, each once, in the index's stable order.
    pub digests: Vec<ImageDigest>,
}

/// Queries of the impact index.
pub trait ImpactQuery {
    /// Returns the images that match the request.
    fn resolve(&self, request: &ImpactRequest<'_>) -> impl Future<Output = PortResult<Impacted>>;
}

/// Publisher of events to Notify.
pub trait EventPublisher {
    /// Publishes events. After success each was published at least once.
    fn publish(&self, events: &[Arc<Event>]) -> impl Future<Output = PortResult<()>>;
}
