//! Each fault bites while it lasts, and leaves nothing behind.

use std::sync::Arc;
use std::time::Duration;

use crate::model::commit::RunWrite;
use crate::model::fault::FaultKind;
use crate::model::{
    Commit, CommitAnswer, CommitStep, CommitToken, ImpactSet, IncarnationId, Mode, PlannerMessage,
    Run, RunState, RunStats, Trigger,
};
use crate::sim::kernel::RandomStream;
use crate::sim::world::WorldPorts;
use crate::sim::world::testing::WorldHarness;
use crate::worker::ports::{
    Clock, EventPublisher, ImpactQuery, ImpactRequest, LeaseAnswer, PortError, PortResult, Ports,
    Queue, ScanRequest, Scanner, ScannerError, Store,
};

const LEASE: Duration = Duration::from_secs(60);
/// Faults of these tests begin one minute after the start and last four.
const DURING: Duration = Duration::from_secs(61);
const AFTER: Duration = Duration::from_secs(301);

fn bench(fault: &str) -> WorldHarness {
    WorldHarness::new(&format!("[[fault]]\nat = \"1m\"\n{fault}\n"))
}

fn message(run: &str) -> PlannerMessage {
    PlannerMessage {
        run: run.into(),
        schedule: "nightly".into(),
        tenant: "tenant-1".into(),
        impact: ImpactSet::default(),
    }
}

async fn enqueue(ports: WorldPorts, run: &str) -> PortResult<()> {
    ports.planner_queue().enqueue(&message(run), run).await
}

async fn lease(ports: &WorldPorts) -> Option<u64> {
    let leased = ports.planner_queue().lease(LEASE, Duration::ZERO).await;
    leased.unwrap().map(|leased| leased.delivery)
}

fn commit(sequence: u64) -> Arc<Commit> {
    let incarnation = IncarnationId {
        process: "worker-1".into(),
        number: 1,
    };
    let token = CommitToken {
        incarnation,
        sequence,
        delivery: 0,
    };
    let mut commit = Commit::new(token, CommitStep::Manual);
    commit.runs.push(RunWrite {
        run: Run {
            id: format!("run-{sequence}").as_str().into(),
            tenant: "tenant-1".into(),
            schedule: "nightly".into(),
            trigger: Trigger::Manual,
            mode: Mode::AnalysisOnly,
            state: RunState::Cancelled,
            stats: RunStats::default(),
            product_keys: Vec::new(),
            usage_only: false,
            created_at: crate::model::Timestamp::ZERO,
            planned_at: None,
            started_at: None,
            completed_at: None,
            error: None,
            planning_attempts: 0,
            not_before: None,
        },
        expected: None,
    });
    Arc::new(commit)
}

/// Scans an image.
async fn scan(ports: WorldPorts, image: crate::model::ImageDigest) -> Result<(), ScannerError> {
    let request = ScanRequest {
        tenant: &"tenant-1".into(),
        schedule: &"nightly".into(),
        rate_per_second: None,
        image: &image,
        mode: Mode::AnalysisOnly,
        delivery: 1,
        attempt: 1,
        permit: None,
    };
    ports.scanner().report(&request).await.map(|_| ())
}

impl WorldHarness {
    fn scan(&mut self) -> Result<(), ScannerError> {
        let (ports, image) = (self.ports("worker-1"), *self.world.fleet().digest(0));
        self.run("worker-1", scan(ports, image))
    }

    fn try_commit(&mut self, sequence: u64) -> PortResult<CommitAnswer> {
        let ports = self.ports("worker-1");
        let commit = commit(sequence);
        self.run(
            "worker-1",
            async move { ports.store().commit(&commit).await },
        )
    }

    fn enqueue(&mut self, run: &'static str) -> PortResult<()> {
        let ports = self.ports("worker-1");
        self.run("worker-1", enqueue(ports, run))
    }

    fn lease(&mut self) -> Option<u64> {
        let ports = self.ports("worker-1");
        self.run("worker-1", async move { lease(&ports).await })
    }

    /// The fault has begun, bitten and ended.
    fn has_bitten(&self, kind: FaultKind) {
        for what in ["FaultBegan", "FaultTriggered", "FaultEnded"] {
            let text = format!("{what} {{ kind: {kind:?}");
            assert!(self.count(&text) > 0, "no {text}");
        }
    }
}

