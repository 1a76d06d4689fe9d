//! A client of the runner queue that holds leases.

use std::time::Duration;

use rehearsal_worker::model::SegmentMessage;
use rehearsal_worker::ports::{Clock, Lease, LeaseAnswer, Ports, Queue};

use crate::fixture::message;
use crate::violation::expect;
use crate::{Bench, BenchTiming, ContractResult, ContractViolation};

/// Client of the runner queue. Times are those of process 0, in which all are measured.
pub(super) struct LeaseClient<P: Ports> {
    ports: P,
    clock: P::Clock,
    pub timing: BenchTiming,
}

/// A lease with the times of its call.
pub(super) struct ClientLease {
    pub lease: Lease<SegmentMessage>,
    /// Time at which the call was sent.
    pub sent: Duration,
    /// Time at which the call was answered.
    pub received: Duration,
}

impl ClientLease {
    pub fn delivery(&self) -> u64 {
        self.lease.delivery
    }

    /// Returns the index of the message, by which the properties tell messages apart.
    pub fn index(&self) -> Option<u32> {
        self.lease.body.as_ref().ok().map(|body| body.index)
    }
}

impl<P: Ports<Clock: Clone>> LeaseClient<P> {
    pub fn new<B: Bench<Ports = P>>(bench: &B, process: usize) -> Self {
        Self {
            ports: bench.ports(process),
            clock: bench.ports(0).clock().clone(),
            timing: bench.timing(),
        }
    }
}

impl<P: Ports> LeaseClient<P> {
    pub fn queue(&self) -> &P::RunnerQueue {
        self.ports.runner_queue()
    }

    pub fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    pub async fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration).await;
    }

    /// Enqueues message `index` under a key of its own.
    pub async fn enqueue(&self, index: u32) -> ContractResult {
        let key = format!("key-{index}");
        Ok(self.queue().enqueue(&message(index), &key).await?)
    }

    /// Leases a message for `lease`, waiting up to `wait_time`.
    pub async fn try_lease(
        &self,
        lease: Duration,
        wait_time: Duration,
    ) -> ContractResult<Option<ClientLease>> {
        let sent = self.now();
        let leased = self.queue().lease(lease, wait_time).await?;
        let received = self.now();
        Ok(leased.map(|lease| ClientLease {
            lease,
            sent,
            received,
        }))
    }

    /// Leases a message that is ready.
    pub async fn lease(&self) -> ContractResult<ClientLease> {
        let BenchTiming { lease, tolerance } = self.timing;
        let held = self.try_lease(lease, tolerance * 2).await?;
        let because = "a message is ready";
        held.ok_or_else(|| ContractViolation::new("the answer to a lease", "none", "one", because))
    }

    /// Requires that no message is ready.
    pub async fn expect_none(&self, because: &str) -> ContractResult {
        let BenchTiming { lease, tolerance } = self.timing;
        let held = self.try_lease(lease, tolerance * 2).await?;
        let index = held.map(|held| held.index());
        expect("the leased message", &index, &None, because)
    }

    pub async fn acknowledge(&self, delivery: u64) -> ContractResult {
        let answer = self.queue().acknowledge(delivery).await?;
        done("an acknowledgement", answer)
    }
}

/// Requires that a call about a lease took effect.
pub(super) fn done(call: &str, answer: LeaseAnswer) -> ContractResult {
    let object = format!("the answer to {call}");
    expect(
        object,
        &answer,
        &LeaseAnswer::Done,
        "the lease has not ended",
    )
}
