//! A Scanner whose reports are computed from the digest of the image and the time.

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_body_util::{BodyExt, Collected, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use rehearsal_worker::model::{Finding, ImageDigest, Mode, ScanReport, Severity, Timestamp};
use serde::Deserialize;
use tokio::time::sleep;

use super::inventory::component_name;
use crate::http::{Respond, json, text};

/// Path of the reports.
pub const PATH: &str = "/api/v1/reports";
/// Maximum number of bytes of a request.
const REQUEST_BYTES_MAX: usize = 4_096;
/// Time after which an image may have new findings.
const REVISION_SECONDS: u64 = 120;
/// Number of vulnerabilities that are known in the end.
const VULNERABILITIES: u64 = 400;

/// Server of reports.
#[derive(Debug, Clone, Copy)]
pub struct DemoScanner;

#[derive(Deserialize)]
struct DemoRequest {
    image: ImageDigest,
    mode: Mode,
}

impl Respond for DemoScanner {
    async fn respond(&self, request: Request<Incoming>, _client: IpAddr) -> Response<Full<Bytes>> {
        if request.method() != Method::POST || request.uri().path() != PATH {
            return text(StatusCode::NOT_FOUND, "not found\n");
        }
        let body = Limited::new(request.into_body(), REQUEST_BYTES_MAX)
            .collect()
            .await;
        let body = body.map(Collected::to_bytes).unwrap_or_default();
        let Ok(request) = serde_json::from_slice::<DemoRequest>(&body) else {
            return text(StatusCode::BAD_REQUEST, "no request for a report\n");
        };
        let seed = u64::from(request.image.as_bytes()[0]);
        // A new scan takes longer than a report over the stored SBOM.
        let factor = match request.mode {
            Mode::AnalysisOnly => 1,
            Mode::ContentRefresh => 4,
        };
        sleep(Duration::from_millis(factor * (5 + seed % 20))).await;
        let elapsed = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let report = report(request.image, Timestamp::ZERO.after(elapsed));
        match serde_json::to_value(report) {
            Ok(report) => json(StatusCode::OK, &report),
            Err(_) => text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the report can't be written\n",
            ),
        }
    }
}

/// Returns the report of an image: every two minutes one of eight images has another finding.
fn report(image: ImageDigest, now: Timestamp) -> ScanReport {
    let bytes = image.as_bytes();
    let seed = u64::from(bytes[0]) << 8 | u64::from(bytes[1]);
    let period = now.seconds().cast_unsigned() / REVISION_SECONDS;
    let revision = (period + seed % 8) / 8;
    let count = 1 + seed % 5 + revision % 4;
    let findings = (0..count).map(|place| finding(seed, revision - revision % 4, place));
    let mut findings: Vec<Finding> = findings.collect();
    findings.sort();
    findings.dedup();
    ScanReport {
        image,
        revision,
        generated_at: now,
        findings: findings.into(),
    }
}

fn finding(seed: u64, epoch: u64, place: u64) -> Finding {
    let number = (seed * 31 + place * 97 + epoch) % VULNERABILITIES;
    let severity = match number % 16 {
        0 => Severity::Critical,
        1..4 => Severity::High,
        4..9 => Severity::Medium,
        _ => Severity::Low,
    };
    let component = u32::try_from(number % 60).unwrap_or_default();
    Finding {
        vulnerability: format!("CVE-2026-{}", 1_000 + number).into(),
        component: component_name(component),
        severity,
        kev: number.is_multiple_of(29),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_depends_on_image_and_time_only_and_changes_with_its_revision() {
        let image = ImageDigest::new([9; 32]);
        let at =
            |minutes: u64| report(image, Timestamp::from_seconds(1_700_000_000 + minutes * 60));
        assert_eq!(at(0), at(0));
        let (before, after) = (at(0), at(17));
        assert!(after.revision > before.revision);
        assert_ne!(after.findings, before.findings);
        assert!(after.findings.is_sorted());
    }
}
