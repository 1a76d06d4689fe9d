//! Rendering a page of 1,000 counters and 1,000 histograms of 11 buckets, +Inf included.

use std::hint::black_box;
use std::time::{Duration, Instant};

use metrics::{Key, Label, Level, Metadata, Recorder};
use rehearsal::metrics::exposition::{Format, render};
use rehearsal::metrics::{Bounds, CollectContext, Family, Labels, Registry};

use super::median;

const SERIES: usize = 1_000;
const ROUNDS: usize = 25;
const BOUNDS: [f64; 10] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];

/// Prints the medians of interleaved rounds and their ratio.
pub fn print() {
    let (ours, peer) = (ours(), peer());
    let mut samples = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        samples[0].push(time_us(|| render(Format::Text, &ours, &at_once())));
        samples[1].push(time_us(|| peer.render()));
    }
    let [ours, peer] = samples.map(median);
    println!("\n| page of {SERIES} counters and {SERIES} histograms | µs | ratio to ours |");
    println!("|---|---|---|");
    println!("| rehearsal | {ours:.0} | 1.0 |");
    println!(
        "| metrics-exporter-prometheus | {peer:.0} | {:.1} |",
        peer / ours
    );
}

fn at_once() -> CollectContext {
    CollectContext::at(Duration::ZERO)
}

fn time_us(page: impl Fn() -> String) -> f64 {
    let began = Instant::now();
    black_box(page());
    began.elapsed().as_nanos() as f64 / 1_000.0
}

fn ours() -> Registry {
    let registry = Registry::new();
    let bounds = Bounds::new(&BOUNDS).expect("rising");
    let histogram = Family::histogram("latency_seconds", bounds);
    for number in 0..SERIES {
        let labels = || {
            let value = format!("schedule-{number:04}");
            let pairs = [("scheduleId".into(), value.into())];
            Labels::new("", pairs).expect("valid labels")
        };
        let counter = registry.counter(&Family::counter("reports_total"), labels());
        counter.expect("a new series").add(number as u64);
        let histogram = registry.histogram(&histogram, labels());
        histogram
            .expect("a new series")
            .record(number as f64 / 10.0);
    }
    registry
}

fn peer() -> metrics_exporter_prometheus::PrometheusHandle {
    static METADATA: Metadata<'static> = Metadata::new("peers", Level::INFO, None);
    let builder = metrics_exporter_prometheus::PrometheusBuilder::new();
    let builder = builder.set_buckets(&BOUNDS).expect("some buckets");
    let recorder = builder.build_recorder();
    for number in 0..SERIES {
        let key = |name: &'static str| {
            let label = Label::new("scheduleId", format!("schedule-{number:04}"));
            Key::from_parts(name, vec![label])
        };
        let counter = recorder.register_counter(&key("reports_total"), &METADATA);
        counter.increment(number as u64);
        let histogram = recorder.register_histogram(&key("latency_seconds"), &METADATA);
        histogram.record(number as f64 / 10.0);
    }
    recorder.handle()
}
