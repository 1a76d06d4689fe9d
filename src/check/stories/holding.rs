//! How long a process may hold on: asked to stop, or without the store.

use std::time::Duration;

use super::story::Story;
use crate::check::name::InvariantName::LeaseDiscipline;
use crate::model::fault::FaultKind;
use crate::model::observation::{Observation, PortName, QueueStep};

#[test]
fn a_stopping_process_goes_soon_after_it_holds_nothing() {
    let (mut story, message, delivery) = Story::with_a_segment();
    story.wait(1).stop();
    story.wait(10).acknowledge(message, delivery, Some(0));
    story.wait(25).ends();
    assert!(story.complaints(LeaseDiscipline).is_empty());

    let (mut story, message, delivery) = Story::with_a_segment();
    story.acknowledge(message, delivery, Some(0));
    story.wait(1).stop();
    story.wait(26).ends();
    assert_eq!(
        story.complaints(LeaseDiscipline),
        [
            "it was asked to stop and without work and went on for too long; expected its end within \
          25.0 s, found 26.0 s"
        ]
    );
}

#[test]
fn a_stopping_process_goes_within_its_grace() {
    let (mut story, message, delivery) = Story::with_a_segment();
    story.wait(1).stop();
    story.wait(40).acknowledge(message, delivery, Some(0));
    story.wait(1).ends();
    let expected = "it was asked to stop and went on for too long; expected its end within 39.5 s, \
                    found 41.0 s";
    assert_eq!(story.complaints(LeaseDiscipline), [expected]);
}

#[test]
fn with_a_fault_a_stop_may_take_longer() {
    let (mut story, message, delivery) = Story::with_a_segment();
    story.acknowledge(message, delivery, Some(0));
    story.see(&Observation::FaultTriggered {
        kind: FaultKind::QueueOutage,
    });
    story.stop();
    story.wait(60).ends();
    assert!(story.complaints(LeaseDiscipline).is_empty());
}

/// A process can't reach the store; so much later it takes a message.
fn takes_a_message(seconds_later: u64) -> Vec<String> {
    let mut story = Story::new();
    story.fire().plan().dispatch();
    let (message, process) = (story.message_of(0), story.incarnation.process.clone());
    story.see(&Observation::CutOff {
        process: &process,
        port: PortName::Store,
    });
    story.wait(seconds_later).lease(message, Some(0));
    story.complaints(LeaseDiscipline)
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

/// A process that can't reach the store renews a lease until so much later.
fn holds_on(seconds: u64) -> Vec<String> {
    let (mut story, message, delivery) = Story::with_a_segment();
    let process = story.incarnation.process.clone();
    story.see(&Observation::CutOff {
        process: &process,
        port: PortName::Store,
    });
    for _ in 0..seconds / 10 {
        let until = story.wait(10).now.after(Duration::from_secs(60));
        story.step(message, delivery, Some(0), QueueStep::Renewed { until });
    }
    story.complaints(LeaseDiscipline)
}

#[test]
fn a_process_that_is_long_without_the_store_lets_its_message_go() {
    assert!(
        holds_on(190).is_empty(),
        "it has not been silent for so long"
    );
    assert_eq!(
        holds_on(200),
        [
            "it was renewed by w#1, which can't reach the store; expected no message renewed later than \
             190 s after 2024-01-01T02:00:02Z, found one at 2024-01-01T02:03:22Z"
        ]
    );
}
