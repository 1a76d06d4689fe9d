//! `scanner-manners`: rate, permits, Retry-After and attempts.

use std::time::Duration;

use super::defect::Defect;
use super::fixture::Fixture;
use super::sample_data::MODE;
use crate::check::InvariantName::ScannerManners;
use crate::check::OracleReport;
use crate::model::RunState;
use crate::model::commit::{ActiveRunsDelta, EndReason};
use crate::model::fault::FaultKind;
use crate::model::observation::{Observation, QueueStep, ScanAnswer};

pub const DEFECTS: &[Defect] = &[
    Defect::new(ScannerManners, "requests faster than the rate", || {
        let (mut fixture, message, delivery) = Fixture::with_a_segment();
        for n in [1, 2, 1, 2] {
            fixture.now = fixture.now.after(Duration::from_millis(100));
            let permit = fixture.now;
            fixture.ask(n, delivery, Some((2.0, permit)));
        }
        fixture.end_with(message, 0, delivery)
    }),
    Defect::new(ScannerManners, "permit used twice", || {
        let (mut fixture, _, delivery) = Fixture::with_a_segment();
        let permit = Some((10.0, fixture.now));
        fixture.ask(1, delivery, permit).ask(2, delivery, permit);
        fixture.stop_here()
    }),
    Defect::new(ScannerManners, "permit that was not granted", || {
        let (mut fixture, _, delivery) = Fixture::with_a_segment();
        let permit = fixture.now;
        fixture.grant(permit, 2);
        let between = permit.after(Duration::from_millis(500));
        fixture
            .wait(1)
            .ask_ungranted(1, delivery, Some((10.0, between)));
        fixture.stop_here()
    }),
    Defect::new(
        ScannerManners,
        "requests in a trail faster than the rate",
        || asks_twice_in_a_trail(Duration::from_millis(150)),
    ),
    Defect::new(ScannerManners, "trail without a slow answer", || {
        let (mut fixture, _, _) = Fixture::with_a_segment();
        let now = fixture.now;
        fixture
            .grant_with_trail((now, now), 1, Duration::from_millis(1))
            .stop_here()
    }),
    Defect::new(ScannerManners, "trail that is too long", || {
        let (mut fixture, _, _) = Fixture::with_a_segment();
        let now = fixture.now;
        fixture
            .answer_permits_slowly()
            .grant_with_trail((now, now), 1, Duration::from_millis(2_001))
            .stop_here()
    }),
    Defect::new(ScannerManners, "more permits than images", || {
        let (mut fixture, _, delivery) = Fixture::with_a_segment();
        let now = fixture.now;
        fixture.grant(now, 2).ask(1, delivery, Some((10.0, now)));
        fixture.ask(
            2,
            delivery,
            Some((10.0, now.after(Duration::from_nanos(1)))),
        );
        fixture
            .grant(now.after(Duration::from_secs(5)), 2)
            .stop_here()
    }),
    Defect::new(ScannerManners, "request before its permit", || {
        let (mut fixture, _, delivery) = Fixture::with_a_segment();
        let permit = fixture.now.after(Duration::from_secs(1));
        fixture.ask(1, delivery, Some((10.0, permit))).stop_here()
    }),
    Defect::new(ScannerManners, "request without a permit", || {
        let (mut fixture, _, delivery) = Fixture::with_a_segment();
        fixture.ask_without_permit(1, delivery, 10.0).stop_here()
    }),
    Defect::new(ScannerManners, "late permit without a delay", || {
        asks_late(None)
    }),
    Defect::new(
        ScannerManners,
        "request before Retry-After of the process",
        || asks_after_retry_after(2, 9),
    ),
    Defect::new(
        ScannerManners,
        "request before Retry-After of the image",
        || asks_after_retry_after(1, 9),
    ),
    Defect::new(ScannerManners, "fourth request of an image", || {
        asks_times(4)
    }),
    Defect::new(ScannerManners, "repeats without a delay", || repeats(2)),
    Defect::new(ScannerManners, "request after a permanent refusal", || {
        let (mut fixture, _, delivery) = Fixture::with_a_segment();
        fixture
            .ask(1, delivery, None)
            .answer(1, delivery, ScanAnswer::Refused)
            .ask(1, delivery, None)
            .stop_here()
    }),
    Defect::new(ScannerManners, "request for a committed segment", || {
        let (mut fixture, message, delivery) = Fixture::with_a_segment();
        let commit = fixture.segment_commit(0, delivery);
        fixture.submit(commit);
        fixture
            .wait(61)
            .step(message, delivery, Some(0), QueueStep::Expired);
        let again = fixture.begin(0, message);
        fixture.ask(1, again, None).stop_here()
    }),
    Defect::new(ScannerManners, "request for a run known to be over", || {
        let (mut fixture, _, delivery) = cancelled_while_worked();
        let (incarnation, run) = (fixture.incarnation.clone(), fixture.run.clone());
        let key = fixture.key(0);
        fixture.wait(20).see(&Observation::SegmentBegunLearned {
            incarnation: &incarnation,
            key: &key,
            delivery,
            run: run.as_ref(),
        });
        fixture.ask(1, delivery, None).stop_here()
    }),
    Defect::new(
        ScannerManners,
        "request a lease after a cancellation",
        || asks_after_cancellation(61),
    ),
];

