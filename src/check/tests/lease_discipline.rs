//! `lease-discipline`: holders of leases.

use std::time::Duration;

use super::defect::Defect;
use super::fixture::Fixture;
use super::sample_data::RELEASED;
use crate::check::InvariantName::LeaseDiscipline;
use crate::check::OracleReport;
use crate::model::IncarnationId;
use crate::model::observation::{Observation, PortName, QueueName, QueueStep};

pub const DEFECTS: &[Defect] = &[
    Defect::new(LeaseDiscipline, "acknowledgement after expiry", || {
        let (mut fixture, message, delivery) = Fixture::with_a_segment();
        fixture.wait(61);
        fixture.end_with(message, 0, delivery)
    }),
    Defect::new(
        LeaseDiscipline,
        "release of a message that is not leased",
        || {
            let (mut fixture, message, delivery) = Fixture::with_a_segment();
            let step = RELEASED;
            fixture.step(message, delivery, Some(0), step);
            fixture.step(message, delivery, Some(0), step);
            fixture.stop_here()
        },
    ),
    Defect::new(LeaseDiscipline, "acknowledgement of a dead letter", || {
        let (mut fixture, message, delivery) = Fixture::with_a_segment();
        fixture.see(&Observation::MessageCorrupted {
            queue: QueueName::Runner,
            message,
        });
        fixture.step(message, delivery, Some(0), QueueStep::DeadLettered);
        fixture.acknowledge(message, delivery, Some(0)).stop_here()
    }),
    Defect::new(LeaseDiscipline, "redriven message with attempts", || {
        leases_after_redrive(2)
    }),
    Defect::new(LeaseDiscipline, "message leased without the store", || {
        leases_without_the_store(51)
    }),
    Defect::new(LeaseDiscipline, "message renewed without the store", || {
        renews_without_the_store(200)
    }),
    Defect::new(LeaseDiscipline, "commit of a superseded delivery", || {
        let mut fixture = Fixture::new();
        fixture.fire().plan().dispatch();
        let message = fixture.message_of(0);
        let old = fixture.begin(0, message);
        fixture
            .wait(61)
            .step(message, old, Some(0), QueueStep::Expired);
        fixture.begin(0, message);
        let commit = fixture.segment_commit(0, old);
        fixture.submit(commit).stop_here()
    }),
    Defect::new(
        LeaseDiscipline,
        "commit under another process's delivery",
        || {
            let (mut fixture, _, delivery) = Fixture::with_a_segment();
            let mut commit = fixture.segment_commit(0, delivery);
            commit.token.incarnation = IncarnationId {
                process: "v".into(),
                number: 1,
            };
            fixture.apply(&mut commit);
            fixture.stop_here()
        },
    ),
    Defect::new(
        LeaseDiscipline,
        "scanner request after the deadline",
        || asks_after(61),
    ),
    Defect::new(LeaseDiscipline, "scanner request without a lease", || {
        let (mut fixture, ..) = Fixture::with_a_segment();
        fixture.ask(1, 99, None).stop_here()
    }),
];

/// A scanner request `seconds` after the lease began.
fn asks_after(seconds: u64) -> OracleReport {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    fixture.wait(seconds).ask(1, delivery, None).stop_here()
}

/// A dead letter is redriven and leased as this attempt.
fn leases_after_redrive(attempt: u32) -> OracleReport {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    for step in [QueueStep::DeadLettered, QueueStep::Redriven] {
        fixture.step(message, delivery, Some(0), step);
    }
    let until = fixture.now.after(Duration::from_secs(60));
    let step = QueueStep::Leased { until, attempt };
    fixture.step(message, 99, Some(0), step).stop_here()
}

/// A process can't reach the store; `seconds` later it leases a message.
fn leases_without_the_store(seconds: u64) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.fire().plan().dispatch();
    let message = fixture.message_of(0);
    fixture.cut_off(PortName::Store);
    fixture.wait(seconds).lease(message, Some(0));
    fixture.stop_here()
}

/// A process that can't reach the store renews a lease for `seconds`.
fn renews_without_the_store(seconds: u64) -> OracleReport {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    fixture.cut_off(PortName::Store);
    for _ in 0..seconds / 10 {
        let until = fixture.wait(10).now.after(Duration::from_secs(60));
        fixture.step(message, delivery, Some(0), QueueStep::Renewed { until });
    }
    fixture.stop_here()
}

#[test]
fn scanner_request_at_the_deadline_is_no_violation() {
    assert!(asks_after(60).is_clean(LeaseDiscipline));
}

#[test]
fn lease_without_the_store_within_the_notice_is_no_violation() {
    assert!(leases_without_the_store(50).is_clean(LeaseDiscipline));
}

#[test]
fn renewal_without_the_store_before_others_may_work_is_no_violation() {
    assert!(renews_without_the_store(190).is_clean(LeaseDiscipline));
}

#[test]
fn redriven_message_begins_at_the_first_attempt() {
    let report = leases_after_redrive(1);
    assert!(
        report.is_clean(LeaseDiscipline),
        "{:?}",
        report.texts(LeaseDiscipline)
    );
}
