//! Faults of the Scanner, of Notify and of the impact index.

use std::time::Duration;

use super::{AFTER, DURING, harness_with};
use crate::model::fault::FaultKind;
use crate::worker::ports::{
    EventPublisher, ImpactQuery, ImpactRequest, PortError, Ports, ScannerError,
};

/// Checks the result of a scan during the fault, and that scans succeed before and after it.
fn scanner_fault(kind: FaultKind, fault: &str, during: Result<(), ScannerError>) {
    let mut harness = harness_with(&format!("{fault}\nduration = \"4m\""));
    assert_eq!(harness.scan(), Ok(()));
    harness.pass_until(DURING);
    assert_eq!(harness.scan(), during);
    harness.pass_until(AFTER);
    assert_eq!(harness.scan(), Ok(()));
    harness.assert_injected(kind);
}

#[test]
fn scanner_outage_refuses_requests() {
    let outage = "kind = \"scanner-outage\"";
    scanner_fault(
        FaultKind::ScannerOutage,
        outage,
        Err(ScannerError::Unavailable),
    );
}

#[test]
fn scanner_outage_breaks_a_request_in_flight() {
    let mut harness = harness_with("kind = \"scanner-outage\"\nduration = \"4m\"");
    harness.pass_until(Duration::from_millis(59_950));
    assert_eq!(harness.scan(), Err(ScannerError::Unavailable));
    assert_eq!(harness.count("answer: Unreachable"), 1);
}

#[test]
fn scanner_error_fails_requests() {
    let error = "kind = \"scanner-error\"\nprobability = 1";
    scanner_fault(FaultKind::ScannerError, error, Err(ScannerError::Failed));
}

#[test]
fn scanner_429_gives_retry_after_in_whole_seconds() {
    let throttle = "kind = \"scanner-429\"\nprobability = 1\nretryAfter = \"1500ms\"";
    let wait = Duration::from_secs(2);
    scanner_fault(
        FaultKind::ScannerThrottle,
        throttle,
        Err(ScannerError::Throttled(wait)),
    );
}

#[test]
fn scanner_refusal_refuses_the_image() {
    let refusal = "kind = \"scanner-refusal\"\nprobability = 1";
    scanner_fault(
        FaultKind::ScannerRefusal,
        refusal,
        Err(ScannerError::Refused),
    );
}

#[test]
fn scanner_slow_multiplies_the_latency() {
    let mut harness = harness_with("kind = \"scanner-slow\"\nduration = \"4m\"\nfactor = 50");
    harness.pass_until(DURING);
    let before = harness.world.now();
    harness.scan().unwrap();
    assert_eq!(harness.world.now().since(before), Duration::from_secs(5));
    harness.pass_until(AFTER);
    harness.assert_injected(FaultKind::ScannerSlow);
}

#[test]
fn notify_outage_refuses_events() {
    let mut harness = harness_with("kind = \"notify-outage\"\nduration = \"4m\"");
    harness.pass_until(DURING);
    for expected in [Err(PortError::Unavailable), Ok(())] {
        let ports = harness.ports("worker-1");
        let answer = harness.run("worker-1", async move { ports.notify().publish(&[]).await });
        assert_eq!(answer, expected);
        harness.pass_until(AFTER);
    }
    assert!(
        harness.count("role: \"test\"") > 0,
        "the caller's role is seen"
    );
    harness.assert_injected(FaultKind::NotifyOutage);
}

#[test]
fn impact_outage_refuses_queries() {
    let mut harness = harness_with("kind = \"impact-outage\"\nduration = \"4m\"");
    harness.pass_until(DURING);
    for is_answered in [false, true] {
        let ports = harness.ports("worker-1");
        let answer = harness.run("worker-1", async move {
            let request = ImpactRequest {
                tenant: &"tenant-1".into(),
                selector: &crate::model::Selector::All,
                product_keys: &[],
                usage_only: false,
            };
            ports.impact_index().resolve(&request).await
        });
        assert_eq!(answer.is_ok(), is_answered);
        harness.pass_until(AFTER);
    }
    harness.assert_injected(FaultKind::ImpactOutage);
}
