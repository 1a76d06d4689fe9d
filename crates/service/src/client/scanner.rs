//! Client of the Scanner: one POST for each report.
//!
//! ```text
//!   POST <url>    Authorization: Bearer <token>
//!   {"tenant", "schedule", "image", "mode", "delivery", "attempt"}
//!
//!   200        the report              ->  committed
//!   404, 422   never a report          ->  Refused
//!   429        with Retry-After        ->  Throttled, 1 s without the header
//!   others     redirects too           ->  Failed, repeated with delays
//!   no connection                      ->  Unavailable
//! ```

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::{HeaderMap, StatusCode};
use rehearsal_worker::model::{ImageDigest, Mode, ScanReport, ScheduleId, TenantId};
use rehearsal_worker::ports::{ScanRequest, Scanner, ScannerError, Unavailable};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::http_client::{HttpAnswer, HttpClient, HttpError};
use super::retry_after::retry_after;
use crate::log::LogInterval;

/// Wait after a 429 without a readable `Retry-After`.
const DEFAULT_WAIT: Duration = Duration::from_secs(1);

/// Options of the client.
#[derive(Debug, Clone)]
pub struct ScannerOptions {
    /// Token that the Scanner asks for; none if it asks for none.
    pub token: Option<SecretString>,
    /// Maximum number of bytes of a report.
    pub max_report_bytes: usize,
}

/// Client of the Scanner.
#[derive(Clone)]
pub struct HttpScanner(Rc<ScannerState>);

struct ScannerState {
    client: HttpClient,
    authorization: Option<HeaderValue>,
    max_report_bytes: usize,
    warnings: LogInterval,
}

/// Body of a request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportRequest<'a> {
    tenant: &'a TenantId,
    schedule: &'a ScheduleId,
    image: &'a ImageDigest,
    mode: Mode,
    delivery: u64,
    attempt: u32,
}

impl HttpScanner {
    /// Creates a client.
    ///
    /// # Errors
    /// The token has characters that no header may have.
    pub fn new(client: HttpClient, options: &ScannerOptions) -> Result<Self, InvalidToken> {
        let authorization = options.token.as_ref().map(bearer).transpose()?;
        Ok(Self(Rc::new(ScannerState {
            client,
            authorization,
            max_report_bytes: options.max_report_bytes,
            warnings: LogInterval::default(),
        })))
    }

    fn warn(&self, reason: &str) {
        if self.0.warnings.is_due(reason) {
            let scanner = self.0.client.target();
            tracing::warn!(%scanner, reason, "the Scanner gives no reports");
        }
    }
}

/// A token with characters that no header may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token has characters that no header may have; remove line ends and spaces")]
pub struct InvalidToken;

fn bearer(token: &SecretString) -> Result<HeaderValue, InvalidToken> {
    let text = format!("Bearer {}", token.expose_secret());
    let mut value = HeaderValue::try_from(text).map_err(|_| InvalidToken)?;
    value.set_sensitive(true);
    Ok(value)
}

impl Scanner for HttpScanner {
    async fn report(&self, request: &ScanRequest<'_>) -> Result<ScanReport, ScannerError> {
        let state = &self.0;
        let body = ReportRequest {
            tenant: request.tenant,
            schedule: request.schedule,
            image: request.image,
            mode: request.mode,
            delivery: request.delivery,
            attempt: request.attempt,
        };
        let body = serde_json::to_vec(&body).expect("a struct with text keys");
        let authorization = state.authorization.clone();
        let headers: HeaderMap = authorization
            .map(|value| (AUTHORIZATION, value))
            .into_iter()
            .collect();
        match state
            .client
            .post(headers, body, state.max_report_bytes)
            .await
        {
            Ok(answer) => self.read(request.image, &answer),
            Err(error) => {
                self.warn(&error.to_string());
                Err(match error {
                    HttpError::Unreachable(_) => ScannerError::Unavailable,
                    HttpError::Incomplete(_) => ScannerError::Failed,
                })
            }
        }
    }
}

impl HttpScanner {
    fn read(&self, image: &ImageDigest, answer: &HttpAnswer) -> Result<ScanReport, ScannerError> {
        match answer.status {
            StatusCode::OK => read_report(image, &answer.body).map_err(|reason| {
                self.warn(&reason);
                ScannerError::Failed
            }),
            StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY => Err(ScannerError::Refused),
            StatusCode::TOO_MANY_REQUESTS => {
                let wait = retry_after(&answer.headers, SystemTime::now());
                Err(ScannerError::Throttled(wait.unwrap_or(DEFAULT_WAIT)))
            }
            status => {
                self.warn(&format!("status {status}"));
                Err(ScannerError::Failed)
            }
        }
    }
}

/// The configured Scanner.
#[derive(Clone)]
pub enum ScannerClient {
    /// A Scanner over HTTP.
    Http(HttpScanner),
    /// No Scanner, for processes that do not scan.
    None(Unavailable),
}

impl Scanner for ScannerClient {
    async fn report(&self, request: &ScanRequest<'_>) -> Result<ScanReport, ScannerError> {
        match self {
            Self::Http(scanner) => scanner.report(request).await,
            Self::None(none) => none.report(request).await,
        }
    }
}

/// Reads a report, and puts its findings into order.
fn read_report(image: &ImageDigest, body: &[u8]) -> Result<ScanReport, String> {
    let report = serde_json::from_slice::<ScanReport>(body);
    // The error's text would quote the report.
    let mut report = report.map_err(|error| {
        format!(
            "a report can't be read: {:?} error in line {}",
            error.classify(),
            error.line()
        )
    })?;
    if report.image != *image {
        return Err("a report is about another image".to_owned());
    }
    let mut findings = report.findings.to_vec();
    findings.sort();
    findings.dedup_by(|a, b| (&a.vulnerability, &a.component) == (&b.vulnerability, &b.component));
    report.findings = findings.into();
    Ok(report)
}
