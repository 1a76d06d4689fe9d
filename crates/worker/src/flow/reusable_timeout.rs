//! Timeout over a series of calls, with one timer for all of them.
//!
//! A timeout per call starts and cancels one timer for each scanned image. Nearly all calls end
//! long before their timeout. [`ReusableTimeout`] only moves its deadline when a call starts; the
//! timer fires at an earlier deadline and is then set anew.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::ports::Clock;

/// Limits each of several consecutive calls to the same duration.
pub struct ReusableTimeout<'a, C: Clock> {
    clock: &'a C,
    limit: Duration,
    /// Time on the clock at which the present call times out.
    deadline: Duration,
    timer: Option<Pin<Box<dyn Future<Output = ()> + 'a>>>,
}

impl<'a, C: Clock> ReusableTimeout<'a, C> {
    /// Creates a timeout of `limit` per call, measured on `clock`.
    pub fn new(clock: &'a C, limit: Duration) -> Self {
        Self {
            clock,
            limit,
            deadline: Duration::ZERO,
            timer: None,
        }
    }

    /// Returns the output of `call`, or none if it takes longer than the limit. The call is then
    /// dropped.
    pub async fn run<T>(&mut self, call: impl Future<Output = T>) -> Option<T> {
        self.deadline = self.clock.elapsed() + self.limit;
        let mut call = pin!(call);
        poll_fn(|context| match call.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => self.poll_elapsed(context).map(|()| None),
        })
        .await
    }

    fn poll_elapsed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let (clock, deadline) = (self.clock, self.deadline);
            let timer = self.timer.get_or_insert_with(|| {
                Box::pin(clock.sleep(deadline.saturating_sub(clock.elapsed())))
            });
            ready!(timer.as_mut().poll(context));
            self.timer = None;
            if clock.elapsed() >= deadline {
                return Poll::Ready(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_lite::future;

    use super::*;

    /// Clock that advances by whole seconds, and only while a call works.
    #[derive(Default)]
    struct Seconds {
        now: Cell<u64>,
        sleeps: Cell<u32>,
    }

    impl Clock for Seconds {
        fn elapsed(&self) -> Duration {
            Duration::from_secs(self.now.get())
        }

        async fn sleep(&self, duration: Duration) {
            self.sleeps.set(self.sleeps.get() + 1);
            let until = self.now.get() + duration.as_secs();
            while self.now.get() < until {
                future::yield_now().await;
            }
        }
    }

    impl Seconds {
        /// Works for this many seconds, one per poll.
        async fn work(&self, seconds: u64) -> &'static str {
            for _ in 0..seconds {
                future::yield_now().await;
                self.now.set(self.now.get() + 1);
            }
            "done"
        }
    }

    #[test]
    fn each_call_has_the_whole_limit_and_timers_are_reused() {
        let clock = Seconds::default();
        let mut timeout = ReusableTimeout::new(&clock, Duration::from_secs(5));
        future::block_on(async {
            for _ in 0..40 {
                assert_eq!(timeout.run(clock.work(1)).await, Some("done"));
            }
            let begun = clock.now.get();
            assert_eq!(timeout.run(clock.work(100)).await, None);
            assert_eq!(clock.now.get() - begun, 5, "no earlier and no later");
            assert_eq!(timeout.run(clock.work(3)).await, Some("done"));
        });
        assert!(clock.sleeps.get() <= 14, "{} timers", clock.sleeps.get());
    }
}
