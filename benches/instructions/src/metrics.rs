//! Cost of records, scrapes and expositions.

use rehearsal_convert::Index;
use std::hint::black_box;
use std::time::Duration;

use rehearsal::metrics::exposition::{ExpositionFormat, render};
use rehearsal::metrics::{
    Bounds, CollectContext, Counter, DynamicFamily, Family, InstrumentWrites, Labels, Mode,
    Registry, RegistryOptions, SchedulerWorkerMetrics, SegmentStatus, TimeSeriesStore,
    WorkerMetricsOptions,
};

use crate::{measurement_begins, measurement_ends};

const BOUNDS: [f64; 10] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];

const RECORDS: u64 = 100_000;

const SCRAPES: u64 = 200;

/// Measures a record after the first one, which allocates the thread's cells.
fn records(mut record: impl FnMut()) -> u64 {
    record();
    measurement_begins();
    for _ in 0..RECORDS {
        record();
    }
    measurement_ends();
    RECORDS
}

/// Increments a counter without labels.
pub fn counter() -> u64 {
    let registry = Registry::new();
    let counter = registry.counter(&Family::counter("reports_total"), Labels::none());
    let counter = counter.expect("a new name");
    records(|| black_box(&counter).increment())
}

/// Records a sample in a histogram of ten bounds.
pub fn histogram() -> u64 {
    let registry = Registry::new();
    let bounds = Bounds::new(&BOUNDS).expect("rising");
    let family = Family::histogram("latency_seconds", bounds);
    let histogram = registry.histogram(&family, Labels::none());
    let histogram = histogram.expect("a new name");
    records(|| histogram.record(black_box(3.0)))
}

/// Increments a counter with two static labels.
pub fn closed_labels() -> u64 {
    let options = WorkerMetricsOptions::default();
    let worker = SchedulerWorkerMetrics::with_options(&Registry::new(), options);
    let worker = worker.expect("an empty registry takes every instrument");
    records(|| {
        worker.segment(
            black_box(Mode::AnalysisOnly),
            black_box(SegmentStatus::Completed),
        );
    })
}

/// Increments a counter that is looked up by the value of a dynamic label.
pub fn open_label() -> u64 {
    let registry = Registry::new();
    let mut family =
        DynamicFamily::counters(&registry, Family::counter("open_total"), "scheduleId");
    records(|| {
        let counter = family.get(black_box("nightly-of-acme"));
        counter.expect("a valid label").increment();
    })
}

/// Registry with this number of counters.
fn registry_of(series: u64) -> (Registry, Vec<Counter>) {
    let registry = Registry::with_options(RegistryOptions {
        series_max: usize::MAX,
        ..RegistryOptions::default()
    });
    let counters = (0..series).map(|number| {
        let pairs = [("scheduleId".into(), format!("schedule-{number:07}").into())];
        let labels = Labels::new("", pairs).expect("valid labels");
        let counter = registry.counter(&Family::counter("reports_total"), labels);
        let counter = counter.expect("a new series");
        counter.add(number);
        counter
    });
    let counters = counters.collect();
    (registry, counters)
}

/// Scrapes a registry of which one series in a hundred has changed. The increments are included.
pub fn scrape(series: u64) -> u64 {
    let (registry, counters) = registry_of(series);
    let mut recording = TimeSeriesStore::new("bench");
    let instance = recording.instance("worker-0");
    let mut scrape = |at_ms| {
        let scraped = recording.scrape(instance, at_ms, &registry, &CollectContext::default());
        scraped.expect("rising times");
    };
    let mut changes = counters.chunks(counters.len() / 100).cycle();
    scrape(0);
    measurement_begins();
    for at_ms in (15_000..).step_by(15_000).take(SCRAPES.to_index()) {
        changes
            .next()
            .into_iter()
            .flatten()
            .for_each(Counter::increment);
        scrape(at_ms);
    }
    measurement_ends();
    SCRAPES
}

/// Writes a registry in Prometheus's text format.
pub fn exposition(series: u64) -> u64 {
    let (registry, _) = registry_of(series);
    let context = CollectContext::at(Duration::ZERO);
    black_box(render(ExpositionFormat::Text, &registry, &context));
    measurement_begins();
    for _ in 0..10 {
        black_box(render(ExpositionFormat::Text, &registry, &context));
    }
    measurement_ends();
    10
}