/// Within the fault a scan comes to `during`, after it all is well.
fn scanner_fault(kind: FaultKind, fault: &str, during: Result<(), ScannerError>) {
    let mut bench = bench(&format!("{fault}\nduration = \"4m\""));
    assert_eq!(bench.scan(), Ok(()));
    bench.pass_until(DURING);
    assert_eq!(bench.scan(), during);
    bench.pass_until(AFTER);
    assert_eq!(bench.scan(), Ok(()));
    bench.has_bitten(kind);
}

#[test]
fn every_kind_has_its_test() {
    let sources = [include_str!("faults.rs"), include_str!("operations.rs")].concat();
    for kind in FaultKind::ALL {
        let name = format!("fn {}_", kind.as_str().replace('-', "_"));
        assert!(sources.contains(&name), "there is no {name}*");
    }
}

#[test]
fn scanner_outage_reaches_nobody() {
    let outage = "kind = \"scanner-outage\"";
    scanner_fault(
        FaultKind::ScannerOutage,
        outage,
        Err(ScannerError::Unavailable),
    );
}

#[test]
fn scanner_outage_breaks_what_is_under_way() {
    let mut bench = bench("kind = \"scanner-outage\"\nduration = \"4m\"");
    bench.pass_until(Duration::from_millis(59_950));
    assert_eq!(bench.scan(), Err(ScannerError::Unavailable));
    assert_eq!(bench.count("answer: Unanswered"), 1);
}

#[test]
fn scanner_error_is_answered_with_5xx() {
    let error = "kind = \"scanner-error\"\nprobability = 1";
    scanner_fault(FaultKind::ScannerError, error, Err(ScannerError::Failed));
}

#[test]
fn scanner_429_says_when_in_whole_seconds() {
    let throttle = "kind = \"scanner-429\"\nprobability = 1\nretryAfter = \"1500ms\"";
    let wait = Duration::from_secs(2);
    scanner_fault(
        FaultKind::ScannerThrottle,
        throttle,
        Err(ScannerError::Throttled(wait)),
    );
}

#[test]
fn scanner_refusal_is_for_good() {
    let refusal = "kind = \"scanner-refusal\"\nprobability = 1";
    scanner_fault(
        FaultKind::ScannerRefusal,
        refusal,
        Err(ScannerError::Refused),
    );
}

#[test]
fn scanner_slow_takes_so_many_times_as_long() {
    let mut bench = bench("kind = \"scanner-slow\"\nduration = \"4m\"\nfactor = 50");
    bench.pass_until(DURING);
    let before = bench.world.now();
    bench.scan().unwrap();
    assert_eq!(bench.world.now().since(before), Duration::from_secs(5));
    bench.pass_until(AFTER);
    bench.has_bitten(FaultKind::ScannerSlow);
}

#[test]
fn store_outage_applies_nothing_new() {
    let mut bench = bench("kind = \"store-outage\"\nduration = \"4m\"");
    bench.pass_until(DURING);
    assert_eq!(bench.try_commit(1), Err(PortError::Unavailable));
    assert_eq!(bench.count("CommitApplied"), 0);
    bench.pass_until(AFTER);
    assert!(matches!(bench.try_commit(1), Ok(CommitAnswer::Applied(_))));
    assert_eq!(bench.count("CommitApplied"), 1);
    bench.has_bitten(FaultKind::StoreOutage);
    assert_eq!(bench.count("CutOff"), 2, "one for each process");
    assert_eq!(bench.count("Reconnected"), 2);
}

#[test]
fn store_outage_may_swallow_a_commit_or_its_answer() {
    // Half a round trip is 5 ms: sent 2 ms before the outage it does not arrive, sent 7 ms before
    // it is applied and its answer does not come back.
    for (before, is_applied) in [(2, false), (7, true)] {
        let mut bench = bench("kind = \"store-outage\"\nduration = \"1s\"");
        bench.pass_until(Duration::from_millis(60_000 - before));
        assert_eq!(bench.try_commit(1), Err(PortError::Unknown));
        assert_eq!(bench.count("CommitApplied"), usize::from(is_applied));
        assert_eq!(bench.count("CommitAnswerLost"), 1);
        assert!(matches!(bench.try_commit(1), Ok(CommitAnswer::Applied(_))));
        assert_eq!(
            bench.count("CommitApplied"),
            1,
            "a repeat is not applied again"
        );
        assert_eq!(bench.count("CommitLearned"), 1);
    }
}

