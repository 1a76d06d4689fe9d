//! Asking the Scanner, with manners: permits, time-outs, retries within a limit, Retry-After.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::context::Context;
use super::patience::ReusableTimeout;
use super::permits::PermitPool;
use super::ports::{Clock, Ports, ScanRequest, Scanner, ScannerError};
use crate::metrics::ScannerOutcome;
use crate::model::time::nanos_of;
use crate::model::{ImageDigest, Run, ScanReport};

/// Why there is no report of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanFailure {
    /// The Scanner refuses the image for good.
    Refused,
    /// No report within the attempt limit, or no permit: the Scanner or the store is unavailable.
    Unavailable,
    /// The work has to stop: the lease is over or the process stops.
    Interrupted,
}

/// Asks the Scanner on behalf of one process.
#[derive(Debug, Default)]
pub struct ScannerReportClient {
    /// Retry-After, on the process's own clock: no request before.
    hold_until_nanos: AtomicU64,
}

/// On whose behalf requests are made.
pub struct ScanSession<'a, C: Clock> {
    /// The run.
    pub run: &'a Run,
    /// The schedule's rate.
    pub rate_per_second: Option<f64>,
    /// The lease.
    pub delivery: u64,
    /// Permits in hand, if the schedule has a rate.
    pub permits: Option<PermitPool>,
    /// How long the Scanner may take for one request.
    pub timeout: ReusableTimeout<'a, C>,
}

impl ScannerReportClient {
    /// Asks for a report of an image. `wanted`: requests that the session still expects to make.
    /// `may_go_on` is asked right before each request.
    ///
    /// # Errors
    /// See [`ScanFailure`].
    pub async fn report<P: Ports>(
        &self,
        context: &Context<P>,
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
            let answered = context.ports.scanner().report(&request);
            let answer = session.timeout.run(answered).await;
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
            context.sleep_or_stopped(delay).await;
            attempt += 1;
        }
    }

    /// Waits out Retry-After and then the permit, until both allow a request at once.
    async fn clear_to_send<P: Ports>(
        &self,
        context: &Context<P>,
        session: &mut ScanSession<'_, P::Clock>,
        wanted: u32,
    ) -> Result<Option<crate::model::Timestamp>, ScanFailure> {
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
            // Another segment may have been told to wait meanwhile: then this permit is let go.
            if self.held_for(context).is_none() {
                return Ok(Some(at));
            }
        }
    }

    /// How long Retry-After still holds requests back.
    fn held_for<P: Ports>(&self, context: &Context<P>) -> Option<Duration> {
        let until = Duration::from_nanos(self.hold_until_nanos.load(Ordering::Relaxed));
        let left = until.checked_sub(context.elapsed())?;
        (!left.is_zero()).then_some(left)
    }

    fn hold(&self, until: Duration) {
        self.hold_until_nanos
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
