//! A client of the runner queue that holds leases.

use std::fmt::Display;
use std::time::Duration;

use rehearsal_worker::model::SegmentMessage;
use rehearsal_worker::ports::{Clock, Lease, LeaseAnswer, Ports, Queue};

use crate::fixture::message;
use crate::violation::expect;
use crate::{Bench, BenchTiming, ContractResult, ContractViolation};

/// Client of the runner queue. Times are those of process 0, in which all are measured.
pub(crate) struct LeaseClient<P: Ports> {
    ports: P,
    clock: P::Clock,
    pub timing: BenchTiming,
}

/// A lease with the times of its call.
pub(crate) struct ClientLease {
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

/// Requires that a delivery of a message has the headers that [`message`] gives all of them.
pub(crate) fn expect_headers(lease: &Lease<SegmentMessage>, because: &str) -> ContractResult {
    let SegmentMessage { run, schedule, .. } = message(0);
    let object = "the run and schedule in the headers";
    expect(
        object,
        &(&lease.run, &lease.schedule),
        &(&run, &schedule),
        because,
    )
}

impl<P: Ports<Clock: Clone>> LeaseClient<P> {
    pub fn new<B: Bench<Ports = P>>(bench: &B, process: usize) -> Self {
        Self {
            ports: bench.ports(process),
            clock: bench.ports(0).clock().clone(),
            timing: bench.timing(),
        }
    }

    /// Returns the clients of the first `count` processes.
    pub fn of_processes<B: Bench<Ports = P>>(bench: &B, count: usize) -> Vec<Self> {
        (0..count)
            .map(|process| Self::new(bench, process))
            .collect()
    }
}

impl<P: Ports> LeaseClient<P> {
    pub fn queue(&self) -> &P::RunnerQueue {
        self.ports.runner_queue()
    }

    pub fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    pub async fn sleep_until(&self, time: Duration) {
        self.sleep(time.saturating_sub(self.now())).await;
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
        self.lease_for(self.timing.lease, Duration::ZERO).await
    }

    /// Leases a message for `lease` that is ready within `wait_time`.
    pub async fn lease_for(
        &self,
        lease: Duration,
        wait_time: Duration,
    ) -> ContractResult<ClientLease> {
        let tolerance = self.timing.tolerance;
        let held = self.try_lease(lease, wait_time + tolerance * 2).await?;
        let because = "a message is ready";
        held.ok_or_else(|| ContractViolation::new("the answer to a lease", "none", "one", because))
    }

    /// Leases the next message. It must be granted from `earliest` to `latest`, but for the
    /// tolerance.
    pub async fn lease_between(
        &self,
        earliest: Duration,
        latest: Duration,
        because: impl Display,
    ) -> ContractResult<ClientLease> {
        let BenchTiming { lease, tolerance } = self.timing;
        let wait_time = (latest + tolerance * 2).saturating_sub(self.now());
        let latest = latest + tolerance;
        match self.try_lease(lease, wait_time).await? {
            Some(held) if (earliest..=latest).contains(&held.received) => Ok(held),
            held => {
                let found = format!("{:?}", held.map(|held| held.received));
                let expected = format!("from {earliest:?} to {latest:?}");
                let object = "the time of the next lease";
                Err(ContractViolation::new(object, found, expected, because))
            }
        }
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
pub(crate) fn done(call: &str, answer: LeaseAnswer) -> ContractResult {
    let object = format!("the answer to {call}");
    expect(
        object,
        &answer,
        &LeaseAnswer::Done,
        "the lease has not ended",
    )
}
