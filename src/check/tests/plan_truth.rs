//! `plan-truth`: planned images and segments.

use super::defect::Defect;
use super::fixture::Fixture;
use crate::check::InvariantName::PlanTruth;
use crate::check::OracleReport;

pub const DEFECTS: &[Defect] = &[
    Defect::new(PlanTruth, "image of another tenant", || {
        plans(&[1, 2, 3, 9])
    }),
    Defect::new(PlanTruth, "image that is left out", || plans(&[1, 2, 3])),
    Defect::new(PlanTruth, "image that the selector does not match", || {
        plans(&[1, 2, 3, 4, 5])
    }),
    Defect::new(PlanTruth, "image planned twice", || plans(&[1, 2, 3, 4, 4])),
    Defect::new(PlanTruth, "image that is not in the inventory", || {
        plans(&[1, 2, 3, 77])
    }),
    Defect::new(PlanTruth, "wrong count of candidates", || {
        let mut fixture = Fixture::new();
        let mut commit = fixture.fire().wait(2).plan_commit(&[1, 2, 3, 4]);
        commit.impact.as_mut().unwrap().candidates = 5;
        fixture.submit(commit).stop_here()
    }),
    Defect::new(PlanTruth, "image beyond maxJobs", || {
        let mut fixture = Fixture::new();
        fixture.change_schedule(
            crate::model::observation::ScheduleChange::Edited,
            |schedule| schedule.limits.max_jobs = std::num::NonZeroU32::new(3),
        );
        let commit = fixture.fire().wait(2).plan_commit(&[1, 2, 3, 4]);
        fixture.submit(commit).stop_here()
    }),
    Defect::new(PlanTruth, "segments out of order", || {
        let mut fixture = Fixture::new();
        fixture.fire().plan();
        let message = fixture.enqueue(None);
        let delivery = fixture.lease(message, None);
        let mut commit = fixture.dispatch_commit(delivery);
        commit.segments.reverse();
        fixture.submit(commit).stop_here()
    }),
];

fn plans(images: &[u8]) -> OracleReport {
    let mut fixture = Fixture::new();
    let commit = fixture.fire().wait(2).plan_commit(images);
    fixture.submit(commit).stop_here()
}

#[test]
fn plan_in_any_order_is_no_violation() {
    assert!(plans(&[4, 2, 1, 3]).is_clean(PlanTruth));
}
