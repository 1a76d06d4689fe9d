//! Ports to services that are down, for programs that use only some of the ports.

use crate::model::{PermitGrant, PermitRequest};
use std::sync::Arc;
use std::time::Duration;

use super::{
    BacklogSnapshot, Baseline, Commit, CommitAnswer, Event, EventId, EventPublisher, Export,
    HeartbeatAnswer, ImageDigest, ImpactQuery, ImpactRequest, Impacted, IncarnationId, Intent,
    Lease, LeaseAnswer, PortError, PortResult, ProcessName, Queue, QueueDepth, QueueMessage,
    RunDocument, RunId, ScanReport, ScanRequest, Scanner, ScannerError, ScheduleDocument,
    ScheduleEntry, ScheduleId, SegmentDocument, SegmentKey, SharedList, StaleWork, Store, TenantId,
    Timestamp, Timestamped, WaitingRun,
};

/// Implements every service port; every call fails with [`PortError::Unavailable`].
///
/// A worker over these ports waits and backs off. It completes no work and fails none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unavailable;

impl Store for Unavailable {
    async fn schedules(&self) -> PortResult<Timestamped<SharedList<ScheduleEntry>>> {
        Err(PortError::Unavailable)
    }

    async fn schedule(
        &self,
        _id: &ScheduleId,
    ) -> PortResult<Timestamped<Option<ScheduleDocument>>> {
        Err(PortError::Unavailable)
    }

    async fn exports(&self, _limit: usize) -> PortResult<Timestamped<(u64, Vec<Export>)>> {
        Err(PortError::Unavailable)
    }

    async fn planning_runs(&self, _per_tenant: usize) -> PortResult<Timestamped<Vec<WaitingRun>>> {
        Err(PortError::Unavailable)
    }

    async fn begin_planning(&self, _run: &RunId) -> PortResult<Timestamped<Option<RunDocument>>> {
        Err(PortError::Unavailable)
    }

    async fn run(&self, _run: &RunId) -> PortResult<Timestamped<Option<RunDocument>>> {
        Err(PortError::Unavailable)
    }

    async fn last_reports(
        &self,
        _tenant: &TenantId,
        _images: &[ImageDigest],
    ) -> PortResult<Timestamped<Vec<Option<Timestamp>>>> {
        Err(PortError::Unavailable)
    }

    async fn begin_segment(
        &self,
        _key: &SegmentKey,
        _delivery: u64,
    ) -> PortResult<Timestamped<SegmentDocument>> {
        Err(PortError::Unavailable)
    }

    async fn segment(&self, _key: &SegmentKey) -> PortResult<Timestamped<SegmentDocument>> {
        Err(PortError::Unavailable)
    }

    async fn baselines(
        &self,
        _tenant: &TenantId,
        _images: &[ImageDigest],
    ) -> PortResult<Vec<Option<Baseline>>> {
        Err(PortError::Unavailable)
    }

    async fn commit(&self, _commit: &Arc<Commit>) -> PortResult<CommitAnswer> {
        Err(PortError::Unavailable)
    }

    async fn intents(&self, _limit: usize) -> PortResult<Vec<Intent>> {
        Err(PortError::Unavailable)
    }

    async fn intents_enqueued(&self, _runs: &[RunId]) -> PortResult<()> {
        Err(PortError::Unavailable)
    }

    async fn outbox(&self, _limit: usize) -> PortResult<Vec<Arc<Event>>> {
        Err(PortError::Unavailable)
    }

    async fn forget_events(&self, _events: &[EventId]) -> PortResult<()> {
        Err(PortError::Unavailable)
    }

    async fn reserve_permits(
        &self,
        _schedule: &ScheduleId,
        _request: PermitRequest,
    ) -> PortResult<PermitGrant> {
        Err(PortError::Unavailable)
    }

    async fn backlog(&self) -> PortResult<Timestamped<BacklogSnapshot>> {
        Err(PortError::Unavailable)
    }

    async fn heartbeat(
        &self,
        _incarnation: &IncarnationId,
        _abandoned_after: Duration,
        _stopping: bool,
    ) -> PortResult<HeartbeatAnswer> {
        Err(PortError::Unavailable)
    }

    async fn register(&self, _process: &ProcessName) -> PortResult<IncarnationId> {
        Err(PortError::Unavailable)
    }

    async fn stale_work(
        &self,
        _stale_after: Duration,
        _run_timeout: Duration,
    ) -> PortResult<Timestamped<StaleWork>> {
        Err(PortError::Unavailable)
    }
}

impl<M: QueueMessage> Queue<M> for Unavailable {
    async fn enqueue(&self, _message: &M, _idempotency_key: &str) -> PortResult<()> {
        Err(PortError::Unavailable)
    }

    async fn lease(&self, _lease: Duration, _wait_time: Duration) -> PortResult<Option<Lease<M>>> {
        Err(PortError::Unavailable)
    }

    async fn renew(&self, _delivery: u64, _lease: Duration) -> PortResult<LeaseAnswer> {
        Err(PortError::Unavailable)
    }

    async fn acknowledge(&self, _delivery: u64) -> PortResult<LeaseAnswer> {
        Err(PortError::Unavailable)
    }

    async fn release(
        &self,
        _delivery: u64,
        _delay: Duration,
        _counted: bool,
    ) -> PortResult<LeaseAnswer> {
        Err(PortError::Unavailable)
    }

    async fn dead_letter(&self, _delivery: u64, _reason: &str) -> PortResult<LeaseAnswer> {
        Err(PortError::Unavailable)
    }

    async fn discard(&self, _delivery: u64, _reason: &str) -> PortResult<LeaseAnswer> {
        Err(PortError::Unavailable)
    }

    async fn redrive(&self, _limit: usize) -> PortResult<u64> {
        Err(PortError::Unavailable)
    }

    async fn depth(&self) -> PortResult<QueueDepth> {
        Err(PortError::Unavailable)
    }
}

impl Scanner for Unavailable {
    async fn report(&self, _request: &ScanRequest<'_>) -> Result<ScanReport, ScannerError> {
        Err(ScannerError::Unavailable)
    }
}

impl ImpactQuery for Unavailable {
    async fn resolve(&self, _request: &ImpactRequest<'_>) -> PortResult<Impacted> {
        Err(PortError::Unavailable)
    }
}

impl EventPublisher for Unavailable {
    async fn publish(&self, _events: &[Arc<Event>]) -> PortResult<()> {
        Err(PortError::Unavailable)
    }
}
