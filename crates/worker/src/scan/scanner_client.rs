//! Scan requests of one process: permits, timeouts, bounded retries and Retry-After.
//!
//! A `Retry-After` holds back every request of the process, not only the one that was throttled:
//! the Scanner limits the client, and a process that asked for other images meanwhile would be
//! throttled again. A Scanner that does not answer costs no delivery attempt of the message, since
//! the image is not to blame.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::context::WorkerContext;
use crate::flow::permits::PermitPool;
use crate::flow::reusable_timeout::ReusableTimeout;
use crate::metrics::ScannerOutcome;
use crate::model::time::nanos_of;
use crate::model::{ImageDigest, Run, ScanReport, Timestamp};
use crate::ports::{Clock, Ports, ScanRequest, Scanner, ScannerError};

/// Reason why an image has no report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanFailure {
    /// The Scanner refuses the image permanently.
    Refused,
    /// No report within the attempt limit, or no permit: the Scanner or the store is unavailable.
    Unavailable,
    /// The lease is lost, so the work must end.
    Interrupted,
}

/// Client of the Scanner, shared by all runner tasks of a process.
#[derive(Debug, Default)]
pub struct ScannerReportClient {
    /// End of the latest Retry-After on the process's clock, in nanoseconds.
    hold_until_ns: AtomicU64,
}

/// Requester of a series of reports: one delivery of one segment.
pub struct ScanSession<'a, C: Clock> {
    /// Run of the segment.
    pub run: &'a Run,
    /// Rate limit of the schedule, in requests per second.
    pub rate_per_second: Option<f64>,
    /// Delivery number of the lease.
    pub delivery: u64,
    /// Permits, if the schedule has a rate limit.
    pub permits: Option<PermitPool>,
    /// Timeout of each request.
    pub timeout: ReusableTimeout<'a, C>,
}

impl ScannerReportClient {
    /// Requests a report of an image, up to `scannerAttempts` times. `wanted` is the number of
    /// requests that the session still expects. `may_go_on` is called right before each request.
    ///
    /// # Errors
    /// See [`ScanFailure`].
    pub async fn report<P: Ports>(
        &self,
        context: &WorkerContext<P>,
        session: &mut ScanSession<'_, P::Clock>,
        image: &ImageDigest,
        wanted: u32,
        may_go_on: impl Fn() -> bool,
    ) -> Result<ScanReport, ScanFailure> {
        let mut attempt = 1;
        loop {
            let permit = self.clear_to_send(context, session, wanted).await?;
            if !may_go_on() {
                return Err(ScanFailure::Interrupted);
            }
            let request = ScanRequest {
                tenant: &session.run.tenant,
                schedule: &session.run.schedule,
                rate_per_second: session.rate_per_second,
                image,
                mode: session.run.mode,
                delivery: session.delivery,
                attempt,
                permit,
            };
            let call = context.ports.scanner().report(&request);
            let answer = session.timeout.run(call).await;
            let answer = answer.unwrap_or(Err(ScannerError::TimedOut));
            context
                .metrics
                .scanner_request(session.run.mode, outcome(&answer));
            match answer {
                Ok(report) => return Ok(report),
                Err(ScannerError::Refused) => return Err(ScanFailure::Refused),
                Err(ScannerError::Throttled(wait)) => self.hold(context.elapsed() + wait),
                Err(_) => {}
            }
            if attempt >= context.options.scanner_attempts {
                return Err(ScanFailure::Unavailable);
            }
            let delay = context
                .options
                .backoff()
                .delay(attempt, context.ports.random());
            // A stopping process works on during its grace, with the same delays.
            context.ports.clock().sleep(delay).await;
            attempt += 1;
        }
    }

    /// Waits for the end of Retry-After and then for a permit, until both allow a request at once.
    async fn clear_to_send<P: Ports>(
        &self,
        context: &WorkerContext<P>,
        session: &mut ScanSession<'_, P::Clock>,
        wanted: u32,
    ) -> Result<Option<Timestamp>, ScanFailure> {
        loop {
            while let Some(wait) = self.held_for(context) {
                context.ports.clock().sleep(wait).await;
            }
            let Some(pool) = &mut session.permits else {
                return Ok(None);
            };
            let taken = pool.take(context, wanted).await;
            let (at, wait) = taken.map_err(|_| ScanFailure::Unavailable)?;
            if !wait.is_zero() {
                context.ports.clock().sleep(wait).await;
            }
            // Another segment's request may have been throttled meanwhile: the permit is dropped.
            if self.held_for(context).is_none() {
                return Ok(Some(at));
            }
        }
    }

    /// Returns the time for which Retry-After still holds requests back.
    fn held_for<P: Ports>(&self, context: &WorkerContext<P>) -> Option<Duration> {
        let until = Duration::from_nanos(self.hold_until_ns.load(Ordering::Relaxed));
        let left = until.checked_sub(context.elapsed())?;
        (!left.is_zero()).then_some(left)
    }

    fn hold(&self, until: Duration) {
        self.hold_until_ns
            .fetch_max(nanos_of(until), Ordering::Relaxed);
    }
}

fn outcome(answer: &Result<ScanReport, ScannerError>) -> ScannerOutcome {
    match answer {
        Ok(_) => ScannerOutcome::Succeeded,
        Err(ScannerError::Refused) => ScannerOutcome::Refused,
        Err(ScannerError::Throttled(_)) => ScannerOutcome::RateLimited,
        Err(ScannerError::Failed) => ScannerOutcome::ServerError,
        Err(ScannerError::TimedOut) => ScannerOutcome::TimedOut,
        Err(ScannerError::Unavailable) => ScannerOutcome::Unreachable,
    }
}
