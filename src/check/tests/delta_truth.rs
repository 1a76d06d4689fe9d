//! `delta-truth`: deltas and the growth of images.

use std::sync::Arc;

use super::defect::Defect;
use super::fixture::Fixture;
use super::sample_data::{additions, delta, digest, high};
use crate::check::InvariantName::DeltaTruth;
use crate::check::OracleReport;
use crate::model::observation::Observation;
use crate::model::{CommitStep, Finding};

pub const DEFECTS: &[Defect] = &[
    Defect::new(DeltaTruth, "change without a delta", || reports_again(2, 0)),
    Defect::new(DeltaTruth, "delta of another size than the change", || {
        reports_again(2, 1)
    }),
    Defect::new(DeltaTruth, "delta without a change", || reports_again(0, 1)),
    Defect::new(DeltaTruth, "delta that names eleven findings", || {
        names(|top| top.push(top[9].clone()))
    }),
    Defect::new(DeltaTruth, "delta that names findings out of order", || {
        names(|top| top.swap(0, 1))
    }),
];

/// The next report of an image has a delta of eleven findings, and names others than it should.
fn names(forge: impl FnOnce(&mut Vec<Finding>)) -> OracleReport {
    reports(11, 11, forge)
}

fn reports_again(added: u64, reported: u64) -> OracleReport {
    reports(added, reported, |_| ())
}

/// The world adds findings to an image that was reported; its next report has a delta.
fn reports(added: u64, reported: u64, forge: impl FnOnce(&mut Vec<Finding>)) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.whole_run();
    fixture.see(&Observation::ImageChanged {
        image: &digest(1),
        revision: 1,
        changes: &additions(high(added)),
    });
    let delivery = fixture.run_again();
    let mut commit = fixture.segment_commit(0, delivery);
    if let CommitStep::Segment(segment) = &mut commit.step {
        segment.reports[0].revision = 1;
        if reported > 0 {
            let mut delta = delta(1, high(reported));
            forge(&mut Arc::make_mut(&mut delta).top_findings);
            segment.deltas.push(delta);
            (segment.outcome.unchanged, segment.outcome.changed) = (1, 1);
            segment.outcome.deltas = high(reported);
        }
        let segment = segment.clone();
        commit = fixture.commit_of(segment, delivery);
    }
    fixture.submit(commit).stop_here()
}

#[test]
fn delta_of_the_size_of_the_change_is_no_violation() {
    assert!(reports_again(2, 2).is_clean(DeltaTruth));
    assert!(reports_again(0, 0).is_clean(DeltaTruth));
    assert!(reports_again(11, 11).is_clean(DeltaTruth));
}
