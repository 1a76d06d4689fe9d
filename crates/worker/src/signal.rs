//! Wakes a process's own tasks: a stop that stays, and pokes that are used up.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// Something that tasks wait for.
#[derive(Debug, Default)]
pub struct Signal {
    raised: AtomicBool,
    waiting: Mutex<Places>,
}

/// The wakers of those who wait, each at its own place.
#[derive(Debug, Default)]
struct Places {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl Places {
    fn set(&mut self, place: Option<usize>, waker: &Waker) -> usize {
        let place = place.or_else(|| self.free.pop()).unwrap_or_else(|| {
            self.wakers.push(None);
            self.wakers.len() - 1
        });
        match &mut self.wakers[place] {
            Some(known) => known.clone_from(waker),
            vacant => *vacant = Some(waker.clone()),
        }
        place
    }

    fn clear(&mut self, place: usize) -> Option<Waker> {
        self.free.push(place);
        self.wakers[place].take()
    }
}

impl Signal {
    /// Raises the signal and wakes all who wait.
    pub fn raise(&self) {
        let waiting: Vec<Waker> = {
            let mut places = self.places();
            // Set under the lock: who looks under it either sees this or is seen here.
            self.raised.store(true, Ordering::Release);
            places.wakers.iter_mut().filter_map(Option::take).collect()
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Whether it is raised.
    #[inline]
    pub fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Acquire)
    }

    /// Waits until it is raised; it stays so.
    pub fn raised(&self) -> Raised<'_> {
        self.wait(false)
    }

    /// Waits until it is raised, and lowers it.
    pub fn taken(&self) -> Raised<'_> {
        self.wait(true)
    }

    fn wait(&self, lowers: bool) -> Raised<'_> {
        Raised {
            signal: self,
            place: None,
            lowers,
        }
    }

    fn places(&self) -> std::sync::MutexGuard<'_, Places> {
        // They are whole at every point: a panic elsewhere while they were held spoils nothing.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for a [`Signal`].
#[derive(Debug)]
#[must_use = "it waits only when awaited"]
pub struct Raised<'a> {
    signal: &'a Signal,
    /// Where its waker is kept.
    place: Option<usize>,
    lowers: bool,
}

impl Raised<'_> {
    fn look(&self) -> bool {
        if self.lowers {
            self.signal.raised.swap(false, Ordering::AcqRel)
        } else {
            self.signal.is_raised()
        }
    }
}

impl Future for Raised<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.look() {
            return Poll::Ready(());
        }
        let signal = self.signal;
        let mut places = signal.places();
        if self.look() {
            return Poll::Ready(());
        }
        self.place = Some(places.set(self.place, context.waker()));
        Poll::Pending
    }
}

impl Drop for Raised<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let waker = self.signal.places().clear(place);
            // A foreign waker is dropped after the lock.
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

    #[test]
    fn a_raised_signal_stays_and_a_taken_one_is_used_up() {
        let signal = Signal::default();
        signal.raise();
        future::block_on(signal.raised());
        assert!(signal.is_raised());
        future::block_on(signal.taken());
        assert!(!signal.is_raised());
        assert!(future::block_on(future::poll_once(signal.taken())).is_none());
    }

    #[test]
    fn who_waits_no_more_leaves_nothing_behind() {
        let signal = Signal::default();
        for _ in 0..100 {
            let mut waiting = [signal.raised(), signal.raised()];
            for raised in &mut waiting {
                assert!(future::block_on(future::poll_once(raised)).is_none());
            }
        }
        assert_eq!(signal.places().wakers.len(), 2);
        assert!(signal.places().wakers.iter().all(Option::is_none));
    }

    /// Counts how often it was woken.
    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn all_who_wait_are_woken_and_one_of_them_takes_a_poke() {
        let signal = Signal::default();
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        let mut context = Context::from_waker(&waker);
        let mut waiting = [signal.taken(), signal.taken(), signal.taken()];
        let mut ready = || {
            let polls = waiting
                .iter_mut()
                .map(|taken| Pin::new(taken).poll(&mut context));
            polls.map(|poll| poll.is_ready()).collect::<Vec<_>>()
        };
        assert_eq!(ready(), [false; 3]);
        signal.raise();
        assert_eq!(count.0.load(Ordering::Relaxed), 3);
        assert_eq!(ready(), [true, false, false]);
        signal.raise();
        assert_eq!(
            count.0.load(Ordering::Relaxed),
            5,
            "the first waits no more"
        );
    }

    #[test]
    fn threads_that_wait_are_woken() {
        let signal = Arc::new(Signal::default());
        let wait = || {
            let signal = signal.clone();
            std::thread::spawn(move || future::block_on(signal.raised()))
        };
        let waiting = [wait(), wait(), wait()];
        // Only when all of them sleep does it show whether they are woken.
        while signal.places().wakers.iter().flatten().count() < waiting.len() {
            std::thread::yield_now();
        }
        signal.raise();
        for thread in waiting {
            assert!(thread.join().is_ok());
        }
    }
}
