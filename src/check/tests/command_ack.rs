//! What owners are told of what they asked for.

use super::fixture::Fixture;
use crate::check::invariant_name::InvariantName;
use crate::model::commit::{EndReason, RunWrite};
use crate::model::fault::FaultKind;
use crate::model::observation::{Observation, ScheduleChange};
use crate::model::{CommitStep, Run, RunId, RunState, ScheduleId, Timestamp};

/// An owner asks for a manual run, `told` happens, and he is told that it is made.
fn asks_for_a_run(retried: Option<&RunId>, told: impl FnOnce(&mut Fixture)) -> Vec<String> {
    let mut fixture = Fixture::new();
    let asked_at = fixture.wait(1).now;
    told(&mut fixture);
    is_told(&mut fixture, retried, asked_at);
    losses(fixture)
}

fn is_told(fixture: &mut Fixture, retried: Option<&RunId>, asked_at: Timestamp) {
    let schedule = ScheduleId::from("nightly");
    fixture.see(&Observation::ManualRunDone {
        schedule: &schedule,
        occurrence: "again",
        retried,
        asked_at,
    });
}

fn losses(fixture: Fixture) -> Vec<String> {
    let findings = fixture.end().findings;
    let of_loss = findings.iter().filter(|f| f.name == InvariantName::NoLoss);
    let told = of_loss.flat_map(|f| &f.violations).map(ToString::to_string);
    told.filter(|told| told.contains("its owner was told"))
        .collect()
}

#[test]
fn a_run_that_is_said_to_be_cancelled_is_over() {
    let mut fixture = Fixture::new();
    let run = fixture.fire().plan().run.clone().unwrap().id;
    fixture.see(&Observation::CancelDone { run: &run });
    assert_eq!(
        losses(fixture),
        [
            "no-loss at 2024-01-01T02:00:02Z, run run:acme:nightly:cron:2024-01-01T02:00:00Z: its owner \
          was told that it is cancelled; expected a terminal run, found Queued"
        ]
    );
}

/// An owner asks for a run to be cancelled that an earlier command has ended, or not, and is told to
/// ask again.
fn is_put_off(is_over: bool) -> Vec<String> {
    let mut fixture = Fixture::new();
    let run = fixture.fire().plan().run.clone().unwrap().id;
    if is_over {
        let mut commit = fixture.new_commit(CommitStep::End(EndReason::Command), 0);
        commit.runs.push(RunWrite {
            run: Run {
                state: RunState::Cancelled,
                ..fixture.run.clone().unwrap()
            },
            expected: Some(2),
        });
        fixture.submit(commit);
    }
    let asked_at = fixture.now;
    fixture.wait(1).see(&Observation::CancelDeferred {
        run: &run,
        asked_at,
    });
    losses(fixture)
}

#[test]
fn who_asks_for_the_end_of_a_run_that_is_over_is_not_put_off() {
    assert!(is_put_off(false).is_empty());
    assert_eq!(
        is_put_off(true),
        [
            "no-loss at 2024-01-01T02:00:03Z, run run:acme:nightly:cron:2024-01-01T02:00:00Z: its owner \
             was told that it can't be cancelled now; expected a run that went on at \
             2024-01-01T02:00:02Z, found one that was over at 2024-01-01T02:00:02Z"
        ]
    );
}

#[test]
fn who_commands_something_is_put_off_only_for_a_reason() {
    let put_off = |fault: Option<FaultKind>| {
        let mut fixture = Fixture::new();
        let asked_at = fixture.now;
        if let Some(kind) = fault {
            fixture.see(&Observation::FaultTriggered { kind });
        }
        fixture.wait(1).see(&Observation::CommandDeferred {
            command: "redrive",
            asked_at,
        });
        losses(fixture)
    };
    assert!(put_off(Some(FaultKind::QueueOutage)).is_empty());
    assert_eq!(
        put_off(None),
        [
            "no-loss at 2024-01-01T00:00:01Z, the command redrive: its owner was told that it can't be \
             carried out now; expected it done, or a fault on record, found nothing wrong since \
             2024-01-01T00:00:00Z"
        ]
    );
}

#[test]
fn a_run_that_is_said_to_be_made_is_made() {
    let make = |fixture: &mut Fixture| {
        fixture.start_by_hand("again");
    };
    assert!(asks_for_a_run(None, make).is_empty());
    assert_eq!(
        asks_for_a_run(None, |_| ()),
        [
            "no-loss at 2024-01-01T00:00:01Z, run run:acme:nightly:manual:again: its owner was told that \
          it is made; expected the run, found it is not"
        ]
    );
}

#[test]
fn a_deleted_schedule_makes_no_run() {
    let mut fixture = Fixture::new();
    fixture.change_schedule(ScheduleChange::Deleted, |_| ());
    let asked_at = fixture.wait(1).now;
    fixture.start_by_hand("again");
    is_told(&mut fixture, None, asked_at);
    assert_eq!(
        losses(fixture),
        [
            "no-loss at 2024-01-01T00:00:01Z, run run:acme:nightly:manual:again: its owner was told that \
          it is made; expected none: its schedule is deleted, found it is made"
        ]
    );
}

#[test]
fn what_changes_meanwhile_leaves_both_open() {
    let delete = |fixture: &mut Fixture| {
        fixture
            .wait(1)
            .change_schedule(ScheduleChange::Deleted, |_| ());
    };
    assert!(asks_for_a_run(None, delete).is_empty());
    let make_and_delete = |fixture: &mut Fixture| {
        fixture.start_by_hand("again");
        fixture
            .wait(1)
            .change_schedule(ScheduleChange::Deleted, |_| ());
    };
    assert!(asks_for_a_run(None, make_and_delete).is_empty());
    let mut fixture = Fixture::new();
    fixture.whole_run();
    let run = fixture.run.clone().unwrap().id;
    let asked_at = fixture.wait(1).now;
    fixture.see(&Observation::Purged { run: &run });
    is_told(&mut fixture, Some(&run), asked_at);
    assert!(losses(fixture).is_empty(), "there is nothing to repeat");
}
