//! What a process must do, and must not, by what it knows.

use std::time::Duration;

use super::fake_instruments::TestExposition;
use super::fixture::Fixture;
use crate::check::instruments::ExtensionSeries;
use crate::check::invariant_name::InvariantName::{
    AppliedLearned, Blame, Fairness, ScannerManners, SegmentOnce, StateGraph,
};
use crate::check::options::OracleOptions;
use crate::model::commit::RunWrite;
use crate::model::fault::FaultKind;
use crate::model::observation::{Observation, QueueName, QueueStep, ScanAnswer};
use crate::model::{CommitStep, Run};

const NEEDLESS: &str = "it was asked for under a delivery that had nothing to work on; expected no \
    request (its segment is committed or taken over, its run over, its tries used up, or its holder \
    stops), found one";

#[test]
fn work_that_is_done_is_not_done_again() {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    let commit = fixture.segment_commit(0, delivery);
    fixture.submit(commit);
    fixture
        .wait(61)
        .step(message, delivery, Some(0), QueueStep::Expired);
    let again = fixture.begin(0, message);
    fixture.ask(1, again, None);
    assert_eq!(fixture.complaints(ScannerManners), [NEEDLESS]);
}

#[test]
fn a_message_is_not_worked_past_its_tries() {
    let (mut fixture, message, mut delivery) = Fixture::with_a_segment();
    for _ in 0..5 {
        fixture.ask(1, delivery, None);
        fixture
            .wait(61)
            .step(message, delivery, Some(0), QueueStep::Expired);
        delivery = fixture.begin(0, message);
    }
    assert!(
        fixture.complaints(ScannerManners).is_empty(),
        "five tries are allowed"
    );
    fixture.ask(1, delivery, None);
    assert_eq!(fixture.complaints(ScannerManners), [NEEDLESS]);
}

#[test]
fn who_knows_of_a_newer_delivery_lets_go() {
    let (mut fixture, _, old) = Fixture::with_a_segment();
    fixture.wait(1).ask(1, old, None);
    let copy = fixture.enqueue(Some(0));
    let newer = fixture.lease(copy, Some(0));
    let (incarnation, key, run) = (
        fixture.incarnation.clone(),
        fixture.key(0),
        fixture.run.clone().unwrap(),
    );
    let begun = |delivery| Observation::SegmentBegun {
        incarnation: &incarnation,
        key: &key,
        delivery,
        run: Some(&run),
    };
    fixture.see(&begun(newer)).see(&begun(old));
    fixture.ask(2, old, None);
    assert!(
        fixture.complaints(ScannerManners).is_empty(),
        "it can't know"
    );
    fixture.see(&Observation::SegmentBegunLearned {
        incarnation: &incarnation,
        key: &key,
        delivery: old,
        run: Some(&run),
    });
    fixture.ask(2, old, None);
    assert_eq!(fixture.complaints(ScannerManners), [NEEDLESS]);
}

#[test]
fn a_planner_takes_up_no_more_than_a_batch() {
    let mut fixture = Fixture::new();
    let room = OracleOptions::default().planner_batch;
    let runs: Vec<_> = (0..=room)
        .map(|number| {
            fixture.start_by_hand(&number.to_string()).wait(1);
            let mut run = fixture.run.clone().unwrap();
            run.tenant = if number % 2 == 0 { "acme" } else { "other" }.into();
            run
        })
        .collect();
    let head = |run: &Run| (run.id.clone(), run.tenant.clone(), run.created_at);
    let (waiting, incarnation): (Vec<_>, _) =
        (runs.iter().map(head).collect(), fixture.incarnation.clone());
    fixture.see(&Observation::PlanningRead {
        incarnation: &incarnation,
        waiting: &waiting,
    });
    for run in &runs {
        let told = fixture.complaints(Fairness).len();
        assert_eq!(told, 0, "before {}", run.id);
        fixture.see(&Observation::PlanningBegun {
            incarnation: &incarnation,
            run,
        });
    }
    let expected = format!(
        "it was taken up in a batch that is full; expected at most {room} runs at once, found {}",
        room + 1
    );
    assert_eq!(fixture.complaints(Fairness), [expected]);
}

