//! `lease-discipline`, of stopping processes.

use std::time::Duration;

use super::defect::Defect;
use super::fixture::Fixture;
use super::sample_data::RELEASED;
use crate::check::InvariantName::LeaseDiscipline;
use crate::check::OracleReport;
use crate::model::fault::FaultKind;
use crate::model::observation::{IncarnationEnd, Observation, PortName, QueueStep, ScanAnswer};

const REPORT: ScanAnswer = ScanAnswer::Report(0);

pub const DEFECTS: &[Defect] = &[
    Defect::new(LeaseDiscipline, "stop with a message leased", || {
        stops_with_a_message(FaultKind::GracefulStop)
    }),
    Defect::new(
        LeaseDiscipline,
        "stop that takes longer than its grace",
        || {
            let (mut fixture, message, delivery) = Fixture::with_a_segment();
            fixture.wait(1).stop();
            fixture.wait(40).acknowledge(message, delivery, Some(0));
            fixture.wait(1).ends().stop_here()
        },
    ),
    Defect::new(LeaseDiscipline, "work given up during the grace", || {
        gives_up_after(29, &[REPORT])
    }),
    Defect::new(LeaseDiscipline, "stop long after the last message", || {
        stops_without_messages(26, None)
    }),
];

/// The process stops with a message leased, half a minute after a fault.
fn stops_with_a_message(kind: FaultKind) -> OracleReport {
    let (mut fixture, ..) = Fixture::with_a_segment();
    fixture.see(&Observation::FaultTriggered { kind });
    let incarnation = fixture.incarnation.clone();
    fixture.wait(30).see(&Observation::IncarnationEnded {
        incarnation: &incarnation,
        end: IncarnationEnd::Stopped,
    });
    fixture.stop_here()
}

/// A process is asked to stop after these answers, and gives its segment of two images up after
/// that many seconds.
fn gives_up_after(seconds: u64, answers: &[ScanAnswer]) -> OracleReport {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    for (image, answer) in (1..).zip(answers) {
        fixture.wait(1).ask(image, delivery, None).wait(1);
        fixture.answer(image, delivery, *answer);
    }
    fixture.wait(1).stop().wait(seconds);
    let step = RELEASED;
    fixture.step(message, delivery, Some(0), step).stop_here()
}

#[test]
fn work_given_up_for_other_reasons_is_no_violation() {
    let is_clean = |seconds, answers: &[ScanAnswer]| {
        gives_up_after(seconds, answers).is_clean(LeaseDiscipline)
    };
    assert!(is_clean(30, &[REPORT]), "the grace is over");
    assert!(is_clean(29, &[ScanAnswer::Failed]), "the Scanner is down");
    assert!(is_clean(0, &[]), "no work has begun");
    assert!(is_clean(1, &[REPORT, REPORT]), "commits conflict");
}

/// The process holds no message, is asked to stop, and ends after that many seconds.
fn stops_without_messages(seconds: u64, fault: Option<FaultKind>) -> OracleReport {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    fixture.acknowledge(message, delivery, Some(0));
    if let Some(kind) = fault {
        fixture.see(&Observation::FaultTriggered { kind });
    }
    fixture.wait(1).stop();
    fixture.wait(seconds).ends().stop_here()
}

#[test]
fn stop_soon_after_the_last_message_is_no_violation() {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    fixture.wait(1).stop();
    fixture.wait(10).acknowledge(message, delivery, Some(0));
    assert!(
        fixture
            .wait(25)
            .ends()
            .stop_here()
            .is_clean(LeaseDiscipline)
    );
}

#[test]
fn stop_during_another_fault_may_take_longer() {
    let fault = Some(FaultKind::QueueOutage);
    assert!(stops_without_messages(60, fault).is_clean(LeaseDiscipline));
    assert!(stops_with_a_message(FaultKind::QueueOutage).is_clean(LeaseDiscipline));
}

#[test]
fn stop_during_a_slow_call_may_take_longer() {
    let stops = |slow_seconds: u64| {
        let (mut fixture, message, delivery) = Fixture::with_a_segment();
        fixture.acknowledge(message, delivery, Some(0));
        fixture.see(&Observation::CallSlow {
            incarnation: &fixture.incarnation.clone(),
            port: PortName::Queue,
            until: fixture.now.after(Duration::from_secs(slow_seconds)),
        });
        fixture.wait(91).stop();
        fixture.wait(39).ends().stop_here()
    };
    assert!(stops(10).is_clean(LeaseDiscipline));
    assert!(!stops(9).is_clean(LeaseDiscipline), "over before the stop");
}

#[test]
fn message_whose_lease_was_never_received_may_stay_leased() {
    let mut fixture = Fixture::new();
    fixture.fire().plan().dispatch();
    let message = fixture.message_of(0);
    let until = fixture.now.after(Duration::from_secs(60));
    let leased = QueueStep::Leased { until, attempt: 1 };
    fixture.step(message, 1, Some(0), leased);
    fixture.wait(1).stop();
    let report = fixture.wait(1).ends().stop_here();
    assert!(report.is_clean(LeaseDiscipline));
}
