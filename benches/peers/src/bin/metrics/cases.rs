//! The operations of each library.

use std::hint::black_box;
use std::sync::Arc;

use metrics::{Key, Level, Metadata, Recorder};
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use prometheus_client::metrics::family::Family as ClientFamily;
use rehearsal::metrics::{
    Bounds, Family, Labels, Mode, Open, Registry, SchedulerWorkerMetrics, SegmentStatus,
    WorkerMetricsOptions,
};

use super::{Case, Work};

pub const OURS: &str = "rehearsal";
const BOUNDS: [f64; 10] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];
/// Sixteen values over all buckets.
const VALUES: [f64; 16] = [
    0.05, 0.2, 0.3, 0.7, 2.0, 3.0, 7.0, 20.0, 40.0, 90.0, 150.0, 0.1, 1.0, 10.0, 0.01, 4.0,
];
static METADATA: Metadata<'static> = Metadata::new("peers", Level::INFO, None);

/// Every case, by operation; our own first.
pub fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(counters());
    cases.extend(up_downs());
    cases.extend(gauges());
    cases.extend(histograms());
    cases.extend(labelled());
    cases.extend(opens());
    cases
}

/// A case whose library buffers nothing.
fn case(operation: &'static str, library: &'static str, make: impl Fn(usize) -> Work) -> Case {
    Case {
        operation,
        library,
        instruments: [make(0), make(1)],
        rest: Box::new(|| ()),
    }
}

/// Repeats a recording.
fn repeat(record: impl Fn(u64) + Send + Sync + 'static) -> Work {
    Arc::new(move |operations| (0..operations).for_each(|number| record(black_box(number))))
}

fn value(number: u64) -> f64 {
    VALUES[number as usize % VALUES.len()]
}

fn name(place: usize) -> &'static str {
    ["first_total", "second_total"][place]
}

fn key(place: usize) -> Key {
    Key::from_name(name(place))
}

fn exporter() -> metrics_exporter_prometheus::PrometheusRecorder {
    let builder = metrics_exporter_prometheus::PrometheusBuilder::new();
    let builder = builder.set_buckets(&BOUNDS).expect("some buckets");
    builder.build_recorder()
}

fn telemetry() -> opentelemetry_sdk::metrics::SdkMeterProvider {
    let reader = opentelemetry_sdk::metrics::ManualReader::builder().build();
    opentelemetry_sdk::metrics::SdkMeterProvider::builder()
        .with_reader(reader)
        .build()
}

/// Two attributes, as our runner's counters have.
fn attributes() -> [KeyValue; 2] {
    [
        KeyValue::new("mode", "analysisOnly"),
        KeyValue::new("status", "Completed"),
    ]
}

fn counters() -> Vec<Case> {
    let operation = "counter";
    let registry = Registry::new();
    let plain = metrics_util::registry::Registry::new(metrics_util::registry::AtomicStorage);
    let exported = exporter();
    let provider = telemetry();
    vec![
        case(operation, OURS, |place| {
            let counter = registry.counter(&Family::counter(name(place)), Labels::none());
            let counter = counter.expect("a new name");
            repeat(move |_| counter.increment())
        }),
        case(operation, "rehearsal, by `metrics` handle", |place| {
            let registry = Registry::new();
            let counter = registry.register_counter(&key(place), &METADATA);
            repeat(move |_| counter.increment(1))
        }),
        case(operation, "metrics-util", |place| {
            let cell = plain.get_or_create_counter(&key(place), Arc::clone);
            let counter = metrics::Counter::from_arc(cell);
            repeat(move |_| counter.increment(1))
        }),
        case(operation, "metrics-exporter-prometheus", |place| {
            let counter = exported.register_counter(&key(place), &METADATA);
            repeat(move |_| counter.increment(1))
        }),
        case(operation, "prometheus", |place| {
            let counter = prometheus::IntCounter::new(name(place), "help").expect("a valid name");
            repeat(move |_| counter.inc())
        }),
        case(operation, "prometheus-client", |_| {
            let counter = prometheus_client::metrics::counter::Counter::<u64>::default();
            repeat(move |_| {
                counter.inc();
            })
        }),
        case(operation, "opentelemetry_sdk", |place| {
            let counter = provider.meter("peers").u64_counter(name(place)).build();
            repeat(move |_| counter.add(1, &[]))
        }),
    ]
}