/// A run is cancelled while its first segment is worked.
fn cancelled_while_worked() -> (Fixture, u64, u64) {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    let run = fixture.run_id();
    fixture.see(&Observation::CancelRequested { run: &run });
    let mut commit = fixture.end_commit(EndReason::Command, RunState::Cancelled);
    commit.active_runs_delta = Some(ActiveRunsDelta {
        mode: MODE,
        change: -1,
    });
    fixture.submit(commit);
    (fixture, message, delivery)
}

fn asks_after_cancellation(seconds: u64) -> OracleReport {
    let (mut fixture, _, delivery) = cancelled_while_worked();
    fixture.wait(seconds).ask(1, delivery, None).stop_here()
}

#[test]
fn request_within_a_lease_of_a_cancellation_is_no_violation() {
    assert!(asks_after_cancellation(60).is_clean(ScannerManners));
}

/// A request goes out a second after its permit, with such a fault on record.
fn asks_late(fault: Option<FaultKind>) -> OracleReport {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    let permit = fixture.now;
    if let Some(kind) = fault {
        fixture.see(&Observation::FaultTriggered { kind });
    }
    fixture
        .wait(1)
        .ask(1, delivery, Some((2.0, permit)))
        .stop_here()
}

/// Two requests within 10 ms at 0.5 per second, each 200 ms after the grant of its permit, with
/// this trail. The tolerance is 50 ms.
fn asks_twice_in_a_trail(trail: Duration) -> OracleReport {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    fixture.answer_permits_slowly();
    for n in [1, 2] {
        fixture.now = fixture.now.after(Duration::from_millis(10));
        let at = fixture.now.before(Duration::from_millis(200));
        fixture
            .grant_with_trail((at, at), 1, trail)
            .ask_ungranted(n, delivery, Some((0.5, at)));
    }
    fixture.stop_here()
}

/// Image 1 is throttled for 10 s; an image is asked for `seconds` later.
fn asks_after_retry_after(image: u8, seconds: u64) -> OracleReport {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    let until = fixture.now.after(Duration::from_secs(10));
    fixture
        .ask(1, delivery, None)
        .answer(1, delivery, ScanAnswer::Throttled(until))
        .wait(seconds)
        .ask(image, delivery, None)
        .stop_here()
}

fn asks_times(times: usize) -> OracleReport {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    for _ in 0..times {
        fixture.wait(1).ask(1, delivery, None);
    }
    fixture.stop_here()
}

