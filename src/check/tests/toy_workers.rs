//! Toy workers that must violate invariants: one that sends every run to `Error`, one that plans
//! the wrong images, and one that never exports a series.

use super::fixture::Fixture;
use crate::check::{InvariantName, OracleReport};

fn violated(report: &OracleReport) -> Vec<&'static str> {
    let violated = report
        .findings
        .iter()
        .filter(|findings| findings.violated > 0);
    violated.map(|findings| findings.name.as_str()).collect()
}

#[test]
fn worker_that_sends_every_run_to_error_violates_blame() {
    let mut fixture = Fixture::new();
    for name in ["one", "two", "three"] {
        fixture.start_by_hand(name).wait(5);
        fixture.fail_planning(1);
    }
    let report = fixture.end();
    assert_eq!(violated(&report), ["blame"]);
    assert_eq!(report.texts(InvariantName::Blame).len(), 3);
}

#[test]
fn worker_that_plans_wrong_images_violates_plan_truth() {
    // Too few, one too many (it is not in the namespace), one twice, another tenant's.
    for images in [
        &[1, 2, 3][..],
        &[1, 2, 3, 4, 5],
        &[1, 2, 3, 4, 4],
        &[1, 2, 3, 9],
    ] {
        let mut fixture = Fixture::new();
        let commit = fixture.fire().wait(2).plan_commit(images);
        fixture.submit(commit);
        let report = fixture.end();
        assert_eq!(violated(&report), ["plan-truth"], "{images:?}");
    }
}

#[test]
fn worker_that_never_exports_a_series_violates_counts() {
    let mut fixture = Fixture::new();
    fixture.is_honest = false;
    fixture.forge(|page| page.backlog.clear());
    fixture.whole_run().wait(60).scrape();
    let report = fixture.end();
    assert_eq!(
        violated(&report),
        [
            "applied-learned",
            "planner-conservation",
            "latency-count",
            "latency-quantile",
            "segment-once",
            "image-conservation",
            "active-truth",
            "backlog-truth",
        ]
    );
}
