//! `state-graph`, of the content of runs: at their creation, and after it.

use super::defect::Defect;
use super::fixture::Fixture;
use super::sample_data::new_run;
use crate::check::InvariantName::StateGraph;
use crate::check::OracleReport;
use crate::model::commit::{EndReason, FireOutcome, RunWrite};
use crate::model::observation::ScheduleChange;
use crate::model::{CommitStep, Mode, Run, RunFailure, RunState, Trigger};

pub const DEFECTS: &[Defect] = &[
    Defect::new(StateGraph, "cron run of another mode", || {
        fires(|run| run.mode = Mode::ContentRefresh)
    }),
    Defect::new(StateGraph, "export run without `usageOnly`", || {
        exports(|run| run.usage_only = false)
    }),
    Defect::new(StateGraph, "export run without products", || {
        exports(|run| run.product_keys.clear())
    }),
    Defect::new(StateGraph, "retry without products", || {
        retries(|run| run.product_keys.clear())
    }),
    Defect::new(StateGraph, "manual run without a request", || {
        let mut fixture = Fixture::new();
        let run = new_run(&fixture.schedule, Trigger::Manual, &"again");
        creates(&mut fixture, CommitStep::Manual, run);
        fixture.stop_here()
    }),
    Defect::new(StateGraph, "run that loses its products", || {
        plans_export_run(|run| run.product_keys.clear())
    }),
    Defect::new(StateGraph, "poisoned run that timed out", || {
        let mut fixture = Fixture::new();
        fixture.fire().plan();
        let poisoned = EndReason::Poisoned;
        let mut commit = fixture.end_commit(poisoned, RunState::Error);
        commit.runs[0].run.error = Some(RunFailure::TimedOut);
        fixture.submit(commit).stop_here()
    }),
];

/// 02:00 comes, and makes a run that is changed.
fn fires(change: fn(&mut Run)) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.at("02:00:00");
    let mut commit = fixture.fire_commit("02:00:00", FireOutcome::Run);
    change(&mut commit.runs[0].run);
    fixture.submit(commit).stop_here()
}

fn creates(fixture: &mut Fixture, step: CommitStep, run: Run) {
    let mut commit = fixture.new_commit(step, 0);
    let is_export = commit.step == CommitStep::Export;
    commit.exports = is_export.then_some((0, 1));
    commit.runs.push(RunWrite {
        run,
        expected: None,
    });
    fixture.submit(commit);
}

/// A fixture with an export, and the run that it makes.
fn export_run() -> (Fixture, Run) {
    let mut fixture = Fixture::new();
    fixture.change_schedule(ScheduleChange::Edited, |schedule| {
        schedule.triggers = vec![Trigger::Conselier];
    });
    fixture.wait(60).export();
    let mut run = new_run(&fixture.schedule, Trigger::Conselier, &"export-1");
    run.product_keys = vec!["openssl".into()];
    run.usage_only = true;
    (fixture, run)
}

/// An export makes a run that is changed.
fn exports(change: fn(&mut Run)) -> OracleReport {
    let (mut fixture, mut run) = export_run();
    change(&mut run);
    creates(&mut fixture, CommitStep::Export, run);
    fixture.stop_here()
}

/// A run of an export is planned, and changed.
fn plans_export_run(change: fn(&mut Run)) -> OracleReport {
    let (mut fixture, run) = export_run();
    creates(&mut fixture, CommitStep::Export, run);
    let mut commit = fixture.wait(2).plan_commit(&[]);
    change(&mut commit.runs[0].run);
    fixture.submit(commit).stop_here()
}

/// The run of an export ends and is retried by a run that is changed.
fn retries(change: fn(&mut Run)) -> OracleReport {
    let (mut fixture, run) = export_run();
    let (retried, products) = (run.id.clone(), run.product_keys.clone());
    creates(&mut fixture, CommitStep::Export, run);
    let commit = fixture.end_commit(EndReason::Command, RunState::Cancelled);
    fixture.submit(commit).request_run("again", Some(&retried));
    let mut run = new_run(&fixture.schedule, Trigger::Manual, &"again");
    (run.product_keys, run.usage_only) = (products, true);
    change(&mut run);
    creates(&mut fixture, CommitStep::Manual, run);
    fixture.stop_here()
}

#[test]
fn run_with_the_content_of_its_cause_is_no_violation() {
    for report in [
        fires(|_| ()),
        exports(|_| ()),
        retries(|_| ()),
        plans_export_run(|_| ()),
    ] {
        assert!(report.is_clean(StateGraph));
    }
}

#[test]
fn every_changed_field_of_a_new_run_is_a_violation() {
    let changes: [fn(&mut Run); 8] = [
        |run| run.tenant = "other".into(),
        |run| run.trigger = Trigger::Policy,
        |run| run.mode = Mode::ContentRefresh,
        |run| run.stats.queued = 1,
        |run| run.product_keys = vec!["zlib".into()],
        |run| run.planned_at = Some(run.created_at),
        |run| run.planning_attempts = 1,
        |run| run.not_before = Some(run.created_at),
    ];
    for change in changes {
        let texts = exports(change).texts(StateGraph);
        assert!(
            texts.iter().any(|text| text.contains("of new run")),
            "{texts:?}"
        );
    }
}

#[test]
fn mode_of_the_definition_before_an_edit_is_no_violation() {
    let created = |seconds_after_edit: u64| {
        let mut fixture = Fixture::new();
        let run = new_run(&fixture.schedule, Trigger::Manual, &"again");
        let edit = |fixture: &mut Fixture| {
            fixture.change_schedule(ScheduleChange::Edited, |schedule| {
                schedule.mode = Mode::ContentRefresh;
            });
        };
        if seconds_after_edit > 0 {
            edit(fixture.wait(5));
            fixture.wait(seconds_after_edit).request_run("again", None);
        } else {
            fixture.request_run("again", None);
            edit(fixture.wait(5));
        }
        creates(&mut fixture, CommitStep::Manual, run);
        fixture.stop_here().is_clean(StateGraph)
    };
    assert!(created(0), "the edit came after the request");
    assert!(!created(1), "the edit came before the request");
}
