//! Defects of Scanner requests, and work that waits for Notify.

use std::time::Duration;

use async_trait::async_trait;
use rehearsal::check::InvariantName as N;
use rehearsal::model::{PermitGrant, PermitRequest, ScanReport, ScheduleId};
use rehearsal::worker::ports::{
    Clock, PortResult, Ports, ScanRequest, Scanner, ScannerError, Store,
};

use super::{Expected, assert_caught};
use crate::plant::{Defect, Incarnation};

/// Store that grants permits at twice the requested rate.
struct GenerousStore;

#[async_trait(?Send)]
impl Defect for GenerousStore {
    async fn reserve_permits(
        &self,
        incarnation: &Incarnation,
        schedule: &ScheduleId,
        request: PermitRequest,
    ) -> PortResult<PermitGrant> {
        let store = incarnation.world.store();
        let rate_per_second = 2.0 * request.rate_per_second;
        let twice = PermitRequest {
            rate_per_second,
            ..request
        };
        store.reserve_permits(schedule, twice).await
    }
}

#[test]
fn permits_above_rate_violate_scanner_manners() {
    let expected = Expected {
        name: N::ScannerManners,
        also: &[],
        says: [
            "for schedule globex-often by worker-",
            "because the rate allows 5 × ",
            "the number of requests ",
        ],
    };
    assert_caught("", GenerousStore, &expected);
}

/// Scanner that often answers 429.
const BUSY_SCANNER: &str = r#"
[scanner]
rateLimitProbability = 0.1
retryAfter = "30s"
"#;

/// Scanner client that retries immediately, ignoring Retry-After.
struct Pushy;

#[async_trait(?Send)]
impl Defect for Pushy {
    async fn report(
        &self,
        incarnation: &Incarnation,
        request: &ScanRequest<'_>,
    ) -> Result<ScanReport, ScannerError> {
        match incarnation.world.scanner().report(request).await {
            // A schedule without a rate, so that no permit is used twice.
            Err(ScannerError::Throttled(_)) if request.permit.is_none() => {
                incarnation.world.scanner().report(request).await
            }
            answer => answer,
        }
    }
}

#[test]
fn retry_after_ignored_violates_scanner_manners() {
    let expected = Expected {
        name: N::ScannerManners,
        also: &[N::AppliedLearned, N::Limits],
        says: [
            "image sha256:",
            "because the scanner answered with that Retry-After",
            "expected sent at 2024-01-01T",
        ],
    };
    assert_caught(BUSY_SCANNER, Pushy, &expected);
}

/// Scanner client that requests each image five times.
struct AsksFiveTimes;

#[async_trait(?Send)]
impl Defect for AsksFiveTimes {
    async fn report(
        &self,
        incarnation: &Incarnation,
        request: &ScanRequest<'_>,
    ) -> Result<ScanReport, ScannerError> {
        if request.permit.is_none() {
            for _ in 1..5 {
                incarnation.world.scanner().report(request).await?;
            }
        }
        incarnation.world.scanner().report(request).await
    }
}

#[test]
fn attempts_above_limit_violate_scanner_manners() {
    let expected = Expected {
        name: N::ScannerManners,
        also: &[N::AppliedLearned],
        says: [
            "the number of requests for image sha256:",
            "expected at most 3",
            "is 4",
        ],
    };
    assert_caught("", AsksFiveTimes, &expected);
}

/// Scenario in which Notify is down from minute 25 to minute 65.
const NOTIFY_OUTAGE: &str = r#"
[[fault]]
kind = "notify-outage"
at = "25m"
duration = "40m"
"#;

/// Runner that sends no Scanner request while Notify is down.
struct WaitsForNotify;

#[async_trait(?Send)]
impl Defect for WaitsForNotify {
    async fn report(
        &self,
        incarnation: &Incarnation,
        request: &ScanRequest<'_>,
    ) -> Result<ScanReport, ScannerError> {
        // A simulated process's clock starts at the Unix epoch, and the rehearsal begins at
        // midnight.
        let minute = incarnation.world.clock().elapsed().as_secs() / 60 % (24 * 60);
        if (25..65).contains(&minute) {
            incarnation
                .world
                .clock()
                .sleep(Duration::from_secs(3600))
                .await;
        }
        incarnation.world.scanner().report(request).await
    }
}

#[test]
fn work_waiting_for_notify_violates_notify_independent() {
    let expected = Expected {
        name: N::NotifyIndependent,
        also: &[N::AppliedLearned],
        says: [
            "is without progress since ",
            // Ten minutes, and three times the time of the longest segment.
            "expected advanced within 624 s",
            " open runs ",
        ],
    };
    assert_caught(NOTIFY_OUTAGE, WaitsForNotify, &expected);
}