/// A request fails, and is repeated at once this many times.
fn repeats(times: usize) -> OracleReport {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    for _ in 0..=times {
        fixture.ask(1, delivery, None);
        fixture.answer(1, delivery, ScanAnswer::Failed);
    }
    fixture.stop_here()
}

#[test]
fn single_repeat_in_the_same_instant_is_no_violation() {
    assert!(repeats(1).is_clean(ScannerManners));
}

#[test]
fn third_request_of_an_image_is_no_violation() {
    assert!(asks_times(3).is_clean(ScannerManners));
}

#[test]
fn request_at_retry_after_is_no_violation() {
    assert!(asks_after_retry_after(1, 10).is_clean(ScannerManners));
    assert!(asks_after_retry_after(2, 10).is_clean(ScannerManners));
}

#[test]
fn late_permit_after_a_pause_or_a_store_outage_is_no_violation() {
    assert!(asks_late(Some(FaultKind::ProcessPause)).is_clean(ScannerManners));
    assert!(asks_late(Some(FaultKind::StoreOutage)).is_clean(ScannerManners));
    assert!(!asks_late(Some(FaultKind::ScannerSlow)).is_clean(ScannerManners));
}

#[test]
fn requests_after_their_trail_are_late_and_the_rate_does_not_count_them() {
    let report = asks_twice_in_a_trail(Duration::from_millis(149));
    assert!(report.is_clean(ScannerManners));
}

#[test]
fn late_permit_after_a_slow_answer_is_no_violation() {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    let permit = fixture.now;
    fixture
        .answer_permits_slowly()
        .wait(1)
        .ask(1, delivery, Some((2.0, permit)));
    assert!(fixture.texts(ScannerManners).is_empty());
}

#[test]
fn sixth_delivery_is_not_worked() {
    let (mut fixture, message, mut delivery) = Fixture::with_a_segment();
    for _ in 0..5 {
        fixture.ask(1, delivery, None);
        fixture
            .wait(61)
            .step(message, delivery, Some(0), QueueStep::Expired);
        delivery = fixture.begin(0, message);
    }
    assert!(fixture.texts(ScannerManners).is_empty());
    fixture.ask(1, delivery, None);
    assert_eq!(fixture.texts(ScannerManners).len(), 1);
}

#[test]
fn superseded_delivery_is_not_worked_once_its_holder_knows() {
    let (mut fixture, _, old) = Fixture::with_a_segment();
    fixture.wait(1).ask(1, old, None);
    let copy = fixture.enqueue(Some(0));
    let newer = fixture.lease(copy, Some(0));
    let (incarnation, key) = (fixture.incarnation.clone(), fixture.key(0));
    let run = fixture.run.clone();
    let begun = |delivery| Observation::SegmentBegun {
        incarnation: &incarnation,
        key: &key,
        delivery,
        run: run.as_ref(),
    };
    fixture.see(&begun(newer)).see(&begun(old));
    fixture.ask(2, old, None);
    assert!(fixture.texts(ScannerManners).is_empty(), "it can't know");
    fixture.see(&Observation::SegmentBegunLearned {
        incarnation: &incarnation,
        key: &key,
        delivery: old,
        run: run.as_ref(),
    });
    fixture.ask(2, old, None);
    assert_eq!(fixture.texts(ScannerManners).len(), 1);
}

#[test]
fn permits_for_a_segment_whose_message_another_holder_removed_are_no_violation() {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    let other = fixture.enqueue(Some(1));
    let removed = fixture.begin(1, other);
    let now = fixture.now;
    for n in 1..=2 {
        let permit = now.after(Duration::from_secs(n));
        fixture.grant(permit, 1);
        fixture
            .wait(1)
            .ask(u8::try_from(n).unwrap(), delivery, Some((1.0, permit)));
    }
    fixture.acknowledge(other, removed, Some(1));
    let permit = fixture.now.after(Duration::from_secs(5));
    fixture.grant(permit, 2);
    assert!(
        fixture.texts(ScannerManners).is_empty(),
        "{:?}",
        fixture.texts(ScannerManners)
    );
}
