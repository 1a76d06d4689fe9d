//! Known defects of peers, each beside this project's behaviour. If a test fails because a peer has
//! fixed its defect, delete the test.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use metrics::{Key, Level, Metadata, Recorder};
use metrics_exporter_prometheus::PrometheusBuilder;
use metrics_util::MetricKindMask;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use metrics_util::storage::AtomicBucket;
use rehearsal::metrics::exposition::{ExpositionFormat, render};
use rehearsal::metrics::{Bounds, CollectContext, Family, Labels, Registry};

static METADATA: Metadata<'static> = Metadata::new("peers", Level::INFO, None);

fn page(registry: &Registry) -> String {
    render(ExpositionFormat::Text, registry, &CollectContext::at(Duration::ZERO))
}

const THREADS: u64 = 4;
const SAMPLES: u64 = 1_000_000;

/// Runs `record` on several threads while this one drains, and drains once more at the end.
fn overlap(record: impl Fn() + Sync, mut drain: impl FnMut()) {
    let running = AtomicBool::new(true);
    thread::scope(|scope| {
        let recorders: Vec<_> = (0..THREADS)
            .map(|_| scope.spawn(|| (0..SAMPLES).for_each(|_| record())))
            .collect();
        let watch = scope.spawn(|| {
            recorders
                .into_iter()
                .for_each(|thread| thread.join().expect("no panic"));
            running.store(false, Ordering::Release);
        });
        while running.load(Ordering::Acquire) {
            drain();
        }
        watch.join().expect("no panic");
    });
    drain();
}

#[test]
fn peer_drain_during_recording_loses_samples() {
    let bucket = AtomicBucket::new();
    let mut drained = 0;
    overlap(
        || bucket.push(1.0),
        || bucket.clear_with(|block| drained += block.len() as u64),
    );
    assert!(
        drained < THREADS * SAMPLES,
        "the peer counted all {drained}"
    );

    let registry = Registry::new();
    let family = Family::histogram("h", Bounds::new(&[1.0]).expect("a bound"));
    let histogram = registry
        .histogram(&family, Labels::none())
        .expect("a new name");
    overlap(
        || histogram.record(1.0),
        || assert!(histogram.read().count() <= THREADS * SAMPLES),
    );
    assert_eq!(histogram.read().count(), THREADS * SAMPLES);
}

#[test]
fn peer_idle_handle_is_orphaned() {
    let builder = PrometheusBuilder::new();
    let builder = builder.idle_timeout(MetricKindMask::ALL, Some(Duration::from_millis(10)));
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    let counter = recorder.register_counter(&Key::from_name("c_total"), &METADATA);
    counter.increment(1);
    assert!(handle.render().contains("c_total 1"));
    thread::sleep(Duration::from_millis(50));
    assert!(!handle.render().contains("c_total"), "idle series go");
    counter.increment(1);
    assert!(
        !handle.render().contains("c_total"),
        "and the handle records into nothing"
    );

    let registry = Registry::new();
    let family = Family::counter("c_total");
    let counter = registry
        .counter(&family, Labels::none())
        .expect("a new name");
    counter.increment();
    assert!(registry.remove("c_total", &Labels::none()));
    assert!(!page(&registry).contains("c_total "));
    counter.increment();
    let again = registry
        .counter(&family, Labels::none())
        .expect("the name is free");
    again.increment();
    assert!(
        counter.get() >= 2,
        "what is held goes on counting: {}",
        counter.get()
    );
}

#[test]
fn peer_snapshot_resets_gauge() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let gauge = recorder.register_gauge(&Key::from_name("depth"), &METADATA);
    gauge.set(7.0);
    let read = || {
        let all = snapshotter.snapshot().into_vec();
        all.into_iter().find_map(|(_, _, _, value)| match value {
            DebugValue::Gauge(value) => Some(value.into_inner()),
            _ => None,
        })
    };
    assert_eq!((read(), read()), (Some(7.0), Some(0.0)));

    let registry = Registry::new();
    let gauge = registry
        .gauge(&Family::gauge("depth"), Labels::none())
        .expect("a new name");
    gauge.set(7.0);
    assert_eq!(page(&registry), page(&registry));
    assert!(page(&registry).contains("depth 7"));
}

#[test]
fn peer_exposition_of_sanitized_names_collides() {
    let recorder = PrometheusBuilder::new().build_recorder();
    for name in ["reports.total", "reports/total"] {
        recorder
            .register_counter(&Key::from_name(name), &METADATA)
            .increment(1);
    }
    let rendered = recorder.handle().render();
    let lines: Vec<&str> = rendered
        .lines()
        .filter(|line| line.starts_with("reports"))
        .collect();
    assert_eq!(
        lines,
        ["reports_total 1"],
        "of two counters one is gone:\n{rendered}"
    );

    let registry = Registry::new();
    for name in ["reports.total", "reports/total"] {
        registry
            .register_counter(&Key::from_name(name), &METADATA)
            .increment(1);
    }
    assert_eq!(
        registry.refusals().len(),
        2,
        "invalid names are refused and told"
    );
    assert!(!page(&registry).contains("reports"));
}

#[test]
fn peer_exposition_is_not_sorted() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let registry = Registry::new();
    let names: Vec<String> = (0..64).map(|n| format!("m{n:02}_total")).collect();
    for name in &names {
        let key = Key::from_name(name.clone());
        recorder.register_counter(&key, &METADATA).increment(1);
        registry.register_counter(&key, &METADATA).increment(1);
    }
    let order = |page: &str| -> Vec<String> {
        let lines = page.lines().filter(|line| line.contains("_total 1"));
        let names = lines.filter_map(|line| line.split(' ').next());
        names.map(ToOwned::to_owned).collect()
    };
    assert_ne!(order(&recorder.handle().render()), names);
    assert_eq!(order(&page(&registry)), names);
}