#[test]
fn commit_conflict_applies_nothing() {
    let mut bench = bench("kind = \"commit-conflict\"\nduration = \"4m\"\nprobability = 1");
    bench.pass_until(DURING);
    assert_eq!(bench.try_commit(1), Ok(CommitAnswer::Conflict));
    assert_eq!(bench.count("CommitApplied"), 0);
    bench.pass_until(AFTER);
    assert!(matches!(bench.try_commit(1), Ok(CommitAnswer::Applied(_))));
    assert_eq!(bench.count("CommitApplied"), 1);
    bench.has_bitten(FaultKind::CommitConflict);
}

#[test]
fn commit_answer_lost_applies_and_says_nothing() {
    let mut bench = bench("kind = \"commit-answer-lost\"\nduration = \"4m\"\nprobability = 1");
    bench.pass_until(DURING);
    assert_eq!(bench.try_commit(1), Err(PortError::Unknown));
    assert_eq!(
        (bench.count("CommitApplied"), bench.count("CommitLearned")),
        (1, 0)
    );
    bench.pass_until(AFTER);
    assert!(matches!(bench.try_commit(1), Ok(CommitAnswer::Applied(_))));
    assert_eq!(
        (bench.count("CommitApplied"), bench.count("CommitLearned")),
        (1, 1)
    );
    bench.has_bitten(FaultKind::CommitAnswerLost);
}

#[test]
fn queue_outage_takes_no_call() {
    let mut bench = bench("kind = \"queue-outage\"\nqueue = \"planner\"\nduration = \"4m\"");
    bench.pass_until(DURING);
    assert_eq!(bench.enqueue("run"), Err(PortError::Unavailable));
    bench.pass_until(AFTER);
    assert_eq!(bench.enqueue("run"), Ok(()));
    bench.has_bitten(FaultKind::QueueOutage);
}

#[test]
fn queue_delay_makes_ready_later() {
    let mut bench =
        bench("kind = \"queue-delay\"\nduration = \"4m\"\nprobability = 1\ndelay = \"10s\"");
    bench.pass_until(DURING);
    bench.enqueue("run").unwrap();
    assert_eq!(bench.lease(), None);
    bench.pass(Duration::from_secs(10));
    assert!(bench.lease().is_some());
    bench.pass_until(AFTER);
    bench.enqueue("other").unwrap();
    assert!(bench.lease().is_some());
    bench.has_bitten(FaultKind::QueueDelay);
}

#[test]
fn duplicate_delivery_gives_a_message_twice() {
    let mut bench = bench("kind = \"duplicate-delivery\"\nduration = \"4m\"\nprobability = 1");
    bench.pass_until(DURING);
    bench.enqueue("run").unwrap();
    assert!(bench.lease().is_some() && bench.lease().is_some());
    assert_eq!(bench.lease(), None);
    bench.pass_until(AFTER);
    bench.has_bitten(FaultKind::DuplicateDelivery);
}

#[test]
fn reordering_gives_another_order() {
    let mut bench = bench("kind = \"reordering\"\nduration = \"4m\"\nprobability = 1");
    bench.pass_until(DURING);
    let runs = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for run in runs {
        bench.enqueue(run).unwrap();
    }
    let ports = bench.ports("worker-1");
    let order = bench.run("worker-1", async move {
        let mut order = Vec::new();
        while let Ok(Some(leased)) = ports.planner_queue().lease(LEASE, Duration::ZERO).await {
            order.push(leased.run.to_string());
        }
        order
    });
    assert_eq!(order.len(), runs.len());
    assert_ne!(order, runs);
    bench.pass_until(AFTER);
    bench.has_bitten(FaultKind::Reordering);
}

/// The answers to a call about a lease within the fault, and after it.
fn lease_call(
    kind: FaultKind,
    fault: &str,
    call: impl AsyncFn(&WorldPorts, u64) -> PortResult<LeaseAnswer> + Copy + 'static,
) {
    let mut bench = bench(&format!(
        "kind = \"{fault}\"\nduration = \"4m\"\nprobability = 1"
    ));
    bench.pass_until(DURING);
    bench.enqueue("run").unwrap();
    for expected in [Err(PortError::Unknown), Ok(LeaseAnswer::Done)] {
        let ports = bench.ports("worker-1");
        let answer = bench.run("worker-1", async move {
            let delivery = ports.planner_queue().lease(LEASE, LEASE * 2).await;
            call(&ports, delivery.unwrap().unwrap().delivery).await
        });
        assert_eq!(answer, expected);
        bench.pass_until(AFTER);
    }
    bench.has_bitten(kind);
}

