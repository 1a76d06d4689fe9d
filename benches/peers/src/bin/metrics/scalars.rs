//! Counters, up/down counters and gauges without labels.

use std::cell::Cell;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::Recorder;
use opentelemetry::metrics::MeterProvider;
use prometheus_client::metrics as client;
use rehearsal::metrics::{Family, Labels, Registry};

use super::OURS;
use super::case::{Case, METADATA, exporter, key, name, repeat, step, telemetry, value};

/// All cases without labels, except histograms.
pub fn cases() -> Vec<Case> {
    [counters(), macros(), up_downs(), gauges()]
        .into_iter()
        .flatten()
        .collect()
}

/// Word with a cache line of its own.
#[repr(align(128))]
struct Alone(AtomicU64);

thread_local! {
    static OWN: Cell<u64> = const { Cell::new(0) };
}

fn counters() -> Vec<Case> {
    let operation = "counter";
    let registry = Registry::new();
    let plain = metrics_util::registry::Registry::new(metrics_util::registry::AtomicStorage);
    let exported = exporter();
    let provider = telemetry();
    vec![
        Case::new(operation, OURS, |place| {
            let counter = registry.counter(&Family::counter(name(place)), Labels::none());
            let counter = counter.expect("a new name");
            repeat(move |_| counter.increment())
        }),
        Case::new(operation, "rehearsal, by `metrics` handle", |place| {
            let registry = Registry::new();
            let counter = registry.register_counter(&key(place), &METADATA);
            repeat(move |_| counter.increment(1))
        }),
        Case::new(operation, "(a thread's own cell)", |_| {
            repeat(|_| OWN.with(|own| own.set(black_box(own.get() + 1))))
        }),
        Case::new(operation, "(a relaxed atomic add)", |_| {
            let word = Alone(AtomicU64::new(0));
            repeat(move |_| _ = word.0.fetch_add(1, Ordering::Relaxed))
        }),
        Case::new(operation, "metrics-util", |place| {
            let cell = plain.get_or_create_counter(&key(place), Arc::clone);
            let counter = metrics::Counter::from_arc(cell);
            repeat(move |_| counter.increment(1))
        }),
        Case::new(operation, "metrics-exporter-prometheus", |place| {
            let counter = exported.register_counter(&key(place), &METADATA);
            repeat(move |_| counter.increment(1))
        }),
        Case::new(operation, "prometheus", |place| {
            let counter = prometheus::IntCounter::new(name(place), "help").expect("a valid name");
            repeat(move |_| counter.inc())
        }),
        Case::new(operation, "prometheus-client", |_| {
            let counter = client::counter::Counter::<u64>::default();
            repeat(move |_| _ = counter.inc())
        }),
        Case::new(operation, "opentelemetry_sdk", |place| {
            let counter = provider.meter("peers").u64_counter(name(place)).build();
            repeat(move |_| counter.add(1, &[]))
        }),
        Case::new(operation, "measured", |_| {
            let counter = measured::Counter::new();
            repeat(move |_| counter.inc())
        }),
    ]
}

/// Looks up the handle at each record, as third-party code does.
fn macros() -> Vec<Case> {
    let operation = "`counter!` macro";
    let (ours, peer) = (Registry::new(), Arc::new(exporter()));
    vec![
        Case::new(operation, OURS, |place| {
            let registry = ours.clone();
            Arc::new(move |operations| count_by_macro(&registry, place, operations))
        }),
        Case::new(operation, "metrics-exporter-prometheus", |place| {
            let exported = Arc::clone(&peer);
            Arc::new(move |operations| count_by_macro(&*exported, place, operations))
        }),
    ]
}

fn count_by_macro(recorder: &dyn Recorder, place: usize, operations: u64) {
    metrics::with_local_recorder(recorder, || match place {
        0 => (0..operations).for_each(|n| metrics::counter!("first_total").increment(black_box(n))),
        _ => {
            (0..operations).for_each(|n| metrics::counter!("second_total").increment(black_box(n)))
        }
    });
}

fn up_downs() -> Vec<Case> {
    let operation = "up/down";
    let registry = Registry::new();
    let provider = telemetry();
    vec![
        Case::new(operation, OURS, |place| {
            let counter = registry.up_down(&Family::up_down(name(place)), Labels::none());
            let counter = counter.expect("a new name");
            repeat(move |number| counter.add(step(number)))
        }),
        Case::new(operation, "prometheus", |place| {
            let gauge = prometheus::IntGauge::new(name(place), "help").expect("a valid name");
            repeat(move |number| gauge.add(step(number)))
        }),
        Case::new(operation, "prometheus-client", |_| {
            let gauge = client::gauge::Gauge::<i64>::default();
            repeat(move |number| _ = gauge.inc_by(step(number)))
        }),
        Case::new(operation, "opentelemetry_sdk", |place| {
            let meter = provider.meter("peers");
            let counter = meter.i64_up_down_counter(name(place)).build();
            repeat(move |number| counter.add(step(number), &[]))
        }),
        Case::new(operation, "measured", |_| {
            let gauge = measured::Gauge::new();
            repeat(move |number| gauge.inc_by(step(number)))
        }),
    ]
}

fn gauges() -> Vec<Case> {
    let operation = "gauge";
    let registry = Registry::new();
    let plain = metrics_util::registry::Registry::new(metrics_util::registry::AtomicStorage);
    let exported = exporter();
    let provider = telemetry();
    vec![
        Case::new(operation, OURS, |place| {
            let gauge = registry.gauge(&Family::gauge(name(place)), Labels::none());
            let gauge = gauge.expect("a new name");
            repeat(move |number| gauge.set(value(number)))
        }),
        Case::new(operation, "metrics-util", |place| {
            let cell = plain.get_or_create_gauge(&key(place), Arc::clone);
            let gauge = metrics::Gauge::from_arc(cell);
            repeat(move |number| gauge.set(value(number)))
        }),
        Case::new(operation, "metrics-exporter-prometheus", |place| {
            let gauge = exported.register_gauge(&key(place), &METADATA);
            repeat(move |number| gauge.set(value(number)))
        }),
        Case::new(operation, "prometheus", |place| {
            let gauge = prometheus::Gauge::new(name(place), "help").expect("a valid name");
            repeat(move |number| gauge.set(value(number)))
        }),
        Case::new(operation, "prometheus-client", |_| {
            let gauge = client::gauge::Gauge::<f64, AtomicU64>::default();
            repeat(move |number| _ = gauge.set(value(number)))
        }),
        Case::new(operation, "opentelemetry_sdk", |place| {
            let gauge = provider.meter("peers").f64_gauge(name(place)).build();
            repeat(move |number| gauge.record(value(number), &[]))
        }),
        Case::new(operation, "measured", |_| {
            let gauge = measured::FloatGauge::new();
            repeat(move |number| gauge.set(value(number)))
        }),
    ]
}