/// A segment is committed, and so much later enqueued again. `step` is what the queue does with it.
/// `outage`: the queue was away, so many seconds before the commit.
fn enqueues_what_is_done(seconds_later: u64, step: QueueStep, outage: Option<u64>) -> Vec<String> {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    if let Some(seconds_before) = outage {
        let kind = FaultKind::QueueOutage;
        fixture
            .see(&Observation::FaultTriggered { kind })
            .wait(seconds_before);
    }
    let commit = fixture.segment_commit(0, delivery);
    fixture.submit(commit);
    fixture
        .wait(seconds_later)
        .step(message + 1, 0, Some(0), step);
    fixture.complaints(SegmentOnce)
}

#[test]
fn a_segment_that_is_done_is_not_enqueued_again() {
    for step in [QueueStep::Enqueued, QueueStep::Deduplicated] {
        assert!(enqueues_what_is_done(10, step, None).is_empty());
        assert!(enqueues_what_is_done(11, step, Some(60)).is_empty());
        assert_eq!(enqueues_what_is_done(11, step, Some(61)).len(), 1);
        assert_eq!(
            enqueues_what_is_done(11, step, None),
            [
                "it is enqueued though it awaits no work; expected none later than 10 s after \
                 2024-01-01T02:00:02Z, found one at 2024-01-01T02:00:13Z"
            ]
        );
    }
}

/// An incarnation enqueues a planner message that is there, and so again.
fn relays_again(fault: Option<FaultKind>) -> Vec<String> {
    let mut fixture = Fixture::new();
    fixture.fire().plan();
    let message = fixture.enqueue(None) + 1;
    let again = |fixture: &mut Fixture| {
        fixture
            .wait(30)
            .step(message, 0, None, QueueStep::Deduplicated);
        fixture.complaints(SegmentOnce)
    };
    assert!(again(&mut fixture).is_empty(), "it may be another's");
    if let Some(kind) = fault {
        fixture.see(&Observation::FaultTriggered { kind });
    }
    again(&mut fixture)
}

#[test]
fn an_intent_is_relayed_once() {
    assert!(relays_again(Some(FaultKind::StoreOutage)).is_empty());
    assert_eq!(
        relays_again(None),
        [
            "w#1 enqueues its planner message again; expected its intent ticked off after \
             2024-01-01T02:00:32Z, found the same message at 2024-01-01T02:01:02Z"
        ]
    );
}

#[test]
fn an_unreadable_message_is_given_up_at_its_last_try() {
    let (mut fixture, message, mut delivery) = Fixture::with_a_segment();
    fixture.see(&Observation::MessageCorrupted {
        queue: QueueName::Runner,
        message,
    });
    for tries in 1..=5 {
        let told = fixture.complaints(Blame).len();
        assert_eq!(told, 0, "before try {tries}");
        let step = QueueStep::Released { counted: true };
        fixture.step(message, delivery, Some(0), step);
        delivery = fixture.lease(message, Some(0));
    }
    assert_eq!(
        fixture.complaints(Blame),
        [
            "its message can't be read, and was handed back for one more try; expected it given up at \
             delivery 5, found 5"
        ]
    );
}

#[test]
fn one_answer_to_wait_holds_the_whole_process_back() {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    let until = fixture.now.after(Duration::from_secs(10));
    fixture
        .ask(1, delivery, None)
        .answer(1, delivery, ScanAnswer::Throttled(until))
        .wait(9)
        .ask(2, delivery, None);
    assert_eq!(
        fixture.complaints(ScannerManners),
        [
            "the process was told at 2024-01-01T02:00:02Z to wait, and did not; expected no request \
          before 2024-01-01T02:00:12Z, found one at 2024-01-01T02:00:11Z"
        ]
    );
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    fixture
        .ask(1, delivery, None)
        .answer(1, delivery, ScanAnswer::Throttled(until))
        .wait(10)
        .ask(2, delivery, None);
    assert!(fixture.complaints(ScannerManners).is_empty());
}

