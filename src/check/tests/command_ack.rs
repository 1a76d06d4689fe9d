//! `no-loss`, of owners' commands.

use super::defect::Defect;
use super::fixture::Fixture;
use crate::check::InvariantName::NoLoss;
use crate::check::OracleReport;
use crate::model::commit::EndReason;
use crate::model::fault::FaultKind;
use crate::model::observation::{Observation, QueueName, QueueStep, ScheduleChange};
use crate::model::{RunId, RunState, ScheduleId, Timestamp};

pub const DEFECTS: &[Defect] = &[
    Defect::new(NoLoss, "cancellation of an open run acknowledged", || {
        let mut fixture = Fixture::new();
        let run = fixture.fire().plan().run_id();
        fixture.see(&Observation::CancelDone { run: &run });
        fixture.stop_here()
    }),
    Defect::new(NoLoss, "cancellation of an ended run put off", || {
        cancellation_put_off(true)
    }),
    Defect::new(NoLoss, "command put off without a fault", || {
        command_put_off(None)
    }),
    Defect::new(NoLoss, "redrive acknowledged and not done", || {
        redrive(|_, _| ())
    }),
    Defect::new(NoLoss, "manual run acknowledged and not made", || {
        asks_for_a_run(None, |_| ())
    }),
    Defect::new(NoLoss, "manual run of a deleted schedule", || {
        let mut fixture = Fixture::new();
        fixture.change_schedule(ScheduleChange::Deleted, |_| ());
        let asked_at = fixture.wait(1).now;
        fixture.start_by_hand("again");
        acknowledge(&mut fixture, None, asked_at);
        fixture.stop_here()
    }),
    Defect::new(NoLoss, "open run retried", || {
        retries_open_run(|fixture| {
            fixture.start_by_hand("again");
        })
    }),
];

/// An owner asks for the retry of an open run, something happens, and the retry is acknowledged.
fn retries_open_run(meanwhile: impl FnOnce(&mut Fixture)) -> OracleReport {
    let mut fixture = Fixture::new();
    let run = fixture.fire().plan().run_id();
    let asked_at = fixture.wait(1).now;
    meanwhile(&mut fixture);
    acknowledge(&mut fixture, Some(&run), asked_at);
    fixture.stop_here()
}

/// An owner asks for a manual run, `meanwhile` happens, and the run is acknowledged.
fn asks_for_a_run(retried: Option<&RunId>, meanwhile: impl FnOnce(&mut Fixture)) -> OracleReport {
    let mut fixture = Fixture::new();
    let asked_at = fixture.wait(1).now;
    meanwhile(&mut fixture);
    acknowledge(&mut fixture, retried, asked_at);
    fixture.stop_here()
}

fn acknowledge(fixture: &mut Fixture, retried: Option<&RunId>, asked_at: Timestamp) {
    let schedule = ScheduleId::from("nightly");
    fixture.see(&Observation::ManualRunDone {
        schedule: &schedule,
        occurrence: "again",
        retried,
        asked_at,
    });
}

/// An owner asks for the end of a run that an earlier command has ended, or not, and is put off.
fn cancellation_put_off(is_over: bool) -> OracleReport {
    let mut fixture = Fixture::new();
    let run = fixture.fire().plan().run_id();
    if is_over {
        let commit = fixture.end_commit(EndReason::Command, RunState::Cancelled);
        fixture.submit(commit);
    }
    let asked_at = fixture.now;
    fixture.wait(1).see(&Observation::CancelDeferred {
        run: &run,
        asked_at,
    });
    fixture.stop_here()
}

/// An owner asks for the redrive of a dead letter, something happens to it, and the redrive is
/// acknowledged.
fn redrive(meanwhile: impl FnOnce(&mut Fixture, u64)) -> OracleReport {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    fixture.step(message, delivery, Some(0), QueueStep::DeadLettered);
    let asked_at = fixture.wait(1).now;
    meanwhile(fixture.wait(1), message);
    let queue = QueueName::Runner;
    fixture.see(&Observation::RedriveDone { queue, asked_at });
    fixture.stop_here()
}

fn command_put_off(fault: Option<FaultKind>) -> OracleReport {
    let mut fixture = Fixture::new();
    let asked_at = fixture.now;
    if let Some(kind) = fault {
        fixture.see(&Observation::FaultTriggered { kind });
    }
    fixture.wait(1).see(&Observation::CommandDeferred {
        command: "redrive",
        asked_at,
    });
    fixture.stop_here()
}

#[test]
fn retry_of_an_open_run_is_refused() {
    let report = retries_open_run(|_| ());
    assert!(report.is_clean(NoLoss), "{:?}", report.texts(NoLoss));
}

#[test]
fn cancellation_of_an_open_run_may_be_put_off() {
    assert!(cancellation_put_off(false).is_clean(NoLoss));
}

#[test]
fn command_during_a_fault_may_be_put_off() {
    assert!(command_put_off(Some(FaultKind::QueueOutage)).is_clean(NoLoss));
}

#[test]
fn redrive_that_is_done_may_be_acknowledged() {
    let redriven = |report: &OracleReport| {
        let texts = report.texts(NoLoss);
        texts.iter().all(|text| !text.contains("redrive requested"))
    };
    let put_back = |fixture: &mut Fixture, message| {
        fixture.step(message, 0, Some(0), QueueStep::Redriven);
    };
    assert!(redriven(&redrive(put_back)));
    // It may become a dead letter again before the answer.
    assert!(redriven(&redrive(|fixture, message| {
        put_back(fixture, message);
        let delivery = fixture.lease(message, Some(0));
        fixture.step(message, delivery, Some(0), QueueStep::DeadLettered);
    })));
}

#[test]
fn manual_run_that_is_made_may_be_acknowledged() {
    let make = |fixture: &mut Fixture| {
        fixture.start_by_hand("again");
    };
    assert!(asks_for_a_run(None, make).is_clean(NoLoss));
}

#[test]
fn manual_run_of_a_schedule_deleted_meanwhile_may_be_made_or_not() {
    let delete = |fixture: &mut Fixture| {
        fixture
            .wait(1)
            .change_schedule(ScheduleChange::Deleted, |_| ());
    };
    assert!(asks_for_a_run(None, delete).is_clean(NoLoss));
    let make_and_delete = |fixture: &mut Fixture| {
        fixture.start_by_hand("again");
        fixture
            .wait(1)
            .change_schedule(ScheduleChange::Deleted, |_| ());
    };
    assert!(asks_for_a_run(None, make_and_delete).is_clean(NoLoss));
}

#[test]
fn retry_of_a_purged_run_makes_none() {
    let mut fixture = Fixture::new();
    let run = fixture.whole_run().run_id();
    let asked_at = fixture.wait(1).now;
    fixture.see(&Observation::Purged { run: &run });
    acknowledge(&mut fixture, Some(&run), asked_at);
    assert!(fixture.stop_here().is_clean(NoLoss));
}
