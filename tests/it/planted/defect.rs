//! What a defect may bend. Every hook passes through unless a defect overrides it.

use std::sync::Arc;
use std::time::Duration;

use rehearsal::check::{CounterSeries, HistogramRead, HistogramSeries, Instruments};
use rehearsal::model::message::Message;
use rehearsal::model::observation::{Observation, Observer};
use rehearsal::model::{
    Answer, Commit, Event, Mode, PlannerMessage, ScanReport, SegmentMessage, Timestamp,
};
use rehearsal::sim::world::WorldPorts;
use rehearsal::worker::ports::{
    ImpactQuery, ImpactRequest, Impacted, Lease, Notify, Permits, PlanningHead, PortResult, Ports,
    Queue, RunDocument, ScanRequest, Scanner, ScannerError, Store,
};

/// A message, and the world's queue that carries it.
pub trait Carried: Message {
    /// The world's queue.
    type Plain: Queue<Self>;

    /// That queue as a life reaches it.
    fn queue(world: &WorldPorts) -> &Self::Plain;
}

impl Carried for PlannerMessage {
    type Plain = <WorldPorts as Ports>::PlannerQueue;

    fn queue(world: &WorldPorts) -> &Self::Plain {
        world.planner_queue()
    }
}

impl Carried for SegmentMessage {
    type Plain = <WorldPorts as Ports>::RunnerQueue;

    fn queue(world: &WorldPorts) -> &Self::Plain {
        world.runner_queue()
    }
}

/// One defect, between every worker and its world. The same for all lives.
pub trait Defect: 'static {
    /// How many times slower than the world's the processes' own clocks run.
    fn clock_slowness(&self) -> u32 {
        1
    }

    /// Commits.
    async fn commit(&self, world: &WorldPorts, commit: &Arc<Commit>) -> PortResult<Answer> {
        world.store().commit(commit).await
    }

    /// Changes the list of runs that wait for a planner.
    fn bend_waiting(&self, _waiting: &mut Vec<PlanningHead>) {}

    /// Changes a run as read from the store.
    fn bend_run(&self, _document: &mut RunDocument) {}

    /// Changes permits as the store grants them.
    fn bend_permits(&self, _permits: &mut Permits) {}

    /// Asks the impact index.
    async fn resolve(
        &self,
        world: &WorldPorts,
        request: &ImpactRequest<'_>,
    ) -> PortResult<Impacted> {
        world.impact_index().resolve(request).await
    }

    /// Asks the Scanner.
    async fn report(
        &self,
        world: &WorldPorts,
        request: &ScanRequest<'_>,
    ) -> Result<ScanReport, ScannerError> {
        world.scanner().report(request).await
    }

    /// Publishes events.
    async fn publish(&self, world: &WorldPorts, events: &[Event]) -> PortResult<()> {
        world.notify().publish(events).await
    }

    /// Enqueues a message.
    async fn enqueue<M: Carried>(
        &self,
        world: &WorldPorts,
        message: &M,
        key: &str,
    ) -> PortResult<()> {
        M::queue(world).enqueue(message, key).await
    }

    /// Leases a message.
    async fn lease<M: Carried>(
        &self,
        world: &WorldPorts,
        lease: Duration,
        patience: Duration,
    ) -> PortResult<Option<Lease<M>>> {
        M::queue(world).lease(lease, patience).await
    }

    /// Reads a counter of a life.
    fn counter(&self, plain: &dyn Instruments, series: CounterSeries) -> u64 {
        plain.counter(series)
    }

    /// Reads a histogram of a life.
    fn histogram(&self, plain: &dyn Instruments, series: HistogramSeries) -> HistogramRead {
        plain.histogram(series)
    }

    /// Reads the active counter of a life.
    fn runs_active(&self, plain: &dyn Instruments, mode: Mode) -> i64 {
        plain.runs_active(mode)
    }

    /// Reads the backlog that a life shows.
    fn backlog(&self, plain: &dyn Instruments, show: &mut dyn FnMut(Mode, &str, u64)) {
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
