//! The kernel allocates nothing per timer event once its structures have grown.
//!
//! A test binary of its own, because it counts all allocations of the program.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use futures_lite::future;
use rehearsal::sim::kernel::{Kernel, KernelOptions, ProcessId};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is handed to the system's allocator as it came; counting changes nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`, which is the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from the system's allocator by `alloc` above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Number of events for warming up, and for counting.
const EVENTS: u64 = 200_000;

/// Number of allocations in the steady state of tasks that sleep at random.
fn count_allocations(pending: u64) -> u64 {
    let mut kernel = Kernel::new(KernelOptions::default());
    for _ in 0..pending {
        let handle = kernel.handle();
        let mut delays = handle.stream("delays");
        kernel
            .handle()
            .spawn(ProcessId::WORLD, "sleeper", async move {
                loop {
                    // One of two sleeps is cancelled, which must not allocate either.
                    let long = handle.sleep_ns(1 << 21);
                    let short = handle.sleep_ns(delays.below(1 << 20));
                    future::or(long, short).await;
                }
            });
    }
    let mut run = |events: u64| {
        let goal = kernel.events() + events;
        while kernel.events() < goal {
            kernel.run_until(kernel.now_ns() + (1 << 14));
        }
    };
    run(EVENTS);
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    run(EVENTS);
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

#[test]
fn timer_event_in_steady_state_allocates_nothing() {
    // One test for all sizes: tests on other threads would be counted as well.
    for pending in [1, 100, 1_000, 10_000] {
        let allocations = count_allocations(pending);
        // A bucket may reach a new maximum, but rarely.
        assert!(
            allocations <= 10,
            "{pending} pending: {allocations} in {EVENTS} events"
        );
    }
}
