//! A channel for one value.
//!
//! The sender may be in a task, in a scheduled closure, or outside the kernel.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Creates a channel.
pub fn oneshot<T>() -> (Sender<T>, Receiver<T>) {
    let slot = Rc::new(RefCell::new(OneshotState {
        value: None,
        waker: None,
        has_sender: true,
        has_receiver: true,
    }));
    (Sender(Rc::clone(&slot)), Receiver(slot))
}

struct OneshotState<T> {
    value: Option<T>,
    waker: Option<Waker>,
    has_sender: bool,
    has_receiver: bool,
}

/// Sending half. Dropping it unused completes the receiver with `None`.
pub struct Sender<T>(Rc<RefCell<OneshotState<T>>>);

impl<T> Sender<T> {
    /// Sends the value.
    ///
    /// # Errors
    /// Returns the value if the receiver was dropped.
    pub fn send(self, value: T) -> Result<(), T> {
        let mut slot = self.0.borrow_mut();
        if !slot.has_receiver {
            return Err(value);
        }
        slot.value = Some(value);
        Ok(())
        // Dropping `self` wakes the receiver.
    }

    /// Returns whether the receiver was dropped, for instance because its process was killed.
    pub fn is_closed(&self) -> bool {
        !self.0.borrow().has_receiver
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let waker = {
            let mut slot = self.0.borrow_mut();
            slot.has_sender = false;
            slot.waker.take()
        };
        // Foreign wakers run user code, so no borrow lasts.
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Receiving half; resolves to `None` if the sender was dropped without sending.
#[must_use = "a receiver does nothing until it is awaited"]
pub struct Receiver<T>(Rc<RefCell<OneshotState<T>>>);

impl<T> Receiver<T> {
    /// Takes the value, if it was sent.
    pub fn try_take(&mut self) -> Option<T> {
        self.0.borrow_mut().value.take()
    }
}

impl<T> Future for Receiver<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let waker = context.waker().clone();
        let (outcome, _old) = {
            let mut slot = self.0.borrow_mut();
            if slot.value.is_some() || !slot.has_sender {
                (Poll::Ready(slot.value.take()), slot.waker.take())
            } else {
                (Poll::Pending, slot.waker.replace(waker))
            }
        };
        outcome
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let _remains = {
            let mut slot = self.0.borrow_mut();
            slot.has_receiver = false;
            (slot.value.take(), slot.waker.take())
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll<T>(receiver: &mut Receiver<T>) -> Poll<Option<T>> {
        Pin::new(receiver).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn oneshot_delivers_value_once() {
        let (sender, mut receiver) = oneshot();
        assert_eq!(poll(&mut receiver), Poll::Pending);
        assert_eq!(receiver.try_take(), None);
        assert!(!sender.is_closed());
        assert_eq!(sender.send(5), Ok(()));
        assert_eq!(poll(&mut receiver), Poll::Ready(Some(5)));
        assert_eq!(poll(&mut receiver), Poll::Ready(None));
    }

    #[test]
    fn oneshot_with_dropped_sender_returns_none() {
        let (sender, mut receiver) = oneshot::<u8>();
        drop(sender);
        assert_eq!(poll(&mut receiver), Poll::Ready(None));
    }

    #[test]
    fn oneshot_with_dropped_receiver_returns_value() {
        let (sender, receiver) = oneshot();
        drop(receiver);
        assert!(sender.is_closed());
        assert_eq!(sender.send(5), Err(5));
        let life = Rc::new(());
        let (sender, receiver) = oneshot();
        assert!(sender.send(Rc::clone(&life)).is_ok());
        drop(receiver);
        assert_eq!(Rc::strong_count(&life), 1);
    }
}
