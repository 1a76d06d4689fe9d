//! Direct, typed readings of a worker's series, without an exposition or allocations.

use rehearsal_convert::Saturating;
use rehearsal_metrics::{CollectContext, ExactQuantiles, HistogramReading};

use super::instruments::SchedulerWorkerMetrics;
use super::label::{
    AttemptOutcome, Delta, EventKind, Fate, Mode, PlannerStatus, QueueName, RunResult,
    ScannerOutcome, SegmentStatus,
};
use crate::model::DeltaCounts;

/// Current values of a worker's series. Each method reads one series.
#[derive(Clone, Copy)]
pub struct Readings<'m>(pub(super) &'m SchedulerWorkerMetrics);

impl SchedulerWorkerMetrics {
    /// Direct readings, for checks and tests.
    pub fn read(&self) -> Readings<'_> {
        Readings(self)
    }
}

impl Readings<'_> {
    /// `scheduler_planner_runs_total`
    pub fn planner_runs(&self, mode: Mode, status: PlannerStatus) -> u64 {
        self.0.planner_runs.get((mode, status))
    }

    /// `scheduler_planner_latency_seconds`
    pub fn planner_latency(&self, mode: Mode, status: PlannerStatus) -> HistogramReading {
        self.0.planner_latency.read((mode, status))
    }

    /// Upper bounds of the buckets of `scheduler_planner_latency_seconds`, s.
    pub fn planner_latency_bounds(&self) -> &[f64] {
        self.0.planner_latency.bounds()
    }

    /// Upper bounds of the buckets of `scheduler_run_duration_seconds`, s.
    pub fn run_duration_bounds(&self) -> &[f64] {
        self.0.run_duration.bounds()
    }

    /// `scheduler_runner_segments_total`
    pub fn segments(&self, mode: Mode, status: SegmentStatus) -> u64 {
        self.0.segments.get((mode, status))
    }

    /// `scheduler_runner_images_total`
    pub fn images(&self, mode: Mode, delta: Delta) -> u64 {
        self.0.images.get((mode, delta))
    }

    /// The four `scheduler_runner_delta…_total`
    pub fn deltas(&self, mode: Mode) -> DeltaCounts {
        DeltaCounts {
            new_findings: self.new_findings(mode),
            new_criticals: self.new_criticals(mode),
            new_high: self.new_high(mode),
            kev_hits: self.kev_hits(mode),
            ..DeltaCounts::default()
        }
    }

    /// `scheduler_runner_delta_total`
    pub fn new_findings(&self, mode: Mode) -> u64 {
        self.0.deltas.get(mode)
    }

    /// `scheduler_runner_delta_critical_total`
    pub fn new_criticals(&self, mode: Mode) -> u64 {
        self.0.deltas_critical.get(mode)
    }

    /// `scheduler_runner_delta_high_total`
    pub fn new_high(&self, mode: Mode) -> u64 {
        self.0.deltas_high.get(mode)
    }

    /// `scheduler_runner_delta_kev_total`
    pub fn kev_hits(&self, mode: Mode) -> u64 {
        self.0.deltas_kev.get(mode)
    }

    /// `scheduler_run_duration_seconds`
    pub fn run_duration(&self, mode: Mode) -> HistogramReading {
        self.0.run_duration.read((mode, RunResult::Completed))
    }

    /// Exact distribution of planner latency; `None` unless enabled.
    pub fn planner_latency_quantiles(
        &self,
        mode: Mode,
        status: PlannerStatus,
    ) -> Option<ExactQuantiles> {
        self.0.planner_latency.with((mode, status)).quantiles()
    }

    /// Exact distribution of run duration; `None` unless enabled.
    pub fn run_duration_quantiles(&self, mode: Mode) -> Option<ExactQuantiles> {
        self.0
            .run_duration
            .with((mode, RunResult::Completed))
            .quantiles()
    }

    /// `scheduler_runs_active`
    pub fn runs_active(&self, mode: Mode) -> i64 {
        self.0.runs_active.get(mode)
    }

    /// `scheduler_runner_backlog`; `None` when it is withheld or unknown.
    pub fn backlog(&self, mode: Mode, schedule: &str, context: &CollectContext) -> Option<u64> {
        self.0.backlog.get(mode, schedule, context)
    }

    /// `scheduler_planner_attempts_total`
    pub fn planner_attempts(&self, mode: Mode, outcome: AttemptOutcome) -> u64 {
        self.0.planner_attempts.get((mode, outcome))
    }

    /// `scheduler_runs_cancelled_total`
    pub fn runs_cancelled(&self, mode: Mode) -> u64 {
        self.0.runs_cancelled.get(mode)
    }

    /// `scheduler_runner_segments_discarded_total`
    pub fn segments_discarded(&self, mode: Mode) -> u64 {
        self.0.segments_discarded.get(mode)
    }

    /// `scheduler_runner_images_failed_total`
    pub fn images_failed(&self, mode: Mode) -> u64 {
        self.0.images_failed.get(mode)
    }

    /// `scheduler_queue_depth`; `None` when it is withheld.
    pub fn queue_depth(&self, queue: QueueName, context: &CollectContext) -> Option<u64> {
        self.0
            .queue_depth
            .get(queue, context)
            .map(Saturating::saturating_u64)
    }

    /// `scheduler_queue_oldest_ready_age_seconds`; `None` when it is withheld.
    pub fn queue_oldest_ready(&self, queue: QueueName, context: &CollectContext) -> Option<f64> {
        self.0.queue_oldest_ready.get(queue, context)
    }

    /// `scheduler_queue_redeliveries_total`
    pub fn redeliveries(&self, queue: QueueName) -> u64 {
        self.0.redeliveries.get(queue)
    }

    /// `scheduler_queue_dead_letters_total`
    pub fn dead_letters(&self, queue: QueueName) -> u64 {
        self.0.dead_letters.get(queue)
    }

    /// `scheduler_queue_drops_total`
    pub fn drops(&self, queue: QueueName) -> u64 {
        self.0.drops.get(queue)
    }

    /// `scheduler_lease_renewals_total`
    pub fn lease_renewals(&self, queue: QueueName) -> u64 {
        self.0.lease_renewals.get(queue)
    }

    /// `scheduler_lease_losses_total`
    pub fn lease_losses(&self, queue: QueueName) -> u64 {
        self.0.lease_losses.get(queue)
    }

    /// `scheduler_scanner_requests_total`
    pub fn scanner_requests(&self, mode: Mode, outcome: ScannerOutcome) -> u64 {
        self.0.scanner_requests.get((mode, outcome))
    }

    /// `scheduler_scanner_late_permits_total`
    pub fn late_permits(&self, mode: Mode) -> u64 {
        self.0.late_permits.get(mode)
    }

    /// `scheduler_events_published_total`
    pub fn events_published(&self, kind: EventKind) -> u64 {
        self.0.events.get(kind)
    }

    /// `scheduler_outbox_depth`; `None` when it is withheld.
    pub fn outbox_depth(&self, context: &CollectContext) -> Option<u64> {
        self.0
            .outbox_depth
            .get((), context)
            .map(Saturating::saturating_u64)
    }

    /// `scheduler_schedule_fires_total`
    pub fn schedule_fires(&self, mode: Mode, fate: Fate) -> u64 {
        self.0.fires.get((mode, fate))
    }

    /// `scheduler_run_since_progress_seconds`; `None` when it is withheld.
    pub fn since_progress(&self, mode: Mode, context: &CollectContext) -> Option<f64> {
        self.0.since_progress.get(mode, context)
    }
}
