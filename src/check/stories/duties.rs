//! What a process must do, and must not, by what it knows.

use std::time::Duration;

use super::page::Page;
use super::story::Story;
use crate::check::instruments::ExtensionSeries;
use crate::check::name::InvariantName::{
    self, AppliedLearned, Blame, LeaseDiscipline, ScannerManners, SegmentOnce, StateGraph,
};
use crate::model::commit::RunWrite;
use crate::model::fault::FaultKind;
use crate::model::observation::{LifeEnd, Observation, PortName, QueueName, QueueStep, ScanAnswer};
use crate::model::{Run, Step};

/// What an invariant complains of, without instant and place.
fn complaints(story: &Story, name: InvariantName) -> Vec<String> {
    let violations = story.ledger.board().findings(name).violations.iter();
    violations
        .map(|violation| {
            let text = violation.to_string();
            let what = text.split_once(": ").map(|(_, what)| what.to_owned());
            what.unwrap_or(text)
        })
        .collect()
}

fn stop(story: &mut Story) {
    let life = story.life.clone();
    story.see(&Observation::StopAsked { life: &life });
}

fn ends(story: &mut Story) {
    let (life, end) = (story.life.clone(), LifeEnd::Stopped);
    story.see(&Observation::LifeEnded { life: &life, end });
}

#[test]
fn a_stopping_process_goes_soon_after_it_holds_nothing() {
    let (mut story, message, delivery) = Story::with_a_segment();
    stop(story.wait(1));
    story.wait(10).acknowledge(message, delivery, Some(0));
    ends(story.wait(25));
    assert!(complaints(&story, LeaseDiscipline).is_empty());

    let (mut story, message, delivery) = Story::with_a_segment();
    story.acknowledge(message, delivery, Some(0));
    stop(story.wait(1));
    ends(story.wait(26));
    assert_eq!(
        complaints(&story, LeaseDiscipline),
        [
            "it was asked to stop and without work and went on for too long; expected its end within \
          25.0 s, found 26.0 s"
        ]
    );
}

#[test]
fn a_stopping_process_goes_within_its_grace() {
    let (mut story, message, delivery) = Story::with_a_segment();
    stop(story.wait(1));
    story.wait(40).acknowledge(message, delivery, Some(0));
    ends(story.wait(1));
    let expected = "it was asked to stop and went on for too long; expected its end within 39.5 s, \
                    found 41.0 s";
    assert_eq!(complaints(&story, LeaseDiscipline), [expected]);
}

#[test]
fn with_a_fault_a_stop_may_take_longer() {
    let (mut story, message, delivery) = Story::with_a_segment();
    story.acknowledge(message, delivery, Some(0));
    story.see(&Observation::FaultHit {
        kind: FaultKind::QueueOutage,
    });
    stop(&mut story);
    ends(story.wait(60));
    assert!(complaints(&story, LeaseDiscipline).is_empty());
}

/// A process can't reach the store; so much later it takes a message.
fn takes_a_message(seconds_later: u64) -> Vec<String> {
    let mut story = Story::new();
    story.fire().plan().dispatch();
    let (message, process) = (story.message_of(0), story.life.process.clone());
    story.see(&Observation::CutOff {
        process: &process,
        port: PortName::Store,
    });
    story.wait(seconds_later).lease(message, Some(0));
    complaints(&story, LeaseDiscipline)
}

#[test]
fn a_process_that_is_long_without_the_store_takes_no_message() {
    assert!(takes_a_message(50).is_empty(), "it may not know it yet");
    assert_eq!(
        takes_a_message(51),
        [
            "it was taken by w#1, which can't reach the store; expected no message taken later than \
          50 s after 2024-01-01T02:00:02Z, found one at 2024-01-01T02:00:53Z"
        ]
    );
}

const NEEDLESS: &str = "it was asked for under a delivery that had nothing to work on; expected no \
    request (its segment is committed or taken over, its run over, its tries used up, or its holder \
    stops), found one";

#[test]
fn work_that_is_done_is_not_done_again() {
    let (mut story, message, delivery) = Story::with_a_segment();
    let commit = story.segment_commit(0, delivery);
    story.submit(commit);
    story
        .wait(61)
        .step(message, delivery, Some(0), QueueStep::Expired);
    let again = story.begin(0, message);
    story.ask(1, again, None);
    assert_eq!(complaints(&story, ScannerManners), [NEEDLESS]);
}

#[test]
fn a_message_is_not_worked_past_its_tries() {
    let (mut story, message, mut delivery) = Story::with_a_segment();
    for _ in 0..5 {
        story
            .wait(61)
            .step(message, delivery, Some(0), QueueStep::Expired);
        delivery = story.begin(0, message);
    }
    story.ask(1, delivery, None);
    assert_eq!(complaints(&story, ScannerManners), [NEEDLESS]);
}

#[test]
fn who_knows_of_a_newer_delivery_lets_go() {
    let (mut story, _, old) = Story::with_a_segment();
    story.wait(1).ask(1, old, None);
    let copy = story.enqueue(Some(0));
    let newer = story.lease(copy, Some(0));
    let (life, key, run) = (story.life.clone(), story.key(0), story.run.clone().unwrap());
    let begun = |delivery| Observation::SegmentBegun {
        life: &life,
        key: &key,
        delivery,
        run: Some(&run),
    };
    story.see(&begun(newer)).see(&begun(old));
    story.ask(2, old, None);
    assert!(
        complaints(&story, ScannerManners).is_empty(),
        "it can't know"
    );
    story.see(&Observation::SegmentBegunLearned {
        life: &life,
        key: &key,
        delivery: old,
        run: Some(&run),
    });
    story.ask(2, old, None);
    assert_eq!(complaints(&story, ScannerManners), [NEEDLESS]);
}

