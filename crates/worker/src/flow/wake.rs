//! Wake-ups between the tasks of one process.
//!
//! Names and semantics are those that asynchronous runtimes give to a cancellation token and to a
//! notification. The worker may not depend on a runtime, and `event-listener`, which async-lock
//! brings along, puts each waiter into a heap allocation of its own. A runner waits for
//! cancellation once per segment, so both types keep their wakers in slots that are used again.
//! Waiters wake in slot order, which is the same in every run of one seed.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A flag that is set once and stays set, and the tasks that wait for it.
#[derive(Debug, Default)]
pub struct CancellationToken(WakeState);

impl CancellationToken {
    /// Cancels the token and wakes every waiter. A second call changes nothing.
    pub fn cancel(&self) {
        self.0.set();
    }

    /// Returns whether the token is cancelled.
    #[inline]
    pub fn is_cancelled(&self) -> bool {
        self.0.is_set()
    }

    /// Waits until the token is cancelled.
    pub async fn cancelled(&self) {
        WakeWaiter::new(&self.0, WakeState::is_set).await;
    }
}

/// A stored wake-up: at most one permit, consumed by the waiter that is polled first.
///
/// [`notify_one`](Self::notify_one) wakes every waiter, and all but one find the permit gone.
/// Waking a single waiter needs a hand-over when that waiter is dropped before its poll; here each
/// permit has one waiter, a relay.
#[derive(Debug, Default)]
pub struct WakeSignal(WakeState);

impl WakeSignal {
    /// Stores a permit, unless one is stored already, and wakes the waiters.
    pub fn notify_one(&self) {
        self.0.set();
    }

    /// Waits for a permit and consumes it.
    pub async fn notified(&self) {
        WakeWaiter::new(&self.0, WakeState::take).await;
    }
}

/// State of a token or signal: a flag and the wakers of its waiters.
#[derive(Debug, Default)]
struct WakeState {
    is_set: AtomicBool,
    waiters: Mutex<WakerSlots>,
}

impl WakeState {
    fn set(&self) {
        let wakers: Vec<Waker> = {
            let mut waiters = self.waiters();
            // Set under the lock: a waiter that registers later sees the flag under the same lock.
            self.is_set.store(true, Ordering::Release);
            waiters.wakers.iter_mut().filter_map(Option::take).collect()
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    #[inline]
    fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Acquire)
    }

    fn take(&self) -> bool {
        self.is_set.swap(false, Ordering::AcqRel)
    }

    fn waiters(&self) -> MutexGuard<'_, WakerSlots> {
        // The slots are consistent after every statement, so a panic of a holder does no harm.
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakers by slot. A waiter keeps its slot until it is dropped.
#[derive(Debug, Default)]
struct WakerSlots {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl WakerSlots {
    fn set(&mut self, slot: Option<usize>, waker: &Waker) -> usize {
        let slot = slot.or_else(|| self.free.pop()).unwrap_or_else(|| {
            self.wakers.push(None);
            self.wakers.len() - 1
        });
        match &mut self.wakers[slot] {
            Some(known) => known.clone_from(waker),
            vacant => *vacant = Some(waker.clone()),
        }
        slot
    }

    fn clear(&mut self, slot: usize) -> Option<Waker> {
        debug_assert!(!self.free.contains(&slot), "slot {slot} is freed once");
        self.free.push(slot);
        self.wakers[slot].take()
    }
}

/// Future that resolves when `is_ready` is true of the flag.
#[derive(Debug)]
struct WakeWaiter<'a> {
    flag: &'a WakeState,
    is_ready: fn(&WakeState) -> bool,
    slot: Option<usize>,
}

impl<'a> WakeWaiter<'a> {
    fn new(flag: &'a WakeState, is_ready: fn(&WakeState) -> bool) -> Self {
        Self {
            flag,
            is_ready,
            slot: None,
        }
    }
}

impl Future for WakeWaiter<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let flag = self.flag;
        if (self.is_ready)(flag) {
            return Poll::Ready(());
        }
        let mut waiters = flag.waiters();
        if (self.is_ready)(flag) {
            return Poll::Ready(());
        }
        self.slot = Some(waiters.set(self.slot, context.waker()));
        Poll::Pending
    }
}

impl Drop for WakeWaiter<'_> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            let waker = self.flag.waiters().clear(slot);
            // Dropping a waker runs foreign code: the lock is released before.
            drop(waker);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use futures_lite::future;

    use super::*;

    fn is_ready(wait: impl Future<Output = ()>) -> bool {
        future::block_on(future::poll_once(wait)).is_some()
    }

    #[test]
    fn token_after_cancel_stays_cancelled() {
        let token = CancellationToken::default();
        assert!(!is_ready(token.cancelled()));
        token.cancel();
        token.cancel();
        assert!(is_ready(token.cancelled()) && is_ready(token.cancelled()));
        assert!(token.is_cancelled());
    }

    #[test]
    fn notify_permit_is_stored_once_and_consumed() {
        let notify = WakeSignal::default();
        notify.notify_one();
        notify.notify_one();
        assert!(is_ready(notify.notified()));
        assert!(!is_ready(notify.notified()));
    }

    #[test]
    fn dropped_waiters_leave_their_slots() {
        let flag = WakeState::default();
        for _ in 0..100 {
            let mut waits = [
                WakeWaiter::new(&flag, WakeState::is_set),
                WakeWaiter::new(&flag, WakeState::is_set),
            ];
            for wait in &mut waits {
                assert!(!is_ready(wait));
            }
        }
        assert_eq!(flag.waiters().wakers.len(), 2);
        assert!(flag.waiters().wakers.iter().all(Option::is_none));
    }

    /// Counts wake-ups.
    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn set_flag_wakes_all_and_the_first_polled_takes_it() {
        let flag = WakeState::default();
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        let mut context = Context::from_waker(&waker);
        let mut waits: [WakeWaiter<'_>; 3] =
            std::array::from_fn(|_| WakeWaiter::new(&flag, WakeState::take));
        let mut poll_all = || {
            let polls = waits
                .iter_mut()
                .map(|wait| Pin::new(wait).poll(&mut context));
            polls.map(|poll| poll.is_ready()).collect::<Vec<_>>()
        };
        assert_eq!(poll_all(), [false; 3]);
        flag.set();
        assert_eq!(count.0.load(Ordering::Relaxed), 3);
        assert_eq!(poll_all(), [true, false, false]);
        flag.set();
        let wake_ups = count.0.load(Ordering::Relaxed);
        assert_eq!(wake_ups, 5, "the first waiter is done");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test starts threads")]
    fn cancel_wakes_waiting_threads() {
        let token = Arc::new(CancellationToken::default());
        let wait = || {
            let token = token.clone();
            std::thread::spawn(move || future::block_on(token.cancelled()))
        };
        let threads = [wait(), wait(), wait()];
        // The threads must sleep before the token is cancelled, or nothing is shown.
        while token.0.waiters().wakers.iter().flatten().count() < threads.len() {
            std::thread::yield_now();
        }
        token.cancel();
        for thread in threads {
            assert!(thread.join().is_ok());
        }
    }
}
