//! Cost of typical queries of rules and panels over a month, scraped every 15 s.
//!
//! Throughput is in steps of the query; a query over N series evaluates N times as many values.

use rehearsal_convert::{Index, Nearest};
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rehearsal::metrics::{Labels, TimeSeriesStore};
use rehearsal::promql::{Engine, Query, Semantics};

const INTERVAL_MS: i64 = 15_000;
const SCRAPES: i64 = 30 * 86_400_000 / INTERVAL_MS;
const END_MS: i64 = SCRAPES * INTERVAL_MS;
const PANEL_STEP_MS: i64 = 300_000;
const BOUNDS: [&str; 8] = ["0.1", "0.5", "1", "5", "10", "30", "60", "+Inf"];

/// Three processes with two modes each. Each has a counter, a gauge and a histogram that change at
/// every fourth scrape. At 86 s of each day one process is down.
fn recording() -> TimeSeriesStore {
    let mut recording = TimeSeriesStore::new("bench");
    let names = ["worker-0", "worker-1", "worker-2"];
    let instances = names.map(|name| recording.instance(name));
    let labels = |pairs: &[(&'static str, &'static str)]| {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        Labels::new("bench", pairs).expect("names of labels")
    };
    let modes = ["analysisOnly", "contentRefresh"];
    let plain = modes.map(|mode| labels(&[("mode", mode)]));
    let buckets = modes.map(|mode| BOUNDS.map(|le| labels(&[("mode", mode), ("le", le)])));
    for scrape in 1..=SCRAPES {
        for (index, instance) in instances.into_iter().enumerate() {
            let at_ms = scrape * INTERVAL_MS + index.index_i64() * 1_000;
            if scrape % 5_760 == 6 && index == 1 {
                recording
                    .scrape_failed(instance, at_ms)
                    .expect("rising times");
                continue;
            }
            let count = (scrape / 4).nearest_f64();
            let page = plain.iter().zip(&buckets).flat_map(|(plain, buckets)| {
                let gauge = (scrape / 4 % 17).nearest_f64();
                let values = [
                    ("images_total", plain, count * 3.0),
                    ("backlog", plain, gauge),
                ];
                let counts = buckets.iter().enumerate();
                values.into_iter().chain(counts.map(move |(place, labels)| {
                    (
                        "latency_seconds_bucket",
                        labels,
                        (count * (place + 1).nearest_f64() / 8.0).floor(),
                    )
                }))
            });
            recording
                .scrape_values(instance, at_ms, page)
                .expect("rising times");
        }
    }
    recording
}

fn queries(criterion: &mut Criterion) {
    let recording = recording();
    let engine = Engine::new(&recording);
    let mut group = criterion.benchmark_group("promql");
    group.sample_size(10);
    for (name, text) in [
        ("selector", "backlog"),
        ("threshold", "max by (instance) (backlog) > 12"),
        ("rate", "sum by (mode) (rate(images_total[5m]))"),
        ("increase", "sum(increase(images_total[1h]))"),
        (
            "ratio",
            "rate(images_total[5m]) / on (instance, mode) group_left () (backlog + 1)",
        ),
        (
            "quantile",
            "histogram_quantile(0.95, sum by (le) (rate(latency_seconds_bucket[5m])))",
        ),
        ("max_over_time", "max_over_time(backlog[1h])"),
        ("avg_over_time", "avg_over_time(backlog[15m])"),
        ("subquery", "max_over_time(sum(backlog)[1h:1m])"),
    ] {
        let query = Query::parse(text, Semantics::V3).expect("a query");
        for (kind, step_ms) in [("each scrape", INTERVAL_MS), ("panel", PANEL_STEP_MS)] {
            group.throughput(Throughput::Elements((END_MS / step_ms).cast_unsigned()));
            group.bench_function(format!("{name}/{kind}"), |bencher| {
                bencher.iter(|| black_box(engine.range(&query, 0, END_MS, step_ms)));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, queries);
criterion_main!(benches);
