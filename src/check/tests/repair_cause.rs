//! `blame`: repairs and releases without a cause.

use std::time::Duration;

use super::blame::with_a_corrupted_message;
use super::defect::Defect;
use super::fixture::Fixture;
use super::sample_data::{RELEASED, RELEASED_AS_FAILED};
use crate::check::InvariantName::Blame;
use crate::check::OracleReport;
use crate::model::CommitStep;
use crate::model::fault::FaultKind;
use crate::model::observation::{Observation, ScanAnswer};

pub const DEFECTS: &[Defect] = &[
    Defect::new(Blame, "segment enqueued again without a cause", || {
        requeues_segment(None, 130)
    }),
    Defect::new(
        Blame,
        "planner message enqueued again without a cause",
        || requeues_intent(None),
    ),
    Defect::new(Blame, "segment enqueued again after one lease", || {
        requeues_segment(Some(FaultKind::QueueFailover), 110)
    }),
    Defect::new(Blame, "segment released without a cause", || {
        releases(|fixture, _| fixture)
    }),
];

fn with_fault(fixture: &mut Fixture, fault: Option<FaultKind>) {
    if let Some(kind) = fault {
        fixture.see(&Observation::FaultTriggered { kind });
    }
}

/// Repair enqueues a segment again, this number of seconds after such a fault.
fn requeues_segment(fault: Option<FaultKind>, seconds: u64) -> OracleReport {
    let (mut fixture, _, _) = Fixture::with_a_segment();
    with_fault(&mut fixture, fault);
    let mut commit = fixture.wait(seconds).new_commit(CommitStep::Requeue, 0);
    commit.release.push(fixture.key(0));
    fixture.submit(commit).stop_here()
}

/// Repair enqueues a segment again with an unreadable message.
fn requeues_segment_of_unreadable_message() -> OracleReport {
    let (mut fixture, message, delivery) = with_a_corrupted_message();
    fixture.step(message, delivery, Some(0), RELEASED_AS_FAILED);
    let mut commit = fixture.wait(130).new_commit(CommitStep::Requeue, 0);
    commit.release.push(fixture.key(0));
    fixture.submit(commit).stop_here()
}

fn requeues_intent(fault: Option<FaultKind>) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.fire().plan().enqueue(None);
    with_fault(&mut fixture, fault);
    let run = fixture.run.clone().unwrap().id;
    let mut commit = fixture.wait(130).new_commit(CommitStep::Requeue, 0);
    commit.intents_requeued.push(run);
    fixture.submit(commit).stop_here()
}

/// A runner releases a segment after this.
fn releases(before: impl FnOnce(&mut Fixture, u64) -> &mut Fixture) -> OracleReport {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    before(&mut fixture, delivery);
    let step = RELEASED;
    fixture.step(message, delivery, Some(0), step).stop_here()
}

/// A runner waits for a segment, and releases it as the lease ends by the runner's count.
fn releases_at_its_deadline(waited: u64) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.fire().plan().dispatch();
    let message = fixture.message_of(0);
    let delivery = fixture.lease_after(message, Some(0), Duration::from_secs(waited));
    let step = RELEASED;
    fixture
        .wait(60 - waited)
        .step(message, delivery, Some(0), step)
        .stop_here()
}

#[test]
fn release_of_a_lease_too_short_for_two_renewals_is_no_violation() {
    let short = releases_at_its_deadline(21);
    assert!(short.is_clean(Blame), "{:?}", short.texts(Blame));
    assert!(!releases_at_its_deadline(20).is_clean(Blame));
}

#[test]
fn repairs_and_releases_with_a_cause_are_no_violation() {
    for report in [
        requeues_segment(Some(FaultKind::QueueFailover), 130),
        requeues_segment_of_unreadable_message(),
        requeues_intent(Some(FaultKind::QueueFailover)),
        releases(|fixture, _| {
            with_fault(fixture, Some(FaultKind::StoreOutage));
            fixture
        }),
        releases(|fixture, delivery| {
            fixture
                .ask(1, delivery, None)
                .wait(1)
                .answer(1, delivery, ScanAnswer::Failed)
        }),
        releases(|fixture, _| {
            let incarnation = fixture.incarnation.clone();
            fixture.see(&Observation::StopRequested {
                incarnation: &incarnation,
            })
        }),
    ] {
        assert!(report.is_clean(Blame), "{:?}", report.texts(Blame));
    }
}