/// A segment is committed, and so much later enqueued again. `step` is what the queue does with it.
fn enqueues_what_is_done(
    seconds_later: u64,
    step: QueueStep,
    fault: Option<FaultKind>,
) -> Vec<String> {
    let (mut story, message, delivery) = Story::with_a_segment();
    let commit = story.segment_commit(0, delivery);
    story.submit(commit);
    if let Some(kind) = fault {
        story.see(&Observation::FaultHit { kind });
    }
    story
        .wait(seconds_later)
        .step(message + 1, 0, Some(0), step);
    complaints(&story, SegmentOnce)
}

#[test]
fn a_segment_that_is_done_is_not_enqueued_again() {
    let outage = Some(FaultKind::QueueOutage);
    for step in [QueueStep::Enqueued, QueueStep::Deduplicated] {
        assert!(enqueues_what_is_done(60, step, None).is_empty());
        assert!(enqueues_what_is_done(61, step, outage).is_empty());
        assert_eq!(
            enqueues_what_is_done(61, step, None),
            [
                "it is enqueued though it awaits no work; expected none later than 60 s after \
                 2024-01-01T02:00:02Z, found one at 2024-01-01T02:01:03Z"
            ]
        );
    }
}

#[test]
fn an_unreadable_message_is_given_up_at_its_last_try() {
    let (mut story, message, mut delivery) = Story::with_a_segment();
    story.see(&Observation::Spoiled {
        queue: QueueName::Runner,
        message,
    });
    for tries in 1..=5 {
        let told = complaints(&story, Blame).len();
        assert_eq!(told, 0, "before try {tries}");
        let step = QueueStep::Released { counted: true };
        story.step(message, delivery, Some(0), step);
        delivery = story.lease(message, Some(0));
    }
    assert_eq!(
        complaints(&story, Blame),
        [
            "its message can't be read, and was handed back for one more try; expected it given up at \
             delivery 5, found 5"
        ]
    );
}

#[test]
fn one_answer_to_wait_holds_the_whole_process_back() {
    let (mut story, _, delivery) = Story::with_a_segment();
    let until = story.now.after(Duration::from_secs(10));
    story
        .ask(1, delivery, None)
        .answer(1, delivery, ScanAnswer::Throttled(until))
        .wait(9)
        .ask(2, delivery, None);
    assert_eq!(
        complaints(&story, ScannerManners),
        [
            "the process was told at 2024-01-01T02:00:02Z to wait, and did not; expected no request \
          before 2024-01-01T02:00:12Z, found one at 2024-01-01T02:00:11Z"
        ]
    );
    let (mut story, _, delivery) = Story::with_a_segment();
    story
        .ask(1, delivery, None)
        .answer(1, delivery, ScanAnswer::Throttled(until))
        .wait(10)
        .ask(2, delivery, None);
    assert!(complaints(&story, ScannerManners).is_empty());
}

/// A request goes out a second after its permit, with such a fault on record.
fn asks_late(fault: Option<FaultKind>) -> Vec<String> {
    let (mut story, _, delivery) = Story::with_a_segment();
    let permit = story.now;
    if let Some(kind) = fault {
        story.see(&Observation::FaultHit { kind });
    }
    story.wait(1).ask(1, delivery, Some((2.0, permit)));
    complaints(&story, ScannerManners)
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
    let (mut story, _, delivery) = Story::with_a_segment();
    let (permit, life) = (story.now, story.life.clone());
    story
        .see(&Observation::PermitsSlow { life: &life })
        .wait(1)
        .ask(1, delivery, Some((2.0, permit)));
    assert!(complaints(&story, ScannerManners).is_empty());
}

#[test]
fn a_message_is_not_given_up_before_its_last_try() {
    let (mut story, message, delivery) = Story::with_a_segment();
    story.see(&Observation::Spoiled {
        queue: QueueName::Runner,
        message,
    });
    story.step(message, delivery, Some(0), QueueStep::DeadLettered);
    assert_eq!(
        complaints(&story, Blame)[0],
        "its message was given up before all its tries; expected delivery 5 at the earliest, found 1"
    );
}

#[test]
fn each_failed_attempt_to_plan_is_counted() {
    let mut story = Story::new();
    story.fire();
    for attempts in [1, 2, 2] {
        let run = Run {
            planning_attempts: attempts,
            ..story.run.clone().unwrap()
        };
        let mut commit = story.new_commit(Step::PlanRetry, 0);
        commit.runs.push(RunWrite {
            run,
            expected: Some(1),
        });
        story.submit(commit);
    }
    assert_eq!(
        complaints(&story, StateGraph),
        ["its failed attempts at planning are not counted; expected 3, found 2"]
    );
}

/// A whole run, after which a counter is wrong by one.
fn miscounts(series: ExtensionSeries) -> Vec<String> {
    let mut story = Story::new();
    story
        .whole_run()
        .forge(|page: &mut Page| page.extend(series, 1));
    ends(&mut story);
    let violations = &story.ledger.board().findings(AppliedLearned).violations;
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
