//! Permits: how a schedule's rate holds over the whole fleet.
//!
//! The store hands out instants, one per request, evenly spaced. A process uses each permit at its
//! instant by its own count. It learns of the grant a little late, so it may send a little late, by
//! the tolerance at most: permits of an answer that took longer are late, all of them. To keep
//! `rate * w + 1` requests in every window of w ≥ 1 s all the same, it asks for a rate that is lower
//! by the tolerance over one second.

use std::time::Duration;

use super::context::Context;
use super::ports::{PermitGrant, PortError, PortResult, Ports, Store};
use crate::model::{Mode, ScheduleId, Timestamp};

/// Permits are reserved for about this long a stretch of requests, so that few are wasted when
/// their holder goes.
const STRETCH_SECONDS: f64 = 2.0;

/// Permits per reservation at most.
const BATCH_MAX: u32 = 64;

/// Reservations for one permit; of the last one it is used however late it is.
const RESERVATIONS: u32 = 3;

/// Given to the answer of the store: permits start this long after they are asked for.
const LEAD: Duration = Duration::from_millis(20);

/// The permits of one delivery of one segment.
pub struct PermitPool {
    schedule: ScheduleId,
    mode: Mode,
    rate_per_second: f64,
    batch: Option<PermitBatch>,
}

/// What the store granted at once.
struct PermitBatch {
    permits: PermitGrant,
    /// The next of them.
    next: u32,
    asked_at: Duration,
    answered_at: Duration,
}

struct Permit {
    at: Timestamp,
    /// Until it may be used.
    wait: Duration,
    is_late: bool,
}

impl PermitPool {
    /// A pool without any permit yet.
    pub fn new(schedule: ScheduleId, mode: Mode, rate_per_second: f64) -> Self {
        Self {
            schedule,
            mode,
            rate_per_second,
            batch: None,
        }
    }

    /// Takes the next permit: its instant, and how long to wait for it. Permits that are known to
    /// be late are counted, and dropped unless new ones are no better.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn take<P: Ports>(
        &mut self,
        context: &Context<P>,
        wanted: u32,
    ) -> PortResult<(Timestamp, Duration)> {
        for _ in 0..RESERVATIONS {
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

    /// The next permit in hand.
    fn next_permit<P: Ports>(&mut self, context: &Context<P>) -> Option<Permit> {
        let batch = self.batch.as_mut()?;
        let offset = batch.next_offset()?;
        let now = context.elapsed();
        let sent_at = now.max(batch.answered_at + offset);
        let is_late = sent_at > batch.asked_at + offset + context.options.permit_tolerance;
        if is_late {
            context.metrics.late_permit(self.mode);
        }
        Some(Permit {
            at: batch.permits.now.after(offset),
            wait: sent_at.saturating_sub(now),
            is_late,
        })
    }

    async fn reserve<P: Ports>(
        &self,
        context: &Context<P>,
        wanted: u32,
    ) -> PortResult<PermitBatch> {
        let rate = self.rate_per_second / (1.0 + context.options.permit_tolerance.as_secs_f64());
        let stretch = (rate * STRETCH_SECONDS)
            .ceil()
            .clamp(1.0, f64::from(BATCH_MAX)) as u32;
        let count = wanted.clamp(1, stretch);
        let asked_at = context.elapsed();
        let answer = context
            .ports
            .store()
            .reserve_permits(&self.schedule, rate, count, LEAD)
            .await;
        let permits = context.track_store_health(answer)?;
        Ok(PermitBatch {
            permits,
            next: 0,
            asked_at,
            answered_at: context.elapsed(),
        })
    }
}

impl PermitBatch {
    /// From the grant to the next permit, which is used up.
    fn next_offset(&mut self) -> Option<Duration> {
        let number = (self.next < self.permits.count).then_some(self.next)?;
        self.next += 1;
        Some(self.permits.first.since(self.permits.now) + self.permits.interval * number)
    }
}
