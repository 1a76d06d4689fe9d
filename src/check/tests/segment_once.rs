//! `segment-once`: commits and enqueues of segments.

use std::time::Duration;

use super::defect::Defect;
use super::fixture::Fixture;
use crate::check::InvariantName::SegmentOnce;
use crate::check::OracleReport;
use crate::model::CommitStep;
use crate::model::fault::FaultKind;
use crate::model::observation::{Observation, PortName, QueueStep};

pub const DEFECTS: &[Defect] = &[
    Defect::new(SegmentOnce, "segment committed twice", || {
        let (mut fixture, _, delivery) = Fixture::with_a_segment();
        let commit = fixture.segment_commit(0, delivery);
        fixture.submit(commit);
        let commit = fixture.segment_commit(0, delivery);
        fixture.submit(commit).stop_here()
    }),
    Defect::new(SegmentOnce, "committed segment enqueued again", || {
        enqueues_a_committed_segment(11, QueueStep::Enqueued, None)
    }),
    Defect::new(SegmentOnce, "planner message enqueued again", || {
        relays_again(None)
    }),
];

/// A segment is committed, and enqueued again `seconds_later`. `step` is the queue's transition.
/// `outage`: seconds before the commit at which the queue was away.
fn enqueues_a_committed_segment(
    seconds_later: u64,
    step: QueueStep,
    outage: Option<u64>,
) -> OracleReport {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    if let Some(seconds_before) = outage {
        let kind = FaultKind::QueueOutage;
        fixture
            .see(&Observation::FaultTriggered { kind })
            .wait(seconds_before);
    }
    let commit = fixture.segment_commit(0, delivery);
    fixture.submit(commit);
    fixture
        .wait(seconds_later)
        .step(message + 1, 0, Some(0), step)
        .stop_here()
}

/// A process enqueues a planner message that another has enqueued, and so again.
fn relays_again(fault: Option<FaultKind>) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.fire().plan();
    let message = fixture.enqueue(None) + 1;
    let again = |fixture: &mut Fixture| {
        fixture
            .wait(30)
            .step(message, 0, None, QueueStep::Deduplicated);
    };
    again(&mut fixture);
    assert!(fixture.texts(SegmentOnce).is_empty(), "it may be another's");
    if let Some(kind) = fault {
        fixture.see(&Observation::FaultTriggered { kind });
    }
    again(&mut fixture);
    fixture.stop_here()
}

#[test]
fn enqueue_of_a_segment_read_before_its_commit_is_no_violation() {
    for step in [QueueStep::Enqueued, QueueStep::Deduplicated] {
        let is_clean = |seconds, outage| {
            enqueues_a_committed_segment(seconds, step, outage).is_clean(SegmentOnce)
        };
        assert!(is_clean(10, None));
        assert!(is_clean(11, Some(60)));
        assert!(!is_clean(11, Some(61)));
    }
}

#[test]
fn repair_of_a_segment_marked_before_its_commit_is_no_violation() {
    let repairs = |is_marked: bool| {
        let (mut fixture, message, delivery) = Fixture::with_a_segment();
        let segment = fixture.segment_commit(0, delivery);
        let mut mark = fixture.new_commit(CommitStep::Requeue, 0);
        if let (CommitStep::Segment(segment), true) = (&segment.step, is_marked) {
            mark.release = vec![segment.key.clone()];
        }
        fixture.submit(mark);
        fixture.submit(segment).wait(40);
        let repair = |fixture: &mut Fixture| {
            fixture.step(message + 1, 0, Some(0), QueueStep::Deduplicated);
            fixture.texts(SegmentOnce).len()
        };
        [repair(&mut fixture), repair(fixture.wait(11))]
    };
    assert_eq!(repairs(false), [1, 2]);
    assert_eq!(repairs(true), [0, 1], "it is enqueued once");
}

#[test]
fn repair_after_an_enqueue_by_the_dispatcher_of_its_process_is_no_violation() {
    let enqueues = |dispatches: bool| {
        let (mut fixture, message, delivery) = Fixture::with_a_segment();
        let segment = fixture.segment_commit(0, delivery);
        let mut mark = fixture.new_commit(CommitStep::Requeue, 0);
        if let CommitStep::Segment(segment) = &segment.step {
            mark.release = vec![segment.key.clone()];
        }
        fixture.submit(mark);
        if dispatches {
            let message = fixture.enqueue(None);
            fixture.lease(message, None);
        }
        let enqueue = |fixture: &mut Fixture| {
            fixture.step(message + 9, 0, Some(0), QueueStep::Deduplicated);
            fixture.texts(SegmentOnce).len()
        };
        let first = enqueue(fixture.wait(5));
        fixture.submit(segment).wait(40);
        [first, enqueue(&mut fixture), enqueue(fixture.wait(11))]
    };
    assert_eq!(enqueues(true), [0, 0, 1]);
    assert_eq!(enqueues(false), [0, 1, 2], "the first was the repair's");
}

#[test]
fn second_relay_after_a_store_outage_is_no_violation() {
    assert!(relays_again(Some(FaultKind::StoreOutage)).is_clean(SegmentOnce));
}

#[test]
fn second_relay_after_a_slow_call_is_no_violation() {
    let relays = |seconds: u64| {
        let mut fixture = Fixture::new();
        fixture.fire().plan();
        let message = fixture.enqueue(None) + 1;
        let slow = Observation::CallSlow {
            incarnation: &fixture.incarnation.clone(),
            port: PortName::Queue,
            until: fixture.now.after(Duration::from_secs(seconds)),
        };
        fixture.see(&slow).wait(30);
        for _ in 0..2 {
            fixture.step(message, 0, None, QueueStep::Deduplicated);
            fixture.wait(30);
        }
        fixture.stop_here()
    };
    assert!(relays(30).is_clean(SegmentOnce));
    assert!(!relays(29).is_clean(SegmentOnce), "it was over before");
}

#[test]
fn repair_after_an_enqueue_of_an_older_sequence_is_no_violation() {
    let mut fixture = Fixture::new();
    fixture.fire().plan().dispatch();
    let message = fixture.enqueue(Some(1));
    let enqueue_again = |fixture: &mut Fixture, segment| {
        fixture.step(message + 1, 0, Some(segment), QueueStep::Deduplicated);
        fixture.texts(SegmentOnce).len()
    };
    assert_eq!(enqueue_again(&mut fixture, 0), 0);
    let mut mark = fixture.new_commit(CommitStep::Requeue, 0);
    mark.release = vec![fixture.key(1)];
    fixture.wait(5).submit(mark);
    assert_eq!(
        enqueue_again(&mut fixture, 1),
        0,
        "by the sequence of segment 0"
    );
    let delivery = fixture.begin(1, message);
    let commit = fixture.segment_commit(1, delivery);
    fixture.submit(commit);
    let found = [(); 2].map(|()| enqueue_again(fixture.wait(40), 1));
    assert_eq!(found, [0, 1], "it is enqueued once");
}

#[test]
fn enqueue_that_arrives_after_the_end_of_its_incarnation_is_judged_alike() {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    let commit = fixture.segment_commit(0, delivery);
    let mut mark = fixture.new_commit(CommitStep::Requeue, 0);
    mark.release = vec![fixture.key(0)];
    fixture.submit(mark).submit(commit).wait(40).ends();
    fixture.step(message + 1, 0, Some(0), QueueStep::Deduplicated);
    assert!(
        fixture.texts(SegmentOnce).is_empty(),
        "it was marked before"
    );
}
