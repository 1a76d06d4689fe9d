//! RunWork that is handed on, or should be: to the queue, to other places of the window, to another
//! incarnation.

use super::fixture::{Fixture, MODE, digest};
use crate::check::invariant_name::InvariantName;
use crate::model::commit::{EndReason, FireOutcome, RunWrite, ScheduleStateWrite};
use crate::model::fault::FaultKind;
use crate::model::observation::{
    IncarnationEnd, Observation, QueueStep, ScanAnswer, ScheduleChange,
};
use crate::model::{
    CommitStep, IncarnationId, OverlapPolicy, Run, RunState, RunWindow, ScheduleState,
};

/// The first violation of an invariant.
fn first_of(fixture: &Fixture, name: InvariantName) -> Option<String> {
    let findings = fixture.oracle.results().findings(name);
    findings.violations.first().map(ToString::to_string)
}

#[test]
fn a_commit_under_anothers_delivery_is_seen() {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    let mut commit = fixture.segment_commit(0, delivery);
    commit.token.incarnation = IncarnationId {
        process: "v".into(),
        number: 1,
    };
    fixture.apply(&mut commit);
    assert_eq!(
        first_of(&fixture, InvariantName::LeaseDiscipline).unwrap(),
        format!(
            "lease-discipline at 2024-01-01T02:00:02Z, segment {}: it was committed under delivery \
             {delivery}, which is another's; expected w#1, found v#1",
            fixture.key(0)
        )
    );
    fixture.acknowledge(message, delivery, Some(0));
}

#[test]
fn what_is_released_and_never_enqueued_is_a_loss() {
    let mut fixture = Fixture::new();
    fixture.fire().plan();
    let message = fixture.enqueue(None);
    let delivery = fixture.lease(message, None);
    let commit = fixture.dispatch_commit(delivery);
    fixture.submit(commit);
    fixture.enqueue(Some(0));
    assert_eq!(first_of(&fixture, InvariantName::NoLoss), None);
    fixture.acknowledge(message, delivery, None);
    let run = fixture.run_id();
    assert_eq!(
        first_of(&fixture, InvariantName::NoLoss).unwrap(),
        format!(
            "no-loss at 2024-01-01T02:00:02Z, segment {}: the commit of run {run} has released it, \
             whose message is acknowledged; expected it enqueued before that, found it never was",
            fixture.key(1)
        )
    );
}

#[test]
fn what_a_segment_releases_is_enqueued_before_its_last_copy_goes() {
    let mut fixture = Fixture::new();
    fixture.fire().plan();
    let message = fixture.enqueue(None);
    let delivery = fixture.lease(message, None);
    let mut commit = fixture.dispatch_commit(delivery);
    let second = commit.release.pop().unwrap();
    fixture.submit(commit);
    let first = fixture.enqueue(Some(0));
    fixture.acknowledge(message, delivery, None);
    let copy = fixture.enqueue(Some(0));
    let delivery = fixture.begin(0, first);
    let mut commit = fixture.segment_commit(0, delivery);
    commit.release = vec![second];
    fixture.submit(commit).acknowledge(first, delivery, Some(0));
    assert_eq!(
        first_of(&fixture, InvariantName::NoLoss),
        None,
        "whoever gets the copy may enqueue it"
    );
    let delivery = fixture.lease(copy, Some(0));
    fixture.acknowledge(copy, delivery, Some(0));
    let told = first_of(&fixture, InvariantName::NoLoss).unwrap();
    assert!(told.ends_with("expected it enqueued before that, found it never was"));
}

#[test]
fn a_repair_under_the_first_key_is_a_loss() {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    fixture.step(message, delivery, Some(0), QueueStep::Deduplicated);
    assert_eq!(first_of(&fixture, InvariantName::NoLoss), None);
    fixture.acknowledge(message, delivery, Some(0));
    let before = fixture
        .oracle
        .results()
        .findings(InvariantName::NoLoss)
        .violated;
    fixture.step(message, 0, Some(0), QueueStep::Deduplicated);
    let findings = fixture.oracle.results().findings(InvariantName::NoLoss);
    assert_eq!(findings.violated, before + 1);
    let told = findings.violations.last().unwrap().to_string();
    assert!(told.ends_with(
        "its message was taken for a duplicate of one that is gone; expected a key of its own, \
         found that of the first"
    ));
}

