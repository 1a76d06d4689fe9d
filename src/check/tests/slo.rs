//! SloTracker kept late, and the spans that are booked of them.

use super::fixture::Fixture;
use crate::check::SloBreach;
use crate::model::commit::PlanOutcome;
use crate::model::{CommitStep, RunState};

/// What was broken in a fixture, as `kind from to`, an incident with a mark of exclamation.
fn broken(fixture: Fixture) -> Vec<String> {
    let line = |broken: &SloBreach| {
        let time = |at: crate::model::Timestamp| at.to_string()[11..19].to_owned();
        let mark = if broken.is_incident() { "!" } else { "" };
        let (from, to) = (time(broken.from), time(broken.to));
        format!("{}{mark} {from} {to}", broken.kind)
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
fn a_healthy_run_breaks_nothing() {
    let mut fixture = Fixture::new();
    fixture.whole_run();
    assert!(broken(fixture).is_empty());
}

#[test]
fn a_run_planned_late_breaks_a_promise_from_its_third_minute() {
    let mut fixture = Fixture::new();
    fixture.fire().wait(60 * 6).plan();
    let found = broken(fixture);
    assert_eq!(found, ["planned-in-time 02:02:00 02:06:02"]);
    let mut fixture = Fixture::new();
    fixture.fire().wait(60 * 7).plan();
    let found = broken(fixture);
    assert_eq!(found, ["planned-in-time! 02:02:00 02:07:02"]);
}

#[test]
fn a_run_that_is_never_planned_breaks_it_to_the_end() {
    let mut fixture = Fixture::new();
    fixture.fire().wait(60 * 30);
    let found = broken(fixture);
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
    let found = broken(fixture);
    let expected = [
        "planning-succeeds! 02:01:00 02:30:30",
        "planning-succeeds! 02:36:00 02:51:00",
    ];
    assert_eq!(found, expected);
}

#[test]
fn work_that_stands_still_breaks_two_promises_until_it_goes_on() {
    let mut fixture = Fixture::new();
    fixture.fire().plan().dispatch().at("02:40:00").work(0);
    fixture.at("02:50:00").work(1);
    let found = broken(fixture);
    let expected = [
        "backlog-falls! 02:15:02 02:40:00",
        "runs-progress! 02:30:02 02:40:00",
    ];
    assert_eq!(found, expected);
}

#[test]
fn what_still_waits_at_the_end_is_booked_until_then() {
    let mut fixture = Fixture::new();
    fixture.fire().plan().dispatch().at("02:10:00").work(0);
    fixture.at("02:50:00");
    assert_eq!(
        broken(fixture),
        [
            "backlog-falls! 02:25:00 02:50:00",
            "runs-progress! 02:40:00 02:50:00"
        ]
    );
}
