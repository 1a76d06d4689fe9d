//! Events that unfinished runs wait for.

use super::fixture::Fixture;
use crate::model::fault::FaultKind;
use crate::model::observation::{Observation, PortName, QueueStep};

#[test]
fn unfinished_runs_name_the_event_that_they_wait_for() {
    let mut fixture = Fixture::new();
    let waits = |fixture: &Fixture| fixture.oracle.explain_stuck()[0].waits_for.clone();
    fixture.fire();
    assert_eq!(waits(&fixture), "a planner to take it up");
    fixture.plan();
    assert_eq!(
        waits(&fixture),
        "a relay to enqueue its planner message (an intent exists since 2024-01-01T02:00:02Z)"
    );
    let message = fixture.enqueue(None);
    assert_eq!(
        waits(&fixture),
        "its planner message: it is on the queue and not leased"
    );
    let delivery = fixture.lease(message, None);
    let commit = fixture.dispatch_commit(delivery);
    fixture.submit(commit).acknowledge(message, delivery, None);
    assert_eq!(
        waits(&fixture),
        "2 of its 2 segments (segment 0: released, but its message was never on the queue; repair \
         must enqueue it again; segment 1: released, but its message was never on the queue; \
         repair must enqueue it again)"
    );
    let first = fixture.enqueue(Some(0));
    fixture.enqueue(Some(1));
    fixture.begin(0, first);
    let (incarnation, process) = (
        fixture.incarnation.clone(),
        fixture.incarnation.process.clone(),
    );
    fixture.see(&Observation::Paused {
        incarnation: &incarnation,
    });
    fixture.see(&Observation::FaultBegan {
        kind: FaultKind::ScannerOutage,
        subject: "scanner",
    });
    let port = PortName::Scanner;
    fixture.see(&Observation::CutOff {
        process: &process,
        port,
    });
    assert_eq!(
        waits(&fixture),
        "2 of its 2 segments (segment 0: it is leased by w#1 (paused) until \
         2024-01-01T02:01:02Z; segment 1: it is on the queue and not leased) \
         (scanner-outage is active, w#1 can't reach the scanner)"
    );
    assert!(!fixture.oracle.is_quiescent());
}

/// Reason for which the only unfinished run waits, and the time of its last transition.
fn stuck(fixture: &Fixture) -> (String, String) {
    let stuck = fixture.oracle.explain_stuck().remove(0);
    (stuck.waits_for, stuck.moved_at.to_string())
}

#[test]
fn message_lost_in_a_failover_is_what_a_queued_run_waits_for() {
    let mut fixture = Fixture::new();
    let message = fixture.fire().plan().enqueue(None);
    let lost_at = fixture.wait(5).now.to_string();
    fixture.step(message, 0, None, QueueStep::Lost).wait(600);
    let reason = format!(
        "repair to enqueue its planner message again, which was lost by the queue \
         at {lost_at}"
    );
    assert_eq!(stuck(&fixture), (reason, lost_at));
}

#[test]
fn segment_whose_message_is_lost_moved_last_then_though_others_go_on() {
    let (mut fixture, message, _) = Fixture::with_a_segment();
    let lost_at = fixture.wait(5).now.to_string();
    fixture.step(message, 0, Some(0), QueueStep::Lost).wait(600);
    let other = fixture.enqueue(Some(1));
    fixture.begin(1, other);
    let (waits_for, moved_at) = stuck(&fixture);
    let reason = format!(
        "segment 0: its message is not on the queue: it was lost by the queue at \
         {lost_at}; repair must enqueue it again"
    );
    assert!(waits_for.contains(&reason), "{waits_for}");
    assert_eq!(moved_at, lost_at);
}
