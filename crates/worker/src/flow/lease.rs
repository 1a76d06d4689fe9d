//! A leased message: received, renewed while it is worked, and settled.
//!
//! The queue delivers at least once, so a lease is no proof of ownership: it can expire while its
//! holder is paused. Correctness rests on the fence instead (the delivery number that a segment's
//! commit carries). The lease only limits how much work is done twice. Its holder counts on its own
//! clock, from the moment at which a renewal was sent: that ends before the queue's count does.
//! Waiting for the queue to report the expiry was rejected, since a holder that cannot reach the
//! queue would then go on scanning.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::context::WorkerContext;
use crate::model::message::QueueMessage;
use crate::model::observation::QueueName;
use crate::model::time::nanos_of;
use crate::ports::{Clock, Lease, LeaseAnswer, PortResult, Ports, Queue};

/// Disposition of a leased message after the work on it, in AMQP's terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    /// Acknowledged: no work is left.
    Ack,
    /// Released after a backoff, because a service is not available. The delivery does not count.
    ReleaseAfterBackoff,
    /// Released at once, because the process stops or may not go on. The delivery does not count.
    Release,
    /// Released after a backoff, because the work led to nothing. The delivery counts.
    Nack,
    /// Set aside as a dead letter, for this reason.
    DeadLetter(Arc<str>),
}

/// A message under lease.
pub struct LeasedMessage<'a, P: Ports, M: QueueMessage, Q: Queue<M>> {
    context: &'a WorkerContext<P>,
    queue: &'a Q,
    name: QueueName,
    /// Lease as it was received.
    pub lease: Lease<M>,
    /// End of the lease on the process's clock, in nanoseconds: the last successful renewal, by
    /// the time at which it was sent, plus the lease.
    deadline_ns: AtomicU64,
    is_lost: AtomicBool,
}

impl<'a, P: Ports, M: QueueMessage, Q: Queue<M>> LeasedMessage<'a, P, M, Q> {
    /// Waits for a message. Returns none when the process stops; a message that arrives then is
    /// released at once. Asks for none while the store is unreachable.
    pub async fn receive(
        context: &'a WorkerContext<P>,
        queue: &'a Q,
        name: QueueName,
    ) -> Option<Self> {
        while !context.intake.is_cancelled() {
            if context.store_reachable() {
                match Self::next(context, queue, name).await {
                    Ok(Some(leased)) if context.intake.is_cancelled() => {
                        leased.settle(Disposition::Release).await;
                    }
                    Ok(Some(leased)) => return Some(leased),
                    Ok(None) => continue,
                    Err(_) => {}
                }
            }
            let delay = context.options.backoff_initial;
            context.sleep_or_stopped(delay).await;
        }
        None
    }

    /// Waits for a message up to the receive wait time.
    async fn next(
        context: &'a WorkerContext<P>,
        queue: &'a Q,
        name: QueueName,
    ) -> PortResult<Option<Self>> {
        let sent_at = context.elapsed();
        let options = &context.options;
        let lease = queue.lease(options.lease, options.receive_wait_time);
        let Some(lease) = lease.await? else {
            return Ok(None);
        };
        if lease.attempt > 1 {
            context.metrics.redelivery(name);
        }
        Ok(Some(Self {
            context,
            queue,
            name,
            lease,
            deadline_ns: AtomicU64::new(nanos_of(sent_at + options.lease)),
            is_lost: AtomicBool::new(false),
        }))
    }

    /// Returns whether the lease still holds, on the holder's own clock.
    pub fn is_held(&self) -> bool {
        !self.is_lost.load(Ordering::Relaxed)
            && nanos_of(self.context.elapsed()) < self.deadline_ns.load(Ordering::Relaxed)
    }

    /// Renews the lease after each third of it, and calls `on_renewed` each time. Runs beside the
    /// work, and resolves only if `on_renewed` ends the work.
    ///
    /// After the lease is lost the future stays pending. If the store has been unreachable for two
    /// leases, the message is released, since another worker may take it, and the future stays
    /// pending too: the running work may still wait for the answer to its commit.
    pub async fn keep_alive(
        &self,
        on_renewed: impl AsyncFn() -> Option<Disposition>,
    ) -> Disposition {
        let options = &self.context.options;
        let interval = options.renewal_interval();
        loop {
            self.context.ports.clock().sleep(interval).await;
            if self.context.store_unreachable_for() > options.stale_after() {
                self.is_lost.store(true, Ordering::Relaxed);
                self.release(self.delay(), false).await;
                std::future::pending::<()>().await;
            }
            let sent_at = self.context.elapsed();
            let lease = options.lease;
            match self.queue.renew(self.lease.delivery, lease).await {
                Ok(LeaseAnswer::Done) => {
                    let deadline_ns = nanos_of(sent_at + lease);
                    let before = self.deadline_ns.swap(deadline_ns, Ordering::Relaxed);
                    debug_assert!(before <= deadline_ns, "a renewal shortens no lease");
                    self.context.metrics.lease_renewal(self.name);
                    if let Some(disposition) = on_renewed().await {
                        return disposition;
                    }
                }
                Ok(LeaseAnswer::Expired) => {
                    self.is_lost.store(true, Ordering::Relaxed);
                    self.context.metrics.lease_loss(self.name);
                    std::future::pending::<()>().await;
                }
                Err(_) => {}
            }
        }
    }

    /// Settles the message.
    pub async fn settle(&self, disposition: Disposition) {
        match disposition {
            Disposition::Ack => {
                let acknowledge = || self.queue.acknowledge(self.lease.delivery);
                let _ = self.context.retry_bounded(acknowledge).await;
            }
            Disposition::ReleaseAfterBackoff => self.release(self.delay(), false).await,
            Disposition::Release => self.release(Duration::ZERO, false).await,
            Disposition::Nack => self.release(self.delay(), true).await,
            Disposition::DeadLetter(reason) => self.set_aside(&reason).await,
        }
    }

    /// Returns the backoff before the next delivery of a released message.
    fn delay(&self) -> Duration {
        let WorkerContext { options, ports, .. } = self.context;
        options.backoff().delay(self.lease.attempt, ports.random())
    }

    /// Releases the message: it is ready again after `delay`.
    async fn release(&self, delay: Duration, counted: bool) {
        let release = || self.queue.release(self.lease.delivery, delay, counted);
        let _ = self.context.retry_bounded(release).await;
    }

    /// Makes the message a dead letter, or discards it if dead letters are off.
    async fn set_aside(&self, reason: &Arc<str>) {
        let delivery = self.lease.delivery;
        let keeps = self.context.options.dead_letter_enabled;
        let dead_letter = || self.queue.dead_letter(delivery, reason);
        let discard = || self.queue.discard(delivery, reason);
        let answer = match keeps {
            true => self.context.retry_bounded(dead_letter).await,
            false => self.context.retry_bounded(discard).await,
        };
        if answer == Ok(LeaseAnswer::Done) {
            if keeps {
                self.context.metrics.dead_letter(self.name);
            } else {
                self.context.metrics.drop_message(self.name);
            }
        }
    }
}
