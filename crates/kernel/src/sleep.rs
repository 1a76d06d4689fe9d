//! Sleeps until an instant of virtual time.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::core::KernelCore;
use super::timer::TimerKey;

/// Future that is ready at its instant; dropping it cancels the timer.
///
/// The timer starts at the first poll. An instant in the past also passes through the queue once,
/// so that a chain of sleeps always counts events.
#[must_use = "a sleep does nothing until it is awaited"]
pub struct Sleep {
    core: Rc<KernelCore>,
    at_ns: u64,
    key: Option<TimerKey>,
}

impl Sleep {
    #[inline]
    pub(super) fn new(core: Rc<KernelCore>, at_ns: u64) -> Self {
        Self {
            core,
            at_ns,
            key: None,
        }
    }

    /// Returns the end in nanoseconds since the Unix epoch.
    pub fn at_ns(&self) -> u64 {
        self.at_ns
    }
}

impl Future for Sleep {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.key = match self.key {
            None => self.core.start_timer(self.at_ns, context.waker()),
            Some(key) => {
                let kept = self.core.keep_timer(key, self.at_ns, context.waker());
                if kept.is_none() {
                    self.key = None;
                    return Poll::Ready(());
                }
                kept
            }
        };
        Poll::Pending
    }
}

impl Drop for Sleep {
    #[inline]
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.core.cancel_timer(key);
        }
    }
}
