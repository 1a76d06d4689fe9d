//! A small number for each living thread.
//!
//! Cells are kept per thread, so that recording needs neither a lock nor an atomic
//! read-modify-write. The number says which copy is whose. It is identity, like
//! [`ThreadId`](std::thread::ThreadId), and carries no measurement: no shard, sum or order that a
//! reader can see depends on it.
//!
//! Numbers are dense and reused: there are never more than there were threads alive at once.
//! Handing a number back and taking it again both lock [`POOL`], so whatever the old owner wrote
//! happens before anything that the new owner does, and the new owner goes on from there.

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The number of a thread that has none yet, or none any more. No slab has a shard for it.
pub(crate) const NONE: u32 = u32::MAX;

struct ThreadIndexPool {
    free: BinaryHeap<Reverse<u32>>,
    next: u32,
}

static POOL: Mutex<ThreadIndexPool> = Mutex::new(ThreadIndexPool {
    free: BinaryHeap::new(),
    next: 0,
});

thread_local! {
    /// Read on every record, so it has no destructor and needs no lazy start.
    static CURRENT: Cell<u32> = const { Cell::new(NONE) };
    static LEASE: ThreadIndexGuard = ThreadIndexGuard::take();
}

/// One thread's hold on its number, given back when the thread ends.
struct ThreadIndexGuard(u32);

fn pool() -> MutexGuard<'static, ThreadIndexPool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ThreadIndexGuard {
    fn take() -> Self {
        let mut pool = pool();
        if let Some(Reverse(slot)) = pool.free.pop() {
            return Self(slot);
        }
        pool.next += 1;
        Self(pool.next - 1)
    }
}

impl Drop for ThreadIndexGuard {
    fn drop(&mut self) {
        // A destructor that runs after this one may still record; it must not use the number.
        let _ = CURRENT.try_with(|current| current.set(NONE));
        pool().free.push(Reverse(self.0));
    }
}

/// The calling thread's number, or [`NONE`].
#[inline]
pub(crate) fn current() -> u32 {
    CURRENT.with(Cell::get)
}

/// Calls `work` with a number that no other thread has meanwhile.
///
/// The first call of a thread takes its number. While a thread's locals are being destroyed the
/// number is borrowed for this one call.
pub(crate) fn with(work: impl FnOnce(u32)) {
    if let Ok(slot) = LEASE.try_with(|lease| lease.0) {
        CURRENT.with(|current| current.set(slot));
        return work(slot);
    }
    let borrowed = ThreadIndexGuard::take();
    work(borrowed.0);
}
