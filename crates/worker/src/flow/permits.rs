//! Rate permits: one schedule's request rate, kept over the whole fleet.
//!
//! The store hands out instants, one per request, evenly spaced. A process sends each request at
//! its permit's instant, on its own clock. Two alternatives were rejected: a limiter per process
//! would multiply the rate by the number of processes, and a call to the store per request would
//! make each scan wait for a round trip.
//!
//! A process receives the grant one round trip late, so a request may go out up to
//! `permitTolerance` after its permit's instant. If the answer took longer than that, all permits
//! of the grant count as late. For `rate * w + 1` requests in every window of w ≥ 1 s to hold all
//! the same, permits are reserved at 1 / (1 + tolerance in seconds) of the configured rate: the
//! requests of such a window come from permits of at most `w + tolerance` seconds.

use std::time::Duration;

use rehearsal_convert::Saturating;

use crate::context::WorkerContext;
use crate::model::{Mode, ScheduleId, Timestamp};
use crate::ports::{PermitGrant, PortError, PortResult, Ports, Store};

/// Seconds of requests that one reservation covers. A short time wastes few permits when their
/// owner ends.
const BATCH_SECONDS: f64 = 2.0;

/// Maximum number of permits per reservation.
const MAX_BATCH: u32 = 64;

/// Maximum number of reservations per permit. A permit of the last one is used even if it is late.
const MAX_RESERVATIONS: u32 = 3;

/// Delay between a reservation and its first permit, as time for the answer of the store.
const LEAD: Duration = Duration::from_millis(20);

/// Permits of one delivery of one segment.
pub struct PermitPool {
    schedule: ScheduleId,
    mode: Mode,
    rate_per_second: f64,
    batch: Option<PermitBatch>,
}

/// Permits of one grant.
struct PermitBatch {
    grant: PermitGrant,
    /// Number of permits that are used up.
    used: u32,
    asked_at: Duration,
    answered_at: Duration,
}

struct Permit {
    at: Timestamp,
    /// Delay before the permit may be used.
    wait: Duration,
    is_late: bool,
}

impl PermitPool {
    /// Creates a pool without permits.
    pub fn new(schedule: ScheduleId, mode: Mode, rate_per_second: f64) -> Self {
        debug_assert!(
            rate_per_second > 0.0,
            "rate {rate_per_second} grants nothing"
        );
        Self {
            schedule,
            mode,
            rate_per_second,
            batch: None,
        }
    }

    /// Takes the next permit and returns its instant and the delay until then. Late permits are
    /// counted. They are dropped, unless the permits of further reservations are late too.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn take<P: Ports>(
        &mut self,
        context: &WorkerContext<P>,
        wanted: u32,
    ) -> PortResult<(Timestamp, Duration)> {
        for _ in 0..MAX_RESERVATIONS {
            while let Some(permit) = self.next_permit(context) {
                if !permit.is_late {
                    return Ok((permit.at, permit.wait));
                }
            }
            self.batch = Some(self.reserve(context, wanted).await?);
        }
        let permit = self.next_permit(context).ok_or(PortError::Unknown)?;
        Ok((permit.at, permit.wait))
    }

    /// Takes the next permit of the present batch.
    fn next_permit<P: Ports>(&mut self, context: &WorkerContext<P>) -> Option<Permit> {
        let batch = self.batch.as_mut()?;
        let offset = batch.next_offset()?;
        let now = context.elapsed();
        let sent_at = now.max(batch.answered_at + offset);
        let is_late = sent_at > batch.asked_at + offset + context.options.permit_tolerance;
        if is_late {
            context.metrics.late_permit(self.mode);
        }
        Some(Permit {
            at: batch.grant.now.after(offset),
            wait: sent_at.saturating_sub(now),
            is_late,
        })
    }

    /// Reserves permits for `wanted` requests, or for the first of them.
    async fn reserve<P: Ports>(
        &self,
        context: &WorkerContext<P>,
        wanted: u32,
    ) -> PortResult<PermitBatch> {
        let rate = self.rate_per_second / (1.0 + context.options.permit_tolerance.as_secs_f64());
        let limit = (rate * BATCH_SECONDS)
            .ceil()
            .clamp(1.0, f64::from(MAX_BATCH));
        let count = wanted.clamp(1, limit.saturating_u32());
        let asked_at = context.elapsed();
        let answer = context
            .ports
            .store()
            .reserve_permits(&self.schedule, rate, count, LEAD)
            .await;
        let grant = context.track_store_health(answer)?;
        Ok(PermitBatch {
            grant,
            used: 0,
            asked_at,
            answered_at: context.elapsed(),
        })
    }
}

impl PermitBatch {
    /// Uses the next permit up and returns its offset from the grant.
    fn next_offset(&mut self) -> Option<Duration> {
        debug_assert!(self.used <= self.grant.count, "each permit is used once");
        let number = (self.used < self.grant.count).then_some(self.used)?;
        self.used += 1;
        Some(self.grant.first.since(self.grant.now) + self.grant.interval * number)
    }
}
