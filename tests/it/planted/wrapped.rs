//! Puts a defect between workers, world and checks: all calls go on to the world, by way of the
//! hooks of [`Defect`].

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rehearsal::check::{CounterSeries, HistogramRead, HistogramSeries, Instruments};
use rehearsal::model::commit::Intent;
use rehearsal::model::observation::{Observation, Observer};
use rehearsal::model::{
    Answer, Baseline, Commit, Event, EventId, ImageDigest, LifeId, Mode, RunId, ScanReport,
    ScheduleId, SegmentKey, TenantId, Timestamp,
};
use rehearsal::rehearsal::Cast;
use rehearsal::sim::world::WorldPorts;
use rehearsal::worker::ports::{
    Backlog, Clock, Export, Heartbeat, ImpactQuery, ImpactRequest, Impacted, Lease, LeaseAnswer,
    Notify, Permits, PlanningHead, PortResult, Ports, Queue, QueueDepth, RunDocument, ScanRequest,
    Scanner, ScannerError, ScheduleDocument, ScheduleEntry, SegmentDocument, StaleWork, Stamped,
    Store,
};

use super::defect::{Carried, Defect};

/// Hands out wrapped ports and instruments.
pub struct Planted<D>(pub Rc<D>);

impl<D: Defect> Cast for Planted<D> {
    type Ports = Wrapped<D>;

    fn ports(&self, _life: &LifeId, world: WorldPorts) -> Wrapped<D> {
        Wrapped {
            world,
            defect: self.0.clone(),
        }
    }

    fn instruments(&self, _life: &LifeId, plain: Box<dyn Instruments>) -> Box<dyn Instruments> {
        let defect = self.0.clone();
        Box::new(Read { plain, defect })
    }

    fn observe(&self, at: Timestamp, observation: &Observation<'_>, ledger: &mut dyn Observer) {
        self.0.observe(at, observation, ledger);
    }
}

/// The instruments of a life with a defect before them.
struct Read<D> {
    plain: Box<dyn Instruments>,
    defect: Rc<D>,
}

impl<D: Defect> Instruments for Read<D> {
    fn counter(&self, series: CounterSeries) -> u64 {
        self.defect.counter(&*self.plain, series)
    }

    fn histogram(&self, series: HistogramSeries) -> HistogramRead {
        self.defect.histogram(&*self.plain, series)
    }

    fn runs_active(&self, mode: Mode) -> i64 {
        self.defect.runs_active(&*self.plain, mode)
    }

    fn backlog(&self, show: &mut dyn FnMut(Mode, &str, u64)) {
        self.defect.backlog(&*self.plain, show);
    }

    fn series_count(&self) -> usize {
        self.defect.series_count(&*self.plain)
    }

    fn series_max(&self, schedules: usize) -> usize {
        self.plain.series_max(schedules)
    }
}

/// The world's ports with a defect before them; each of a life's ports is this one.
pub struct Wrapped<D> {
    world: WorldPorts,
    defect: Rc<D>,
}

impl<D> Clone for Wrapped<D> {
    fn clone(&self) -> Self {
        Self {
            world: self.world.clone(),
            defect: self.defect.clone(),
        }
    }
}

impl<D: Defect> Ports for Wrapped<D> {
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
        self.world.random()
    }
}

impl<D: Defect> Clock for Wrapped<D> {
    fn elapsed(&self) -> Duration {
        self.world.clock().elapsed() / self.defect.clock_slowness()
    }

    async fn sleep(&self, duration: Duration) {
        let slowness = self.defect.clock_slowness();
        self.world.clock().sleep(duration * slowness).await;
    }
}

impl<D: Defect> Scanner for Wrapped<D> {
    async fn report(&self, request: &ScanRequest<'_>) -> Result<ScanReport, ScannerError> {
        self.defect.report(&self.world, request).await
    }
}

impl<D: Defect> ImpactQuery for Wrapped<D> {
    async fn resolve(&self, request: &ImpactRequest<'_>) -> PortResult<Impacted> {
        self.defect.resolve(&self.world, request).await
    }
}

impl<D: Defect> Notify for Wrapped<D> {
    async fn publish(&self, events: &[Event]) -> PortResult<()> {
        self.defect.publish(&self.world, events).await
    }
}

impl<D: Defect, M: Carried> Queue<M> for Wrapped<D> {
    async fn enqueue(&self, message: &M, idempotency_key: &str) -> PortResult<()> {
        let defect = &self.defect;
        defect.enqueue(&self.world, message, idempotency_key).await
    }

    async fn lease(&self, lease: Duration, patience: Duration) -> PortResult<Option<Lease<M>>> {
        self.defect.lease(&self.world, lease, patience).await
    }

    async fn renew(&self, delivery: u64, lease: Duration) -> PortResult<LeaseAnswer> {
        M::queue(&self.world).renew(delivery, lease).await
    }

    async fn acknowledge(&self, delivery: u64) -> PortResult<LeaseAnswer> {
        M::queue(&self.world).acknowledge(delivery).await
    }

