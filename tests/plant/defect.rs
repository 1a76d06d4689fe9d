//! What a defect may bend. Every hook passes through unless a defect overrides it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rehearsal::check::{CounterSeries, HistogramRead, HistogramSeries, Instruments};
use rehearsal::model::observation::{Observation, Observer, QueueName};
use rehearsal::model::{
    Answer, Baseline, Commit, Event, EventId, ImageDigest, LifeId, Mode, ScanReport, ScheduleId,
    SegmentKey, TenantId, Timestamp,
};
use rehearsal::worker::ports::{
    Heartbeat, ImpactQuery, ImpactRequest, Impacted, LeaseAnswer, Notify, Permits, PlanningHead,
    PortResult, Ports, RunDocument, ScanRequest, Scanner, ScannerError, ScheduleDocument,
    ScheduleEntry, SegmentDocument, StaleWork, Stamped, Store,
};

use super::life::{Life, Posted};

/// One defect, between every worker and its world. One for all lives of a rehearsal.
#[async_trait(?Send)]
pub trait Defect: 'static {
    /// How many times slower than the world's the processes' own clocks run.
    fn clock_slowness(&self) -> u32 {
        1
    }

    /// Commits.
    async fn commit(&self, life: &Life, commit: &Arc<Commit>) -> PortResult<Answer> {
        life.world.store().commit(commit).await
    }

    /// Changes the list of schedules as it is read at `now`.
    fn bend_schedules(&self, _now: Timestamp, _entries: &mut Arc<Vec<ScheduleEntry>>) {}

    /// Changes a schedule as it is read at `now`, before its fires are decided.
    fn bend_schedule(&self, _now: Timestamp, _document: &mut ScheduleDocument) {}

    /// Changes the list of runs that wait for a planner.
    fn bend_waiting(&self, _waiting: &mut Vec<PlanningHead>) {}

    /// Changes a run as it is read in order to plan it.
    fn bend_planning(&self, _read: &mut Stamped<Option<RunDocument>>) {}

    /// Changes a run as read from the store, whatever for.
    fn bend_run(&self, _document: &mut RunDocument) {}

    /// Changes the times of the last reports, as planning reads them at `now`.
    fn bend_last_reports(&self, _now: Timestamp, _last: &mut [Option<Timestamp>]) {}

    /// Reads the last committed reports of images.
    async fn baselines(
        &self,
        life: &Life,
        tenant: &TenantId,
        images: &[ImageDigest],
    ) -> PortResult<Vec<Option<Baseline>>> {
        life.world.store().baselines(tenant, images).await
    }

    /// Lists events of the outbox.
    async fn outbox(&self, life: &Life, limit: usize) -> PortResult<(Vec<Arc<Event>>, u64)> {
        life.world.store().outbox(limit).await
    }

    /// Takes published events out of the outbox.
    async fn forget_events(&self, life: &Life, events: &[EventId]) -> PortResult<()> {
        life.world.store().forget_events(events).await
    }

    /// Reserves permits.
    async fn reserve_permits(
        &self,
        life: &Life,
        schedule: &ScheduleId,
        rate_per_second: f64,
        count: u32,
        lead: Duration,
    ) -> PortResult<Permits> {
        let store = life.world.store();
        let reserved = store.reserve_permits(schedule, rate_per_second, count, lead);
        reserved.await
    }

    /// Changes the answer to a heartbeat.
    fn bend_heartbeat(&self, _heartbeat: &mut Heartbeat) {}

    /// Changes what repair is told to look at.
    fn bend_stale_work(&self, _work: &mut StaleWork) {}

    /// Asks the impact index.
    async fn resolve(&self, life: &Life, request: &ImpactRequest<'_>) -> PortResult<Impacted> {
        life.world.impact_index().resolve(request).await
    }

    /// Asks the Scanner.
    async fn report(
        &self,
        life: &Life,
        request: &ScanRequest<'_>,
    ) -> Result<ScanReport, ScannerError> {
        life.world.scanner().report(request).await
    }

    /// Publishes events.
    async fn publish(&self, life: &Life, events: &[Arc<Event>]) -> PortResult<()> {
        life.world.notify().publish(events).await
    }

    /// Enqueues a message.
    async fn enqueue(&self, life: &Life, posted: Posted<'_>, key: &str) -> PortResult<()> {
        life.enqueue(posted, key).await
    }

    /// Is told of each lease before its worker is.
    async fn leased(&self, _life: &Life, _queue: QueueName, _delivery: u64) -> PortResult<()> {
        Ok(())
    }

    /// Extends a lease.
    async fn renew(
        &self,
        life: &Life,
        queue: QueueName,
        delivery: u64,
        lease: Duration,
    ) -> PortResult<LeaseAnswer> {
        life.renew(queue, delivery, lease).await
    }

    /// Hands a message back.
    async fn release(
        &self,
        life: &Life,
        queue: QueueName,
        delivery: u64,
        delay: Duration,
        counted: bool,
    ) -> PortResult<LeaseAnswer> {
        life.release(queue, delivery, delay, counted).await
    }

    /// Reads a counter of a life.
    fn counter(&self, _life: &LifeId, plain: &dyn Instruments, series: CounterSeries) -> u64 {
        plain.counter(series)
    }

    /// Reads a histogram of a life.
    fn histogram(
        &self,
        _life: &LifeId,
        plain: &dyn Instruments,
        series: HistogramSeries,
    ) -> HistogramRead {
        plain.histogram(series)
    }

    /// Reads the active counter of a life.
    fn runs_active(&self, _life: &LifeId, plain: &dyn Instruments, mode: Mode) -> i64 {
        plain.runs_active(mode)
    }

    /// Reads the backlog that a life shows.
    fn backlog(
        &self,
        _life: &LifeId,
        plain: &dyn Instruments,
        show: &mut dyn FnMut(Mode, &str, u64),
    ) {
        plain.backlog(show);
    }

    /// Counts the series of a life.
    fn series_count(&self, plain: &dyn Instruments) -> usize {
        plain.series_count()
    }

    /// Passes an observation on to the ledger.
    fn observe(&self, at: Timestamp, observation: &Observation<'_>, ledger: &mut dyn Observer) {
        ledger.observe(at, observation);
    }
}

/// No defect at all.
pub struct Healthy;

impl Defect for Healthy {}
