//! Cost of the kernel's events.

use std::cell::Cell;
use std::rc::Rc;

use rehearsal::sim::kernel::{Kernel, KernelOptions, ProcessId};

use crate::{measurement_begins, measurement_ends};

/// Dispatches timer events while that many tasks sleep. Returns the number of events.
pub fn event(pending: u64, events: u64) -> u64 {
    let mut kernel = sleepers(pending);
    let step_ns = (events << 29) / pending / 8;
    // Past the first expiry of each timer, the queue is as full as it stays.
    run(&mut kernel, events / 2, step_ns);
    measurement_begins();
    let measured = run(&mut kernel, events, step_ns);
    measurement_ends();
    // Dropping a million tasks takes longer than the measurement.
    std::mem::forget(kernel);
    measured
}

fn run(kernel: &mut Kernel, events: u64, step_ns: u64) -> u64 {
    let before = kernel.events();
    while kernel.events() < before + events {
        kernel.run_until(kernel.now_ns() + step_ns);
    }
    kernel.events() - before
}

/// A kernel of tasks that sleep for pseudo-random times, 0.5 s on average.
fn sleepers(pending: u64) -> Kernel {
    let mut kernel = Kernel::new(KernelOptions::default());
    let state = Rc::new(Cell::new(1_u64));
    for _ in 0..pending {
        let (handle, state) = (kernel.handle(), Rc::clone(&state));
        kernel
            .handle()
            .spawn(ProcessId::WORLD, "sleeper", async move {
                loop {
                    let mut random = state.get();
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    state.set(random);
                    handle.sleep_ns(random >> 34).await;
                }
            });
    }
    kernel.run_until(0);
    kernel
}
