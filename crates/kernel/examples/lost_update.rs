//! A toy simulation that finds a lost update: two clients read a balance, wait for the network, and
//! write it back increased by one.
use std::cell::Cell;
use std::rc::Rc;

use rehearsal_kernel::distribution::Distribution;
use rehearsal_kernel::{Kernel, KernelOptions, ProcessId};

/// Returns the balance after two deposits of 1, for one seed.
fn simulate(seed: u64) -> Result<u64, Box<dyn std::error::Error>> {
    let mut kernel = Kernel::new(KernelOptions {
        seed,
        ..KernelOptions::default()
    });
    let balance = Rc::new(Cell::new(0));
    let latency_ns = Distribution::exponential(50e6)?;
    for client in ["client/a", "client/b"] {
        let (handle, balance, latency_ns) =
            (kernel.handle(), Rc::clone(&balance), latency_ns.clone());
        let mut stream = handle.stream(client);
        kernel.handle().spawn(ProcessId::WORLD, client, async move {
            handle.sleep_ns(latency_ns.sample_ns(&mut stream)).await;
            let read = balance.get();
            handle.sleep_ns(latency_ns.sample_ns(&mut stream)).await;
            balance.set(read + 1);
        });
    }
    kernel.run_until(u64::MAX);
    Ok(balance.get())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for seed in 0..100 {
        let balance = simulate(seed)?;
        if balance != 2 {
            println!("seed {seed}: the balance is {balance}, expected 2: an update was lost");
            return Ok(());
        }
    }
    Err("no update was lost in 100 seeds".into())
}
