//! `liveness`: the drain at the end.

use std::time::Duration;

use super::defect::Defect;
use super::fixture::Fixture;
use crate::check::InvariantName::Liveness;
use crate::check::{OracleOptions, OracleReport, WorkTimes};
use crate::worker::options::WorkerOptions;

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

/// A planned run of four images in two segments of which each takes 100 s.
fn overloaded() -> Fixture {
    let mut fixture = Fixture::with_long_segments();
    fixture.fire().plan().dispatch();
    fixture
}

#[test]
fn allowance_grows_with_the_work_that_is_left() {
    let base = Duration::from_secs(600);
    let mut fixture = overloaded();
    fixture.oracle.expect_drain(fixture.now, base);
    let healed_at = fixture.now;
    let deadline = |fixture: &mut Fixture| {
        let now = fixture.now;
        fixture
            .oracle
            .drain_ends_at(now)
            .unwrap()
            .since(healed_at)
            .as_secs()
    };
    let patience = 600 + 3 * (2 * 40 + 20);
    assert_eq!(
        deadline(&mut fixture),
        patience,
        "without progress the longest segment decides"
    );
    fixture.wait(200).work(0);
    let last = fixture.now.since(healed_at).as_secs();
    assert_eq!(deadline(&mut fixture), last + patience);
    fixture.wait(590).work(1);
    assert_eq!(
        deadline(&mut fixture),
        600 + 3 * (4 * 40 + 2 * 20),
        "the work decides"
    );
    assert!(fixture.end().is_clean(Liveness));
}

#[test]
fn work_is_divided_among_the_places_of_one_process() {
    let mut fixture = Fixture::with(OracleOptions {
        work_times: WorkTimes {
            scan: [Duration::from_secs(60); 2],
            segment: Duration::ZERO,
        },
        // The schedule allows two at once.
        worker: WorkerOptions {
            segments_at_once: 8,
            ..WorkerOptions::default()
        },
        ..OracleOptions::default()
    });
    fixture.fire().plan().dispatch();
    fixture
        .oracle
        .expect_drain(fixture.now, Duration::from_secs(600));
    let healed_at = fixture.now;
    fixture.wait(599).work(0).wait(599);
    let ends_at = fixture.oracle.drain_ends_at(fixture.now).unwrap();
    let allowance = ends_at.since(healed_at).as_secs();
    assert_eq!(allowance, 600 + 3 * 4 * 60 / 2);
}

#[test]
fn drain_within_the_allowance_is_no_violation() {
    let report = drains(|fixture| fixture.plan().dispatch().work(0).work(1).end());
    assert!(report.is_clean(Liveness));
}
