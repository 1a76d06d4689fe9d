//! Direct readings of a worker equal the series of its exposition.

use std::time::Duration;

use rehearsal_convert::Nearest;
use rehearsal_metrics::{CollectContext, Registry, SampleValue, Snapshot};
use rehearsal_worker::metrics::catalog::{DURATION_BOUNDS, LATENCY_BOUNDS};
use rehearsal_worker::metrics::{
    AttemptOutcome, Delta, EventKind, Fate, InstrumentWrites, Mode, PlannerStatus, QueueName,
    Readings, ScannerOutcome, SchedulerWorkerMetrics, SegmentStatus, WorkerMetricsOptions,
};
use rehearsal_worker::model::DeltaCounts;

const NOW: CollectContext = CollectContext::at(Duration::from_secs(10));
/// Time at which all values observed at the start are stale.
const LATER: CollectContext = CollectContext::at(Duration::from_secs(16));

fn worker(options: WorkerMetricsOptions) -> (Registry, SchedulerWorkerMetrics) {
    let registry = Registry::new();
    let metrics = SchedulerWorkerMetrics::with_options(&registry, options);
    (registry, metrics.expect("an empty registry"))
}

/// Value of one series in the exposition; a histogram by its count.
fn number(page: &Snapshot, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    page.get(name, labels).map(|value| match value {
        SampleValue::Counter(value) => value.nearest_f64(),
        SampleValue::UpDownCounter(value) => value.nearest_f64(),
        SampleValue::Gauge(value) => *value,
        SampleValue::Histogram(reading) => reading.count().nearest_f64(),
    })
}

/// Each counter series gets a distinct number.
fn record_counters(metrics: &SchedulerWorkerMetrics) -> u64 {
    let mut last = 1;
    let mut next = move || {
        last += 1;
        last
    };
    let repeat = |times: u64, record: &dyn Fn()| (0..times).for_each(|_| record());
    for mode in Mode::ALL.iter().copied() {
        for status in SegmentStatus::ALL.iter().copied() {
            repeat(next(), &|| metrics.segment(mode, status));
        }
        for outcome in AttemptOutcome::ALL.iter().copied() {
            repeat(next(), &|| metrics.planner_attempt(mode, outcome));
        }
        for outcome in ScannerOutcome::ALL.iter().copied() {
            repeat(next(), &|| metrics.scanner_request(mode, outcome));
        }
        for fate in Fate::ALL.iter().copied() {
            metrics.schedule_fires(mode, fate, next());
        }
        for delta in [false, true] {
            metrics.images(mode, Delta(delta), next());
        }
        repeat(next(), &|| metrics.run_cancelled(mode));
        repeat(next(), &|| metrics.segment_discarded(mode));
        repeat(next(), &|| metrics.late_permit(mode));
        metrics.images_failed(mode, next());
        metrics.runs_active_add(mode, next().cast_signed());
        let counts = DeltaCounts {
            new_findings: next(),
            new_criticals: next(),
            new_high: next(),
            kev_hits: next(),
            ..DeltaCounts::default()
        };
        metrics.deltas(mode, &counts);
    }
    for queue in QueueName::ALL.iter().copied() {
        repeat(next(), &|| metrics.redelivery(queue));
        repeat(next(), &|| metrics.dead_letter(queue));
        repeat(next(), &|| metrics.drop_message(queue));
        repeat(next(), &|| metrics.lease_renewal(queue));
        repeat(next(), &|| metrics.lease_loss(queue));
    }
    for kind in EventKind::ALL.iter().copied() {
        repeat(next(), &|| metrics.event_published(kind));
    }
    next() - 2
}