fn up_downs() -> Vec<Case> {
    let operation = "up/down";
    let registry = Registry::new();
    let provider = telemetry();
    vec![
        case(operation, OURS, |place| {
            let counter = registry.up_down(&Family::up_down(name(place)), Labels::none());
            let counter = counter.expect("a new name");
            repeat(move |number| counter.add(if number % 2 == 0 { 1 } else { -1 }))
        }),
        case(operation, "prometheus", |place| {
            let gauge = prometheus::IntGauge::new(name(place), "help").expect("a valid name");
            repeat(move |number| gauge.add(if number % 2 == 0 { 1 } else { -1 }))
        }),
        case(operation, "prometheus-client", |_| {
            let gauge = prometheus_client::metrics::gauge::Gauge::<i64>::default();
            repeat(move |number| {
                gauge.inc_by(if number % 2 == 0 { 1 } else { -1 });
            })
        }),
        case(operation, "opentelemetry_sdk", |place| {
            let meter = provider.meter("peers");
            let counter = meter.i64_up_down_counter(name(place)).build();
            repeat(move |number| counter.add(if number % 2 == 0 { 1 } else { -1 }, &[]))
        }),
    ]
}

fn gauges() -> Vec<Case> {
    let operation = "gauge";
    let registry = Registry::new();
    let exported = exporter();
    vec![
        case(operation, OURS, |place| {
            let gauge = registry.gauge(&Family::gauge(name(place)), Labels::none());
            let gauge = gauge.expect("a new name");
            repeat(move |number| gauge.set(value(number)))
        }),
        case(operation, "metrics-exporter-prometheus", |place| {
            let gauge = exported.register_gauge(&key(place), &METADATA);
            repeat(move |number| gauge.set(value(number)))
        }),
        case(operation, "prometheus", |place| {
            let gauge = prometheus::Gauge::new(name(place), "help").expect("a valid name");
            repeat(move |number| gauge.set(value(number)))
        }),
    ]
}

fn histograms() -> Vec<Case> {
    let operation = "histogram";
    let registry = Registry::new();
    let plain = Arc::new(metrics_util::registry::Registry::new(
        metrics_util::registry::AtomicStorage,
    ));
    let buffered = Arc::clone(&plain);
    let exported = exporter();
    let handle = exported.handle();
    let provider = telemetry();
    let family = |place| {
        let bounds = Bounds::new(&BOUNDS).expect("rising");
        Family::histogram(name(place), bounds)
    };
    vec![
        case(operation, OURS, |place| {
            let histogram = registry.histogram(&family(place), Labels::none());
            let histogram = histogram.expect("a new name");
            repeat(move |number| histogram.record(value(number)))
        }),
        Case {
            rest: Box::new(move || {
                buffered.visit_histograms(|_, bucket| bucket.clear());
            }),
            ..case(operation, "metrics-util", |place| {
                let bucket = plain.get_or_create_histogram(&key(place), Arc::clone);
                let histogram = metrics::Histogram::from_arc(bucket);
                repeat(move |number| histogram.record(value(number)))
            })
        },
        Case {
            rest: Box::new(move || handle.run_upkeep()),
            ..case(operation, "metrics-exporter-prometheus", |place| {
                let histogram = exported.register_histogram(&key(place), &METADATA);
                repeat(move |number| histogram.record(value(number)))
            })
        },
        case(operation, "prometheus", |place| {
            let options = prometheus::HistogramOpts::new(name(place), "help");
            let options = options.buckets(BOUNDS.to_vec());
            let histogram = prometheus::Histogram::with_opts(options).expect("valid buckets");
            repeat(move |number| histogram.observe(value(number)))
        }),
        case(operation, "prometheus-client", |_| {
            let histogram = prometheus_client::metrics::histogram::Histogram::new(BOUNDS);
            repeat(move |number| histogram.observe(value(number)))
        }),
        case(operation, "opentelemetry_sdk", |place| {
            let meter = provider.meter("peers");
            let histogram = meter.f64_histogram(name(place));
            let histogram = histogram.with_boundaries(BOUNDS.to_vec()).build();
            repeat(move |number| histogram.record(value(number), &[]))
        }),
    ]
}

