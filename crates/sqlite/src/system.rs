//! Clock and random numbers of a process that runs on tokio.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rehearsal_convert::LowBits;
use rehearsal_worker::ports::{Clock, Random};
use tokio::time::Instant;

/// Monotonic clock of the machine. Clones measure from the same instant.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Starts a clock.
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Random numbers: hashes of a counter, under keys that the standard library draws. Clones share
/// the counter.
#[derive(Debug, Clone, Default)]
pub struct SystemRandom {
    keys: RandomState,
    calls: Arc<AtomicU64>,
}

impl Random for SystemRandom {
    fn below(&self, bound: u64) -> u64 {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let hash = self.keys.hash_one(call);
        // The high half of the product is uniform, but for a deviation of 1 in 2^64 ÷ bound.
        let product = u128::from(hash) * u128::from(bound);
        (product >> 64).low_u64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_numbers_are_below_their_bound_and_differ() {
        let random = SystemRandom::default();
        let numbers: Vec<u64> = (0..1000).map(|_| random.below(10)).collect();
        for number in 0..10 {
            let count = numbers.iter().filter(|n| **n == number).count();
            assert!((50..200).contains(&count), "{count} times {number}");
        }
        assert!(numbers.iter().all(|number| *number < 10));
        assert_eq!(random.below(0), 0);
        let again = random.clone();
        assert_ne!(random.below(u64::MAX), again.below(u64::MAX));
    }
}
