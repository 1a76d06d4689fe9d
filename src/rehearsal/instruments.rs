//! Reads the instruments of an incarnation for the checks.

use std::sync::Arc;
use std::time::Duration;

use rehearsal_convert::Nearest;

use crate::check::{
    CounterSeries, DeltaKind, ExtensionSeries, GaugeSeries, HistogramRead, HistogramSeries,
    InfoSeries, InstrumentReader, PlanAttempt, RequestOutcome, SegmentFate,
};
use crate::metrics::{
    AttemptOutcome, CollectContext, Delta, HistogramReading, Labels, ObservableCallback,
    PlannerStatus, Readings, Registry, ScannerOutcome, SchedulerWorkerMetrics, SegmentStatus,
    catalog,
};
use crate::model::Mode;
use crate::model::commit::PlanOutcome;
use crate::sim::world::WorldPorts;
use crate::worker::ports::{Clock, Ports};

/// Instruments of one incarnation, with the values that a scrape at the same instant would show.
pub struct IncarnationInstruments {
    metrics: Arc<SchedulerWorkerMetrics>,
    registry: Registry,
    ports: WorldPorts,
    /// Number of series that exist from the start.
    static_series: usize,
    /// Names the meter.
    meter: InfoReader,
    /// Names the build.
    build: InfoReader,
}

impl IncarnationInstruments {
    /// Creates a reader. `ports` supplies the clock of the process.
    pub fn new(
        metrics: Arc<SchedulerWorkerMetrics>,
        registry: Registry,
        ports: WorldPorts,
    ) -> Self {
        let static_series = registry.cell_series();
        let build = Labels::of_closed(catalog::BUILD_INFO.labels).next();
        let build = build.unwrap_or_else(Labels::none);
        Self {
            meter: InfoReader::new(&registry, InfoSeries::Meter, meter_labels()),
            build: InfoReader::new(&registry, InfoSeries::Build, build),
            metrics,
            registry,
            ports,
            static_series,
        }
    }

    fn context(&self) -> CollectContext {
        let elapsed: Duration = self.ports.clock().elapsed();
        CollectContext { elapsed }
    }
}

impl InstrumentReader for IncarnationInstruments {
    fn counter(&self, series: CounterSeries) -> u64 {
        let read = self.metrics.read();
        match series {
            CounterSeries::PlannerRuns(mode, outcome) => read.planner_runs(mode, status(outcome)),
            CounterSeries::Segments(mode, fate) => {
                let status = match fate {
                    SegmentFate::Completed => SegmentStatus::Completed,
                    SegmentFate::PersistFailed => SegmentStatus::PersistFailed,
                    SegmentFate::RunMissing => SegmentStatus::RunMissing,
                };
                read.segments(mode, status)
            }
            CounterSeries::Images(mode, changed) => read.images(mode, Delta(changed)),
            CounterSeries::Deltas(mode, DeltaKind::New) => read.new_findings(mode),
            CounterSeries::Deltas(mode, DeltaKind::Critical) => read.new_criticals(mode),
            CounterSeries::Deltas(mode, DeltaKind::High) => read.new_high(mode),
            CounterSeries::Deltas(mode, DeltaKind::Kev) => read.kev_hits(mode),
            CounterSeries::Extension(series) => extension(&read, series),
        }
    }

    fn histogram(&self, series: HistogramSeries) -> HistogramRead {
        let read = self.metrics.read();
        match series {
            HistogramSeries::Latency(mode, outcome) => cumulative(
                read.planner_latency_bounds(),
                &read.planner_latency(mode, status(outcome)),
            ),
            HistogramSeries::Duration(mode) => {
                cumulative(read.run_duration_bounds(), &read.run_duration(mode))
            }
        }
    }

    fn info(&self, series: InfoSeries) -> Option<f64> {
        match series {
            InfoSeries::Meter => self.meter.value(),
            InfoSeries::Build => self.build.value(),
        }
    }

    fn runs_active(&self, mode: Mode) -> i64 {
        self.metrics.read().runs_active(mode)
    }

    fn backlog(&self, show: &mut dyn FnMut(Mode, &str, u64)) {
        self.metrics.backlog().visit(&self.context(), show);
    }

    fn backlog_of(&self, mode: Mode, schedule: &str) -> Option<u64> {
        let context = self.context();
        self.metrics.backlog().get(mode, schedule, &context)
    }