/// A request goes out a second after its permit, with such a fault on record.
fn asks_late(fault: Option<FaultKind>) -> Vec<String> {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    let permit = fixture.now;
    if let Some(kind) = fault {
        fixture.see(&Observation::FaultTriggered { kind });
    }
    fixture.wait(1).ask(1, delivery, Some((2.0, permit)));
    fixture.complaints(ScannerManners)
}

#[test]
fn a_late_permit_is_used_only_after_a_pause_or_a_delay() {
    assert!(asks_late(Some(FaultKind::ProcessPause)).is_empty());
    assert!(asks_late(Some(FaultKind::StoreOutage)).is_empty());
    assert_eq!(
        asks_late(Some(FaultKind::ScannerSlow)),
        [
            "a request went out long after its permit; expected a new permit, or a pause or a slow \
          answer of the store on record, found neither"
        ]
    );
    assert_eq!(asks_late(None).len(), 1);
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    let (permit, incarnation) = (fixture.now, fixture.incarnation.clone());
    fixture
        .see(&Observation::PermitsSlow {
            incarnation: &incarnation,
        })
        .wait(1)
        .ask(1, delivery, Some((2.0, permit)));
    assert!(fixture.complaints(ScannerManners).is_empty());
}

#[test]
fn a_message_is_not_given_up_before_its_last_try() {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    fixture.see(&Observation::MessageCorrupted {
        queue: QueueName::Runner,
        message,
    });
    fixture.step(message, delivery, Some(0), QueueStep::DeadLettered);
    assert_eq!(
        fixture.complaints(Blame)[0],
        "its message was given up before all its tries; expected delivery 5 at the earliest, found 1"
    );
    // Who can read it tries once more, to see whether it has been tried too often.
    let (mut fixture, message, mut delivery) = Fixture::with_a_segment();
    for _ in 0..4 {
        fixture
            .restart()
            .wait(61)
            .step(message, delivery, Some(0), QueueStep::Expired);
        delivery = fixture.lease(message, Some(0));
    }
    fixture.step(message, delivery, Some(0), QueueStep::DeadLettered);
    assert_eq!(
        fixture.complaints(Blame),
        [
            "its message was given up before all its tries; expected delivery 6 at the earliest, found 5"
        ]
    );
}

#[test]
fn each_failed_attempt_to_plan_is_counted() {
    let mut fixture = Fixture::new();
    fixture.fire();
    for attempts in [1, 2, 2] {
        let run = Run {
            planning_attempts: attempts,
            ..fixture.run.clone().unwrap()
        };
        let mut commit = fixture.new_commit(CommitStep::PlanRetry, 0);
        commit.runs.push(RunWrite {
            run,
            expected: Some(1),
        });
        fixture.submit(commit);
    }
    assert_eq!(
        fixture.complaints(StateGraph),
        ["its failed attempts at planning are not counted; expected 3, found 2"]
    );
}

/// A whole run, after which a counter is wrong by one.
fn miscounts(series: ExtensionSeries) -> Vec<String> {
    let mut fixture = Fixture::new();
    fixture
        .whole_run()
        .forge(|page: &mut TestExposition| page.extend(series, 1));
    fixture.ends();
    let violations = &fixture.oracle.results().findings(AppliedLearned).violations;
    violations.iter().map(ToString::to_string).collect()
}

#[test]
fn the_counters_of_extensions_say_what_was_learned() {
    assert_eq!(
        miscounts(ExtensionSeries::DeadLetters(QueueName::Runner)),
        [
            "applied-learned at 2024-01-01T02:00:02Z, scheduler_queue_dead_letters_total{queue=\"runner\"} \
          of w#1: it is not the dead letters that the process learned of; expected 0, found 1"
        ]
    );
    for index in 0..ExtensionSeries::COUNT {
        let series = ExtensionSeries::at(index);
        let told = miscounts(series);
        assert_eq!(told.len(), 1, "{told:?}");
        let place = format!(", {series} of w#1: it is not the {}", series.counts());
        assert!(told[0].contains(&place), "{}", told[0]);
    }
}
