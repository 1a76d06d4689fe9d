//! Hooks of a defect. Each passes its call through unless a defect overrides it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rehearsal::check::{
    CounterSeries, HistogramRead, HistogramSeries, InfoSeries, InstrumentReader,
};
use rehearsal::metrics::Registry;
use rehearsal::model::observation::{Observation, Observer, QueueName};
use rehearsal::model::{
    Baseline, Commit, CommitAnswer, Event, EventId, ImageDigest, IncarnationId, Mode, PermitGrant,
    PermitRequest, ScanReport, ScheduleId, SegmentKey, SharedList, TenantId, Timestamp,
};
use rehearsal::worker::ports::{
    EventPublisher, HeartbeatAnswer, ImpactQuery, ImpactRequest, Impacted, LeaseAnswer, PortResult,
    Ports, RunDocument, ScanRequest, Scanner, ScannerError, ScheduleDocument, ScheduleEntry,
    SegmentDocument, StaleWork, Store, Timestamped, WaitingRun,
};

use super::incarnation::{Incarnation, Posted};

/// Defect between every worker and its world, shared by all incarnations of a rehearsal.
#[async_trait(?Send)]
pub trait Defect: 'static {
    /// Factor by which the processes' own clocks are slower than the world's.
    fn clock_slowness(&self) -> u32 {
        1
    }

    /// Sends a commit to the store.
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        incarnation.world.store().commit(commit).await
    }

    /// Changes the list of schedules as it is read at `now`.
    fn bend_schedules(&self, _now: Timestamp, _entries: &mut SharedList<ScheduleEntry>) {}

    /// Changes a schedule as it is read at `now`, before its fires are decided.
    fn bend_schedule(&self, _now: Timestamp, _document: &mut ScheduleDocument) {}

    /// Changes the list of runs that wait for a planner.
    fn bend_waiting(&self, _waiting: &mut Vec<WaitingRun>) {}

    /// Changes a run as it is read in order to plan it.
    fn bend_planning(&self, _read: &mut Timestamped<Option<RunDocument>>) {}

    /// Changes a run that is read from the store for any purpose.
    fn bend_run(&self, _document: &mut RunDocument) {}

    /// Changes the times of the last reports, as planning reads them at `now`.
    fn bend_last_reports(&self, _now: Timestamp, _last: &mut [Option<Timestamp>]) {}

    /// Reads the last committed reports of images.
    async fn baselines(
        &self,
        incarnation: &Incarnation,
        tenant: &TenantId,
        images: &[ImageDigest],
    ) -> PortResult<Vec<Option<Baseline>>> {
        incarnation.world.store().baselines(tenant, images).await
    }

    /// Lists events of the outbox.
    async fn outbox(&self, incarnation: &Incarnation, limit: usize) -> PortResult<Vec<Arc<Event>>> {
        incarnation.world.store().outbox(limit).await
    }

    /// Removes published events from the outbox.
    async fn forget_events(&self, incarnation: &Incarnation, events: &[EventId]) -> PortResult<()> {
        incarnation.world.store().forget_events(events).await
    }

    /// Reserves permits.
    async fn reserve_permits(
        &self,
        incarnation: &Incarnation,
        schedule: &ScheduleId,
        request: PermitRequest,
    ) -> PortResult<PermitGrant> {
        let store = incarnation.world.store();
        store.reserve_permits(schedule, request).await
    }

    /// Changes the answer to a heartbeat.
    fn bend_heartbeat(&self, _heartbeat: &mut HeartbeatAnswer) {}

    /// Changes the stale work that the sweeper reads.
    fn bend_stale_work(&self, _work: &mut StaleWork) {}

    /// Queries the impact index.
    async fn resolve(
        &self,
        incarnation: &Incarnation,
        request: &ImpactRequest<'_>,
    ) -> PortResult<Impacted> {
        incarnation.world.impact_index().resolve(request).await
    }

    /// Sends a request to the Scanner.
    async fn report(
        &self,
        incarnation: &Incarnation,
        request: &ScanRequest<'_>,
    ) -> Result<ScanReport, ScannerError> {
        incarnation.world.scanner().report(request).await
    }

    /// Publishes events.
    async fn publish(&self, incarnation: &Incarnation, events: &[Arc<Event>]) -> PortResult<()> {
        incarnation.world.notify().publish(events).await
    }

    /// Enqueues a message.
    async fn enqueue(
        &self,
        incarnation: &Incarnation,
        posted: Posted<'_>,
        key: &str,
    ) -> PortResult<()> {
        incarnation.enqueue(posted, key).await
    }

    /// Receives each lease before its worker does.
    async fn leased(
        &self,
        _incarnation: &Incarnation,
        _queue: QueueName,
        _delivery: u64,
    ) -> PortResult<()> {
        Ok(())
    }

    /// Extends a lease.
    async fn renew(
        &self,
        incarnation: &Incarnation,
        queue: QueueName,
        delivery: u64,
        lease: Duration,
    ) -> PortResult<LeaseAnswer> {
        incarnation.renew(queue, delivery, lease).await
    }

    /// Releases a message.
    async fn release(
        &self,
        incarnation: &Incarnation,
        queue: QueueName,
        delivery: u64,
        delay: Duration,
        counted: bool,
    ) -> PortResult<LeaseAnswer> {
        incarnation.release(queue, delivery, delay, counted).await
    }

    /// Registry into which an incarnation records.
    fn registry(&self) -> Registry {
        Registry::new()
    }

    /// Reads a counter of an incarnation.
    fn counter(
        &self,
        _incarnation: &IncarnationId,
        plain: &dyn InstrumentReader,
        series: CounterSeries,
    ) -> u64 {
        plain.counter(series)
    }

    /// Reads a histogram of an incarnation.
    fn histogram(
        &self,
        _incarnation: &IncarnationId,
        plain: &dyn InstrumentReader,
        series: HistogramSeries,
    ) -> HistogramRead {
        plain.histogram(series)
    }

    /// Reads the active counter of an incarnation.
    fn runs_active(
        &self,
        _incarnation: &IncarnationId,
        plain: &dyn InstrumentReader,
        mode: Mode,
    ) -> i64 {
        plain.runs_active(mode)
    }

    /// Reads the backlog that an incarnation exports.
    fn backlog(
        &self,
        _incarnation: &IncarnationId,
        plain: &dyn InstrumentReader,
        show: &mut dyn FnMut(Mode, &str, u64),
    ) {
        plain.backlog(show);
    }

    /// Reads a series that identifies the process of an incarnation.
    fn info(&self, plain: &dyn InstrumentReader, series: InfoSeries) -> Option<f64> {
        plain.info(series)
    }

    /// Counts the series of an incarnation.
    fn series_count(&self, plain: &dyn InstrumentReader) -> usize {
        plain.series_count()
    }

    /// Passes an observation to the oracle.
    fn observe(&self, at: Timestamp, observation: &Observation<'_>, oracle: &mut dyn Observer) {
        oracle.observe(at, observation);
    }
}

/// Defect that changes nothing.
pub struct Healthy;

impl Defect for Healthy {}
