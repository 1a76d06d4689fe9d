//! A message in hand: its lease, kept alive while it is worked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::Disposition;
use super::context::Context;
use super::ports::{Clock, Lease, LeaseAnswer, PortResult, Ports, Queue};
use crate::model::message::QueueMessage;
use crate::model::observation::QueueName;
use crate::model::time::nanos_of;

/// A message in hand.
pub struct LeasedMessage<'a, P: Ports, M: QueueMessage, Q: Queue<M>> {
    context: &'a Context<P>,
    queue: &'a Q,
    name: QueueName,
    /// The lease as it was received.
    pub lease: Lease<M>,
    /// On the process's own clock: the last renewal that was answered with yes, by when it was
    /// sent, plus the lease.
    deadline_nanos: AtomicU64,
    lost: AtomicBool,
}

impl<'a, P: Ports, M: QueueMessage, Q: Queue<M>> LeasedMessage<'a, P, M, Q> {
    /// Waits for a message; none when the process stops, and one that comes then goes back at once.
    /// Asks for none while the store does not answer.
    pub async fn receive(context: &'a Context<P>, queue: &'a Q, name: QueueName) -> Option<Self> {
        while !context.intake.is_cancelled() {
            if context.store_reachable() {
                match Self::next(context, queue, name).await {
                    Ok(Some(held)) if context.intake.is_cancelled() => {
                        held.end(Disposition::Release).await;
                    }
                    Ok(Some(held)) => return Some(held),
                    Ok(None) => continue,
                    Err(_) => {}
                }
            }
            context
                .sleep_or_stopped(context.options.backoff_initial)
                .await;
        }
        None
    }

    /// Waits for a message; none if there is none within the patience.
    async fn next(
        context: &'a Context<P>,
        queue: &'a Q,
        name: QueueName,
    ) -> PortResult<Option<Self>> {
        let sent_at = context.elapsed();
        let options = &context.options;
        let Some(lease) = queue
            .lease(options.lease, options.receive_wait_time)
            .await?
        else {
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
            deadline_nanos: AtomicU64::new(nanos_of(sent_at + options.lease)),
            lost: AtomicBool::new(false),
        }))
    }

    /// Whether work under the lease may still go on, by the holder's own count.
    pub fn is_live(&self) -> bool {
        !self.lost.load(Ordering::Relaxed)
            && nanos_of(self.context.elapsed()) < self.deadline_nanos.load(Ordering::Relaxed)
    }

    /// Renews the lease after each third of it, and calls `renewed` each time. Run it beside the
    /// work: it ends only if `renewed` says how the work ends. Once the lease is lost it waits; so it
    /// does when the store has been silent for so long that others may do the work, for which it hands
    /// the message back: the work itself may have to wait on for the answer to its commit.
    pub async fn keep(&self, renewed: impl AsyncFn() -> Option<Disposition>) -> Disposition {
        let options = &self.context.options;
        let interval = options.renewal_interval();
        loop {
            self.context.ports.clock().sleep(interval).await;
            if self.context.store_unreachable_for() > options.stale_after() {
                self.lost.store(true, Ordering::Relaxed);
                self.release(self.delay(), false).await;
                std::future::pending::<()>().await;
            }
            let sent_at = self.context.elapsed();
            let lease = options.lease;
            match self.queue.renew(self.lease.delivery, lease).await {
                Ok(LeaseAnswer::Done) => {
                    let deadline_nanos = nanos_of(sent_at + lease);
                    self.deadline_nanos.store(deadline_nanos, Ordering::Relaxed);
                    self.context.metrics.lease_renewal(self.name);
                    if let Some(ended) = renewed().await {
                        return ended;
                    }
                }
                Ok(LeaseAnswer::Expired) => {
                    self.lost.store(true, Ordering::Relaxed);
                    self.context.metrics.lease_loss(self.name);
                    std::future::pending::<()>().await;
                }
                Err(_) => {}
            }
        }
    }

    /// Ends the hold as the work ended.
    pub async fn end(&self, ended: Disposition) {
        match ended {
            Disposition::Ack => {
                let acknowledge = || self.queue.acknowledge(self.lease.delivery);
                let _ = self.context.retry_bounded(acknowledge).await;
            }
            Disposition::ReleaseAfterBackoff => self.release(self.delay(), false).await,
            Disposition::Release => self.release(Duration::ZERO, false).await,
            Disposition::Nack => self.release(self.delay(), true).await,
            Disposition::DeadLetter(reason) => self.bury(&reason).await,
        }
    }

    /// Until the next try of a message that is handed back.
    fn delay(&self) -> Duration {
        let Context { options, ports, .. } = self.context;
        options.backoff().delay(self.lease.attempt, ports.random())
    }

    /// Hands the message back, to be tried again after `delay`.
    async fn release(&self, delay: Duration, counted: bool) {
        let release = || self.queue.release(self.lease.delivery, delay, counted);
        let _ = self.context.retry_bounded(release).await;
    }

    /// Sets the message aside, or drops it.
    async fn bury(&self, reason: &Arc<str>) {
        let delivery = self.lease.delivery;
        let keep = self.context.options.dead_letter_enabled;
        let dead_letter = || self.queue.dead_letter(delivery, reason);
        let discard = || self.queue.discard(delivery, reason);
        let answer = match keep {
            true => self.context.retry_bounded(dead_letter).await,
            false => self.context.retry_bounded(discard).await,
        };
        if answer == Ok(LeaseAnswer::Done) {
            if keep {
                self.context.metrics.dead_letter(self.name);
            } else {
                self.context.metrics.drop_message(self.name);
            }
        }
    }
}
