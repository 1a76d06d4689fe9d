//! Snapshots and expositions of many series: time and memory.

use std::hint::black_box;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use metrics::{Key, Label, Recorder};
use rehearsal::metrics::exposition::{ExpositionFormat, render};
use rehearsal::metrics::{Bounds, CollectContext, Family, Labels, Registry};

use super::case::{BOUNDS, METADATA, exporter};
use super::memory::{Taken, taken};
use super::registries::{LIBRARIES, PeerRegistry};
use super::{OURS, median};

/// Numbers of series, each with its number of rounds.
const SIZES: [(usize, usize); 3] = [(100, 51), (10_000, 25), (1_000_000, 5)];
/// Number of series that are also read while another thread records.
const SIZE_RECORDED: usize = 10_000;

/// Kind of reading.
const MANNERS: [&str; 4] = [
    "snapshot",
    "snapshot while a thread records",
    "exposition",
    "exposition while a thread records",
];

/// Runs everything and prints both tables.
pub fn print() {
    println!("\n| operation | library | µs | ratio | peak additional memory, KiB |");
    println!("|---|---|---|---|---|");
    let mut held = Vec::new();
    for (series, rounds) in SIZES {
        let registries: Vec<(&str, PeerRegistry, Taken)> = LIBRARIES
            .iter()
            .map(|(library, fill)| {
                let (registry, memory) = taken(|| fill(series));
                (*library, registry, memory)
            })
            .collect();
        print_size(series, rounds, &registries);
        held = registries
            .iter()
            .map(|(library, _, memory)| (*library, memory.kept as f64 / series as f64))
            .collect();
    }
    print_mixed();
    println!(
        "\n| {} series of a counter | bytes per series |",
        SIZES[2].0
    );
    println!("|---|---|");
    for (library, bytes) in held {
        println!("| {library} | {bytes:.0} |");
    }
}

/// Writer that discards an exposition.
struct Nowhere;

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(black_box(bytes).len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads a library's series; `None` if it can't.
fn reading<'s>(registry: &'s PeerRegistry, manner: &str) -> Option<Box<dyn Fn() + 's>> {
    if manner.starts_with("snapshot") {
        let snapshot = registry.snapshot.as_ref()?;
        Some(Box::new(snapshot))
    } else {
        let page = registry.page.as_ref()?;
        Some(Box::new(|| page(&mut Nowhere)))
    }
}

fn print_size(series: usize, rounds: usize, registries: &[(&str, PeerRegistry, Taken)]) {
    for manner in MANNERS {
        let is_recorded = manner.contains("while");
        if is_recorded && series != SIZE_RECORDED {
            continue;
        }
        let readers: Vec<_> = registries
            .iter()
            .filter_map(|(library, registry, _)| {
                Some((library, registry, reading(registry, manner)?))
            })
            .collect();
        let mut samples = vec![Vec::new(); readers.len()];
        for _ in 0..rounds {
            for ((_, registry, read), samples) in readers.iter().zip(&mut samples) {
                let recorder = is_recorded.then(|| Arc::clone(&registry.record));
                samples.push(time_us(read, recorder));
            }
        }
        let medians: Vec<f64> = samples.into_iter().map(median).collect();
        for ((library, _, read), median_us) in readers.iter().zip(&medians) {
            let ((), memory) = taken(read);
            println!(
                "| {manner}, {series} series | {library} | {median_us:.0} | {:.1} | {} |",
                median_us / medians[0],
                memory.peak / 1024,
            );
        }
    }
}

/// Time of reading, with or without a thread that records meanwhile.
fn time_us(read: impl Fn(), recorder: Option<Arc<dyn Fn() + Send + Sync>>) -> f64 {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        if let Some(record) = recorder {
            let done = &done;
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    record();
                }
            });
        }
        let began = Instant::now();
        read();
        let time = began.elapsed().as_nanos() as f64 / 1_000.0;
        done.store(true, Ordering::Relaxed);
        time
    })
}

const MIXED: usize = 1_000;
const MIXED_ROUNDS: usize = 25;

/// Exposition of equal numbers of counters and of histograms with eleven buckets.
fn print_mixed() {
    let (ours, peer) = (mixed(), mixed_of_exporter());
    let mut samples = [Vec::new(), Vec::new()];
    for _ in 0..MIXED_ROUNDS {
        let own = || {
            drop(black_box(render(
                ExpositionFormat::Text,
                &ours,
                &CollectContext::default(),
            )))
        };
        samples[0].push(time_us(own, None));
        samples[1].push(time_us(|| drop(black_box(peer.render())), None));
    }
    let [own, other] = samples.map(median);
    for (library, median_us) in [(OURS, own), ("metrics-exporter-prometheus", other)] {
        println!(
            "| exposition, {MIXED} counters and {MIXED} histograms | {library} | {median_us:.0} \
             | {:.1} | |",
            median_us / own
        );
    }
}

fn mixed() -> Registry {
    let registry = Registry::new();
    let bounds = Bounds::new(&BOUNDS).expect("rising");
    let histogram = Family::histogram("latency_seconds", bounds);
    for number in 0..MIXED {
        let pairs = [("scheduleId".into(), format!("schedule-{number:04}").into())];
        let labels = Labels::new("", pairs).expect("valid labels");
        let counter = registry.counter(&Family::counter("reports_total"), labels.clone());
        counter.expect("a new series").add(number as u64);
        let histogram = registry.histogram(&histogram, labels);
        histogram
            .expect("a new series")
            .record(number as f64 / 10.0);
    }
    registry
}

fn mixed_of_exporter() -> metrics_exporter_prometheus::PrometheusHandle {
    let recorder = exporter();
    for number in 0..MIXED {
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