    async fn release(
        &self,
        delivery: u64,
        delay: Duration,
        counted: bool,
    ) -> PortResult<LeaseAnswer> {
        let queue = M::queue(&self.world);
        queue.release(delivery, delay, counted).await
    }

    async fn dead_letter(&self, delivery: u64, reason: &str) -> PortResult<LeaseAnswer> {
        M::queue(&self.world).dead_letter(delivery, reason).await
    }

    async fn discard(&self, delivery: u64, reason: &str) -> PortResult<LeaseAnswer> {
        M::queue(&self.world).discard(delivery, reason).await
    }

    async fn redrive(&self, limit: usize) -> PortResult<u64> {
        M::queue(&self.world).redrive(limit).await
    }

    async fn depth(&self) -> PortResult<QueueDepth> {
        M::queue(&self.world).depth().await
    }
}

impl<D: Defect> Wrapped<D> {
    fn bend<'a>(&self, document: impl Into<Option<&'a mut RunDocument>>) {
        if let Some(document) = document.into() {
            self.defect.bend_run(document);
        }
    }
}

impl<D: Defect> Store for Wrapped<D> {
    async fn commit(&self, commit: &Arc<Commit>) -> PortResult<Answer> {
        self.defect.commit(&self.world, commit).await
    }

    async fn planning_runs(&self, per_tenant: usize) -> PortResult<Stamped<Vec<PlanningHead>>> {
        let mut heads = self.world.store().planning_runs(per_tenant).await?;
        self.defect.bend_waiting(&mut heads.value);
        Ok(heads)
    }

    async fn begin_planning(&self, run: &RunId) -> PortResult<Stamped<Option<RunDocument>>> {
        let mut read = self.world.store().begin_planning(run).await?;
        self.bend(read.value.as_mut());
        Ok(read)
    }

    async fn run(&self, run: &RunId) -> PortResult<Stamped<Option<RunDocument>>> {
        let mut read = self.world.store().run(run).await?;
        self.bend(read.value.as_mut());
        Ok(read)
    }

    async fn begin_segment(
        &self,
        key: &SegmentKey,
        delivery: u64,
    ) -> PortResult<Stamped<SegmentDocument>> {
        let mut read = self.world.store().begin_segment(key, delivery).await?;
        self.bend(read.value.run.as_mut());
        Ok(read)
    }

    async fn segment(&self, key: &SegmentKey) -> PortResult<Stamped<SegmentDocument>> {
        let mut read = self.world.store().segment(key).await?;
        self.bend(read.value.run.as_mut());
        Ok(read)
    }

    async fn schedules(&self) -> PortResult<Stamped<Arc<Vec<ScheduleEntry>>>> {
        self.world.store().schedules().await
    }

    async fn schedule(&self, id: &ScheduleId) -> PortResult<Stamped<Option<ScheduleDocument>>> {
        self.world.store().schedule(id).await
    }

    async fn exports(&self, limit: usize) -> PortResult<Stamped<(u64, Vec<Export>)>> {
        self.world.store().exports(limit).await
    }

    async fn last_reports(
        &self,
        tenant: &TenantId,
        images: &[ImageDigest],
    ) -> PortResult<Stamped<Vec<Option<Timestamp>>>> {
        self.world.store().last_reports(tenant, images).await
    }

    async fn baselines(
        &self,
        tenant: &TenantId,
        images: &[ImageDigest],
    ) -> PortResult<Vec<Option<Baseline>>> {
        self.world.store().baselines(tenant, images).await
    }

    async fn intents(&self, limit: usize) -> PortResult<Vec<Intent>> {
        self.world.store().intents(limit).await
    }

    async fn intents_enqueued(&self, runs: &[RunId]) -> PortResult<()> {
        self.world.store().intents_enqueued(runs).await
    }

    async fn outbox(&self, limit: usize) -> PortResult<(Vec<Event>, u64)> {
        self.world.store().outbox(limit).await
    }

    async fn forget_events(&self, events: &[EventId]) -> PortResult<()> {
        self.world.store().forget_events(events).await
    }

    async fn reserve_permits(
        &self,
        schedule: &ScheduleId,
        rate_per_second: f64,
        count: u32,
        lead: Duration,
    ) -> PortResult<Permits> {
        let store = self.world.store();
        let reserved = store.reserve_permits(schedule, rate_per_second, count, lead);
        let mut permits = reserved.await?;
        self.defect.bend_permits(&mut permits);
        Ok(permits)
    }

    async fn backlog(&self) -> PortResult<Stamped<Backlog>> {
        self.world.store().backlog().await
    }

    async fn heartbeat(
        &self,
        life: &LifeId,
        abandoned_after: Duration,
        stopping: bool,
    ) -> PortResult<Heartbeat> {
        let store = self.world.store();
        store.heartbeat(life, abandoned_after, stopping).await
    }

    async fn stale_work(
        &self,
        stale_after: Duration,
        run_timeout: Duration,
    ) -> PortResult<Stamped<StaleWork>> {
        let store = self.world.store();
        store.stale_work(stale_after, run_timeout).await
    }
}
