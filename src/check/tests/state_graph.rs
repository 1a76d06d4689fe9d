//! `state-graph`: transitions, statistics and attempts.

use super::defect::Defect;
use super::fixture::Fixture;
use crate::check::InvariantName::StateGraph;
use crate::check::OracleReport;
use crate::model::commit::RunWrite;
use crate::model::observation::Observation;
use crate::model::{CommitStep, Run, RunState};

pub const DEFECTS: &[Defect] = &[
    Defect::new(StateGraph, "completed run that begins again", || {
        let mut fixture = Fixture::new();
        fixture.whole_run().wait(5);
        writes(&mut fixture, |run| run.state = RunState::Planning);
        fixture.end()
    }),
    Defect::new(StateGraph, "run that leaves out a state", || {
        let mut fixture = Fixture::new();
        fixture.fire();
        writes(&mut fixture, |run| run.state = RunState::Running);
        fixture.stop_here()
    }),
    Defect::new(StateGraph, "run that begins in Queued", || {
        let mut fixture = Fixture::new();
        fixture.fire();
        writes(&mut fixture, |run| {
            run.id = "run:acme:nightly:manual:new".into();
            run.state = RunState::Queued;
        });
        fixture.stop_here()
    }),
    Defect::new(StateGraph, "statistic that falls", || {
        let mut fixture = Fixture::new();
        fixture.fire().plan();
        writes(&mut fixture, |run| run.stats.queued = 1);
        fixture.stop_here()
    }),
    Defect::new(StateGraph, "completed run with images left", || {
        let mut fixture = Fixture::new();
        fixture.fire().plan().dispatch();
        writes(&mut fixture, |run| run.state = RunState::Completed);
        fixture.stop_here()
    }),
    Defect::new(StateGraph, "failed attempt that is not counted", || {
        retries(&[1, 2, 2])
    }),
    Defect::new(StateGraph, "open run that is purged", || {
        let mut fixture = Fixture::new();
        let run = fixture.fire().plan().run_id();
        fixture.see(&Observation::Purged { run: &run });
        fixture.stop_here()
    }),
];

/// A commit that writes the fixture's run with a change.
fn writes(fixture: &mut Fixture, change: fn(&mut Run)) {
    let mut run = fixture.run.clone().unwrap();
    change(&mut run);
    let mut commit = fixture.new_commit(CommitStep::Requeue, 0);
    commit.runs.push(RunWrite {
        run,
        expected: Some(9),
    });
    fixture.submit(commit);
}

/// Failed attempts to plan, with these counts.
fn retries(counts: &[u32]) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.fire();
    for attempts in counts {
        let run = Run {
            planning_attempts: *attempts,
            ..fixture.run.clone().unwrap()
        };
        let mut commit = fixture.new_commit(CommitStep::PlanRetry, 0);
        commit.runs.push(RunWrite {
            run,
            expected: Some(1),
        });
        fixture.submit(commit);
    }
    fixture.stop_here()
}

#[test]
fn attempts_counted_one_by_one_are_no_violation() {
    assert!(retries(&[1, 2, 3]).is_clean(StateGraph));
}
