//! The typed instruments of the Scheduler Worker.

use std::sync::Arc;
use std::time::Duration;

use rehearsal_convert::Nearest;
use rehearsal_metrics::{
    CounterFamily, Definition, Family, HistogramFamily, LabelSet, ObservableCallback,
    ObservableFamily, Precision, RegisterError, Registry, UpDownCounterFamily,
};

use super::backlog::{BacklogCache, BacklogOptions};
use super::catalog;
use super::label::{
    AttemptOutcome, Delta, EventKind, Fate, Mode, PlannerStatus, QueueName, RunResult,
    ScannerOutcome, SegmentStatus,
};
use crate::model::DeltaCounts;

/// Options of the instruments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkerMetricsOptions {
    /// Freshness and cap of the backlog. The other observable gauges share the freshness.
    pub backlog: BacklogOptions,
    /// Whether planner latency and run duration keep exact quantiles besides their buckets. That
    /// takes about 1.2 MB for each recording thread.
    pub exact_quantiles: bool,
}

/// Precision of exact quantiles of seconds: milliseconds to a day, three digits.
const PRECISION: Precision = Precision {
    unit: 0.001,
    max: 86_400.0,
    digits: 3,
};

/// All instruments of one Scheduler Worker process, ready to record.
///
/// Every series with static labels exists from the start, at 0, so that the first event after a
/// process's first scrape is an increase. Recording costs a few ns, takes no lock and allocates
/// nothing. The exceptions, which store a value for collection, are [`backlog`](Self::backlog),
/// [`queue_depth`](Self::queue_depth), [`queue_oldest_ready`](Self::queue_oldest_ready),
/// [`outbox_depth`](Self::outbox_depth) and [`since_progress`](Self::since_progress).
///
/// ```
/// use rehearsal_metrics::{Registry};
/// use rehearsal_worker::metrics::{Mode, PlannerStatus, SchedulerWorkerMetrics};
///
/// let registry = Registry::new();
/// let metrics = SchedulerWorkerMetrics::new(&registry)?;
/// metrics.planner_run(Mode::AnalysisOnly, PlannerStatus::Enqueued, 0.7);
/// assert_eq!(metrics.read().planner_runs(Mode::AnalysisOnly, PlannerStatus::Enqueued), 1);
/// # Ok::<(), rehearsal_metrics::RegisterError>(())
/// ```
#[derive(Clone)]
pub struct SchedulerWorkerMetrics {
    pub(super) planner_runs: CounterFamily<(Mode, PlannerStatus)>,
    pub(super) planner_latency: HistogramFamily<(Mode, PlannerStatus)>,
    pub(super) segments: CounterFamily<(Mode, SegmentStatus)>,
    pub(super) images: CounterFamily<(Mode, Delta)>,
    pub(super) deltas: CounterFamily<Mode>,
    pub(super) deltas_critical: CounterFamily<Mode>,
    pub(super) deltas_high: CounterFamily<Mode>,
    pub(super) deltas_kev: CounterFamily<Mode>,
    pub(super) run_duration: HistogramFamily<(Mode, RunResult)>,
    pub(super) runs_active: UpDownCounterFamily<Mode>,
    pub(super) backlog: Arc<BacklogCache>,
    pub(super) planner_attempts: CounterFamily<(Mode, AttemptOutcome)>,
    pub(super) runs_cancelled: CounterFamily<Mode>,
    pub(super) segments_discarded: CounterFamily<Mode>,
    pub(super) images_failed: CounterFamily<Mode>,
    pub(super) queue_depth: ObservableFamily<QueueName>,
    pub(super) queue_oldest_ready: ObservableFamily<QueueName>,
    pub(super) redeliveries: CounterFamily<QueueName>,
    pub(super) dead_letters: CounterFamily<QueueName>,
    pub(super) drops: CounterFamily<QueueName>,
    pub(super) lease_renewals: CounterFamily<QueueName>,
    pub(super) lease_losses: CounterFamily<QueueName>,
    pub(super) scanner_requests: CounterFamily<(Mode, ScannerOutcome)>,
    pub(super) late_permits: CounterFamily<Mode>,
    pub(super) events: CounterFamily<EventKind>,
    pub(super) outbox_depth: ObservableFamily<()>,
    pub(super) fires: CounterFamily<(Mode, Fate)>,
    pub(super) since_progress: ObservableFamily<Mode>,
}