/// Two closed labels, given with each recording.
fn labelled() -> Vec<Case> {
    let operation = "counter by two closed labels";
    let provider = telemetry();
    vec![
        case(operation, OURS, |_| {
            let options = WorkerMetricsOptions::default();
            let metrics = SchedulerWorkerMetrics::with_options(&Registry::new(), options);
            let metrics = metrics.expect("an empty registry takes every instrument");
            repeat(move |number| {
                let mode = Mode::ALL[number as usize % 2];
                metrics.segment(mode, SegmentStatus::Completed);
            })
        }),
        case(operation, "prometheus", |place| {
            let options = prometheus::Opts::new(name(place), "help");
            let counters = prometheus::IntCounterVec::new(options, &["mode", "status"]);
            let counters = counters.expect("valid labels");
            repeat(move |number| {
                let mode = ["analysisOnly", "contentRefresh"][number as usize % 2];
                counters.with_label_values(&[mode, "Completed"]).inc();
            })
        }),
        case(operation, "prometheus-client", |_| {
            type Two = [(&'static str, &'static str); 2];
            let counters =
                ClientFamily::<Two, prometheus_client::metrics::counter::Counter>::default();
            repeat(move |number| {
                let mode = ["analysisOnly", "contentRefresh"][number as usize % 2];
                let labels = [("mode", mode), ("status", "Completed")];
                counters.get_or_create(&labels).inc();
            })
        }),
        case(operation, "opentelemetry_sdk", |place| {
            let counter = provider.meter("peers").u64_counter(name(place)).build();
            let attributes = attributes();
            repeat(move |_| counter.add(1, &attributes))
        }),
    ]
}

/// One label with open values, looked up by its text.
fn opens() -> Vec<Case> {
    let operation = "counter by an open label";
    let schedules: Vec<String> = (0..64).map(|n| format!("schedule-{n:04}")).collect();
    let schedules = Arc::new(schedules);
    let registry = Registry::new();
    vec![
        case(operation, OURS, |place| {
            let open = Open::counters(&registry, Family::counter(name(place)), "scheduleId");
            let schedules = Arc::clone(&schedules);
            // A handle cache is a thread's own.
            Arc::new(move |operations| {
                let mut open = open.clone();
                for number in 0..operations {
                    let schedule = &schedules[black_box(number) as usize % schedules.len()];
                    if let Ok(counter) = open.get(schedule) {
                        counter.increment();
                    }
                }
            })
        }),
        case(operation, "prometheus", |place| {
            let options = prometheus::Opts::new(name(place), "help");
            let counters = prometheus::IntCounterVec::new(options, &["scheduleId"]);
            let counters = counters.expect("valid labels");
            let schedules = Arc::clone(&schedules);
            repeat(move |number| {
                let schedule = &schedules[number as usize % schedules.len()];
                counters.with_label_values(&[schedule.as_str()]).inc();
            })
        }),
        case(operation, "prometheus-client", |_| {
            type One = [(&'static str, String); 1];
            let counters =
                ClientFamily::<One, prometheus_client::metrics::counter::Counter>::default();
            let schedules = Arc::clone(&schedules);
            repeat(move |number| {
                let schedule = schedules[number as usize % schedules.len()].clone();
                counters.get_or_create(&[("scheduleId", schedule)]).inc();
            })
        }),
    ]
}
