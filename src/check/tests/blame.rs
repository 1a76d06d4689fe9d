//! `blame`: causes of ends and dead letters.

use std::time::Duration;

use super::defect::Defect;
use super::fixture::Fixture;
use super::sample_data::{RELEASED_AS_FAILED, digest};
use crate::check::InvariantName::{Blame, NoLoss};
use crate::check::OracleReport;
use crate::model::commit::{ActiveRunsDelta, EndReason, RunWrite};
use crate::model::fault::FaultKind;
use crate::model::observation::{Observation, PortName, QueueName, QueueStep};
use crate::model::{CommitStep, Run, RunState};

pub const DEFECTS: &[Defect] = &[
    Defect::new(Blame, "planning that fails without a fault", || {
        let mut fixture = Fixture::new();
        fixture.fire().wait(30).fail_planning(1).end()
    }),
    Defect::new(Blame, "time-out without a fault", || {
        let mut fixture = Fixture::new();
        fixture.start_by_hand("slow").wait(25 * 3_600);
        let commit = fixture.end_commit(EndReason::TimedOut, RunState::Error);
        fixture.submit(commit).end()
    }),
    Defect::new(Blame, "cancellation that no owner asked for", || {
        let mut fixture = Fixture::new();
        fixture.start_by_hand("one");
        let commit = fixture.end_commit(EndReason::Command, RunState::Cancelled);
        fixture.submit(commit).end()
    }),
    Defect::new(
        Blame,
        "cancellation with a schedule that is not deleted",
        || {
            let mut fixture = Fixture::new();
            fixture.start_by_hand("one");
            let commit = fixture.end_commit(EndReason::ScheduleDeleted, RunState::Cancelled);
            fixture.submit(commit).end()
        },
    ),
    Defect::new(Blame, "message given up without a cause", || {
        let (mut fixture, message, mut delivery) = Fixture::with_a_segment();
        for _ in 0..5 {
            let step = RELEASED_AS_FAILED;
            fixture.step(message, delivery, Some(0), step);
            delivery = fixture.lease(message, Some(0));
        }
        poison(&mut fixture, delivery);
        fixture.step(message, delivery, Some(0), QueueStep::DeadLettered);
        fixture.stop_here()
    }),
    Defect::new(Blame, "corrupted message given up too early", || {
        let (mut fixture, message, delivery) = with_a_corrupted_message();
        fixture.step(message, delivery, Some(0), QueueStep::DeadLettered);
        fixture.stop_here()
    }),
    Defect::new(
        Blame,
        "readable message given up before its last try failed",
        || {
            let (mut fixture, message, mut delivery) = Fixture::with_a_segment();
            for _ in 0..4 {
                fixture
                    .restart()
                    .wait(61)
                    .step(message, delivery, Some(0), QueueStep::Expired);
                delivery = fixture.lease(message, Some(0));
            }
            fixture.step(message, delivery, Some(0), QueueStep::DeadLettered);
            fixture.stop_here()
        },
    ),
    Defect::new(Blame, "unreadable message released at its last try", || {
        let (mut fixture, message, mut delivery) = with_a_corrupted_message();
        for _ in 1..=5 {
            assert!(fixture.texts(Blame).is_empty());
            let step = RELEASED_AS_FAILED;
            fixture.step(message, delivery, Some(0), step);
            delivery = fixture.lease(message, Some(0));
        }
        fixture.stop_here()
    }),
    Defect::new(Blame, "failed image that was never refused", || {
        let (mut fixture, _, delivery) = Fixture::with_a_segment();
        let mut commit = fixture.segment_commit(0, delivery);
        if let CommitStep::Segment(segment) = &mut commit.step {
            segment.failed.push(digest(2));
            segment.reports.pop();
            (segment.outcome.unchanged, segment.outcome.failed) = (1, 1);
        }
        let stats = &mut commit.runs[0].run.stats;
        (stats.completed, stats.failed) = (1, 1);
        commit.events.pop();
        fixture.submit(commit).stop_here()
    }),
];

/// A leased segment with an unreadable message: fixture, message and delivery.
pub fn with_a_corrupted_message() -> (Fixture, u64, u64) {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    fixture.see(&Observation::MessageCorrupted {
        queue: QueueName::Runner,
        message,
    });
    (fixture, message, delivery)
}

/// Ends the fixture's run as poisoned, under this delivery.
fn poison(fixture: &mut Fixture, delivery: u64) {
    let mut commit = fixture.new_commit(CommitStep::End(EndReason::Poisoned), delivery);
    let run = Run {
        state: RunState::Error,
        ..fixture.run.clone().unwrap()
    };
    commit.active_runs_delta = Some(ActiveRunsDelta {
        mode: run.mode,
        change: -1,
    });
    commit.runs.push(RunWrite {
        run,
        expected: Some(4),
    });
    fixture.submit(commit);
}

