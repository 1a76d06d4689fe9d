//! Counters, and the consistency of commits.

use super::defect::Defect;
use super::fixture::Fixture;
use super::sample_data::{MODE, additions, delta, digest, high};
use super::test_exposition::TestExposition;
use crate::check::InvariantName::{
    CounterMonotone, DeltaConservation, ImageConservation, PlannerConservation, SegmentOnce,
};
use crate::check::OracleReport;
use crate::check::instruments::{CounterSeries, DeltaKind, SegmentFate};
use crate::model::commit::{EndReason, PlanOutcome, SegmentCommit};
use crate::model::fault::FaultKind;
use crate::model::observation::{Observation, QueueStep};
use crate::model::{Commit, CommitAnswer, CommitRefusal, CommitStep, DeltaCounts, RunState};

pub const DEFECTS: &[Defect] = &[
    Defect::new(CounterMonotone, "counter that falls", || {
        forged(|page| page.counters[completed()] -= 1)
    }),
    Defect::new(PlannerConservation, "run counted twice", || {
        forged(|page| page.count(CounterSeries::PlannerRuns(MODE, PlanOutcome::Enqueued), 1))
    }),
    Defect::new(
        PlannerConservation,
        "time-out in planning that is not counted",
        || {
            let mut fixture = Fixture::new();
            fixture.start_by_hand("slow").wait(25 * 3_600);
            let commit = fixture.end_commit(EndReason::TimedOut, RunState::Error);
            fixture.submit(commit).stop_here()
        },
    ),
    Defect::new(
        PlannerConservation,
        "outcome that is not the run's state",
        || {
            let mut fixture = Fixture::new();
            let mut commit = fixture.fire().wait(2).plan_commit(&[1, 2, 3, 4]);
            let as_of = fixture.now;
            commit.step = CommitStep::Plan {
                outcome: PlanOutcome::NoWork,
                as_of,
            };
            fixture.submit(commit).stop_here()
        },
    ),
    Defect::new(SegmentOnce, "segment counted twice", || {
        forged(|page| page.counters[completed()] += 1)
    }),
    Defect::new(ImageConservation, "image counted twice", || {
        forged(|page| page.count(CounterSeries::Images(MODE, false), 1))
    }),
    Defect::new(
        ImageConservation,
        "outcome that does not count an image",
        || {
            segment_commit_with(|commit| {
                if let CommitStep::Segment(segment) = &mut commit.step {
                    segment.outcome.unchanged = 1;
                }
            })
        },
    ),
    Defect::new(ImageConservation, "statistics that do not grow", || {
        segment_commit_with(|commit| commit.runs[0].run.stats.completed = 0)
    }),
    Defect::new(
        DeltaConservation,
        "findings counted and not committed",
        || forged(|page| page.count(CounterSeries::Deltas(MODE, DeltaKind::New), 3)),
    ),
    Defect::new(
        DeltaConservation,
        "more high findings than findings",
        || {
            forged(|page| {
                page.count(CounterSeries::Deltas(MODE, DeltaKind::New), 1);
                page.count(CounterSeries::Deltas(MODE, DeltaKind::High), 2);
            })
        },
    ),
    Defect::new(DeltaConservation, "severities that do not add up", || {
        let counts = DeltaCounts {
            new_findings: 3,
            new_high: 2,
            ..DeltaCounts::default()
        };
        segment_with_delta(counts, |_| ())
    }),
    Defect::new(DeltaConservation, "total that is not the sum", || {
        segment_with_delta(high(2), |commit| {
            if let CommitStep::Segment(segment) = &mut commit.step {
                segment.outcome.deltas = high(1);
            }
        })
    }),
    Defect::new(
        DeltaConservation,
        "statistics of findings that do not grow",
        || segment_with_delta(high(2), |commit| commit.runs[0].run.stats.new_findings = 0),
    ),
];

fn completed() -> usize {
    CounterSeries::Segments(MODE, SegmentFate::Completed).index()
}

