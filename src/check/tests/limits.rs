//! `limits`: each option's bound is broken once, and kept once.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use super::defect::{self, Defect, check_golden};
use super::fixture::Fixture;
use super::sample_data::digest;
use crate::check::InvariantName::Limits;
use crate::check::OracleReport;
use crate::check::limit::LIMITS;
use crate::model::commit::{FireOutcome, RunWrite};
use crate::model::fault::FaultKind;
use crate::model::observation::{Observation, QueueStep, ScanAnswer};
use crate::model::{CommitStep, Run};
use crate::worker::options::WorkerOptions;

pub const DEFECTS: &[Defect] = &[
    Defect::new(Limits, "segment with one image too many", || cuts(65)),
    Defect::new(Limits, "fire decided late", || fires_after(46)),
    Defect::new(Limits, "batch right after one with places left", || {
        reads_again_after(4_999)
    }),
    Defect::new(Limits, "process with nine segments", || holds(9)),
    Defect::new(Limits, "lease renewed too early", || renews_after(19)),
    Defect::new(Limits, "lease renewed at its half", || renews_every(30, 5)),
    Defect::new(Limits, "lease that is not renewed", || expires(None)),
    Defect::new(Limits, "poison message dropped", || {
        let (mut fixture, message, delivery) = Fixture::with_a_segment();
        let step = QueueStep::Dropped;
        fixture.step(message, delivery, Some(0), step).stop_here()
    }),
    Defect::new(Limits, "first delay over the maximum", || retries(1, 6)),
    Defect::new(Limits, "second delay that grows too much", || {
        retries(2, 11)
    }),
    Defect::new(Limits, "eighth delay over the maximum", || retries(8, 301)),
    Defect::new(Limits, "delay that is not drawn", || {
        retries_after(1, Duration::from_secs(5))
    }),
    Defect::new(Limits, "attempt without a delay", || {
        retries_after(1, Duration::ZERO)
    }),
    Defect::new(Limits, "message released for too long", || {
        releases_after(true, Duration::from_secs(6))
    }),
    Defect::new(Limits, "failed message released at once, again", || {
        releases_after(true, Duration::ZERO)
    }),
    Defect::new(
        Limits,
        "released at once, although the Scanner fails",
        || releases_after(false, Duration::ZERO),
    ),
    Defect::new(Limits, "long wait for the Scanner", || waits_for(31)),
    Defect::new(Limits, "plan enqueued late", || relays_after(61)),
    Defect::new(Limits, "large batch of events", || publishes(257)),
    Defect::new(Limits, "repair right after another", || repairs_after(59)),
];

/// The defect that breaks the bound of each option.
const PROOFS: [(&str, &str); 22] = [
    ("triggerPoll", "fire decided late"),
    ("plannerPoll", "batch right after one with places left"),
    ("plannerBatch", "batch with one run too many"),
    ("plannerAttempts", "planning that fails without a fault"),
    ("segmentSize", "segment with one image too many"),
    ("segmentsAtOnce", "process with nine segments"),
    ("lease", "lease renewed too early"),
    ("leasePatience", "stop long after the last message"),
    (
        "maxDeliveryAttempts",
        "readable message given up before its last try failed",
    ),
    ("deadLetterEnabled", "poison message dropped"),
    ("backoffInitial", "first delay over the maximum"),
    ("backoffMax", "eighth delay over the maximum"),
    ("backoffFactor", "second delay that grows too much"),
    ("scannerTimeout", "long wait for the Scanner"),
    ("scannerAttempts", "fourth request of an image"),
    ("relayPoll", "plan enqueued late"),
    ("relayBatch", "large batch of events"),
    ("backlogRefresh", "value older than a refresh"),
    ("sweepInterval", "repair right after another"),
    ("runTimeout", "time-out without a fault"),
    ("stopGrace", "stop that takes longer than its grace"),
    ("permitTolerance", "late permit without a delay"),
];

