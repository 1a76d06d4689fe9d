//! Calls, leases and observations without faults.

use std::sync::LazyLock;
use std::time::Duration;

use crate::model::{ImageDigest, ImpactSet, Mode, PlannerMessage, ScheduleId, TenantId};
use crate::sim::world::testing::WorldHarness;
use crate::worker::ports::{Ports, Queue, ScanRequest, Scanner, ScannerError, Store};

const LEASE: Duration = Duration::from_secs(60);
static TENANT: LazyLock<TenantId> = LazyLock::new(|| "tenant-1".into());
static SCHEDULE: LazyLock<ScheduleId> = LazyLock::new(|| "nightly".into());

fn message(run: &str) -> PlannerMessage {
    PlannerMessage {
        run: run.into(),
        schedule: "nightly".into(),
        tenant: "tenant-1".into(),
        impact: ImpactSet::default(),
    }
}

fn request(image: &ImageDigest) -> ScanRequest<'_> {
    ScanRequest {
        tenant: &TENANT,
        schedule: &SCHEDULE,
        rate_per_second: None,
        image,
        mode: Mode::ContentRefresh,
        delivery: 1,
        attempt: 1,
        permit: None,
    }
}

#[test]
fn lease_goes_to_the_longest_waiting_receive() {
    let mut harness = WorldHarness::new("");
    let wait_time = Duration::from_secs(30);
    let waiting = ["worker-2", "worker-1"].map(|process| {
        let ports = harness.ports(process);
        let wait = harness.begin(process, async move {
            ports.planner_queue().lease(LEASE, wait_time).await
        });
        harness.pass(Duration::from_millis(1));
        wait
    });
    let ports = harness.ports("worker-1");
    let enqueued = harness.run("worker-1", async move {
        ports.planner_queue().enqueue(&message("run"), "run").await
    });
    assert_eq!(enqueued, Ok(()));
    let answers = waiting.map(|wait| wait(&mut harness).unwrap().unwrap());
    assert_eq!(answers[0].as_ref().unwrap().run, "run".into());
    assert_eq!(answers[1], None, "its wait time ends without a message");
    assert_eq!(harness.count("LeaseHeld"), 1);
}

#[test]
fn lease_without_renewal_ends_by_the_queues_clock() {
    let mut harness = WorldHarness::new("");
    let ports = harness.ports("worker-1");
    harness.run("worker-1", async move {
        let queue = ports.planner_queue();
        queue.enqueue(&message("run"), "run").await.unwrap();
        queue.lease(LEASE, Duration::ZERO).await.unwrap().unwrap();
    });
    harness.pass(Duration::from_secs(61));
    assert_eq!(harness.count("step: Expired"), 1);
}

#[test]
fn read_takes_one_round_trip_and_answers_at_its_end() {
    let mut harness = WorldHarness::new("");
    let ports = harness.ports("worker-1");
    let before = harness.world.now();
    let answered_at = harness.run("worker-1", async move {
        let schedules = ports.store().schedules().await.unwrap();
        schedules.now
    });
    assert_eq!(answered_at.since(before), Duration::from_millis(10));
}

#[test]
fn scan_takes_the_latency_of_the_scanner() {
    let mut harness = WorldHarness::new("");
    let ports = harness.ports("worker-1");
    let image = *harness.world.fleet().digest(3);
    let before = harness.world.now();
    let report = harness.run("worker-1", async move {
        ports.scanner().report(&request(&image)).await
    });
    let report = report.unwrap();
    assert_eq!(
        report.generated_at.since(before),
        Duration::from_millis(100)
    );
    assert_eq!((report.image, report.revision), (image, 0));
    assert_eq!(harness.count("ScanSent"), 1);
    assert_eq!(harness.count("answer: Report(0)"), 1);
}

#[test]
fn scan_is_unanswered_if_dropped_and_refused_if_unknown() {
    let mut harness = WorldHarness::new("");
    let ports = harness.ports("worker-1");
    let known = *harness.world.fleet().digest(3);
    let answers = harness.run("worker-1", async move {
        let unknown = ImageDigest::new([9; 32]);
        let refused = ports.scanner().report(&request(&unknown)).await.map(|_| ());
        let request = request(&known);
        let scan = ports.scanner().report(&request);
        let clock = ports.clock();
        let given_up = crate::sim::world::timeout::timeout(
            scan,
            crate::worker::ports::Clock::sleep(clock, Duration::from_millis(50)),
        );
        (refused, given_up.await.is_none())
    });
    assert_eq!(answers, (Err(ScannerError::Refused), true));
    assert_eq!(harness.count("answer: Refused"), 1);
    assert_eq!(harness.count("answer: Abandoned"), 1);
}

#[test]
fn world_with_the_same_seed_has_the_same_trace() {
    let hash = || {
        let mut harness =
            WorldHarness::new("[advisories]\ninterval = \"1m\"\n[[schedule]]\nid = \"nightly\"\n");
        harness.pass_until(Duration::from_mins(60));
        (harness.kernel.trace_hash(), harness.seen.borrow().0.len())
    };
    assert_eq!(hash(), hash());
}

#[test]
fn processes_are_scraped_each_interval_at_their_own_offset() {
    let mut harness = WorldHarness::new("");
    harness.pass_until(Duration::from_secs(60));
    let scrapes = harness.factory.scrapes.borrow();
    let of = |name: &str| {
        scrapes
            .iter()
            .filter(|(process, _)| process.as_str() == name)
            .count()
    };
    assert_eq!((of("worker-1"), of("worker-2")), (4, 4));
    let seen = harness.seen.borrow();
    let times: Vec<_> = seen
        .0
        .iter()
        .filter(|(_, line)| line.contains("Scraped"))
        .map(|(at, _)| at)
        .collect();
    assert_ne!(times[0], times[1]);
}
