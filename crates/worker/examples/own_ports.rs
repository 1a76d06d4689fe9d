//! A worker over ports of one's own: simulated time, and services that are all down. The worker
//! backs off for an hour and loses nothing.
#![allow(clippy::arc_with_non_send_sync, reason = "one thread")]

use std::{sync::Arc, time::Duration};

use rehearsal_kernel::{Handle, Kernel, KernelOptions, ProcessId};
use rehearsal_metrics::Registry;
use rehearsal_worker::metrics::{Mode, SchedulerWorkerMetrics};
use rehearsal_worker::model::{IncarnationId, ProcessName};
use rehearsal_worker::ports::{Clock, PortSet, Random};
use rehearsal_worker::{Role, Worker, options::WorkerOptions};

#[derive(Clone)]
struct Simulated(Handle);
impl Clock for Simulated {
    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.0.now_ns())
    }
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> {
        self.0
            .sleep_ns(duration.as_secs() * 1_000_000_000 + u64::from(duration.subsec_nanos()))
    }
}
impl Random for Simulated {
    fn below(&self, bound: u64) -> u64 {
        self.0.stream("worker").below(bound)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut kernel = Kernel::new(KernelOptions::default());
    let ports = PortSet::unavailable(Simulated(kernel.handle()), Simulated(kernel.handle()));
    let id = IncarnationId::new(ProcessName::new("worker-1"), 1);
    let metrics = Arc::new(SchedulerWorkerMetrics::new(&Registry::new())?);
    let worker = Worker::new(ports, WorkerOptions::default(), id, metrics.clone());
    let worker = Arc::new(worker.map_err(|errors| format!("{errors:?}"))?);
    for task in worker.tasks(&Role::ALL) {
        let run = Arc::clone(&worker).run(task);
        kernel.handle().spawn(ProcessId::WORLD, task.name(), run);
    }
    println!(
        "{:?} after {} events",
        kernel.run_until(3_600_000_000_000),
        kernel.events()
    );
    println!(
        "{} runs are active",
        metrics.read().runs_active(Mode::AnalysisOnly)
    );
    Ok(())
}
