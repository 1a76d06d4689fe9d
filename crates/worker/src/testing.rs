//! Ports for unit tests: virtual time, a queue with chosen latencies, and services that are down.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rehearsal_kernel::{Handle, Kernel, KernelOptions};
use rehearsal_metrics::Registry;

use crate::context::WorkerContext;
use crate::metrics::SchedulerWorkerMetrics;
use crate::model::message::QueueMessage;
use crate::model::time::nanos_of;
use crate::model::{IncarnationId, ProcessName};
use crate::options::WorkerOptions;
use crate::ports::{
    Clock, Lease, LeaseAnswer, PortError, PortResult, PortSet, Queue, QueueDepth, Random,
    Unavailable,
};

/// Clock and random numbers of a kernel.
#[derive(Clone)]
pub struct KernelClock(Handle);

impl Clock for KernelClock {
    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.0.now_ns())
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> {
        self.0.sleep_ns(nanos_of(duration))
    }
}

impl Random for KernelClock {
    fn below(&self, _: u64) -> u64 {
        0
    }
}

/// Queue that answers `depth` and `renew` after a latency, and records the times of renewals.
#[derive(Clone)]
pub struct TestQueue {
    clock: KernelClock,
    /// Time from a call to its answer; none: it never answers.
    pub latency: Rc<Cell<Option<Duration>>>,
    /// Times at which renewals were sent, in seconds.
    pub renewals: Rc<RefCell<Vec<u64>>>,
}

impl TestQueue {
    async fn answer(&self) {
        match self.latency.get() {
            Some(latency) => self.clock.sleep(latency).await,
            None => std::future::pending().await,
        }
    }
}

impl<M: QueueMessage> Queue<M> for TestQueue {
    async fn enqueue(&self, _message: &M, _idempotency_key: &str) -> PortResult<()> {
        Err(PortError::Unavailable)
    }

    async fn lease(&self, _lease: Duration, _wait_time: Duration) -> PortResult<Option<Lease<M>>> {
        Err(PortError::Unavailable)
    }

    async fn renew(&self, _delivery: u64, _lease: Duration) -> PortResult<LeaseAnswer> {
        let sent_at = self.clock.elapsed().as_secs();
        self.renewals.borrow_mut().push(sent_at);
        self.answer().await;
        Ok(LeaseAnswer::Done)
    }

    async fn acknowledge(&self, _delivery: u64) -> PortResult<LeaseAnswer> {
        Err(PortError::Unavailable)
    }

    async fn release(
        &self,
        _delivery: u64,
        _delay: Duration,
        _counted: bool,
    ) -> PortResult<LeaseAnswer> {
        Err(PortError::Unavailable)
    }

    async fn dead_letter(&self, _delivery: u64, _reason: &str) -> PortResult<LeaseAnswer> {
        Err(PortError::Unavailable)
    }

    async fn discard(&self, _delivery: u64, _reason: &str) -> PortResult<LeaseAnswer> {
        Err(PortError::Unavailable)
    }

    async fn redrive(&self, _limit: usize) -> PortResult<u64> {
        Err(PortError::Unavailable)
    }

    async fn depth(&self) -> PortResult<QueueDepth> {
        self.answer().await;
        Ok(QueueDepth {
            depth: 7,
            oldest_ready_age: Duration::ZERO,
        })
    }
}

/// Ports with test queues, of which no other service answers.
pub type TestPorts = PortSet<
    KernelClock,
    KernelClock,
    Unavailable,
    TestQueue,
    TestQueue,
    Unavailable,
    Unavailable,
    Unavailable,
>;

/// A kernel, and the context of a process over it.
pub struct ContextHarness {
    pub kernel: Kernel,
    pub metrics: Arc<SchedulerWorkerMetrics>,
    pub context: Rc<WorkerContext<TestPorts>>,
}

impl ContextHarness {
    /// Builds a process with default options, whose queues answer at once.
    pub fn new() -> Self {
        let kernel = Kernel::new(KernelOptions::default());
        let clock = KernelClock(kernel.handle());
        let queue = || TestQueue {
            clock: clock.clone(),
            latency: Rc::new(Cell::new(Some(Duration::ZERO))),
            renewals: Rc::default(),
        };
        let ports = PortSet {
            clock: clock.clone(),
            random: clock.clone(),
            store: Unavailable,
            planner_queue: queue(),
            runner_queue: queue(),
            scanner: Unavailable,
            impact_index: Unavailable,
            notify: Unavailable,
        };
        let metrics = SchedulerWorkerMetrics::new(&Registry::new()).expect("an empty registry");
        let incarnation = IncarnationId::new(ProcessName::new("worker-1"), 1);
        let options = WorkerOptions::default();
        let metrics = Arc::new(metrics);
        let context = WorkerContext::new(ports, options, incarnation, metrics.clone());
        Self {
            kernel,
            metrics,
            context: Rc::new(context),
        }
    }

    /// Runs the kernel up to a time after the start.
    pub fn run_until(&mut self, seconds: u64) {
        self.kernel.run_until(seconds * 1_000_000_000);
    }
}
