//! Tests of the kernel through its public API.

mod cancel;
mod kill;
mod limits;
mod pause;
mod time_order;
mod trace;
mod wakers;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use proptest::prelude::*;

use super::*;

const WORLD: ProcessId = ProcessId::WORLD;

fn kernel(seed: u64) -> Kernel {
    Kernel::new(KernelOptions {
        seed,
        ..KernelOptions::default()
    })
}

/// Log that tasks write and a test reads after the run.
#[derive(Clone)]
struct Log<T>(Rc<RefCell<Vec<T>>>);

impl<T: Clone> Log<T> {
    fn new() -> Self {
        Self(Rc::default())
    }

    fn push(&self, entry: T) {
        self.0.borrow_mut().push(entry);
    }

    fn all(&self) -> Vec<T> {
        self.0.borrow().clone()
    }
}

/// Runs a closure when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A task that sleeps and then writes the time.
fn spawn_sleeper(handle: &Handle, process: ProcessId, delay_ns: u64, log: &Log<u64>) -> TaskId {
    let (clock, log) = (handle.clone(), log.clone());
    handle.spawn(process, "sleeper", async move {
        clock.sleep_ns(delay_ns).await;
        log.push(clock.now_ns());
    })
}

/// Future that exposes its waker, and is ready once the flag is set.
fn wait_until(
    is_ready: &Rc<Cell<bool>>,
    waker: &Rc<RefCell<Option<Waker>>>,
) -> impl Future<Output = ()> + use<> {
    let (is_ready, waker) = (Rc::clone(is_ready), Rc::clone(waker));
    poll_fn(move |context| {
        *waker.borrow_mut() = Some(context.waker().clone());
        if is_ready.get() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
}