    fn gauge(&self, series: GaugeSeries) -> Option<f64> {
        let (read, context) = (self.metrics.read(), self.context());
        match series {
            GaugeSeries::QueueDepth(queue) => {
                read.queue_depth(queue, &context).map(Nearest::nearest_f64)
            }
            GaugeSeries::OldestReady(queue) => read.queue_oldest_ready(queue, &context),
            GaugeSeries::OutboxDepth => read.outbox_depth(&context).map(Nearest::nearest_f64),
            GaugeSeries::SinceProgress(mode) => read.since_progress(mode, &context),
        }
    }

    fn late_permits(&self, mode: Mode) -> u64 {
        self.metrics.read().late_permits(mode)
    }

    fn series_count(&self) -> usize {
        let mut backlog = 0;
        self.metrics
            .backlog()
            .visit(&self.context(), &mut |_, _, _| backlog += 1);
        self.registry.cell_series() + backlog
    }

    fn series_max(&self, schedules: usize) -> usize {
        self.static_series + Mode::ALL.len() * schedules
    }
}

/// Reads one series of an info metric at every scrape, so it keeps the callback.
struct InfoReader {
    callback: Option<Arc<dyn ObservableCallback>>,
    labels: Labels,
}

impl InfoReader {
    fn new(registry: &Registry, series: InfoSeries, labels: Labels) -> Self {
        Self {
            callback: registry.observable(series.metric()),
            labels,
        }
    }

    /// Value of the series; `None` if the exposition has no such series.
    fn value(&self) -> Option<f64> {
        let mut found = None;
        let context = CollectContext::default();
        let callback = self.callback.as_ref()?;
        callback.observe(&context, &mut |labels, value| {
            if found.is_none() && *labels == self.labels {
                found = Some(value);
            }
        });
        found
    }
}

/// Labels that the contract gives to the series of the meter.
fn meter_labels() -> Labels {
    let pair = ("otel_scope_name".into(), InfoSeries::METER.into());
    let labels = Labels::new(InfoSeries::Meter.metric(), [pair]);
    labels.unwrap_or_else(|_| unreachable!("the label's name is valid"))
}

fn extension(read: &Readings<'_>, series: ExtensionSeries) -> u64 {
    match series {
        ExtensionSeries::Attempts(mode, attempt) => {
            let outcome = match attempt {
                PlanAttempt::Planned(PlanOutcome::Enqueued) => AttemptOutcome::Enqueued,
                PlanAttempt::Planned(PlanOutcome::NoWork) => AttemptOutcome::NoWork,
                PlanAttempt::Planned(PlanOutcome::Failed) => AttemptOutcome::Failed,
                PlanAttempt::Retried => AttemptOutcome::Retried,
                PlanAttempt::Conflict => AttemptOutcome::Conflict,
            };
            read.planner_attempts(mode, outcome)
        }
        ExtensionSeries::Cancelled(mode) => read.runs_cancelled(mode),
        ExtensionSeries::Discarded(mode) => read.segments_discarded(mode),
        ExtensionSeries::ImagesFailed(mode) => read.images_failed(mode),
        ExtensionSeries::Redeliveries(queue) => read.redeliveries(queue),
        ExtensionSeries::Renewals(queue) => read.lease_renewals(queue),
        ExtensionSeries::DeadLetters(queue) => read.dead_letters(queue),
        ExtensionSeries::Drops(queue) => read.drops(queue),
        ExtensionSeries::Losses(queue) => read.lease_losses(queue),
        ExtensionSeries::Requests(mode, outcome) => {
            let outcome = match outcome {
                RequestOutcome::Succeeded => ScannerOutcome::Succeeded,
                RequestOutcome::TimedOut => ScannerOutcome::TimedOut,
                RequestOutcome::ServerError => ScannerOutcome::ServerError,
                RequestOutcome::RateLimited => ScannerOutcome::RateLimited,
                RequestOutcome::Refused => ScannerOutcome::Refused,
                RequestOutcome::Unreachable => ScannerOutcome::Unreachable,
            };
            read.scanner_requests(mode, outcome)
        }
        ExtensionSeries::Events(kind) => read.events_published(kind),
        ExtensionSeries::Fires(mode, fate) => read.schedule_fires(mode, fate),
    }
}

const fn status(outcome: PlanOutcome) -> PlannerStatus {
    match outcome {
        PlanOutcome::Enqueued => PlannerStatus::Enqueued,
        PlanOutcome::NoWork => PlannerStatus::NoWork,
        PlanOutcome::Failed => PlannerStatus::Failed,
    }
}

fn cumulative(bounds: &[f64], reading: &HistogramReading) -> HistogramRead {
    let mut sum = 0;
    let running = reading.counts().iter().map(|count| {
        sum += count;
        sum
    });
    HistogramRead {
        bounds: bounds.to_vec(),
        cumulative: running.collect(),
        count: reading.count(),
        sum: reading.sum(),
    }
}