impl SchedulerWorkerMetrics {
    /// Registers all instruments.
    ///
    /// # Errors
    ///
    /// If the registry has another instrument with one of the names. Two workers can't share a
    /// registry.
    pub fn new(registry: &Registry) -> Result<Self, RegisterError> {
        Self::with_options(registry, WorkerMetricsOptions::default())
    }

    /// Registers all instruments with options.
    pub fn with_options(
        registry: &Registry,
        options: WorkerMetricsOptions,
    ) -> Result<Self, RegisterError> {
        let overflowed = registry.series_overflowed();
        let backlog = Arc::new(BacklogCache::new(options.backlog, overflowed));
        let observer = Arc::clone(&backlog) as Arc<dyn ObservableCallback>;
        registry.observe(Family::try_from(&catalog::BACKLOG)?, observer)?;
        registry.info(&catalog::BUILD_INFO)?;
        registry.info(&catalog::SCOPE_INFO)?;
        let precision = options.exact_quantiles.then_some(PRECISION);
        Ok(Self {
            planner_runs: registry.counters(&catalog::PLANNER_RUNS)?,
            planner_latency: registry.histograms_with(&catalog::PLANNER_LATENCY, precision)?,
            segments: registry.counters(&catalog::SEGMENTS)?,
            images: registry.counters(&catalog::IMAGES)?,
            deltas: registry.counters(&catalog::DELTAS)?,
            deltas_critical: registry.counters(&catalog::DELTAS_CRITICAL)?,
            deltas_high: registry.counters(&catalog::DELTAS_HIGH)?,
            deltas_kev: registry.counters(&catalog::DELTAS_KEV)?,
            run_duration: registry.histograms_with(&catalog::RUN_DURATION, precision)?,
            runs_active: registry.up_downs(&catalog::RUNS_ACTIVE)?,
            backlog,
            planner_attempts: registry.counters(&catalog::PLANNER_ATTEMPTS)?,
            runs_cancelled: registry.counters(&catalog::RUNS_CANCELLED)?,
            segments_discarded: registry.counters(&catalog::SEGMENTS_DISCARDED)?,
            images_failed: registry.counters(&catalog::IMAGES_FAILED)?,
            queue_depth: observed(registry, &catalog::QUEUE_DEPTH, options)?,
            queue_oldest_ready: observed(registry, &catalog::QUEUE_OLDEST_READY, options)?,
            redeliveries: registry.counters(&catalog::REDELIVERIES)?,
            dead_letters: registry.counters(&catalog::DEAD_LETTERS)?,
            drops: registry.counters(&catalog::DROPS)?,
            lease_renewals: registry.counters(&catalog::LEASE_RENEWALS)?,
            lease_losses: registry.counters(&catalog::LEASE_LOSSES)?,
            scanner_requests: registry.counters(&catalog::SCANNER_REQUESTS)?,
            late_permits: registry.counters(&catalog::LATE_PERMITS)?,
            events: registry.counters(&catalog::EVENTS)?,
            outbox_depth: observed(registry, &catalog::OUTBOX_DEPTH, options)?,
            fires: registry.counters(&catalog::FIRES)?,
            since_progress: observed(registry, &catalog::SINCE_PROGRESS, options)?,
        })
    }

    /// Records that a run left `Planning`: its outcome, and the time since its creation, s.
    #[inline]
    pub fn planner_run(&self, mode: Mode, status: PlannerStatus, latency_seconds: f64) {
        self.planner_runs.increment((mode, status));
        self.planner_latency.record((mode, status), latency_seconds);
    }

    /// Records the time from a completed run's creation, s. Exactly 0 for a run without work.
    #[inline]
    pub fn run_completed(&self, mode: Mode, duration_seconds: f64) {
        self.run_duration
            .record((mode, RunResult::Completed), duration_seconds);
    }

    /// Counts a processed segment.
    #[inline]
    pub fn segment(&self, mode: Mode, status: SegmentStatus) {
        self.segments.increment((mode, status));
    }

    /// Counts images of a committed segment, with or without a meaningful delta.
    #[inline]
    pub fn images(&self, mode: Mode, delta: Delta, count: u64) {
        self.images.add((mode, delta), count);
    }