/// A message is lost in five crashes, given up, and redriven.
fn crashes_five_times(step: QueueStep) -> OracleReport {
    let (mut fixture, message, mut delivery) = Fixture::with_a_segment();
    for _ in 0..5 {
        fixture
            .restart()
            .wait(61)
            .step(message, delivery, Some(0), QueueStep::Expired);
        delivery = fixture.lease(message, Some(0));
    }
    poison(&mut fixture, delivery);
    fixture.step(message, delivery, Some(0), step).stop_here()
}

#[test]
fn message_lost_in_five_crashes_is_rightly_given_up() {
    assert!(crashes_five_times(QueueStep::Dropped).is_clean(Blame));
    assert!(crashes_five_times(QueueStep::DeadLettered).is_clean(Blame));
}

#[test]
fn corrupted_message_at_its_last_try_is_rightly_given_up() {
    let (mut fixture, message, mut delivery) = with_a_corrupted_message();
    for _ in 0..4 {
        let step = RELEASED_AS_FAILED;
        fixture.step(message, delivery, Some(0), step);
        delivery = fixture.lease(message, Some(0));
    }
    poison(&mut fixture, delivery);
    fixture.step(message, delivery, Some(0), QueueStep::DeadLettered);
    // It may be redriven; its next holder finds its run over.
    fixture.step(message, 0, Some(0), QueueStep::Redriven);
    let delivery = fixture.lease(message, Some(0));
    fixture.acknowledge(message, delivery, Some(0));
    let report = fixture.stop_here();
    assert!(report.is_clean(Blame) && report.is_clean(NoLoss));
}

#[test]
fn message_that_its_queue_loses_at_the_last_try_is_rightly_given_up() {
    let (mut fixture, message, mut delivery) = with_a_corrupted_message();
    for _ in 0..4 {
        fixture.step(message, delivery, Some(0), RELEASED_AS_FAILED);
        delivery = fixture.lease(message, Some(0));
    }
    fixture.step(message, delivery, Some(0), QueueStep::Lost);
    poison(&mut fixture, delivery);
    assert!(fixture.stop_here().is_clean(Blame));
}

#[test]
fn conflict_fault_explains_a_counted_release() {
    let (mut fixture, message, mut delivery) = Fixture::with_a_segment();
    fixture.see(&Observation::FaultTriggered {
        kind: FaultKind::CommitConflict,
    });
    for _ in 0..5 {
        let step = RELEASED_AS_FAILED;
        fixture.step(message, delivery, Some(0), step);
        delivery = fixture.lease(message, Some(0));
        fixture.see(&Observation::FaultTriggered {
            kind: FaultKind::CommitConflict,
        });
    }
    poison(&mut fixture, delivery);
    fixture.step(message, delivery, Some(0), QueueStep::DeadLettered);
    assert!(fixture.stop_here().is_clean(Blame));
}

#[test]
fn slow_call_explains_an_expired_lease_while_it_is_under_way() {
    let expires = |port: PortName, seconds: u64| {
        let (mut fixture, message, mut delivery) = Fixture::with_a_segment();
        for _ in 0..5 {
            fixture.see(&Observation::CallSlow {
                incarnation: &fixture.incarnation.clone(),
                port,
                until: fixture.now.after(Duration::from_secs(seconds)),
            });
            fixture
                .wait(61)
                .step(message, delivery, Some(0), QueueStep::Expired);
            delivery = fixture.lease(message, Some(0));
        }
        poison(&mut fixture, delivery);
        fixture.step(message, delivery, Some(0), QueueStep::DeadLettered);
        fixture.stop_here()
    };
    assert!(expires(PortName::Queue, 5).is_clean(Blame));
    assert!(expires(PortName::Store, 5).is_clean(Blame));
    assert!(!expires(PortName::Notify, 5).is_clean(Blame));
}

#[test]
fn slow_query_of_the_impact_index_explains_failed_planning() {
    let fails = |port: PortName| {
        let mut fixture = Fixture::new();
        fixture.fire().wait(30);
        fixture.see(&Observation::CallSlow {
            incarnation: &fixture.incarnation.clone(),
            port,
            until: fixture.now,
        });
        fixture.fail_planning(5).end()
    };
    assert!(fails(PortName::Impact).is_clean(Blame));
    assert!(!fails(PortName::Queue).is_clean(Blame));
}
