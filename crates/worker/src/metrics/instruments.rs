//! The typed instruments of the Scheduler Worker.

use std::sync::Arc;

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
/// nothing. The exceptions are the observed gauges, which store a value for collection. The methods
/// that record are those of [`InstrumentWrites`](super::InstrumentWrites).
///
/// ```
/// use rehearsal_metrics::{Registry};
/// use rehearsal_worker::metrics::{
///     InstrumentWrites, Mode, PlannerStatus, SchedulerWorkerMetrics,
/// };
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

    /// Backlog as last read by this process.
    pub fn backlog(&self) -> &BacklogCache {
        &self.backlog
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
