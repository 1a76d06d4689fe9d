//! Capped exponential back-off with full jitter.

use std::time::Duration;

use super::options::WorkerOptions;
use super::ports::Random;

/// The delay before the next try after `attempt` failed ones (from 1): drawn evenly from zero to,
/// but not with, `initial * factor^(attempt - 1)`, capped.
pub fn delay(options: &WorkerOptions, attempt: u32, random: &impl Random) -> Duration {
    let ceiling = ceiling(options, attempt);
    Duration::from_nanos(random.below(crate::model::time::nanos_of(ceiling)))
}

/// The longest delay after `attempt` failed tries.
fn ceiling(options: &WorkerOptions, attempt: u32) -> Duration {
    let growth = options
        .backoff_factor
        .saturating_pow(attempt.saturating_sub(1));
    options
        .backoff_initial
        .saturating_mul(growth)
        .min(options.backoff_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws the bound itself, which is the ceiling.
    struct Highest;

    impl Random for Highest {
        fn below(&self, bound: u64) -> u64 {
            bound
        }
    }

    #[test]
    fn it_doubles_up_to_the_cap() {
        let options = WorkerOptions::default();
        let delays: Vec<u64> = (1..=8)
            .map(|attempt| delay(&options, attempt, &Highest).as_secs())
            .collect();
        assert_eq!(delays, [5, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(delay(&options, u32::MAX, &Highest).as_secs(), 300);
    }
}
