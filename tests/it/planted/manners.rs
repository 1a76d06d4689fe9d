//! Bad manners towards the Scanner, and work that waits for Notify.

use std::time::Duration;

use async_trait::async_trait;
use rehearsal::check::InvariantName as N;
use rehearsal::model::{ScanReport, ScheduleId};
use rehearsal::worker::ports::{
    Clock, PermitGrant, PortResult, Ports, ScanRequest, Scanner, ScannerError, Store,
};

use super::{Expected, assert_caught};
use crate::plant::{Defect, Incarnation};

/// A store that hands out permits twice as fast as it is asked to.
struct GenerousStore;

#[async_trait(?Send)]
impl Defect for GenerousStore {
    async fn reserve_permits(
        &self,
        incarnation: &Incarnation,
        schedule: &ScheduleId,
        rate_per_second: f64,
        count: u32,
        lead: Duration,
    ) -> PortResult<PermitGrant> {
        let store = incarnation.world.store();
        let twice = 2.0 * rate_per_second;
        store.reserve_permits(schedule, twice, count, lead).await
    }
}

#[test]
fn permits_above_rate_violate_scanner_manners() {
    let expected = Expected {
        name: N::ScannerManners,
        also: &[],
        says: [
            "schedule globex-often, asked by worker-",
            "requests came faster than the rate allows; expected at most 5 × ",
            "within that time",
        ],
    };
    assert_caught("", GenerousStore, &expected);
}

/// A Scanner that often asks to wait.
const BUSY_SCANNER: &str = r#"
[scanner]
rateLimitProbability = 0.1
retryAfter = "30s"
"#;

/// A client that asks again at once, whatever it is told.
struct Pushy;

#[async_trait(?Send)]
impl Defect for Pushy {
    async fn report(
        &self,
        incarnation: &Incarnation,
        request: &ScanRequest<'_>,
    ) -> Result<ScanReport, ScannerError> {
        match incarnation.world.scanner().report(request).await {
            // Of a schedule without a rate, so that no permit is used twice.
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
        also: &[],
        says: [
            "image sha256:",
            "it was asked for again before Retry-After had passed",
            "expected 2024-01-01T",
        ],
    };
    assert_caught(BUSY_SCANNER, Pushy, &expected);
}

/// A client that asks for each image five times.
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
        also: &[],
        says: [
            "it was asked for too often under one delivery",
            "expected at most 3 requests",
            "found 4",
        ],
    };
    assert_caught("", AsksFiveTimes, &expected);
}

/// Notify is down from minute 25 to minute 65.
const NOTIFY_OUTAGE: &str = r#"
[[fault]]
kind = "notify-outage"
at = "25m"
duration = "40m"
"#;

/// A runner that asks the Scanner for nothing while Notify is down.
struct WaitsForNotify;

#[async_trait(?Send)]
impl Defect for WaitsForNotify {
    async fn report(
        &self,
        incarnation: &Incarnation,
        request: &ScanRequest<'_>,
    ) -> Result<ScanReport, ScannerError> {
        // In the simulated world a process counts from the Unix epoch, and the rehearsal begins at
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
        also: &[],
        says: [
            "no work went on since ",
            "expected progress as if Notify were up",
            "open runs and none",
        ],
    };
    assert_caught(NOTIFY_OUTAGE, WaitsForNotify, &expected);
}
