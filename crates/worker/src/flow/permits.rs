//! Rate permits: one schedule's request rate, kept over the whole fleet.
//!
//! The store hands out instants, one per request, evenly spaced. A process sends each request at
//! its permit's instant, on its own clock. Two alternatives were rejected: a limiter per process
//! would multiply the rate by the number of processes, and a call to the store per request would
//! make each scan wait for a round trip.
//!
//! A process receives the grant one round trip late, so a request may go out up to
//! `permitTolerance` after its permit's instant. For `rate * w + 1` requests in every window of
//! w ≥ 1 s to hold all the same, permits are reserved at 1 / (1 + tolerance in seconds) of the
//! configured rate: the requests of such a window come from permits of at most `w + tolerance`
//! seconds.
//!
//! If answers take longer than the tolerance, the pool reserves a trail after its permits, in which
//! the store grants none. All requests of the grant may then be late by the same time, up to the
//! trail: they keep their distances, and stay before those of the next grant.

use std::time::Duration;

use rehearsal_convert::Saturating;

use crate::context::WorkerContext;
use crate::model::{Mode, PermitGrant, PermitRequest, ScheduleId, Timestamp};
use crate::ports::{PortError, PortResult, Ports, Store};

/// Seconds of requests that one reservation covers. A short time wastes few permits when their
/// owner ends.
const BATCH_SECONDS: f64 = 2.0;

/// Maximum number of permits per reservation.
const MAX_BATCH: u32 = 64;

/// Maximum number of reservations per permit. A permit of the last one is used even if it is late.
const MAX_RESERVATIONS: u32 = 3;

/// Delay between a reservation and its first permit, as time for the answer of the store.
const LEAD: Duration = Duration::from_millis(20);

/// Trail of a reservation after a slow answer, in times that the answer took.
const TRAIL_ANSWERS: u32 = 2;

/// Maximum trail: as long as the permits of a full reservation. To a process that is paused, an
/// answer seems to take as long as the pause, and the whole fleet would wait for twice that.
const MAX_TRAIL: Duration = Duration::from_secs(2);

/// Permits of one delivery of one segment.
pub struct PermitPool {
    schedule: ScheduleId,
    mode: Mode,
    rate_per_second: f64,
    /// The latest grant, even if its permits are used up.
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

struct NextPermit {
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
            while let Some(next) = self.next_permit(context) {
                if !next.is_late {
                    return Ok((next.at, next.wait));
                }
            }
            self.batch = Some(self.reserve(context, wanted).await?);
        }
        let next = self.next_permit(context).ok_or(PortError::Unknown)?;
        Ok((next.at, next.wait))
    }

    /// Takes the next permit of the present batch.
    fn next_permit<P: Ports>(&mut self, context: &WorkerContext<P>) -> Option<NextPermit> {
        let batch = self.batch.as_mut()?;
        let offset = batch.next_offset()?;
        let tolerance = context.options.permit_tolerance;
        let now = context.elapsed();
        let sent_at = now.max(batch.answered_at + offset);
        // The trail covers what all permits of the grant have in common, the time of the answer.
        let covered = batch.answer_time().min(batch.grant.trail);
        let is_late = sent_at > batch.asked_at + covered + offset + tolerance;
        if is_late {
            context.metrics.late_permit(self.mode);
        }
        Some(NextPermit {
            at: batch.grant.now.after(offset),
            wait: sent_at.saturating_sub(now),
            is_late,
        })
    }

    /// Returns the trail of the next reservation. It is zero unless the last answer took longer
    /// than the tolerance.
    fn trail(&self, tolerance: Duration) -> Duration {
        let answer_time = self.batch.as_ref().map(PermitBatch::answer_time);
        match answer_time.filter(|answer_time| *answer_time > tolerance) {
            Some(slow) => slow.saturating_mul(TRAIL_ANSWERS).min(MAX_TRAIL),
            None => Duration::ZERO,
        }
    }

    /// Reserves permits for `wanted` requests, or for the first of them.
    async fn reserve<P: Ports>(
        &self,
        context: &WorkerContext<P>,
        wanted: u32,
    ) -> PortResult<PermitBatch> {
        let tolerance = context.options.permit_tolerance;
        let rate_per_second = self.rate_per_second / (1.0 + tolerance.as_secs_f64());
        let limit = (rate_per_second * BATCH_SECONDS)
            .ceil()
            .clamp(1.0, f64::from(MAX_BATCH));
        let request = PermitRequest {
            rate_per_second,
            count: wanted.clamp(1, limit.saturating_u32()),
            lead: LEAD,
            trail: self.trail(tolerance),
        };
        let asked_at = context.elapsed();
        let store = context.ports.store();
        let answer = store.reserve_permits(&self.schedule, request).await;
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
    /// Returns the time from the reservation to its answer.
    fn answer_time(&self) -> Duration {
        self.answered_at.saturating_sub(self.asked_at)
    }

    /// Uses the next permit up and returns its offset from the grant.
    fn next_offset(&mut self) -> Option<Duration> {
        debug_assert!(self.used <= self.grant.count, "each permit is used once");
        let number = (self.used < self.grant.count).then_some(self.used)?;
        self.used += 1;
        Some(self.grant.first.since(self.grant.now) + self.grant.interval * number)
    }
}
