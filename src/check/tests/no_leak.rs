//! `no-leak`: a process at rest with another number of tasks, or with more timers.

use super::defect::Defect;
use super::fixture::Fixture;
use crate::check::InvariantName::NoLeak;
use crate::check::OracleReport;
use crate::model::observation::Observation;

pub const DEFECTS: &[Defect] = &[
    Defect::new(NoLeak, "a task left behind", || count(11, 10)),
    Defect::new(NoLeak, "timers left behind", || count(10, 21)),
];

/// The process of a fixture, launched with ten tasks, has as many tasks and timers at rest.
pub fn count_resources(fixture: &mut Fixture, tasks: usize, timers: usize) {
    let incarnation = fixture.incarnation.clone();
    fixture.see(&Observation::ResourcesCounted {
        incarnation: &incarnation,
        launched: 10,
        tasks,
        timers,
    });
}

fn count(tasks: usize, timers: usize) -> OracleReport {
    let mut fixture = Fixture::new();
    count_resources(&mut fixture, tasks, timers);
    fixture.stop_here()
}

#[test]
fn process_at_rest_with_its_own_tasks_is_no_violation() {
    for timers in [0, 10, 20] {
        let report = count(10, timers);
        assert!(report.is_clean(NoLeak), "{:?}", report.texts(NoLeak));
    }
    assert!(!count(9, 10).is_clean(NoLeak), "a task ended");
}
