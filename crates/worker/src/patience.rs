//! A limit to how long each of many waits may take.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::ports::Clock;

/// Limits waits that come one after the other, over a single timer. Starting a wait only moves the
/// deadline; the timer rings at an earlier one and is then set to the present one, so that a
/// thousand short waits cost one timer and not a thousand.
pub struct ReusableTimeout<'a, C: Clock> {
    clock: &'a C,
    limit: Duration,
    /// When the present wait is over, on the clock.
    deadline: Duration,
    timer: Option<Pin<Box<dyn Future<Output = ()> + 'a>>>,
}

impl<'a, C: Clock> ReusableTimeout<'a, C> {
    /// Waits of `limit` at most, each, as `clock` counts.
    pub fn new(clock: &'a C, limit: Duration) -> Self {
        Self {
            clock,
            limit,
            deadline: Duration::ZERO,
            timer: None,
        }
    }

    /// Waits for `work`; none if it takes longer than the limit. `work` is dropped then.
    pub async fn run<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        self.deadline = self.clock.elapsed() + self.limit;
        let mut work = pin!(work);
        poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
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

    /// Time passes only by sleeping, and in full seconds.
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
        /// Work that takes so long; each look at it takes a second.
        async fn work(&self, seconds: u64) -> &'static str {
            for _ in 0..seconds {
                future::yield_now().await;
                self.now.set(self.now.get() + 1);
            }
            "done"
        }
    }

    #[test]
    fn each_wait_has_the_whole_limit() {
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
