//! Statistics of a station: utilisation, queue length and waiting time.

use std::time::Duration;

use crate::model::time::NANOS_PER_SECOND;
use rehearsal_convert::{Nearest, Saturating};

/// Waits of customers.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct WaitTimes {
    /// Number of waits, those of no length included.
    pub count: u64,
    /// Longest of them.
    pub longest: Duration,
    /// Their sum, in seconds.
    sum: f64,
}

impl WaitTimes {
    /// Adds a wait.
    pub fn add(&mut self, wait_ns: u64) {
        let wait = Duration::from_nanos(wait_ns);
        self.count += 1;
        self.sum += wait.as_secs_f64();
        self.longest = self.longest.max(wait);
    }

    /// Returns the mean wait.
    pub fn mean(&self) -> Duration {
        let nanos = ratio(self.sum, self.count.nearest_f64()) * NANOS_PER_SECOND.nearest_f64();
        Duration::from_nanos((nanos + 0.5).saturating_u64())
    }
}

/// Load of a station since its creation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StationStatistics {
    /// Number of customers that have come.
    pub arrivals: u64,
    /// Waits of those that were given a server.
    pub waits: WaitTimes,
    /// Time of observation.
    pub elapsed: Duration,
    /// Integral of the number of busy servers over time, in seconds.
    busy: f64,
    /// Integral of the number of waiting customers over time, in seconds.
    queued: f64,
    /// Instant of the last change.
    at_ns: u64,
}

impl StationStatistics {
    pub(super) fn new(now_ns: u64) -> Self {
        Self {
            arrivals: 0,
            waits: WaitTimes::default(),
            elapsed: Duration::ZERO,
            busy: 0.0,
            queued: 0.0,
            at_ns: now_ns,
        }
    }

    /// Counts the time until now, in which these numbers of servers and customers were unchanged.
    pub(super) fn advance(&mut self, now_ns: u64, busy: usize, queued: usize) {
        let passed = Duration::from_nanos(now_ns - self.at_ns);
        self.at_ns = now_ns;
        self.elapsed += passed;
        self.busy += passed.as_secs_f64() * (busy as u64).nearest_f64();
        self.queued += passed.as_secs_f64() * (queued as u64).nearest_f64();
    }

    /// Returns the mean number of busy servers.
    pub fn mean_busy(&self) -> f64 {
        ratio(self.busy, self.elapsed.as_secs_f64())
    }

    /// Returns the mean number of waiting customers.
    pub fn mean_queue_length(&self) -> f64 {
        ratio(self.queued, self.elapsed.as_secs_f64())
    }
}

/// Returns a quotient; 0 of nothing.
fn ratio(sum: f64, count: f64) -> f64 {
    if count > 0.0 { sum / count } else { 0.0 }
}