/// A run is cut into one segment with this many images.
fn cuts(images: usize) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.fire().plan();
    let message = fixture.enqueue(None);
    let delivery = fixture.lease(message, None);
    let mut commit = fixture.dispatch_commit(delivery);
    commit.segments = vec![fixture.segment(0, &vec![digest(1); images])];
    fixture.submit(commit).stop_here()
}

fn fires_after(seconds: u64) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.at("02:00:00").wait(seconds);
    let commit = fixture.fire_commit("02:00:00", FireOutcome::Run);
    fixture.submit(commit).stop_here()
}

/// A planner reads no waiting run twice, with this time between.
fn reads_again_after(milliseconds: u64) -> OracleReport {
    let mut fixture = Fixture::new();
    let incarnation = fixture.incarnation.clone();
    for _ in 0..2 {
        fixture.now = fixture.now.after(Duration::from_millis(milliseconds));
        fixture.see(&Observation::PlanningRead {
            incarnation: &incarnation,
            waiting: &[],
        });
    }
    fixture.stop_here()
}

/// A process leases copies of the messages of a run.
fn holds(messages: u32) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.fire().plan().dispatch();
    for _ in 0..messages {
        let message = fixture.enqueue(Some(0));
        fixture.lease(message, Some(0));
    }
    fixture.stop_here()
}

fn renews_after(seconds: u64) -> OracleReport {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    let until = fixture.wait(seconds).now.after(Duration::from_secs(60));
    let step = QueueStep::Renewed { until };
    fixture.step(message, delivery, Some(0), step).stop_here()
}

fn renews_every(seconds: u64, times: u32) -> OracleReport {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    for _ in 0..times {
        let until = fixture.wait(seconds).now.after(Duration::from_secs(60));
        fixture.step(message, delivery, Some(0), QueueStep::Renewed { until });
    }
    fixture.stop_here()
}

/// A lease expires, with such a fault on record.
fn expires(fault: Option<FaultKind>) -> OracleReport {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    if let Some(kind) = fault {
        fixture.see(&Observation::FaultTriggered { kind });
    }
    fixture
        .wait(61)
        .step(message, delivery, Some(0), QueueStep::Expired)
        .stop_here()
}

/// Planning fails for this time, and is to be tried again right before these seconds are over.
fn retries(attempt: u32, seconds: u64) -> OracleReport {
    let delay = Duration::from_secs(seconds) - Duration::from_nanos(1);
    retries_after(attempt, delay)
}

fn retries_after(attempt: u32, delay: Duration) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.fire();
    let (incarnation, run) = (fixture.incarnation.clone(), fixture.run.clone().unwrap());
    fixture.see(&Observation::PlanningBegun {
        incarnation: &incarnation,
        run: &run,
    });
    let run = Run {
        planning_attempts: attempt,
        not_before: Some(fixture.now.after(delay)),
        ..run
    };
    let mut commit = fixture.new_commit(CommitStep::PlanRetry, 0);
    commit.runs.push(RunWrite {
        run,
        expected: Some(1),
    });
    fixture.submit(commit).stop_here()
}

/// The Scanner fails, and the segment's message is released twice.
fn releases_after(counted: bool, delay: Duration) -> OracleReport {
    let (mut fixture, message, mut delivery) = Fixture::with_a_segment();
    let step = QueueStep::Released { counted, delay };
    for _ in 0..2 {
        fixture.ask(1, delivery, None);
        fixture.wait(1).answer(1, delivery, ScanAnswer::Failed);
        fixture.step(message, delivery, Some(0), step);
        delivery = fixture.wait(9).begin(0, message);
    }
    fixture.stop_here()
}

fn waits_for(seconds: u64) -> OracleReport {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    fixture
        .ask(1, delivery, None)
        .wait(seconds)
        .answer(1, delivery, ScanAnswer::TimedOut)
        .stop_here()
}

