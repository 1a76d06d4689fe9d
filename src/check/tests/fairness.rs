//! `fairness`: turns of tenants in a planner's batch.

use super::defect::Defect;
use super::fixture::Fixture;
use crate::check::InvariantName::Fairness;
use crate::check::{OracleOptions, OracleReport};
use crate::model::Run;
use crate::model::observation::Observation;

pub const DEFECTS: &[Defect] = &[
    Defect::new(Fairness, "tenant served twice before another", || {
        let mut fixture = Fixture::new();
        let runs = waiting(&mut fixture, &["acme", "acme", "other"]);
        read(&mut fixture, &runs);
        take(&mut fixture, &runs[0]);
        take(&mut fixture, &runs[1]);
        fixture.end()
    }),
    Defect::new(Fairness, "younger run of the same tenant first", || {
        let mut fixture = Fixture::new();
        let runs = waiting(&mut fixture, &["acme", "acme", "other"]);
        read(&mut fixture, &runs);
        take(&mut fixture, &runs[1]);
        fixture.stop_here()
    }),
    Defect::new(Fairness, "batch with one run too many", || batch_of(1)),
    Defect::new(Fairness, "least recently served tenant left out", || {
        let mut fixture = Fixture::new();
        // Planning has served `acme`, and never `other`.
        fixture.start_by_hand("served").plan();
        let runs = waiting(&mut fixture, &["acme", "other"]);
        read(&mut fixture, &runs);
        take(&mut fixture, &runs[0]);
        read(&mut fixture, &runs);
        fixture.stop_here()
    }),
];

/// Runs of these tenants, each a second younger than the one before.
fn waiting(fixture: &mut Fixture, tenants: &[&str]) -> Vec<Run> {
    let run = |(number, tenant): (usize, &&str)| {
        fixture.start_by_hand(&number.to_string()).wait(1);
        let mut run = fixture.run.clone().unwrap();
        run.tenant = (*tenant).into();
        run
    };
    tenants.iter().enumerate().map(run).collect()
}

fn read(fixture: &mut Fixture, runs: &[Run]) {
    let head = |run: &Run| (run.id.clone(), run.tenant.clone(), run.created_at);
    let waiting: Vec<_> = runs.iter().map(head).collect();
    let incarnation = fixture.incarnation.clone();
    fixture.see(&Observation::PlanningRead {
        incarnation: &incarnation,
        waiting: &waiting,
    });
}

fn take(fixture: &mut Fixture, run: &Run) {
    let incarnation = fixture.incarnation.clone();
    fixture.see(&Observation::PlanningBegun {
        incarnation: &incarnation,
        run,
    });
}

/// A batch with this many runs more than it may have.
fn batch_of(surplus: u32) -> OracleReport {
    let mut fixture = Fixture::new();
    let room = OracleOptions::default().worker.planner_batch;
    let tenants: Vec<_> = (0..room + surplus)
        .map(|number| ["acme", "other"][number as usize % 2])
        .collect();
    let runs = waiting(&mut fixture, &tenants);
    read(&mut fixture, &runs);
    for run in &runs {
        take(&mut fixture, run);
    }
    fixture.stop_here()
}

#[test]
fn batch_at_its_limit_is_no_violation() {
    assert!(batch_of(0).is_clean(Fairness));
}
