//! Pauses between the polls of a lease that waits.

use std::pin::Pin;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::{Instant, timeout};

/// First pause. A message that another process has enqueued waits as long, or shorter.
const LEAST: Duration = Duration::from_millis(5);

/// Longest pause of an idle queue.
const MOST: Duration = Duration::from_millis(250);

/// Wait of one lease, in pauses that double until this process makes a message ready.
pub(super) struct PollWait<'a> {
    became_ready: &'a Notify,
    end: Instant,
    pause: Duration,
}

impl<'a> PollWait<'a> {
    pub fn new(became_ready: &'a Notify, wait_time: Duration) -> Self {
        let now = Instant::now();
        Self {
            became_ready,
            // Far beyond the life of any process.
            end: now
                .checked_add(wait_time)
                .unwrap_or(now + Duration::from_secs(1 << 32)),
            pause: LEAST,
        }
    }

    /// Returns the signal of the messages that become ready from now on.
    pub fn listen(&self) -> Pin<Box<Notified<'a>>> {
        let mut signal = Box::pin(self.became_ready.notified());
        signal.as_mut().enable();
        signal
    }

    /// Returns whether the wait has ended.
    pub fn is_over(&self) -> bool {
        Instant::now() >= self.end
    }

    /// Waits for the signal, but no longer than the pause, until a message may be ready, or until
    /// the end.
    pub async fn pause(&mut self, signal: Pin<Box<Notified<'_>>>, until_ready: Option<Duration>) {
        let left = self.end.saturating_duration_since(Instant::now());
        let pause = self.pause.min(left).min(until_ready.unwrap_or(MOST));
        self.pause = match timeout(pause, signal).await {
            Ok(()) => LEAST,
            Err(_) => (self.pause * 2).min(MOST),
        };
    }
}