fn relays_after(seconds: u64) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.fire().plan().wait(seconds).enqueue(None);
    fixture.stop_here()
}

fn publishes(events: usize) -> OracleReport {
    let mut fixture = Fixture::new();
    let incarnation = fixture.incarnation.clone();
    fixture.see(&Observation::NotifyCalled {
        incarnation: &incarnation,
        role: "event-relay",
        events,
    });
    fixture.stop_here()
}

fn repairs_after(seconds: u64) -> OracleReport {
    let mut fixture = Fixture::new();
    for _ in 0..2 {
        let commit = fixture.wait(seconds).new_commit(CommitStep::Requeue, 0);
        fixture.submit(commit);
    }
    fixture.stop_here()
}

#[test]
fn values_at_their_limits_are_no_violation() {
    for report in [
        cuts(64),
        fires_after(45),
        reads_again_after(5_000),
        holds(8),
        renews_after(20),
        renews_every(28, 5),
        expires(Some(FaultKind::RenewalLost)),
        retries(1, 5),
        retries(2, 10),
        retries(8, 300),
        waits_for(30),
        relays_after(60),
        publishes(256),
        repairs_after(60),
    ] {
        assert!(report.is_clean(Limits), "{:?}", report.texts(Limits));
    }
}

/// Options without an entry in the table, or without a defect that breaks their bound.
fn unchecked<'a>(options: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let defects = defect::all();
    let is_checked = |option: &&str| {
        let limit = LIMITS.iter().find(|limit| limit.option == *option);
        let proof = PROOFS.iter().find(|(of, _)| of == option);
        limit.zip(proof).is_some_and(|(limit, (_, name))| {
            let mut defects = defects.iter();
            defects.any(|defect| defect.name == *name && defect.invariant == limit.invariant)
        })
    };
    let options = options.into_iter();
    options.filter(|option| !is_checked(option)).collect()
}

#[test]
fn every_option_has_a_limit_with_a_defect_that_breaks_it() {
    let options = serde_json::to_value(WorkerOptions::default()).unwrap();
    let options = options.as_object().unwrap();
    let keys = options.keys().map(String::as_str);
    assert_eq!(unchecked(keys), [""; 0]);
    let entries: BTreeSet<_> = LIMITS.iter().map(|limit| limit.option).collect();
    let keys: BTreeSet<_> = options.keys().map(String::as_str).collect();
    assert_eq!(entries, keys, "an entry is of no option");
    assert_eq!(LIMITS.len(), options.len());
}

#[test]
fn option_without_a_limit_is_named() {
    assert_eq!(unchecked(["lease", "newOption"]), ["newOption"]);
}

#[test]
fn limits_page_is_generated_from_the_table() {
    const TEXT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/limits.md"));
    let head = TEXT.split("\n| option").next().unwrap().trim_end();
    let mut text = format!("{head}\n\n| option | bound | what it bounds | checked by |\n");
    text.push_str("|---|---|---|---|\n");
    for limit in LIMITS {
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | `{}` |",
            limit.option,
            limit.bound.as_str(),
            limit.meaning,
            limit.invariant
        );
    }
    assert_eq!(
        text.lines().count(),
        head.lines().count() + 3 + LIMITS.len()
    );
    check_golden("docs/limits.md", &text);
}

#[test]
fn fire_of_one_of_many_schedules_may_wait_for_slow_answers() {
    let fires = |answer_seconds: u64| {
        let mut fixture = Fixture::new();
        fixture.at("01:00:00");
        let mut first = fixture.fire_commit("01:00:00", FireOutcome::Run);
        let answer = fixture.apply(&mut first);
        fixture.wait(answer_seconds).learn(&first, &answer);
        fixture.at("02:00:00").wait(46);
        let second = fixture.fire_commit("02:00:00", FireOutcome::Run);
        fixture.submit(second).stop_here().is_clean(Limits)
    };
    assert!(!fires(0));
    assert!(fires(1));
}