/// Name, labels and reading of a counter.
type Read = (&'static str, Vec<(&'static str, &'static str)>, u64);

/// All counter readings with their series.
fn counters(read: Readings<'_>) -> Vec<Read> {
    let mut all = counters_by_mode(read);
    let mut say = |name: &'static str, labels: &[(&'static str, &'static str)], count| {
        all.push((name, labels.to_vec(), count));
    };
    for value in QueueName::ALL.iter().copied() {
        let queue = [("queue", value.as_str())];
        say(
            "scheduler_queue_redeliveries_total",
            &queue,
            read.redeliveries(value),
        );
        say(
            "scheduler_queue_dead_letters_total",
            &queue,
            read.dead_letters(value),
        );
        say("scheduler_queue_drops_total", &queue, read.drops(value));
        say(
            "scheduler_lease_renewals_total",
            &queue,
            read.lease_renewals(value),
        );
        say(
            "scheduler_lease_losses_total",
            &queue,
            read.lease_losses(value),
        );
    }
    for kind in EventKind::ALL.iter().copied() {
        let labels = [("kind", kind.as_str())];
        say(
            "scheduler_events_published_total",
            &labels,
            read.events_published(kind),
        );
    }
    all
}

fn counters_by_mode(read: Readings<'_>) -> Vec<Read> {
    let mut all = Vec::new();
    let mut say = |name: &'static str, labels: &[(&'static str, &'static str)], count| {
        all.push((name, labels.to_vec(), count));
    };
    for value in Mode::ALL.iter().copied() {
        let mode = ("mode", value.as_str());
        for status in SegmentStatus::ALL.iter().copied() {
            let labels = [mode, ("status", status.as_str())];
            say(
                "scheduler_runner_segments_total",
                &labels,
                read.segments(value, status),
            );
        }
        for outcome in AttemptOutcome::ALL.iter().copied() {
            let labels = [mode, ("outcome", outcome.as_str())];
            let count = read.planner_attempts(value, outcome);
            say("scheduler_planner_attempts_total", &labels, count);
        }
        for outcome in ScannerOutcome::ALL.iter().copied() {
            let labels = [mode, ("outcome", outcome.as_str())];
            let count = read.scanner_requests(value, outcome);
            say("scheduler_scanner_requests_total", &labels, count);
        }
        for fate in Fate::ALL.iter().copied() {
            let labels = [mode, ("fate", fate.as_str())];
            say(
                "scheduler_schedule_fires_total",
                &labels,
                read.schedule_fires(value, fate),
            );
        }
        for (delta, text) in [(false, "false"), (true, "true")] {
            let count = read.images(value, Delta(delta));
            say(
                "scheduler_runner_images_total",
                &[mode, ("delta", text)],
                count,
            );
        }
        say(
            "scheduler_runs_cancelled_total",
            &[mode],
            read.runs_cancelled(value),
        );
        let discarded = read.segments_discarded(value);
        say(
            "scheduler_runner_segments_discarded_total",
            &[mode],
            discarded,
        );
        say(
            "scheduler_scanner_late_permits_total",
            &[mode],
            read.late_permits(value),
        );
        say(
            "scheduler_runner_images_failed_total",
            &[mode],
            read.images_failed(value),
        );
        say(
            "scheduler_runs_active",
            &[mode],
            read.runs_active(value).cast_unsigned(),
        );
        let deltas = read.deltas(value);
        say("scheduler_runner_delta_total", &[mode], deltas.new_findings);
        say(
            "scheduler_runner_delta_critical_total",
            &[mode],
            deltas.new_criticals,
        );
        say(
            "scheduler_runner_delta_high_total",
            &[mode],
            deltas.new_high,
        );
        say("scheduler_runner_delta_kev_total", &[mode], deltas.kev_hits);
    }
    all
}

#[test]
fn counter_readings_equal_exposed_series() {
    let (registry, metrics) = worker(WorkerMetricsOptions::default());
    let recorded = record_counters(&metrics);
    let page = registry.snapshot(&NOW);
    let read = counters(metrics.read());
    for (name, labels, count) in &read {
        assert_eq!(
            number(&page, name, labels),
            Some(count.nearest_f64()),
            "{name} {labels:?}"
        );
    }
    // Each number occurs exactly once, so no two readings are of the same series.
    let mut counts: Vec<u64> = read.iter().map(|(.., count)| *count).collect();
    counts.sort_unstable();
    assert_eq!(counts, (2..=recorded + 1).collect::<Vec<_>>());
}

