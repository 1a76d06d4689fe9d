//! Messages, leases, dead letters, events and what unfinished runs wait for.

use std::num::NonZeroU32;

use super::fixture::{Fixture, digest, images_of};
use crate::check::invariant_name::InvariantName;
use crate::model::commit::{ActiveRunsDelta, EndReason, RunWrite};
use crate::model::fault::FaultKind;
use crate::model::observation::{Observation, QueueName, QueueStep, ScheduleChange};
use crate::model::{CommitStep, EventId, Run, RunState, Trigger};

fn first_of(fixture: &Fixture, name: InvariantName) -> Option<String> {
    fixture
        .oracle
        .results()
        .findings(name)
        .violations
        .first()
        .map(ToString::to_string)
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

#[test]
fn a_spoiled_message_is_rightly_given_up() {
    let (mut fixture, message, mut delivery) = Fixture::with_a_segment();
    fixture.see(&Observation::FaultTriggered {
        kind: FaultKind::PoisonedMessage,
    });
    fixture.see(&Observation::MessageCorrupted {
        queue: QueueName::Runner,
        message,
    });
    for _ in 0..4 {
        let step = QueueStep::Released { counted: true };
        fixture.step(message, delivery, Some(0), step);
        delivery = fixture.lease(message, Some(0));
    }
    poison(&mut fixture, delivery);
    fixture.step(message, delivery, Some(0), QueueStep::DeadLettered);
    assert_eq!(first_of(&fixture, InvariantName::Blame), None);
    assert_eq!(first_of(&fixture, InvariantName::NoLoss), None);
    // It may be put back; whoever gets it finds its run over.
    fixture.step(message, 0, Some(0), QueueStep::Redriven);
    let delivery = fixture.lease(message, Some(0));
    fixture.acknowledge(message, delivery, Some(0));
    assert_eq!(first_of(&fixture, InvariantName::NoLoss), None);
}

#[test]
fn a_message_given_up_without_a_cause_is_blamed() {
    let (mut fixture, message, mut delivery) = Fixture::with_a_segment();
    for _ in 0..5 {
        let step = QueueStep::Released { counted: true };
        fixture.step(message, delivery, Some(0), step);
        delivery = fixture.lease(message, Some(0));
    }
    poison(&mut fixture, delivery);
    assert_eq!(
        first_of(&fixture, InvariantName::Blame).unwrap(),
        "blame at 2024-01-01T02:00:02Z, run run:acme:nightly:cron:2024-01-01T02:00:00Z: it was \
         poisoned (Error), and nothing on record explains that; expected a delivery history in which \
         each counted attempt has a cause, found an age of 2 s and no fault"
    );
    fixture.step(message, delivery, Some(0), QueueStep::DeadLettered);
    assert_eq!(
        fixture.complaints(InvariantName::Blame)[1..],
        [
            "its message was given up, and not every counted attempt has a cause on record; expected a \
             spoiled body, or crashes and lost leases, found 0 attempts with a cause and 5 without"
        ]
    );
}

#[test]
fn leases_lost_in_crashes_explain_poison() {
    let (mut fixture, message, mut delivery) = Fixture::with_a_segment();
    for _ in 0..5 {
        fixture
            .restart()
            .wait(61)
            .step(message, delivery, Some(0), QueueStep::Expired);
        delivery = fixture.lease(message, Some(0));
    }
    poison(&mut fixture, delivery);
    fixture.step(message, delivery, Some(0), QueueStep::Dropped);
    assert_eq!(first_of(&fixture, InvariantName::Blame), None);
}

#[test]
fn a_duplicate_may_be_acknowledged_while_another_copy_is_worked() {
    let mut fixture = Fixture::new();
    fixture.change_schedule(ScheduleChange::Edited, |schedule| {
        schedule.limits.parallelism = NonZeroU32::new(1);
    });
    fixture.fire().plan().dispatch();
    let message = fixture.message_of(0);
    let delivery = fixture.begin(0, message);
    let copy = fixture.enqueue(Some(0));
    let other = fixture.lease(copy, Some(0));
    fixture.acknowledge(copy, other, Some(0));
    assert_eq!(first_of(&fixture, InvariantName::NoLoss), None);
    assert_eq!(first_of(&fixture, InvariantName::Parallelism), None);
    let report = fixture.end_with(message, 0, delivery);
    assert!(!report.is_violated());
}

#[test]
fn a_request_after_the_deadline_is_seen() {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    fixture.wait(60).ask(1, delivery, None);
    assert_eq!(
        first_of(&fixture, InvariantName::LeaseDiscipline),
        None,
        "the deadline itself is in time"
    );
    fixture.wait(1).ask(2, delivery, None);
    assert_eq!(
        first_of(&fixture, InvariantName::LeaseDiscipline).unwrap(),
        "lease-discipline at 2024-01-01T02:01:03Z, w#1 under delivery 2: it asked the scanner after \
         its own deadline; expected no request after 2024-01-01T02:01:02Z (last renewal sent + \
         lease), found one at 2024-01-01T02:01:03Z"
    );
}

#[test]
fn an_image_is_asked_for_three_times_at_most() {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    for _ in 0..3 {
        fixture.wait(1).ask(1, delivery, None);
    }
    assert_eq!(first_of(&fixture, InvariantName::ScannerManners), None);
    fixture.wait(1).ask(1, delivery, None);
    assert!(first_of(&fixture, InvariantName::ScannerManners).unwrap().ends_with(
        "asked for by w#1: it was asked for too often under one delivery; expected at most 3 requests, found 4"
    ));
}

#[test]
fn an_event_that_no_commit_wrote_is_seen() {
    let mut fixture = Fixture::new();
    fixture.whole_run();
    let known = EventId::of(
        crate::model::EventKind::ReportReady,
        &fixture.run_id(),
        &digest(1),
    );
    // A late repeat is no harm.
    fixture.see(&Observation::EventPublished { id: known });
    fixture
        .wait(1)
        .see(&Observation::EventPublished { id: EventId(7) });
    fixture.wait(60);
    let report = fixture.end();
    let findings = &report.findings[InvariantName::EventOutbox.index()];
    assert_eq!(findings.violated, 1);
    assert_eq!(
        findings.violations[0].to_string(),
        "event-outbox at 2024-01-01T02:00:03Z, event 00000000000000000000000000000007: it was \
         published, but no commit wrote it; expected no such event, found one"
    );
}

#[test]
fn each_unfinished_run_says_what_it_waits_for() {
    let mut fixture = Fixture::new();
    let waits = |fixture: &Fixture| fixture.oracle.explain_stuck()[0].waits_for.clone();
    fixture.fire();
    assert_eq!(waits(&fixture), "a planner to take it up");
    fixture.plan();
    assert_eq!(
        waits(&fixture),
        "a relay to enqueue its planner message (an intent stands since 2024-01-01T02:00:02Z)"
    );
    let message = fixture.enqueue(None);
    assert_eq!(
        waits(&fixture),
        "its planner message: it is on the queue, and nobody has leased it"
    );
    let delivery = fixture.lease(message, None);
    let commit = fixture.dispatch_commit(delivery);
    fixture.submit(commit).acknowledge(message, delivery, None);
    assert_eq!(
        waits(&fixture),
        "2 of its 2 segments (segment 0: released, but no message for it is on the queue; repair must \
         enqueue it again; segment 1: released, but no message for it is on the queue; repair must \
         enqueue it again)"
    );
    let first = fixture.enqueue(Some(0));
    fixture.enqueue(Some(1));
    fixture.begin(0, first);
    let (incarnation, process) = (
        fixture.incarnation.clone(),
        fixture.incarnation.process.clone(),
    );
    fixture.see(&Observation::Paused {
        incarnation: &incarnation,
    });
    fixture.see(&Observation::FaultBegan {
        kind: FaultKind::ScannerOutage,
        subject: "scanner",
    });
    let port = crate::model::observation::PortName::Scanner;
    fixture.see(&Observation::CutOff {
        process: &process,
        port,
    });
    assert_eq!(
        waits(&fixture),
        "2 of its 2 segments (segment 0: it is leased by w#1 (which is paused) until \
         2024-01-01T02:01:02Z; segment 1: it is on the queue, and nobody has leased it) \
         (scanner-outage goes on, w#1 can't reach the scanner)"
    );
    assert!(!fixture.oracle.is_quiescent());
}

#[test]
fn a_commit_without_one_of_its_images_is_a_loss() {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    let mut commit = fixture.segment_commit(0, delivery);
    if let CommitStep::Segment(segment) = &mut commit.step {
        segment.reports.pop();
        segment.outcome.unchanged -= 1;
    }
    let missing = images_of(0).last().map(digest).unwrap();
    fixture
        .submit(commit)
        .acknowledge(message, delivery, Some(0));
    assert_eq!(
        first_of(&fixture, InvariantName::NoLoss).unwrap(),
        format!(
            "no-loss at 2024-01-01T02:00:02Z, segment {}: one of its images is neither reported nor \
             failed: {missing}; expected each of its 2 images once, found 1 images",
            fixture.key(0)
        )
    );
}

#[test]
fn an_export_that_makes_no_run_is_a_loss() {
    let mut fixture = Fixture::new();
    fixture.change_schedule(ScheduleChange::Edited, |schedule| {
        schedule.triggers = vec![Trigger::Conselier];
    });
    let export = Observation::Exported {
        sequence: 1,
        tenant: None,
        trigger: Trigger::Conselier,
    };
    fixture.wait(3_600).see(&export);
    assert!(!fixture.oracle.is_quiescent(), "nobody has handled it");
    let mut commit = fixture.new_commit(CommitStep::Export, 0);
    commit.exports = Some((0, 1));
    fixture.submit(commit);
    assert!(fixture.oracle.is_quiescent());
    assert_eq!(
        first_of(&fixture, InvariantName::NoLoss).unwrap(),
        "no-loss at 2024-01-01T01:00:00Z, schedule nightly: exports 1 to 1 did not make its runs; \
         expected 1, found 0"
    );
}
