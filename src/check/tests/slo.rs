//! Breaches of service level objectives.

use super::fixture::Fixture;
use crate::check::SloBreach;
use crate::model::commit::PlanOutcome;
use crate::model::{CommitStep, RunState};

/// Breaches as `kind from to`, with an exclamation mark after the kind of an incident.
fn breaches(mut fixture: Fixture) -> Vec<String> {
    let line = |breach: &SloBreach| {
        let time = |at: crate::model::Timestamp| at.to_string()[11..19].to_owned();
        let mark = if breach.is_incident() { "!" } else { "" };
        let (from, to) = (time(breach.from), time(breach.to));
        format!("{}{mark} {from} {to}", breach.kind)
    };
    fixture.end().slo_breaches.iter().map(line).collect()
}

fn fail_to_plan(fixture: &mut Fixture) {
    let mut commit = fixture.plan_commit(&[]);
    let as_of = fixture.now;
    let outcome = PlanOutcome::Failed;
    commit.step = CommitStep::Plan { outcome, as_of };
    commit.impact = None;
    commit.runs[0].run.state = RunState::Error;
    fixture.submit(commit);
}

#[test]
fn healthy_run_breaches_no_slo() {
    let mut fixture = Fixture::new();
    fixture.whole_run();
    assert!(breaches(fixture).is_empty());
}

#[test]
fn run_planned_late_breaches_from_the_third_minute() {
    let mut fixture = Fixture::new();
    fixture.fire().wait(60 * 6).plan();
    let found = breaches(fixture);
    assert_eq!(found, ["planned-in-time 02:02:00 02:06:02"]);
    let mut fixture = Fixture::new();
    fixture.fire().wait(60 * 7).plan();
    let found = breaches(fixture);
    assert_eq!(found, ["planned-in-time! 02:02:00 02:07:02"]);
}

#[test]
fn run_never_planned_breaches_to_the_end() {
    let mut fixture = Fixture::new();
    fixture.fire().wait(60 * 30);
    let found = breaches(fixture);
    assert_eq!(found, ["planned-in-time! 02:02:00 02:30:00"]);
}

#[test]
fn planning_errors_in_quick_succession_are_one_breach() {
    let mut fixture = Fixture::new();
    fixture.fire().wait(60);
    fail_to_plan(&mut fixture);
    fixture.wait(60 * 14).start_by_hand("second").wait(30);
    fail_to_plan(&mut fixture);
    fixture.wait(60 * 20).start_by_hand("third").wait(30);
    fail_to_plan(&mut fixture);
    let found = breaches(fixture);
    let expected = [
        "planning-succeeds! 02:01:00 02:30:30",
        "planning-succeeds! 02:36:00 02:51:00",
    ];
    assert_eq!(found, expected);
}

#[test]
fn work_without_progress_breaches_two_slos() {
    let mut fixture = Fixture::new();
    fixture.fire().plan().dispatch().at("02:40:00").work(0);
    fixture.at("02:50:00").work(1);
    let found = breaches(fixture);
    let expected = [
        "backlog-falls! 02:15:02 02:40:00",
        "runs-progress! 02:30:02 02:40:00",
    ];
    assert_eq!(found, expected);
}

#[test]
fn wait_at_the_end_is_a_breach_until_then() {
    let mut fixture = Fixture::new();
    fixture.fire().plan().dispatch().at("02:10:00").work(0);
    fixture.at("02:50:00");
    assert_eq!(
        breaches(fixture),
        [
            "backlog-falls! 02:25:00 02:50:00",
            "runs-progress! 02:40:00 02:50:00"
        ]
    );
}
