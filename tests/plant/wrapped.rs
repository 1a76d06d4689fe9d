//! Wrapped ports and instruments: every call passes through the hooks of [`Defect`] to the world.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rehearsal::check::{
    CounterSeries, GaugeSeries, HistogramRead, HistogramSeries, InfoSeries, InstrumentReader,
};
use rehearsal::metrics::Registry;
use rehearsal::model::commit::Intent;
use rehearsal::model::observation::{Observation, Observer};
use rehearsal::model::{
    Baseline, Commit, CommitAnswer, Event, EventId, ImageDigest, IncarnationId, Mode, PermitGrant,
    PermitRequest, ProcessName, RunId, ScanReport, ScheduleId, SegmentKey, SharedList, TenantId,
    Timestamp,
};
use rehearsal::rehearsal::Hooks;
use rehearsal::sim::world::WorldPorts;
use rehearsal::worker::ports::{
    BacklogSnapshot, Clock, EventPublisher, Export, HeartbeatAnswer, ImpactQuery, ImpactRequest,
    Impacted, Lease, LeaseAnswer, PortResult, Ports, Queue, QueueDepth, RunDocument, ScanRequest,
    Scanner, ScannerError, ScheduleDocument, ScheduleEntry, SegmentDocument, StaleWork, Store,
    Timestamped, WaitingRun,
};

use super::defect::Defect;
use super::incarnation::{Carried, Incarnation};

/// Creates wrapped ports and instruments.
pub struct Planted(pub Rc<dyn Defect>);

impl Hooks for Planted {
    type Ports = Wrapped;

    fn ports(&self, incarnation: &IncarnationId, world: WorldPorts) -> Wrapped {
        let id = incarnation.clone();
        Wrapped {
            incarnation: Incarnation { id, world },
            defect: self.0.clone(),
        }
    }

    fn registry(&self, _: &IncarnationId) -> Registry {
        self.0.registry()
    }

    fn instruments(
        &self,
        incarnation: &IncarnationId,
        plain: Box<dyn InstrumentReader>,
    ) -> Box<dyn InstrumentReader> {
        Box::new(Read {
            incarnation: incarnation.clone(),
            plain,
            defect: self.0.clone(),
        })
    }

    fn observe(&self, at: Timestamp, observation: &Observation<'_>, oracle: &mut dyn Observer) {
        self.0.observe(at, observation, oracle);
    }
}

/// Instruments of an incarnation, read through a defect.
struct Read {
    incarnation: IncarnationId,
    plain: Box<dyn InstrumentReader>,
    defect: Rc<dyn Defect>,
}

impl InstrumentReader for Read {
    fn counter(&self, series: CounterSeries) -> u64 {
        self.defect.counter(&self.incarnation, &*self.plain, series)
    }

    fn histogram(&self, series: HistogramSeries) -> HistogramRead {
        self.defect
            .histogram(&self.incarnation, &*self.plain, series)
    }

    fn info(&self, series: InfoSeries) -> Option<f64> {
        self.defect.info(&*self.plain, series)
    }

    fn runs_active(&self, mode: Mode) -> i64 {
        self.defect
            .runs_active(&self.incarnation, &*self.plain, mode)
    }

    fn backlog(&self, show: &mut dyn FnMut(Mode, &str, u64)) {
        self.defect.backlog(&self.incarnation, &*self.plain, show);
    }

    fn backlog_of(&self, mode: Mode, schedule: &str) -> Option<u64> {
        self.plain.backlog_of(mode, schedule)
    }

    fn gauge(&self, series: GaugeSeries) -> Option<f64> {
        self.plain.gauge(series)
    }

    fn late_permits(&self, mode: Mode) -> u64 {
        self.plain.late_permits(mode)
    }

    fn series_count(&self) -> usize {
        self.defect.series_count(&*self.plain)
    }

    fn series_max(&self, schedules: usize) -> usize {
        self.plain.series_max(schedules)
    }
}

/// All ports of an incarnation, called through a defect.
#[derive(Clone)]
pub struct Wrapped {
    incarnation: Incarnation,
    defect: Rc<dyn Defect>,
}

impl Ports for Wrapped {
    type Clock = Self;
    type Store = Self;
    type PlannerQueue = Self;
    type RunnerQueue = Self;
    type Scanner = Self;
    type ImpactIndex = Self;
    type Notify = Self;
    type Random = <WorldPorts as Ports>::Random;

