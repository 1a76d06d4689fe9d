//! Histograms of eleven buckets.

use std::sync::Arc;

use metrics::Recorder;
use opentelemetry::metrics::MeterProvider;
use rehearsal::metrics::{Bounds, Family, Labels, Precision, Registry};

use super::OURS;
use super::case::{BOUNDS, Case, METADATA, exporter, key, name, repeat, telemetry, value};

const OPERATION: &str = "histogram";

/// Histograms of all libraries, and all kinds of this project's.
pub fn cases() -> Vec<Case> {
    let mut cases = ours();
    cases.extend(peers());
    cases
}

fn family(place: usize) -> Family {
    Family::histogram(name(place), Bounds::new(&BOUNDS).expect("rising"))
}

fn ours() -> Vec<Case> {
    let registry = Registry::new();
    let exact = Registry::new();
    let precision = Precision {
        unit: 0.001,
        max: 3600.0,
        digits: 2,
    };
    vec![
        Case::new(OPERATION, OURS, |place| {
            let histogram = registry.histogram(&family(place), Labels::none());
            let histogram = histogram.expect("a new name");
            repeat(move |number| histogram.record(value(number)))
        }),
        Case::new(OPERATION, "rehearsal, by `metrics` handle", |place| {
            // A macro's histogram has the bounds registered for its name.
            let registry = Registry::new();
            let typed = registry.histogram(&family(place), Labels::none());
            typed.expect("a new name");
            let histogram = registry.register_histogram(&key(place), &METADATA);
            repeat(move |number| histogram.record(value(number)))
        }),
        Case::new(OPERATION, "rehearsal, with exact quantiles", |place| {
            let histogram = exact.histogram(&family(place).exact(precision), Labels::none());
            let histogram = histogram.expect("a new name");
            repeat(move |number| histogram.record(value(number)))
        }),
    ]
}

fn peers() -> Vec<Case> {
    let plain = Arc::new(metrics_util::registry::Registry::new(
        metrics_util::registry::AtomicStorage,
    ));
    let buffered = Arc::clone(&plain);
    let exported = exporter();
    let handle = exported.handle();
    let provider = telemetry();
    vec![
        Case::new(OPERATION, "metrics-util", |place| {
            let bucket = plain.get_or_create_histogram(&key(place), Arc::clone);
            let histogram = metrics::Histogram::from_arc(bucket);
            repeat(move |number| histogram.record(value(number)))
        })
        .resting(move || buffered.visit_histograms(|_, bucket| bucket.clear())),
        Case::new(OPERATION, "metrics-exporter-prometheus", |place| {
            let histogram = exported.register_histogram(&key(place), &METADATA);
            repeat(move |number| histogram.record(value(number)))
        })
        .resting(move || handle.run_upkeep()),
        Case::new(OPERATION, "prometheus", |place| {
            let options = prometheus::HistogramOpts::new(name(place), "help");
            let options = options.buckets(BOUNDS.to_vec());
            let histogram = prometheus::Histogram::with_opts(options).expect("valid buckets");
            repeat(move |number| histogram.observe(value(number)))
        }),
        Case::new(OPERATION, "prometheus-client", |_| {
            let histogram = prometheus_client::metrics::histogram::Histogram::new(BOUNDS);
            repeat(move |number| histogram.observe(value(number)))
        }),
        Case::new(OPERATION, "opentelemetry_sdk", |place| {
            let meter = provider.meter("peers");
            let histogram = meter.f64_histogram(name(place));
            let histogram = histogram.with_boundaries(BOUNDS.to_vec()).build();
            repeat(move |number| histogram.record(value(number), &[]))
        }),
        Case::new(OPERATION, "measured", |_| {
            let thresholds = measured::metric::histogram::Thresholds::with_buckets(BOUNDS);
            let histogram = measured::Histogram::with_metadata(thresholds);
            repeat(move |number| histogram.observe(value(number)))
        }),
    ]
}
