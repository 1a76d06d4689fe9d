//! How long a process may hold on: asked to stop, or without the store.

use std::time::Duration;

use super::fixture::Fixture;
use crate::check::invariant_name::InvariantName::LeaseDiscipline;
use crate::model::fault::FaultKind;
use crate::model::observation::{Observation, PortName, QueueStep};

#[test]
fn a_stopping_process_goes_soon_after_it_holds_nothing() {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    fixture.wait(1).stop();
    fixture.wait(10).acknowledge(message, delivery, Some(0));
    fixture.wait(25).ends();
    assert!(fixture.complaints(LeaseDiscipline).is_empty());

    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    fixture.acknowledge(message, delivery, Some(0));
    fixture.wait(1).stop();
    fixture.wait(26).ends();
    assert_eq!(
        fixture.complaints(LeaseDiscipline),
        [
            "it was asked to stop and without work and went on for too long; expected its end within \
          25.0 s, found 26.0 s"
        ]
    );
}

#[test]
fn a_stopping_process_goes_within_its_grace() {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    fixture.wait(1).stop();
    fixture.wait(40).acknowledge(message, delivery, Some(0));
    fixture.wait(1).ends();
    let expected = "it was asked to stop and went on for too long; expected its end within 39.5 s, \
                    found 41.0 s";
    assert_eq!(fixture.complaints(LeaseDiscipline), [expected]);
}

#[test]
fn with_a_fault_a_stop_may_take_longer() {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    fixture.acknowledge(message, delivery, Some(0));
    fixture.see(&Observation::FaultTriggered {
        kind: FaultKind::QueueOutage,
    });
    fixture.stop();
    fixture.wait(60).ends();
    assert!(fixture.complaints(LeaseDiscipline).is_empty());
}

/// A process can't reach the store; so much later it takes a message.
fn takes_a_message(seconds_later: u64) -> Vec<String> {
    let mut fixture = Fixture::new();
    fixture.fire().plan().dispatch();
    let (message, process) = (fixture.message_of(0), fixture.incarnation.process.clone());
    fixture.see(&Observation::CutOff {
        process: &process,
        port: PortName::Store,
    });
    fixture.wait(seconds_later).lease(message, Some(0));
    fixture.complaints(LeaseDiscipline)
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
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    let process = fixture.incarnation.process.clone();
    fixture.see(&Observation::CutOff {
        process: &process,
        port: PortName::Store,
    });
    for _ in 0..seconds / 10 {
        let until = fixture.wait(10).now.after(Duration::from_secs(60));
        fixture.step(message, delivery, Some(0), QueueStep::Renewed { until });
    }
    fixture.complaints(LeaseDiscipline)
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