#[test]
fn histogram_readings_equal_exposed_series() {
    let options = WorkerMetricsOptions {
        exact_quantiles: true,
        ..WorkerMetricsOptions::default()
    };
    let (registry, metrics) = worker(options);
    let mut times = 2_u32;
    for mode in Mode::ALL.iter().copied() {
        for status in PlannerStatus::ALL.iter().copied() {
            (0..times).for_each(|_| metrics.planner_run(mode, status, 0.2 * f64::from(times)));
            times += 1;
        }
        (0..times).for_each(|_| metrics.run_completed(mode, 40.0));
        times += 1;
    }
    let page = registry.snapshot(&NOW);
    let read = metrics.read();
    let mut times = 2_u32;
    for value in Mode::ALL.iter().copied() {
        let mode = ("mode", value.as_str());
        for status in PlannerStatus::ALL.iter().copied() {
            let labels = [mode, ("status", status.as_str())];
            let series = page.get("scheduler_planner_latency_seconds", &labels);
            let reading = read.planner_latency(value, status);
            assert_eq!(series, Some(&SampleValue::Histogram(Box::new(reading))));
            assert_eq!(reading.count(), u64::from(times));
            assert_eq!(read.planner_runs(value, status), reading.count());
            let quantiles = read
                .planner_latency_quantiles(value, status)
                .expect("asked for");
            assert_eq!(quantiles.count(), reading.count());
            let median = quantiles.at(0.5).expect("samples");
            assert!((median - 0.2 * f64::from(times)).abs() < 0.002, "{median}");
            times += 1;
        }
        let reading = read.run_duration(value);
        let series = page.get("scheduler_run_duration_seconds", &[mode]);
        assert_eq!(series, Some(&SampleValue::Histogram(Box::new(reading))));
        assert_eq!(reading.count(), u64::from(times));
        let quantiles = read.run_duration_quantiles(value).expect("asked for");
        assert_eq!(quantiles.count(), reading.count());
        times += 1;
    }
    assert_eq!(read.planner_latency_bounds(), LATENCY_BOUNDS);
    assert_eq!(read.run_duration_bounds(), DURATION_BOUNDS);
    let (_registry, plain) = worker(WorkerMetricsOptions::default());
    assert!(
        plain
            .read()
            .run_duration_quantiles(Mode::AnalysisOnly)
            .is_none()
    );
}

#[test]
fn observed_gauge_readings_while_fresh_equal_series() {
    let (registry, metrics) = worker(WorkerMetricsOptions::default());
    let at = Duration::ZERO;
    for (place, queue) in QueueName::ALL.iter().copied().enumerate() {
        metrics.queue_depth(queue, 20 + place as u64, at);
        metrics.queue_oldest_ready(queue, 2.5 + place.nearest_f64(), at);
    }
    for (place, mode) in Mode::ALL.iter().copied().enumerate() {
        metrics.since_progress(mode, 7.5 + place.nearest_f64(), at);
        metrics
            .backlog()
            .set(mode, "nightly", 30 + place as u64, at);
    }
    metrics.outbox_depth(9, at);
    let read = metrics.read();
    for context in [NOW, LATER] {
        let page = registry.snapshot(&context);
        let same = |name: &str, labels: &[(&str, &str)], reading: Option<f64>| {
            assert_eq!(number(&page, name, labels), reading, "{name} {labels:?}");
            assert_eq!(reading.is_some(), context == NOW, "{name} {labels:?}");
        };
        for value in QueueName::ALL.iter().copied() {
            let queue = [("queue", value.as_str())];
            let depth = read.queue_depth(value, &context).map(Nearest::nearest_f64);
            same("scheduler_queue_depth", &queue, depth);
            let age = read.queue_oldest_ready(value, &context);
            same("scheduler_queue_oldest_ready_age_seconds", &queue, age);
        }
        for value in Mode::ALL.iter().copied() {
            let mode = ("mode", value.as_str());
            let progress = read.since_progress(value, &context);
            same("scheduler_run_since_progress_seconds", &[mode], progress);
            let backlog = read.backlog(value, "nightly", &context);
            let labels = [mode, ("scheduleId", "nightly")];
            same(
                "scheduler_runner_backlog",
                &labels,
                backlog.map(Nearest::nearest_f64),
            );
            assert_eq!(read.backlog(value, "weekly", &context), None);
        }
        let outbox = read.outbox_depth(&context).map(Nearest::nearest_f64);
        same("scheduler_outbox_depth", &[], outbox);
    }
}
