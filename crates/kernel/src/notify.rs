//! Notification of waiting tasks, with the semantics of tokio's `Notify`.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Wait list; clones share it. Waiters are notified in order of arrival.
#[derive(Clone, Default)]
pub struct Notify(Rc<RefCell<WaiterList>>);

#[derive(Default)]
struct WaiterList {
    /// Waiters in order of arrival, which is also the order of their tickets.
    waiters: VecDeque<NotifyWaiter>,
    next_ticket: u64,
    /// Stored notification, sent while the list was empty. There is at most one.
    has_permit: bool,
}

struct NotifyWaiter {
    ticket: u64,
    state: WaiterState,
}

enum WaiterState {
    Waiting(Waker),
    /// Notified by `notify_one`: if dropped before its next poll, the next waiter is notified.
    NotifiedOne,
    NotifiedAll,
}

impl Notify {
    /// Creates an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notifies the longest waiter. With an empty list the next waiter does not wait.
    /// *O*(notified waiters that were not polled yet).
    pub fn notify_one(&self) {
        let waker = self.0.borrow_mut().notify_one();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Notifies all current waiters, and no later ones.
    pub fn notify_all(&self) {
        let wakers: Vec<Waker> = {
            let mut list = self.0.borrow_mut();
            list.waiters
                .iter_mut()
                .filter_map(|waiter| waiter.notify(WaiterState::NotifiedAll))
                .collect()
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Waits for a notification. The first poll joins the list.
    pub fn notified(&self) -> Notified {
        Notified {
            list: Rc::clone(&self.0),
            ticket: None,
        }
    }
}

impl WaiterList {
    fn notify_one(&mut self) -> Option<Waker> {
        for waiter in &mut self.waiters {
            if let Some(waker) = waiter.notify(WaiterState::NotifiedOne) {
                return Some(waker);
            }
        }
        self.has_permit = true;
        None
    }

    fn position(&self, ticket: u64) -> Option<usize> {
        self.waiters
            .binary_search_by_key(&ticket, |waiter| waiter.ticket)
            .ok()
    }
}

impl NotifyWaiter {
    fn notify(&mut self, how: WaiterState) -> Option<Waker> {
        if !matches!(self.state, WaiterState::Waiting(_)) {
            return None;
        }
        match mem::replace(&mut self.state, how) {
            WaiterState::Waiting(waker) => Some(waker),
            WaiterState::NotifiedOne | WaiterState::NotifiedAll => None,
        }
    }
}

/// Future of [`Notify::notified`]. If dropped between a `notify_one` and its next poll, it passes
/// the notification on.
#[must_use = "it does nothing until it is awaited"]
pub struct Notified {
    list: Rc<RefCell<WaiterList>>,
    ticket: Option<u64>,
}

impl Future for Notified {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let waker = context.waker().clone();
        let shared = Rc::clone(&self.list);
        let mut list = shared.borrow_mut();
        let Some(ticket) = self.ticket else {
            if mem::take(&mut list.has_permit) {
                return Poll::Ready(());
            }
            let ticket = list.next_ticket;
            list.next_ticket += 1;
            list.waiters.push_back(NotifyWaiter {
                ticket,
                state: WaiterState::Waiting(waker),
            });
            self.ticket = Some(ticket);
            return Poll::Pending;
        };
        let Some(position) = list.position(ticket) else {
            return Poll::Ready(());
        };
        let is_waiting = matches!(list.waiters[position].state, WaiterState::Waiting(_));
        let _old = if is_waiting {
            Some(mem::replace(
                &mut list.waiters[position].state,
                WaiterState::Waiting(waker),
            ))
        } else {
            self.ticket = None;
            list.waiters.remove(position).map(|waiter| waiter.state)
        };
        // Dropping the old waker may run user code.
        drop(list);
        if is_waiting {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }
}

impl Drop for Notified {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let waiter = {
            let mut list = self.list.borrow_mut();
            list.position(ticket)
                .and_then(|position| list.waiters.remove(position))
        };
        if waiter.is_some_and(|waiter| matches!(waiter.state, WaiterState::NotifiedOne)) {
            Notify(Rc::clone(&self.list)).notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_ready(notified: &mut Notified) -> bool {
        Pin::new(notified)
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    }

    /// Three waiters in this order.
    fn waiting(notify: &Notify) -> [Notified; 3] {
        let mut waiting = [notify.notified(), notify.notified(), notify.notified()];
        assert!(waiting.iter_mut().all(|notified| !is_ready(notified)));
        waiting
    }

    #[test]
    fn notify_one_wakes_waiters_in_order() {
        let notify = Notify::new();
        let [mut first, mut second, mut third] = waiting(&notify);
        notify.notify_one();
        notify.notify_one();
        assert!(!is_ready(&mut third) && is_ready(&mut second) && is_ready(&mut first));
        notify.notify_one();
        assert!(is_ready(&mut third));
    }

    #[test]
    fn notify_one_without_waiter_is_stored() {
        let notify = Notify::new();
        notify.notify_one();
        notify.notify_one();
        assert!(is_ready(&mut notify.notified()));
        assert!(!is_ready(&mut notify.notified()));
        notify.notify_all();
        assert!(
            !is_ready(&mut notify.notified()),
            "for all who wait, and nobody waited"
        );
    }

    #[test]
    fn notify_waiters_wakes_all() {
        let notify = Notify::new();
        let mut waiting = waiting(&notify);
        notify.notify_all();
        assert!(!is_ready(&mut notify.notified()));
        assert!(waiting.iter_mut().all(is_ready));
    }

    #[test]
    fn notification_of_dropped_waiter_passes_on() {
        let notify = Notify::new();
        let [first, second, mut third] = waiting(&notify);
        notify.notify_one();
        drop(second);
        drop(first);
        assert!(is_ready(&mut third), "passed on, past the one who left");
        let last = waiting(&notify);
        notify.notify_all();
        drop(last);
        assert!(
            !is_ready(&mut notify.notified()),
            "what was for all is not passed on"
        );
    }
}