#[test]
fn acknowledgement_lost_leaves_the_message() {
    lease_call(
        FaultKind::AcknowledgementLost,
        "acknowledgement-lost",
        async |ports, delivery| ports.planner_queue().acknowledge(delivery).await,
    );
}

#[test]
fn renewal_lost_lets_the_lease_end() {
    lease_call(
        FaultKind::RenewalLost,
        "renewal-lost",
        async |ports, delivery| ports.planner_queue().renew(delivery, LEASE).await,
    );
}

#[test]
fn poisoned_message_cannot_be_read() {
    let mut bench = bench("kind = \"poisoned-message\"\nqueue = \"planner\"\ncount = 1");
    bench.pass_until(DURING);
    bench.enqueue("first").unwrap();
    bench.enqueue("second").unwrap();
    let ports = bench.ports("worker-1");
    let readable = bench.run("worker-1", async move {
        let mut readable = Vec::new();
        while let Ok(Some(leased)) = ports.planner_queue().lease(LEASE, Duration::ZERO).await {
            readable.push((leased.run.to_string(), leased.body.is_ok()));
        }
        readable
    });
    assert_eq!(
        readable,
        [("first".to_owned(), false), ("second".to_owned(), true)]
    );
    assert_eq!(bench.count("MessageCorrupted"), 1);
    bench.has_bitten(FaultKind::PoisonedMessage);
}

#[test]
fn queue_failover_loses_the_newest_messages_that_nobody_has_leased() {
    let mut bench = bench("kind = \"queue-failover\"\nlag = \"30s\"");
    bench.pass_until(Duration::from_secs(20));
    bench.enqueue("old").unwrap();
    bench.pass_until(Duration::from_secs(40));
    for run in ["leased", "lost"] {
        bench.enqueue(run).unwrap();
    }
    let leases = |bench: &mut WorldHarness| {
        let ports = bench.ports("worker-1");
        bench.run("worker-1", async move {
            let leased = ports.planner_queue().lease(LEASE, Duration::ZERO).await;
            leased.unwrap().map(|leased| leased.run.to_string())
        })
    };
    assert_eq!(leases(&mut bench).as_deref(), Some("old"));
    assert_eq!(leases(&mut bench).as_deref(), Some("leased"));
    bench.enqueue("lost too").unwrap();
    bench.pass_until(DURING);
    assert_eq!(bench.count("step: Lost"), 2);
    bench.has_bitten(FaultKind::QueueFailover);
    assert_eq!(leases(&mut bench), None);
    // Its key is forgotten with it, so that it can be enqueued again; that of the old one is not.
    bench.enqueue("lost").unwrap();
    bench.enqueue("old").unwrap();
    assert_eq!(bench.count("step: Deduplicated"), 1);
    assert_eq!(leases(&mut bench).as_deref(), Some("lost"));
}

#[test]
fn notify_outage_takes_no_event() {
    let mut bench = bench("kind = \"notify-outage\"\nduration = \"4m\"");
    bench.pass_until(DURING);
    for expected in [Err(PortError::Unavailable), Ok(())] {
        let ports = bench.ports("worker-1");
        let answer = bench.run("worker-1", async move { ports.notify().publish(&[]).await });
        assert_eq!(answer, expected);
        bench.pass_until(AFTER);
    }
    assert!(
        bench.count("role: \"test\"") > 0,
        "the caller's role is seen"
    );
    bench.has_bitten(FaultKind::NotifyOutage);
}

#[test]
fn impact_outage_answers_no_query() {
    let mut bench = bench("kind = \"impact-outage\"\nduration = \"4m\"");
    bench.pass_until(DURING);
    for is_answered in [false, true] {
        let ports = bench.ports("worker-1");
        let answer = bench.run("worker-1", async move {
            let request = ImpactRequest {
                tenant: &"tenant-1".into(),
                selector: &crate::model::Selector::All,
                product_keys: &[],
                usage_only: false,
            };
            ports.impact_index().resolve(&request).await
        });
        assert_eq!(answer.is_ok(), is_answered);
        bench.pass_until(AFTER);
    }
    bench.has_bitten(FaultKind::ImpactOutage);
}

