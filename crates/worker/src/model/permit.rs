//! Permits: rights to send one request of a schedule with a rate limit.

use std::time::Duration;

use rehearsal_convert::{Nearest, Saturating};

use super::Timestamp;
use super::time::NANOS_PER_SECOND;

/// Request for permits of a schedule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PermitRequest {
    /// Permits per second.
    pub rate_per_second: f64,
    /// Number of permits.
    pub count: u32,
    /// Minimum delay between the grant and its first permit.
    pub lead: Duration,
    /// Time between the end of this grant and the next one. All requests of the grant may be late
    /// by this time without coming too close to those of the next.
    pub trail: Duration,
}

impl PermitRequest {
    /// Grants the permits at `now`, none before `next`.
    pub fn grant(&self, next: Timestamp, now: Timestamp) -> PermitGrant {
        // Rounded up, so that the rate is never exceeded.
        let interval_ns = NANOS_PER_SECOND.nearest_f64() / self.rate_per_second;
        PermitGrant {
            now,
            first: next.max(now.after(self.lead)),
            interval: Duration::from_nanos(interval_ns.ceil().saturating_u64()),
            count: self.count,
            trail: self.trail,
        }
    }
}

/// Consecutive permits of a schedule: request `i` may be sent at `first + i * interval`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PermitGrant {
    /// Time of the grant, on the store's clock.
    pub now: Timestamp,
    /// Instant of the first permit.
    pub first: Timestamp,
    /// Time between two permits.
    pub interval: Duration,
    /// Number of permits.
    pub count: u32,
    /// Time after the permits in which no other grant has one.
    pub trail: Duration,
}

impl PermitGrant {
    /// Returns the earliest instant of a permit of the next grant.
    pub fn end(&self) -> Timestamp {
        let permits = self.interval.saturating_mul(self.count);
        self.first.after(permits.saturating_add(self.trail))
    }
}
