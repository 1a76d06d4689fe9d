//! Queue adapter that logs what happens to the messages of another one.

use std::time::Duration;

use rehearsal_worker::model::message::QueueMessage;
use rehearsal_worker::model::observation::QueueName;
use rehearsal_worker::ports::{Lease, LeaseAnswer, PortResult, Queue, QueueDepth};

/// Queue whose messages are logged: at level `debug` when they are leased, as a warning when they
/// are given up.
#[derive(Clone)]
pub struct ObservedQueue<Q> {
    queue: Q,
    name: QueueName,
}

impl<Q> ObservedQueue<Q> {
    /// Observes a queue.
    pub fn new(queue: Q, name: QueueName) -> Self {
        Self { queue, name }
    }

    /// Logs that a message was given up, if it was.
    fn given_up(
        &self,
        answer: PortResult<LeaseAnswer>,
        delivery: u64,
        reason: &str,
        end: &str,
    ) -> PortResult<LeaseAnswer> {
        if answer == Ok(LeaseAnswer::Done) {
            let queue = self.name.as_str();
            tracing::warn!(queue, delivery, reason, end, "message given up");
        }
        answer
    }
}

impl<M: QueueMessage, Q: Queue<M>> Queue<M> for ObservedQueue<Q> {
    async fn enqueue(&self, message: &M, idempotency_key: &str) -> PortResult<()> {
        self.queue.enqueue(message, idempotency_key).await
    }

    async fn lease(&self, lease: Duration, wait_time: Duration) -> PortResult<Option<Lease<M>>> {
        let answer = self.queue.lease(lease, wait_time).await;
        if let Ok(Some(lease)) = &answer {
            let (queue, delivery, attempt) = (self.name.as_str(), lease.delivery, lease.attempt);
            let run = lease.run.as_str();
            tracing::debug!(queue, run, delivery, attempt, "message leased");
        }
        answer
    }

    async fn renew(&self, delivery: u64, lease: Duration) -> PortResult<LeaseAnswer> {
        let answer = self.queue.renew(delivery, lease).await;
        if answer == Ok(LeaseAnswer::Expired) {
            tracing::warn!(queue = self.name.as_str(), delivery, "lease lost");
        }
        answer
    }

    async fn acknowledge(&self, delivery: u64) -> PortResult<LeaseAnswer> {
        self.queue.acknowledge(delivery).await
    }

    async fn release(
        &self,
        delivery: u64,
        delay: Duration,
        counted: bool,
    ) -> PortResult<LeaseAnswer> {
        self.queue.release(delivery, delay, counted).await
    }

    async fn dead_letter(&self, delivery: u64, reason: &str) -> PortResult<LeaseAnswer> {
        let answer = self.queue.dead_letter(delivery, reason).await;
        self.given_up(answer, delivery, reason, "dead letter")
    }

    async fn discard(&self, delivery: u64, reason: &str) -> PortResult<LeaseAnswer> {
        let answer = self.queue.discard(delivery, reason).await;
        self.given_up(answer, delivery, reason, "dropped")
    }

    async fn redrive(&self, limit: usize) -> PortResult<u64> {
        self.queue.redrive(limit).await
    }

    async fn depth(&self) -> PortResult<QueueDepth> {
        self.queue.depth().await
    }
}