#[test]
fn partition_cuts_off_one_process() {
    let mut bench =
        bench("kind = \"partition\"\nprocess = \"worker-1\"\nport = \"store\"\nduration = \"4m\"");
    bench.pass_until(DURING);
    assert_eq!(bench.try_commit(1), Err(PortError::Unavailable));
    let ports = bench.ports("worker-2");
    let other = bench.run("worker-2", async move { ports.store().schedules().await });
    assert!(other.is_ok());
    bench.pass_until(AFTER);
    assert!(bench.try_commit(1).is_ok());
    bench.has_bitten(FaultKind::Partition);
    assert_eq!(bench.count("CutOff"), 1);
}

#[test]
fn process_crash_drops_all_and_starts_anew() {
    let mut bench = bench("kind = \"process-crash\"\nprocess = \"worker-1\"\ndowntime = \"4m\"");
    let ports = bench.ports("worker-1");
    let never = bench.begin("worker-1", async move {
        ports.clock().sleep(Duration::from_mins(2)).await;
    });
    bench.pass_until(DURING);
    assert_eq!(bench.count("LifeStarted"), 2);
    bench.pass_until(AFTER);
    assert_eq!(bench.count("LifeStarted"), 3);
    assert_eq!(bench.count("end: Crashed"), 1);
    assert_eq!(never(&mut bench), None);
    bench.has_bitten(FaultKind::ProcessCrash);
}

#[test]
fn process_crash_between_sending_and_answer_applies_all_the_same() {
    let mut bench = bench("kind = \"process-crash\"\nprocess = \"worker-1\"\ndowntime = \"4m\"");
    bench.pass_until(Duration::from_millis(59_998));
    let ports = bench.ports("worker-1");
    let sent = commit(1);
    let never = bench.begin("worker-1", async move { ports.store().commit(&sent).await });
    bench.pass(Duration::from_secs(1));
    assert_eq!(
        (bench.count("CommitApplied"), bench.count("CommitLearned")),
        (1, 0)
    );
    assert_eq!(never(&mut bench), None);
}

#[test]
fn process_pause_stands_still_and_goes_on() {
    let mut bench = bench("kind = \"process-pause\"\nprocess = \"worker-1\"\nduration = \"4m\"");
    bench.pass_until(Duration::from_millis(59_998));
    let ports = bench.ports("worker-1");
    let sent = commit(1);
    let later = bench.begin("worker-1", async move { ports.store().commit(&sent).await });
    bench.pass_until(DURING);
    assert_eq!(
        (bench.count("CommitApplied"), bench.count("CommitLearned")),
        (1, 0)
    );
    bench.pass_until(AFTER);
    assert_eq!(bench.count("CommitLearned"), 1);
    assert!(matches!(
        later(&mut bench),
        Some(Ok(CommitAnswer::Applied(_)))
    ));
    let down = bench.factory.scrapes.borrow();
    let down = down
        .iter()
        .filter(|(process, incarnation)| process.as_str() == "worker-1" && incarnation.is_none());
    assert_eq!(down.count(), 16, "scraped each 15 s without success");
    bench.has_bitten(FaultKind::ProcessPause);
}

#[test]
fn graceful_stop_waits_for_the_process() {
    let fault = "kind = \"graceful-stop\"\nprocess = \"worker-1\"\ndowntime = \"10s\"";
    // One crash is by our own hand.
    for (takes, stopped, crashed) in [(5, 1, 1), (3_600, 0, 2)] {
        let mut bench = bench(&format!("{fault}\n"));
        bench.factory.stop_takes.set(Duration::from_secs(takes));
        // A new incarnation takes the new time.
        bench.world.crash_process(0, Duration::ZERO);
        bench.pass_until(DURING);
        assert_eq!(bench.count("LifeEnded"), 1, "the stop takes its time");
        bench.pass_until(AFTER);
        let ends = ["end: Stopped", "end: Crashed"].map(|end| bench.count(end));
        assert_eq!(ends, [stopped, crashed]);
        assert_eq!(bench.count("LifeStarted"), 4);
        bench.has_bitten(FaultKind::GracefulStop);
    }
}

