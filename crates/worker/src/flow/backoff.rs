//! Capped exponential backoff with full jitter.
//!
//! Full jitter draws each delay from zero to the exponential ceiling. Fixed delays, or jitter
//! around a fixed delay, would let the processes that failed together come back together.

use std::time::Duration;

use crate::model::time::nanos_of;
use crate::ports::Random;

/// Growth of the delays between attempts.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// Maximum delay after the first failed attempt.
    pub initial: Duration,
    /// Factor by which the maximum grows with each further attempt.
    pub factor: u32,
    /// Limit of that growth.
    pub max: Duration,
}

impl Backoff {
    /// Returns the delay after `attempt` failed attempts (from 1): uniform from zero up to, but not
    /// including, `initial * factor^(attempt - 1)`, capped at `max`.
    pub fn delay(&self, attempt: u32, random: &impl Random) -> Duration {
        let growth = self.factor.saturating_pow(attempt.saturating_sub(1));
        let ceiling = self.initial.saturating_mul(growth).min(self.max);
        Duration::from_nanos(random.below(nanos_of(ceiling)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::WorkerOptions;

    /// Draws the bound itself, which is the longest delay.
    struct Highest;

    impl Random for Highest {
        fn below(&self, bound: u64) -> u64 {
            bound
        }
    }

    #[test]
    fn delay_doubles_up_to_the_cap() {
        let backoff = WorkerOptions::default().backoff();
        let longest = |attempt| backoff.delay(attempt, &Highest).as_secs();
        let delays: Vec<u64> = (1..=8).map(longest).collect();
        assert_eq!(delays, [5, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(longest(u32::MAX), 300);
    }
}