#[test]
fn the_window_of_a_run_closes_with_it() {
    let (mut fixture, ..) = Fixture::with_a_segment();
    let mut commit = fixture.new_commit(CommitStep::End(EndReason::Command), 0);
    let run = Run {
        state: RunState::Cancelled,
        ..fixture.run.clone().unwrap()
    };
    let window = RunWindow {
        run: run.id.clone(),
        segments: 2,
        released: 2,
        committed: 0,
    };
    commit.schedule = Some(ScheduleStateWrite {
        id: run.schedule.clone(),
        expected: 3,
        state: ScheduleState {
            running: vec![window],
            ..ScheduleState::default()
        },
    });
    commit.runs.push(RunWrite {
        run,
        expected: Some(3),
    });
    fixture.submit(commit);
    assert_eq!(
        first_of(&fixture, InvariantName::Parallelism).unwrap(),
        format!(
            "parallelism at 2024-01-01T02:00:02Z, run {}: it ends, and its released window stays \
             open; expected its places free for others, found 2 of its segments in flight for ever",
            fixture.run_id()
        )
    );
}

#[test]
fn nobody_asks_again_for_an_image_that_was_refused_for_good() {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    fixture.ask(1, delivery, None);
    fixture.answer(1, delivery, ScanAnswer::Refused);
    fixture.ask(2, delivery, None);
    assert_eq!(first_of(&fixture, InvariantName::ScannerManners), None);
    fixture.ask(1, delivery, None);
    assert_eq!(
        first_of(&fixture, InvariantName::ScannerManners).unwrap(),
        format!(
            "scanner-manners at 2024-01-01T02:00:02Z, image {} asked for by w#1: it was asked for \
             again after a refusal for good; expected no further request, found request 2",
            digest(1)
        )
    );
}

/// The incarnation stops with a segment in hand, half a minute after a fault.
fn stopped_in_hand(kind: FaultKind) -> Fixture {
    let (mut fixture, ..) = Fixture::with_a_segment();
    fixture.see(&Observation::FaultTriggered { kind });
    let incarnation = fixture.incarnation.clone();
    fixture.wait(30).see(&Observation::IncarnationEnded {
        incarnation: &incarnation,
        end: IncarnationEnd::Stopped,
    });
    fixture
}

#[test]
fn who_stops_hands_back_what_it_holds() {
    let fixture = stopped_in_hand(FaultKind::GracefulStop);
    assert_eq!(
        first_of(&fixture, InvariantName::LeaseDiscipline).unwrap(),
        format!(
            "lease-discipline at 2024-01-01T02:00:32Z, segment {}: delivery 2 was left by w#1, which \
             stopped; expected it handed back or done, found a lease until 2024-01-01T02:01:02Z",
            fixture.key(0)
        )
    );
    let fixture = stopped_in_hand(FaultKind::QueueOutage);
    assert_eq!(first_of(&fixture, InvariantName::LeaseDiscipline), None);
}

#[test]
fn somebody_inherits_a_balance() {
    let (mut fixture, ..) = Fixture::with_a_segment();
    let ended = fixture.incarnation.clone();
    fixture.restart();
    let overdue = |fixture: &mut Fixture, seconds| {
        fixture.wait(seconds);
        let commit = fixture.new_commit(CommitStep::Requeue, 0);
        fixture.submit(commit);
        first_of(fixture, InvariantName::ActiveTruth)
    };
    assert_eq!(overdue(&mut fixture, 240), None);
    assert_eq!(
        overdue(&mut fixture, 1).unwrap(),
        format!(
            "active-truth at 2024-01-01T02:04:03Z, the balance of {ended}: its life is over, and \
             nobody takes it over; expected another life to have it within 240 s, found +1 {}, +0 \
             contentRefresh after 241 s",
            MODE.as_str()
        )
    );
}

#[test]
fn a_fire_that_waits_is_not_forgotten() {
    let mut fixture = Fixture::new();
    fixture.change_schedule(ScheduleChange::Edited, |schedule| {
        schedule.overlap = OverlapPolicy::QueueOne;
        schedule.when_cron = Some("0 2,3 * * *".into());
    });
    fixture.fire().plan().dispatch().at("03:00:00");
    let commit = fixture.fire_commit("03:00:00", FireOutcome::Queued);
    let state = commit.schedule.clone();
    fixture.submit(commit);
    let mut commit = fixture.new_commit(CommitStep::Requeue, 0);
    commit.schedule.clone_from(&state);
    fixture.submit(commit);
    assert_eq!(first_of(&fixture, InvariantName::CronOnce), None);
    let mut commit = fixture.new_commit(CommitStep::Requeue, 0);
    commit.schedule = state.map(|mut write| {
        write.state.queued_fire = None;
        write
    });
    fixture.submit(commit);
    assert_eq!(
        first_of(&fixture, InvariantName::CronOnce).unwrap(),
        "cron-once at 2024-01-01T03:00:00Z, schedule nightly: a requeue commit loses the fire that \
         waits; expected 2024-01-01T03:00:00Z, found none"
    );
}