#[test]
fn rolling_deploy_stops_one_after_the_other() {
    let mut bench = bench("kind = \"rolling-deploy\"\ndowntime = \"10s\"\npause = \"30s\"");
    bench.pass_until(AFTER);
    let lines = bench.seen.borrow();
    let incarnations: Vec<&str> = lines
        .0
        .iter()
        .map(|(_, line)| line.as_str())
        .filter(|line| line.starts_with("Incarnation"))
        .collect();
    assert_eq!(incarnations.len(), 6);
    for (line, expected) in incarnations[2..].iter().zip([
        ("LifeEnded", "worker-1"),
        ("LifeStarted", "worker-1"),
        ("LifeEnded", "worker-2"),
        ("LifeStarted", "worker-2"),
    ]) {
        assert!(
            line.contains(expected.0) && line.contains(expected.1),
            "{line}"
        );
    }
    drop(lines);
    bench.has_bitten(FaultKind::RollingDeploy);
}

#[test]
fn clock_skew_runs_fast_and_is_right_again() {
    let mut bench =
        bench("kind = \"clock-skew\"\nprocess = \"worker-1\"\ndrift = 0.5\nduration = \"4m\"");
    let elapsed = |bench: &WorldHarness| bench.ports("worker-1").clock().elapsed();
    let rate = |bench: &mut WorldHarness| {
        let before = elapsed(bench);
        bench.pass(Duration::from_secs(10));
        elapsed(bench) - before
    };
    assert_eq!(rate(&mut bench), Duration::from_secs(10));
    bench.pass_until(DURING);
    assert_eq!(rate(&mut bench), Duration::from_secs(15));
    bench.pass_until(AFTER);
    assert_eq!(rate(&mut bench), Duration::from_secs(10));
    bench.has_bitten(FaultKind::ClockSkew);
}

#[test]
fn purge_takes_only_what_is_over() {
    let mut bench = bench("kind = \"purge\"\nolderThan = \"30s\"");
    bench.try_commit(1).unwrap();
    bench.pass_until(Duration::from_secs(50));
    bench.try_commit(2).unwrap();
    bench.pass_until(AFTER);
    assert_eq!(bench.count("Purged"), 1);
    bench.has_bitten(FaultKind::Purge);
}

#[test]
fn healing_ends_all_and_lets_none_begin() {
    let mut bench = WorldHarness::new(
        "[[fault]]\nat = \"1m\"\nkind = \"store-outage\"\nduration = \"30m\"\n\
         [[fault]]\nat = \"1m\"\nkind = \"process-pause\"\nprocess = \"worker-1\"\n\
         duration = \"30m\"\n\
         [[fault]]\nat = \"1m\"\nkind = \"process-crash\"\nprocess = \"worker-2\"\n\
         downtime = \"30m\"\n\
         [[fault]]\nat = \"3m\"\nkind = \"scanner-outage\"\n",
    );
    bench.pass_until(Duration::from_mins(2));
    assert_eq!(bench.count("LifeEnded"), 1);
    bench
        .world
        .heal(["worker-1".into(), "worker-2".into()].into());
    assert!(bench.try_commit(1).is_ok());
    assert_eq!(bench.count("LifeStarted"), 3);
    assert_eq!(bench.count("Resumed"), 1);
    bench.pass_until(Duration::from_mins(4));
    assert_eq!(
        (bench.count("FaultBegan"), bench.count("FaultEnded")),
        (3, 3)
    );
}

#[test]
fn a_core_heals_and_the_rest_stays_broken() {
    let mut bench = WorldHarness::new(
        "[[fault]]\nat = \"1m\"\nkind = \"store-outage\"\nduration = \"30m\"\n\
         [[fault]]\nat = \"1m\"\nkind = \"partition\"\nprocess = \"all\"\nport = \"queue\"\n\
         duration = \"10m\"\n\
         [[fault]]\nat = \"1m\"\nkind = \"process-crash\"\nprocess = \"worker-2\"\n\
         downtime = \"5m\"\n",
    );
    bench.pass_until(Duration::from_mins(2));
    let drawn = bench.world.draw_core(&mut RandomStream::new(1, "core"));
    assert!(!drawn.is_empty());
    bench.world.heal(["worker-1".into()].into());
    assert!(bench.try_commit(1).is_ok());
    assert!(bench.enqueue("run").is_ok());
    bench.pass_until(Duration::from_mins(50));
    assert_eq!(bench.count("LifeStarted"), 2, "worker-2 stays down");
    assert_eq!(
        bench.count("Reconnected { process: worker-2, port: Queue"),
        0
    );
    assert_eq!(
        bench.count("Reconnected { process: worker-1, port: Queue"),
        1
    );
}