    fn clock(&self) -> &Self {
        self
    }

    fn store(&self) -> &Self {
        self
    }

    fn planner_queue(&self) -> &Self {
        self
    }

    fn runner_queue(&self) -> &Self {
        self
    }

    fn scanner(&self) -> &Self {
        self
    }

    fn impact_index(&self) -> &Self {
        self
    }

    fn notify(&self) -> &Self {
        self
    }

    fn random(&self) -> &Self::Random {
        self.incarnation.world.random()
    }
}

impl Clock for Wrapped {
    fn elapsed(&self) -> Duration {
        self.incarnation.world.clock().elapsed() / self.defect.clock_slowness()
    }

    async fn sleep(&self, duration: Duration) {
        let slowness = self.defect.clock_slowness();
        self.incarnation
            .world
            .clock()
            .sleep(duration * slowness)
            .await;
    }
}

impl Scanner for Wrapped {
    async fn report(&self, request: &ScanRequest<'_>) -> Result<ScanReport, ScannerError> {
        self.defect.report(&self.incarnation, request).await
    }
}

impl ImpactQuery for Wrapped {
    async fn resolve(&self, request: &ImpactRequest<'_>) -> PortResult<Impacted> {
        self.defect.resolve(&self.incarnation, request).await
    }
}

impl EventPublisher for Wrapped {
    async fn publish(&self, events: &[Arc<Event>]) -> PortResult<()> {
        self.defect.publish(&self.incarnation, events).await
    }
}

impl<M: Carried> Queue<M> for Wrapped {
    async fn enqueue(&self, message: &M, idempotency_key: &str) -> PortResult<()> {
        let posted = message.posted();
        let defect = &self.defect;
        defect
            .enqueue(&self.incarnation, posted, idempotency_key)
            .await
    }

    async fn lease(&self, lease: Duration, patience: Duration) -> PortResult<Option<Lease<M>>> {
        let queue = M::queue(&self.incarnation.world);
        let leased = queue.lease(lease, patience).await?;
        if let Some(Lease { delivery, .. }) = leased {
            self.defect
                .leased(&self.incarnation, M::QUEUE, delivery)
                .await?;
        }
        Ok(leased)
    }

    async fn renew(&self, delivery: u64, lease: Duration) -> PortResult<LeaseAnswer> {
        let defect = &self.defect;
        defect
            .renew(&self.incarnation, M::QUEUE, delivery, lease)
            .await
    }

    async fn acknowledge(&self, delivery: u64) -> PortResult<LeaseAnswer> {
        M::queue(&self.incarnation.world)
            .acknowledge(delivery)
            .await
    }

    async fn release(
        &self,
        delivery: u64,
        delay: Duration,
        counted: bool,
    ) -> PortResult<LeaseAnswer> {
        let defect = &self.defect;
        let released = defect.release(&self.incarnation, M::QUEUE, delivery, delay, counted);
        released.await
    }

    async fn dead_letter(&self, delivery: u64, reason: &str) -> PortResult<LeaseAnswer> {
        M::queue(&self.incarnation.world)
            .dead_letter(delivery, reason)
            .await
    }

    async fn discard(&self, delivery: u64, reason: &str) -> PortResult<LeaseAnswer> {
        M::queue(&self.incarnation.world)
            .discard(delivery, reason)
            .await
    }

    async fn redrive(&self, limit: usize) -> PortResult<u64> {
        M::queue(&self.incarnation.world).redrive(limit).await
    }

    async fn depth(&self) -> PortResult<QueueDepth> {
        M::queue(&self.incarnation.world).depth().await
    }
}

impl Wrapped {
    fn bend<'a>(&self, document: impl Into<Option<&'a mut RunDocument>>) {
        if let Some(document) = document.into() {
            self.defect.bend_run(document);
        }
    }
}

impl Store for Wrapped {
    async fn commit(&self, commit: &Arc<Commit>) -> PortResult<CommitAnswer> {
        self.defect.commit(&self.incarnation, commit).await
    }

    async fn planning_runs(&self, per_tenant: usize) -> PortResult<Timestamped<Vec<WaitingRun>>> {
        let mut heads = self
            .incarnation
            .world
            .store()
            .planning_runs(per_tenant)
            .await?;
        self.defect.bend_waiting(&mut heads.value);
        Ok(heads)
    }

