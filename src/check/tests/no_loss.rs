//! `no-loss`: images, messages and exports.

use std::num::NonZeroU32;

use super::defect::Defect;
use super::fixture::Fixture;
use super::sample_data::digest;
use crate::check::InvariantName::{NoLoss, Parallelism};
use crate::check::OracleReport;
use crate::model::commit::EndReason;
use crate::model::observation::{QueueStep, ScheduleChange};
use crate::model::{Commit, CommitStep, RunState, Trigger};

pub const DEFECTS: &[Defect] = &[
    Defect::new(NoLoss, "message acknowledged before its work", || {
        let (mut fixture, message, delivery) = Fixture::with_a_segment();
        fixture
            .acknowledge(message, delivery, Some(0))
            .work(1)
            .end()
    }),
    Defect::new(
        NoLoss,
        "planner message acknowledged before the dispatch",
        || {
            let mut fixture = Fixture::new();
            fixture.fire().plan();
            let message = fixture.enqueue(None);
            let delivery = fixture.lease(message, None);
            fixture.acknowledge(message, delivery, None).stop_here()
        },
    ),
    Defect::new(NoLoss, "message dropped before its work", || {
        let (mut fixture, message, delivery) = Fixture::with_a_segment();
        fixture.step(message, delivery, Some(0), QueueStep::Dropped);
        fixture.stop_here()
    }),
    Defect::new(NoLoss, "commit without one of its images", || {
        segment_commit_with(|commit| {
            if let CommitStep::Segment(segment) = &mut commit.step {
                segment.reports.pop();
                segment.outcome.unchanged -= 1;
            }
        })
    }),
    Defect::new(NoLoss, "commit with an image of another segment", || {
        segment_commit_with(|commit| {
            if let CommitStep::Segment(segment) = &mut commit.step {
                segment.reports[1].image = digest(4);
            }
        })
    }),
    Defect::new(NoLoss, "run completed before its last segment", || {
        segment_commit_with(|commit| commit.runs[0].run.state = RunState::Completed)
    }),
    Defect::new(NoLoss, "segment released and never enqueued", || {
        let mut fixture = Fixture::new();
        fixture.fire().plan();
        let message = fixture.enqueue(None);
        let delivery = fixture.lease(message, None);
        let commit = fixture.dispatch_commit(delivery);
        fixture.submit(commit).enqueue(Some(0));
        fixture.acknowledge(message, delivery, None).stop_here()
    }),
    Defect::new(
        NoLoss,
        "segment released by a segment whose last copy goes",
        || {
            let (mut fixture, copy) = with_a_release_by_a_segment();
            let delivery = fixture.lease(copy, Some(0));
            fixture.acknowledge(copy, delivery, Some(0)).stop_here()
        },
    ),
    Defect::new(NoLoss, "repair under the first key", || {
        let (mut fixture, message, delivery) = Fixture::with_a_segment();
        fixture.acknowledge(message, delivery, Some(0));
        fixture.step(message, 0, Some(0), QueueStep::Deduplicated);
        fixture.stop_here()
    }),
    Defect::new(NoLoss, "intent of a run that ends", || {
        let report = ends_queued_run(|commit| commit.intent_done = None);
        assert!(!report.1, "the intent is left");
        report.0
    }),
    Defect::new(NoLoss, "export that makes no run", || {
        let mut fixture = Fixture::new();
        fixture.change_schedule(ScheduleChange::Edited, |schedule| {
            schedule.triggers = vec![Trigger::Conselier];
        });
        fixture.wait(3_600).export();
        assert!(!fixture.oracle.is_quiescent(), "the export is not handled");
        let mut commit = fixture.new_commit(CommitStep::Export, 0);
        commit.exports = Some((0, 1));
        fixture.submit(commit);
        assert!(fixture.oracle.is_quiescent());
        fixture.stop_here()
    }),
    Defect::new(NoLoss, "export that is handled twice", || {
        let mut fixture = Fixture::new();
        fixture.wait(3_600).export();
        for _ in 0..2 {
            let mut commit = fixture.new_commit(CommitStep::Export, 0);
            commit.exports = Some((0, 1));
            fixture.submit(commit);
        }
        fixture.stop_here()
    }),
    Defect::new(NoLoss, "message left on its queue at quiescence", || {
        let mut fixture = Fixture::new();
        fixture.whole_run().enqueue(Some(0));
        fixture.end()
    }),
];

/// The commit that cancels a queued run is changed. Returns the report, and whether the world is
/// at rest.
fn ends_queued_run(change: fn(&mut Commit)) -> (OracleReport, bool) {
    let mut fixture = Fixture::new();
    fixture.fire().plan();
    let mut commit = fixture.end_commit(EndReason::Command, RunState::Cancelled);
    change(&mut commit);
    fixture.submit(commit);
    let is_quiescent = fixture.oracle.is_quiescent();
    (fixture.stop_here(), is_quiescent)
}

#[test]
fn run_that_ends_with_its_intent_is_no_violation() {
    let (report, is_quiescent) = ends_queued_run(|_| ());
    assert!(is_quiescent && report.is_clean(NoLoss));
}

fn segment_commit_with(change: fn(&mut Commit)) -> OracleReport {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    let mut commit = fixture.segment_commit(0, delivery);
    change(&mut commit);
    fixture.submit(commit).stop_here()
}

/// The commit of a segment has released another one; a copy of its message is left.
fn with_a_release_by_a_segment() -> (Fixture, u64) {
    let mut fixture = Fixture::new();
    fixture.fire().plan();
    let message = fixture.enqueue(None);
    let delivery = fixture.lease(message, None);
    let mut commit = fixture.dispatch_commit(delivery);
    let second = commit.release.pop().unwrap();
    let first = fixture.submit(commit).enqueue(Some(0));
    fixture.acknowledge(message, delivery, None);
    let copy = fixture.enqueue(Some(0));
    let delivery = fixture.begin(0, first);
    let mut commit = fixture.segment_commit(0, delivery);
    commit.release = vec![second];
    fixture.submit(commit).acknowledge(first, delivery, Some(0));
    (fixture, copy)
}

#[test]
fn release_with_a_copy_left_is_no_violation() {
    let (mut fixture, _) = with_a_release_by_a_segment();
    assert!(fixture.stop_here().is_clean(NoLoss));
}

#[test]
fn duplicate_of_a_message_that_is_there_is_no_violation() {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    fixture.step(message, delivery, Some(0), QueueStep::Deduplicated);
    assert!(fixture.stop_here().is_clean(NoLoss));
}

#[test]
fn acknowledged_copy_of_work_in_progress_is_no_violation() {
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
    let report = fixture.end_with(message, 0, delivery);
    assert!(report.is_clean(NoLoss) && report.is_clean(Parallelism));
    assert!(!report.is_violated());
}
