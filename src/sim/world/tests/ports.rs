//! Calls, leases and observations without any fault.

use std::time::Duration;

use crate::model::{ImpactSet, PlannerMessage};
use crate::sim::world::testing::WorldHarness;
use crate::worker::ports::{Ports, Queue, ScanRequest, Scanner, ScannerError, Store};

const LEASE: Duration = Duration::from_secs(60);

fn message(run: &str) -> PlannerMessage {
    PlannerMessage {
        run: run.into(),
        schedule: "nightly".into(),
        tenant: "tenant-1".into(),
        impact: ImpactSet::default(),
    }
}

#[test]
fn who_has_waited_longest_gets_the_message() {
    let mut bench = WorldHarness::new("");
    let patience = Duration::from_secs(30);
    let waiting = ["worker-2", "worker-1"].map(|process| {
        let ports = bench.ports(process);
        let wait = bench.begin(process, async move {
            ports.planner_queue().lease(LEASE, patience).await
        });
        bench.pass(Duration::from_millis(1));
        wait
    });
    let ports = bench.ports("worker-1");
    let enqueued = bench.run("worker-1", async move {
        ports.planner_queue().enqueue(&message("run"), "run").await
    });
    assert_eq!(enqueued, Ok(()));
    let answers = waiting.map(|wait| wait(&mut bench).unwrap().unwrap());
    assert_eq!(answers[0].as_ref().unwrap().run, "run".into());
    assert_eq!(answers[1], None, "its patience ends without a message");
    assert_eq!(bench.count("LeaseHeld"), 1);
}

#[test]
fn a_lease_ends_by_the_queues_clock_alone() {
    let mut bench = WorldHarness::new("");
    let ports = bench.ports("worker-1");
    bench.run("worker-1", async move {
        let queue = ports.planner_queue();
        queue.enqueue(&message("run"), "run").await.unwrap();
        queue.lease(LEASE, Duration::ZERO).await.unwrap().unwrap();
    });
    bench.pass(Duration::from_secs(61));
    assert_eq!(bench.count("step: Expired"), 1);
}

#[test]
fn reads_and_scans_take_their_time() {
    let mut bench = WorldHarness::new("");
    let ports = bench.ports("worker-1");
    let before = bench.world.now();
    let after = bench.run("worker-1", async move {
        let schedules = ports.store().schedules().await.unwrap();
        schedules.now
    });
    assert_eq!(after.since(before), Duration::from_millis(10));
}

#[test]
fn a_scan_nobody_waits_for_is_unanswered_and_unknown_images_are_refused() {
    let mut bench = WorldHarness::new("");
    let ports = bench.ports("worker-1");
    let known = *bench.world.fleet().digest(3);
    let answers = bench.run("worker-1", async move {
        let ask = |image| ScanRequest {
            tenant: &TENANT,
            schedule: &SCHEDULE,
            rate_per_second: None,
            image,
            mode: crate::model::Mode::ContentRefresh,
            delivery: 1,
            attempt: 1,
            permit: None,
        };
        let strange = crate::model::ImageDigest::new([9; 32]);
        let request = ask(&strange);
        let refused = ports.scanner().report(&request).await.map(|_| ());
        let request = ask(&known);
        let scan = ports.scanner().report(&request);
        let patience = ports.clock();
        let given_up = crate::sim::world::timeout::timeout(
            scan,
            crate::worker::ports::Clock::sleep(patience, Duration::from_millis(50)),
        );
        (refused, given_up.await.is_none())
    });
    assert_eq!(answers, (Err(ScannerError::Refused), true));
    assert_eq!(bench.count("answer: Refused"), 1);
    assert_eq!(bench.count("answer: Unanswered"), 1);
}

static TENANT: std::sync::LazyLock<crate::model::TenantId> =
    std::sync::LazyLock::new(|| "tenant-1".into());
static SCHEDULE: std::sync::LazyLock<crate::model::ScheduleId> =
    std::sync::LazyLock::new(|| "nightly".into());

#[test]
fn the_same_seed_gives_the_same_trace() {
    let hash = || {
        let mut bench =
            WorldHarness::new("[advisories]\ninterval = \"1m\"\n[[schedule]]\nid = \"nightly\"\n");
        bench.pass_until(Duration::from_mins(60));
        (bench.kernel.trace_hash(), bench.seen.borrow().0.len())
    };
    assert_eq!(hash(), hash());
}

#[test]
fn processes_are_scraped_each_interval_at_their_own_offset() {
    let mut bench = WorldHarness::new("");
    bench.pass_until(Duration::from_secs(60));
    let scrapes = bench.factory.scrapes.borrow();
    let of = |name: &str| {
        scrapes
            .iter()
            .filter(|(process, _)| process.as_str() == name)
            .count()
    };
    assert_eq!((of("worker-1"), of("worker-2")), (4, 4));
    let seen = bench.seen.borrow();
    let times: Vec<_> = seen
        .0
        .iter()
        .filter(|(_, line)| line.contains("Scraped"))
        .map(|(at, _)| at)
        .collect();
    assert_ne!(times[0], times[1]);
}
