//! Capped exponential back-off with full jitter.

use std::time::Duration;

use super::ports::Random;
use crate::model::time::nanos_of;

/// How the delays between tries grow.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// The longest delay after the first failed try.
    pub initial: Duration,
    /// By which it grows with each further one.
    pub factor: u32,
    /// It grows no longer than this.
    pub max: Duration,
}

impl Backoff {
    /// The delay before the next try after `attempt` failed ones (from 1): drawn evenly from zero to,
    /// but not with, `initial * factor^(attempt - 1)`, capped.
    pub fn delay(&self, attempt: u32, random: &impl Random) -> Duration {
        let growth = self.factor.saturating_pow(attempt.saturating_sub(1));
        let ceiling = self.initial.saturating_mul(growth).min(self.max);
        Duration::from_nanos(random.below(nanos_of(ceiling)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WorkerOptions;

    /// Draws the bound itself, which is the longest delay.
    struct Highest;

    impl Random for Highest {
        fn below(&self, bound: u64) -> u64 {
            bound
        }
    }

    #[test]
    fn it_doubles_up_to_the_cap() {
        let backoff = WorkerOptions::default().backoff();
        let longest = |attempt| backoff.delay(attempt, &Highest).as_secs();
        let delays: Vec<u64> = (1..=8).map(longest).collect();
        assert_eq!(delays, [5, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(longest(u32::MAX), 300);
    }
}
