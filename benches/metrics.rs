//! Cost of recording, snapshots and expositions. `benches/peers` has the comparison with other
//! libraries.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use metrics::{Key, Level, Metadata, Recorder};
use rehearsal::metrics::exposition::{ExpositionFormat, render};
use rehearsal::metrics::{
    Bounds, CollectContext, DynamicFamily, Family, Histogram, InstrumentWrites, Labels, Mode,
    Registry, RegistryOptions, SchedulerWorkerMetrics, SegmentStatus, WorkerMetricsOptions,
};

const BOUNDS: [f64; 10] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];

static METADATA: Metadata<'static> = Metadata::new("bench", Level::INFO, None);

fn histogram(registry: &Registry) -> Histogram {
    let bounds = Bounds::new(&BOUNDS).expect("rising");
    let family = Family::histogram("latency_seconds", bounds);
    let histogram = registry.histogram(&family, Labels::none());
    histogram.expect("a new name")
}

fn record(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("record");
    let registry = Registry::new();
    let counter = registry.counter(&Family::counter("reports_total"), Labels::none());
    let counter = counter.expect("a new name");
    group.bench_function("counter", |bencher| bencher.iter(|| counter.increment()));
    let active = registry.up_down(&Family::up_down("active"), Labels::none());
    let active = active.expect("a new name");
    group.bench_function("up/down", |bencher| {
        bencher.iter(|| active.add(black_box(-1)));
    });
    let gauge = registry.gauge(&Family::gauge("depth"), Labels::none());
    let gauge = gauge.expect("a new name");
    group.bench_function("gauge", |bencher| {
        bencher.iter(|| gauge.set(black_box(7.0)));
    });
    let latency = histogram(&registry);
    group.bench_function("histogram", |bencher| {
        bencher.iter(|| latency.record(black_box(3.0)));
    });
    let options = WorkerMetricsOptions::default();
    let worker = SchedulerWorkerMetrics::with_options(&Registry::new(), options);
    let worker = worker.expect("an empty registry takes every instrument");
    group.bench_function("counter by two closed labels", |bencher| {
        bencher.iter(|| worker.segment(black_box(Mode::AnalysisOnly), SegmentStatus::Completed));
    });
    let mut open = DynamicFamily::counters(&registry, Family::counter("open_total"), "scheduleId");
    group.bench_function("counter by an open label", |bencher| {
        bencher.iter(|| {
            if let Ok(counter) = open.get(black_box("nightly-of-acme")) {
                counter.increment();
            }
        });
    });
    let handle = registry.register_counter(&Key::from_name("handle_total"), &METADATA);
    group.bench_function("counter by a `metrics` handle", |bencher| {
        bencher.iter(|| handle.increment(1));
    });
    group.bench_function("counter by the `counter!` macro", |bencher| {
        metrics::with_local_recorder(&registry, || {
            bencher.iter(|| metrics::counter!("macro_total").increment(1));
        });
    });
    group.finish();
}

/// Registry with this number of counters.
fn registry_of(series: usize) -> Registry {
    let registry = Registry::with_options(RegistryOptions {
        series_max: series,
        ..RegistryOptions::default()
    });
    for number in 0..series {
        let pairs = [("scheduleId".into(), format!("schedule-{number:07}").into())];
        let labels = Labels::new("", pairs).expect("valid labels");
        let counter = registry.counter(&Family::counter("reports_total"), labels);
        counter.expect("a new series").add(number as u64);
    }
    registry
}

fn read(criterion: &mut Criterion) {
    let context = CollectContext::at(Duration::ZERO);
    let mut group = criterion.benchmark_group("read");
    group.sample_size(10);
    for series in [100, 10_000, 1_000_000] {
        let registry = registry_of(series);
        group.throughput(Throughput::Elements(series as u64));
        group.bench_function(BenchmarkId::new("snapshot", series), |bencher| {
            bencher.iter(|| registry.snapshot(&context));
        });
        group.bench_function(BenchmarkId::new("page", series), |bencher| {
            bencher.iter(|| render(ExpositionFormat::Text, &registry, &context).len());
        });
    }
    let registry = registry_of(10_000);
    let latency = histogram(&registry);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                latency.record(black_box(3.0));
            }
        });
        group.throughput(Throughput::Elements(10_000));
        group.bench_function(
            "snapshot of 10,000 while another thread records",
            |bencher| {
                bencher.iter(|| registry.snapshot(&context));
            },
        );
        done.store(true, Ordering::Relaxed);
    });
    group.finish();
}

criterion_group!(benches, record, read);
criterion_main!(benches);
