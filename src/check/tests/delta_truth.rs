//! `delta-truth`: deltas and the growth of images.

use super::defect::Defect;
use super::fixture::Fixture;
use super::sample_data::{additions, delta, digest, high};
use crate::check::InvariantName::DeltaTruth;
use crate::check::OracleReport;
use crate::model::CommitStep;
use crate::model::observation::Observation;

pub const DEFECTS: &[Defect] = &[
    Defect::new(DeltaTruth, "change without a delta", || reports_again(2, 0)),
    Defect::new(DeltaTruth, "delta of another size than the change", || {
        reports_again(2, 1)
    }),
    Defect::new(DeltaTruth, "delta without a change", || reports_again(0, 1)),
];

/// The world adds findings to an image that was reported; its next report has a delta.
fn reports_again(added: u64, reported: u64) -> OracleReport {
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
            segment.deltas.push(delta(1, high(reported)));
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
}
