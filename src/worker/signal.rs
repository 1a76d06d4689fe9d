//! Wakes a process's own tasks: a stop that stays, and pokes that are used up.

use std::future::poll_fn;
use std::sync::{Mutex, PoisonError};
use std::task::{Poll, Waker};

/// Something that tasks wait for. Holds one waker per waiting task.
#[derive(Debug, Default)]
pub struct Signal {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    raised: bool,
    waiting: Vec<Waker>,
}

impl Signal {
    /// Raises the signal and wakes all who wait.
    pub fn raise(&self) {
        let waiting = self.with(|state| {
            state.raised = true;
            std::mem::take(&mut state.waiting)
        });
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Whether it is raised.
    pub fn is_raised(&self) -> bool {
        self.with(|state| state.raised)
    }

    /// Waits until it is raised; it stays so.
    pub async fn raised(&self) {
        poll_fn(|context| self.poll(context.waker(), false)).await;
    }

    /// Waits until it is raised, and lowers it.
    pub async fn taken(&self) {
        poll_fn(|context| self.poll(context.waker(), true)).await;
    }

    fn poll(&self, waker: &Waker, lower: bool) -> Poll<()> {
        self.with(|state| {
            if state.raised {
                state.raised = !lower;
                return Poll::Ready(());
            }
            if !state.waiting.iter().any(|known| known.will_wake(waker)) {
                state.waiting.push(waker.clone());
            }
            Poll::Pending
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        // The state is whole at every point: a panic elsewhere while it was held spoils nothing.
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::future;

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
}
