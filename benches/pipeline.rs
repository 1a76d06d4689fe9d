//! Cost of the pipelines: whole rehearsals with all invariants on, and the parts that a profile
//! shows.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rehearsal::model::{Calendar, Selector, TenantId, Timestamp};
use rehearsal::rehearsal::{FinishedRun, RunOptions, run};
use rehearsal::scenario::{Loader, Scenario};
use rehearsal::sim::fleet::Fleet;
use rehearsal::worker::planning::fairness;
use rehearsal::worker::planning::impact_index::ImpactIndex;
use rehearsal::worker::ports::{ImpactRequest, WaitingRun};

/// A smaller `nightly-rescan`, dominated by scanning.
const BUSY: &str = r#"
name = "busy"
duration = "6h"
seed = 11

[fleet]
tenants = ["acme", "globex"]
images = 5000
components = 1000
componentsPerImage = { kind = "lognormal", median = 12.0, p99 = 60.0 }

[schedules]
count = 8
cadence = "hourly"
limits = { parallelism = 32 }
notify = { enabled = false }

[workers]
options = { segmentsAtOnce = 40 }
"#;

/// Three processes without work, dominated by polling.
const IDLE: &str = r#"
name = "idle"
duration = "7d"
seed = 11

[fleet]
tenants = ["acme"]
images = 10

[[schedule]]
id = "yearly"
whenCron = "0 0 1 7 *"
"#;

fn scenario(text: &str) -> Scenario {
    let loaded = Loader::default().parse("bench.toml", text, None);
    loaded.expect("the bench's scenario is valid")
}

fn rehearse(scenario: &Scenario) -> FinishedRun {
    let finished = run(scenario, &RunOptions::default(), |_| {});
    finished.expect("the bench's scenario can be simulated")
}

fn whole(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rehearsal");
    group.sample_size(10);
    let busy = scenario(BUSY);
    group.throughput(Throughput::Elements(rehearse(&busy).oracle.tally.images));
    group.bench_function("busy, by scanned image", |bencher| {
        bencher.iter(|| rehearse(&busy).events);
    });
    let idle = scenario(IDLE);
    group.throughput(Throughput::Elements(rehearse(&idle).events));
    group.bench_function("idle, by event", |bencher| {
        bencher.iter(|| rehearse(&idle).events);
    });
    group.finish();
}

fn fleet() -> Fleet {
    let scenario = scenario(BUSY);
    Fleet::draw(&scenario.fleet, scenario.seed).expect("the bench's fleet can be drawn")
}

fn impact(criterion: &mut Criterion) {
    let fleet = fleet();
    let images = fleet.len() as u64;
    let mut group = criterion.benchmark_group("impact");
    group.throughput(Throughput::Elements(images));
    group.bench_function("draw a fleet, by image", |bencher| {
        let scenario = scenario(BUSY);
        bencher.iter(|| Fleet::draw(&scenario.fleet, scenario.seed).map(|fleet| fleet.len()));
    });
    group.bench_function("build the index, by image", |bencher| {
        bencher.iter(|| ImpactIndex::new(fleet.catalogue().clone()));
    });
    let index = ImpactIndex::new(fleet.catalogue().clone());
    let tenant = TenantId::from("acme");
    let products: Vec<Arc<str>> = fleet
        .components()
        .iter()
        .skip(100)
        .take(5)
        .cloned()
        .collect();
    let questions = [
        ("resolve all images of a tenant", &[][..]),
        ("resolve five products", &products[..]),
    ];
    for (name, product_keys) in questions {
        let request = ImpactRequest {
            tenant: &tenant,
            selector: &Selector::All,
            product_keys,
            usage_only: false,
        };
        let found = index.resolve(&request).digests.len() as u64;
        group.throughput(Throughput::Elements(found));
        group.bench_function(format!("{name}, by image found"), |bencher| {
            bencher.iter(|| index.resolve(black_box(&request)));
        });
    }
    group.finish();
}

fn planning(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("planning");
    let calendar = Calendar::new("30 2 * * *", "Europe/Vienna").expect("a valid calendar");
    let noon = Timestamp::from_seconds(1_711_800_000);
    group.bench_function("the next fire of a calendar", |bencher| {
        bencher.iter(|| calendar.next_after(black_box(noon)));
    });
    let head = |number: u64| WaitingRun {
        run: format!("run-{number}").as_str().into(),
        tenant: format!("tenant-{}", number % 7).as_str().into(),
        created_at: Timestamp::from_seconds(number * 31 % 1000),
        tenant_served: number % 7,
    };
    let heads: Vec<_> = (0..140).map(head).collect();
    group.throughput(Throughput::Elements(heads.len() as u64));
    group.bench_function(
        "choose 20 of the runs of 7 tenants, by waiting run",
        |bencher| {
            bencher.iter_batched(
                || heads.clone(),
                |heads| fairness::choose(heads, 20),
                BatchSize::SmallInput,
            );
        },
    );
    group.finish();
}

criterion_group!(benches, whole, impact, planning);
criterion_main!(benches);
