//! Sliding-window limit of requests.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Maximum number of requests in any window, for each sender.
pub struct RateLimit {
    requests: usize,
    window: Duration,
    /// Times of the requests in the current window, for each sender.
    seen: Vec<VecDeque<Instant>>,
}

impl RateLimit {
    /// Allows each of `senders` this number of requests in any window.
    pub fn new(senders: usize, requests: usize, window: Duration) -> Self {
        Self {
            requests,
            window,
            seen: vec![VecDeque::new(); senders],
        }
    }

    /// Counts a request of a sender.
    ///
    /// # Errors
    /// The sender has used its window up; the time until it may send again.
    pub fn admit(&mut self, sender: usize) -> Result<(), Duration> {
        let now = Instant::now();
        let seen = &mut self.seen[sender];
        while seen.front().is_some_and(|at| now - *at >= self.window) {
            seen.pop_front();
        }
        match seen.front() {
            Some(oldest) if seen.len() >= self.requests => Err(*oldest + self.window - now),
            _ => {
                seen.push_back(now);
                Ok(())
            }
        }
    }
}