    async fn begin_planning(&self, run: &RunId) -> PortResult<Timestamped<Option<RunDocument>>> {
        let mut read = self.incarnation.world.store().begin_planning(run).await?;
        self.defect.bend_planning(&mut read);
        self.bend(read.value.as_mut());
        Ok(read)
    }

    async fn run(&self, run: &RunId) -> PortResult<Timestamped<Option<RunDocument>>> {
        let mut read = self.incarnation.world.store().run(run).await?;
        self.bend(read.value.as_mut());
        Ok(read)
    }

    async fn begin_segment(
        &self,
        key: &SegmentKey,
        delivery: u64,
    ) -> PortResult<Timestamped<SegmentDocument>> {
        let store = self.incarnation.world.store();
        let mut read = store.begin_segment(key, delivery).await?;
        self.bend(read.value.run.as_mut());
        Ok(read)
    }

    async fn segment(&self, key: &SegmentKey) -> PortResult<Timestamped<SegmentDocument>> {
        let mut read = self.incarnation.world.store().segment(key).await?;
        self.bend(read.value.run.as_mut());
        Ok(read)
    }

    async fn schedules(&self) -> PortResult<Timestamped<SharedList<ScheduleEntry>>> {
        let mut read = self.incarnation.world.store().schedules().await?;
        self.defect.bend_schedules(read.now, &mut read.value);
        Ok(read)
    }

    async fn schedule(&self, id: &ScheduleId) -> PortResult<Timestamped<Option<ScheduleDocument>>> {
        let mut read = self.incarnation.world.store().schedule(id).await?;
        if let Some(document) = &mut read.value {
            self.defect.bend_schedule(read.now, document);
        }
        Ok(read)
    }

    async fn exports(&self, limit: usize) -> PortResult<Timestamped<(u64, Vec<Export>)>> {
        self.incarnation.world.store().exports(limit).await
    }

    async fn last_reports(
        &self,
        tenant: &TenantId,
        images: &[ImageDigest],
    ) -> PortResult<Timestamped<Vec<Option<Timestamp>>>> {
        let mut read = self
            .incarnation
            .world
            .store()
            .last_reports(tenant, images)
            .await?;
        self.defect.bend_last_reports(read.now, &mut read.value);
        Ok(read)
    }

    async fn baselines(
        &self,
        tenant: &TenantId,
        images: &[ImageDigest],
    ) -> PortResult<Vec<Option<Baseline>>> {
        self.defect
            .baselines(&self.incarnation, tenant, images)
            .await
    }

    async fn intents(&self, limit: usize) -> PortResult<Vec<Intent>> {
        self.incarnation.world.store().intents(limit).await
    }

    async fn intents_enqueued(&self, runs: &[RunId]) -> PortResult<()> {
        self.incarnation.world.store().intents_enqueued(runs).await
    }

    async fn outbox(&self, limit: usize) -> PortResult<Vec<Arc<Event>>> {
        self.defect.outbox(&self.incarnation, limit).await
    }

    async fn forget_events(&self, events: &[EventId]) -> PortResult<()> {
        self.defect.forget_events(&self.incarnation, events).await
    }

    async fn reserve_permits(
        &self,
        schedule: &ScheduleId,
        request: PermitRequest,
    ) -> PortResult<PermitGrant> {
        let (defect, incarnation) = (&self.defect, &self.incarnation);
        let reserved = defect.reserve_permits(incarnation, schedule, request);
        reserved.await
    }

    async fn backlog(&self) -> PortResult<Timestamped<BacklogSnapshot>> {
        self.incarnation.world.store().backlog().await
    }

    async fn heartbeat(
        &self,
        incarnation: &IncarnationId,
        abandoned_after: Duration,
        stopping: bool,
    ) -> PortResult<HeartbeatAnswer> {
        let store = self.incarnation.world.store();
        let mut heartbeat = store
            .heartbeat(incarnation, abandoned_after, stopping)
            .await?;
        self.defect.bend_heartbeat(&mut heartbeat);
        Ok(heartbeat)
    }

    async fn register(&self, process: &ProcessName) -> PortResult<IncarnationId> {
        self.incarnation.world.store().register(process).await
    }

    async fn stale_work(
        &self,
        stale_after: Duration,
        run_timeout: Duration,
    ) -> PortResult<Timestamped<StaleWork>> {
        let store = self.incarnation.world.store();
        let mut read = store.stale_work(stale_after, run_timeout).await?;
        self.defect.bend_stale_work(&mut read.value);
        Ok(read)
    }
}