    /// Counts the meaningful deltas of a committed segment.
    #[inline]
    pub fn deltas(&self, mode: Mode, counts: &DeltaCounts) {
        self.deltas.add(mode, counts.new_findings);
        self.deltas_critical.add(mode, counts.new_criticals);
        self.deltas_high.add(mode, counts.new_high);
        self.deltas_kev.add(mode, counts.kev_hits);
    }

    /// Adds the runs that entered (+) or left (−) the open states by a commit of this process, or
    /// an orphaned count that was adopted or given up.
    #[inline]
    pub fn runs_active_add(&self, mode: Mode, count: i64) {
        self.runs_active.add(mode, count);
    }

    /// Backlog as last read by this process.
    pub fn backlog(&self) -> &BacklogCache {
        &self.backlog
    }

    /// Counts an ended attempt to plan a run.
    #[inline]
    pub fn planner_attempt(&self, mode: Mode, outcome: AttemptOutcome) {
        self.planner_attempts.increment((mode, outcome));
    }

    /// Counts a cancelled run.
    #[inline]
    pub fn run_cancelled(&self, mode: Mode) {
        self.runs_cancelled.increment(mode);
    }

    /// Counts a segment that was discarded because its run had ended.
    #[inline]
    pub fn segment_discarded(&self, mode: Mode) {
        self.segments_discarded.increment(mode);
    }

    /// Counts images of a committed segment for which the Scanner permanently refused a report.
    #[inline]
    pub fn images_failed(&self, mode: Mode, count: u64) {
        self.images_failed.add(mode, count);
    }

    /// Sets the number of messages in a queue at `observed_at`.
    pub fn queue_depth(&self, queue: QueueName, messages: u64, observed_at: Duration) {
        self.queue_depth
            .set(queue, messages.nearest_f64(), observed_at);
    }

    /// Sets the age of the oldest ready message, s, at `observed_at`; 0 if there is none.
    pub fn queue_oldest_ready(&self, queue: QueueName, age_seconds: f64, observed_at: Duration) {
        self.queue_oldest_ready.set(queue, age_seconds, observed_at);
    }

    /// Counts a message that had been delivered before.
    #[inline]
    pub fn redelivery(&self, queue: QueueName) {
        self.redeliveries.increment(queue);
    }

    /// Counts a dead-lettered message.
    #[inline]
    pub fn dead_letter(&self, queue: QueueName) {
        self.dead_letters.increment(queue);
    }

    /// Counts a poison message that was dropped because dead letters are off.
    #[inline]
    pub fn drop_message(&self, queue: QueueName) {
        self.drops.increment(queue);
    }

    /// Counts a renewed lease.
    #[inline]
    pub fn lease_renewal(&self, queue: QueueName) {
        self.lease_renewals.increment(queue);
    }

    /// Counts a lease that was lost during work.
    #[inline]
    pub fn lease_loss(&self, queue: QueueName) {
        self.lease_losses.increment(queue);
    }

    /// Counts an ended request to the Scanner.
    #[inline]
    pub fn scanner_request(&self, mode: Mode, outcome: ScannerOutcome) {
        self.scanner_requests.increment((mode, outcome));
    }

    /// Counts a permit that was used late, after a pause or a delay.
    #[inline]
    pub fn late_permit(&self, mode: Mode) {
        self.late_permits.increment(mode);
    }

    /// Counts a published event.
    #[inline]
    pub fn event_published(&self, kind: EventKind) {
        self.events.increment(kind);
    }

    /// Sets the number of events in the outbox at `observed_at`.
    pub fn outbox_depth(&self, events: u64, observed_at: Duration) {
        self.outbox_depth.set((), events.nearest_f64(), observed_at);
    }

    /// Counts due fires of a schedule by fate.
    #[inline]
    pub fn schedule_fires(&self, mode: Mode, fate: Fate, count: u64) {
        self.fires.add((mode, fate), count);
    }

    /// Sets the time since the least advanced open run made progress, s, at `observed_at`; 0 when
    /// no run is open.
    pub fn since_progress(&self, mode: Mode, seconds: f64, observed_at: Duration) {
        self.since_progress.set(mode, seconds, observed_at);
    }
}

fn observed<L: LabelSet>(
    registry: &Registry,
    definition: &Definition,
    options: WorkerMetricsOptions,
) -> Result<ObservableFamily<L>, RegisterError> {
    let family = ObservableFamily::new(options.backlog.fresh_for);
    registry.observe(Family::try_from(definition)?, family.observer())?;
    Ok(family)
}