/// A healthy run, after which the exposition is changed.
fn forged(change: fn(&mut TestExposition)) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.whole_run().forge(change).scrape().end()
}

fn segment_commit_with(change: fn(&mut Commit)) -> OracleReport {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    let mut commit = fixture.segment_commit(0, delivery);
    change(&mut commit);
    fixture.submit(commit).stop_here()
}

/// A segment commit with a delta of image 1, to which the world has added as much.
fn segment_with_delta(counts: DeltaCounts, change: fn(&mut Commit)) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.whole_run();
    fixture.see(&Observation::ImageChanged {
        image: &digest(1),
        revision: 1,
        changes: &additions(counts),
    });
    let delivery = fixture.run_again();
    let CommitStep::Segment(unchanged) = fixture.segment_commit(0, delivery).step else {
        unreachable!()
    };
    let mut segment = SegmentCommit {
        deltas: vec![delta(1, counts)],
        ..unchanged
    };
    segment.reports[0].revision = 1;
    (segment.outcome.unchanged, segment.outcome.changed) = (1, 1);
    segment.outcome.deltas = counts;
    let mut commit = fixture.commit_of(segment, delivery);
    change(&mut commit);
    fixture.submit(commit).stop_here()
}

fn count(fixture: &mut Fixture, fate: SegmentFate) {
    fixture
        .forge(|page| page.count(CounterSeries::Segments(MODE, fate), 1))
        .settle();
}

#[test]
fn superseded_delivery_counts_once_as_persist_failed() {
    let (mut fixture, message, old) = Fixture::with_a_segment();
    fixture.see(&Observation::FaultTriggered {
        kind: FaultKind::RenewalLost,
    });
    fixture
        .wait(61)
        .step(message, old, Some(0), QueueStep::Expired);
    let delivery = fixture.begin(0, message);
    let commit = fixture.segment_commit(0, old);
    let refused = CommitAnswer::Refused(CommitRefusal::Superseded);
    fixture.see(&Observation::CommitSent { commit: &commit });
    fixture.see(&Observation::CommitLearned {
        commit: &commit,
        answer: &refused,
    });
    count(&mut fixture, SegmentFate::PersistFailed);
    // A second acknowledgement does not count.
    fixture
        .see(&Observation::CommitLearned {
            commit: &commit,
            answer: &refused,
        })
        .settle();
    let report = fixture.end_with(message, 0, delivery);
    assert!(!report.is_violated(), "{:?}", report.findings);
}

#[test]
fn seventeenth_conflict_counts_as_persist_failed() {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    for _ in 0..16 {
        let commit = fixture.segment_commit(0, delivery);
        fixture.see(&Observation::CommitSent { commit: &commit });
        fixture.learn(&commit, &CommitAnswer::Conflict);
    }
    let commit = fixture.segment_commit(0, delivery);
    fixture.see(&Observation::CommitSent { commit: &commit });
    fixture.see(&Observation::CommitLearned {
        commit: &commit,
        answer: &CommitAnswer::Conflict,
    });
    count(&mut fixture, SegmentFate::PersistFailed);
    assert!(fixture.scrape().texts(SegmentOnce).is_empty());
}

#[test]
fn missing_run_counts_once_for_each_delivery() {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    let (incarnation, key) = (fixture.incarnation.clone(), fixture.key(0));
    let begun = |delivery| Observation::SegmentBegunLearned {
        incarnation: &incarnation,
        key: &key,
        delivery,
        run: None,
    };
    fixture.see(&begun(delivery));
    count(&mut fixture, SegmentFate::RunMissing);
    fixture
        .see(&begun(delivery))
        .wait(61)
        .step(message, delivery, Some(0), QueueStep::Expired);
    let second = fixture.lease(message, Some(0));
    fixture.see(&begun(second));
    count(&mut fixture, SegmentFate::RunMissing);
    assert!(fixture.scrape().texts(SegmentOnce).is_empty());
}
