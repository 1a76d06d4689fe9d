//! `liveness`: the drain at the end.

use std::time::Duration;

use super::defect::Defect;
use super::fixture::Fixture;
use crate::check::InvariantName::Liveness;
use crate::check::OracleReport;

pub const DEFECTS: &[Defect] = &[
    Defect::new(Liveness, "run that no planner takes up", || {
        drains(|fixture| fixture.wait(601).stop_here())
    }),
    Defect::new(Liveness, "drain that takes too long", || {
        drains(|fixture| fixture.wait(601).plan().dispatch().work(0).work(1).end())
    }),
    Defect::new(Liveness, "message left when no run is unfinished", || {
        let mut fixture = Fixture::new();
        fixture.whole_run();
        fixture
            .oracle
            .expect_drain(fixture.now, Duration::from_secs(600));
        fixture.wait(601).stop_here()
    }),
];

/// A run is created and the drain begins.
fn drains(then: fn(&mut Fixture) -> OracleReport) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.fire();
    fixture
        .oracle
        .expect_drain(fixture.now, Duration::from_secs(600));
    then(&mut fixture)
}

#[test]
fn drain_within_the_allowance_is_no_violation() {
    let report = drains(|fixture| fixture.plan().dispatch().work(0).work(1).end());
    assert!(report.is_clean(Liveness));
}
