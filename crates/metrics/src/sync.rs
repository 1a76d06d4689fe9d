//! The atomics of the cells: the standard library's, or those of the model checker.

/// Waits a little for another thread; longer when that thread seems not to be running.
#[cfg(not(rehearsal_loom))]
pub(crate) fn pause(attempt: u32) {
    if attempt % 64 == 63 {
        std::thread::yield_now();
    } else {
        std::hint::spin_loop();
    }
}

#[cfg(rehearsal_loom)]
pub(crate) fn pause(_: u32) {
    loom::thread::yield_now();
}

#[cfg(not(rehearsal_loom))]
pub(crate) use std::sync::atomic::{AtomicU64, Ordering, fence};

#[cfg(rehearsal_loom)]
pub(crate) use loom::sync::atomic::{AtomicU64, Ordering, fence};
