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

use futures_lite::future;

use crate::context::WorkerContext;
use crate::flow::reusable_timeout::ReusableTimeout;
use crate::flow::wake::WakeSignal;
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
    /// The two do not wait for each other, so a slow store delays no renewal. After the lease is
    /// lost the future stays pending: the running work may still wait for the answer to its
    /// commit.
    pub async fn keep_alive(
        &self,
        on_renewed: impl AsyncFn() -> Option<Disposition>,
    ) -> Disposition {
        let renewed = WakeSignal::default();
        let renewals = async {
            self.renew_regularly(&renewed).await;
            std::future::pending().await
        };
        let calls = async {
            loop {
                renewed.notified().await;
                if let Some(disposition) = on_renewed().await {
                    return disposition;
                }
            }
        };
        future::or(renewals, calls).await
    }

    /// Renews until the lease is lost. A renewal that is not answered within a third of the lease
    /// is given up, so that it does not delay the next one.
    ///
    /// If the store has been unreachable for two leases, the message is released, since another
    /// worker may take it.
    async fn renew_regularly(&self, renewed: &WakeSignal) {
        let WorkerContext { options, ports, .. } = self.context;
        let (clock, interval) = (ports.clock(), options.renewal_interval());
        let mut limit = ReusableTimeout::new(clock, interval);
        let mut wait = interval;
        loop {
            clock.sleep(wait).await;
            if self.context.store_unreachable_for() > options.stale_after() {
                self.is_lost.store(true, Ordering::Relaxed);
                return self.release(self.delay(), false).await;
            }
            let sent_at = self.context.elapsed();
            let renewal = self.queue.renew(self.lease.delivery, options.lease);
            match limit.run(renewal).await {
                Some(Ok(LeaseAnswer::Done)) => {
                    self.extend(sent_at + options.lease);
                    renewed.notify_one();
                }
                Some(Ok(LeaseAnswer::Expired)) => {
                    self.is_lost.store(true, Ordering::Relaxed);
                    return self.context.metrics.lease_loss(self.name);
                }
                Some(Err(_)) | None => {}
            }
            let taken = self.context.elapsed().saturating_sub(sent_at);
            wait = interval.saturating_sub(taken);
        }
    }

    fn extend(&self, deadline: Duration) {
        let deadline_ns = nanos_of(deadline);
        let before = self.deadline_ns.swap(deadline_ns, Ordering::Relaxed);
        debug_assert!(before <= deadline_ns, "a renewal shortens no lease");
        self.context.metrics.lease_renewal(self.name);
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

    /// Returns the backoff before the next delivery of a released message: a lease at most, since
    /// after two leases without a sign of work, repair enqueues the work again.
    fn delay(&self) -> Duration {
        let WorkerContext { options, ports, .. } = self.context;
        let delay = options.backoff().delay(self.lease.attempt, ports.random());
        delay.min(options.lease)
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

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use rehearsal_kernel::ProcessId;

    use super::*;
    use crate::model::{ImpactSet, PlannerMessage};
    use crate::testing::{ContextHarness, TestPorts};

    /// Keeps a lease alive for 90 s; returns the times of the renewals in seconds, and whether the
    /// lease is held at the end.
    fn keep(
        script: impl Fn(&TestPorts),
        on_renewed: impl AsyncFn() -> Option<Disposition> + 'static,
    ) -> (Vec<u64>, bool) {
        let mut harness = ContextHarness::new();
        script(&harness.context.ports);
        let (context, is_held) = (Rc::clone(&harness.context), Rc::new(AtomicBool::new(false)));
        let seen = Rc::clone(&is_held);
        harness
            .kernel
            .handle()
            .spawn(ProcessId::WORLD, "holder", async move {
                let leased = LeasedMessage {
                    context: &context,
                    queue: &context.ports.planner_queue,
                    name: QueueName::Planner,
                    lease: lease(),
                    deadline_ns: AtomicU64::new(nanos_of(Duration::from_secs(60))),
                    is_lost: AtomicBool::new(false),
                };
                let end = context.ports.clock.sleep(Duration::from_secs(90));
                let kept = async {
                    leased.keep_alive(on_renewed).await;
                };
                future::or(end, kept).await;
                seen.store(leased.is_held(), Ordering::Relaxed);
            });
        harness.run_until(100);
        let renewals = harness.context.ports.planner_queue.renewals.borrow();
        (renewals.clone(), is_held.load(Ordering::Relaxed))
    }

    fn lease() -> Lease<PlannerMessage> {
        let message = PlannerMessage {
            run: "run".into(),
            schedule: "nightly".into(),
            tenant: "acme".into(),
            impact: ImpactSet::default(),
        };
        Lease {
            run: message.run.clone(),
            schedule: message.schedule.clone(),
            body: Ok(message),
            delivery: 1,
            attempt: 1,
        }
    }

    #[test]
    fn renewals_do_not_wait_for_the_store() {
        let kept = keep(|_| {}, async || std::future::pending().await);
        assert_eq!(kept, (vec![20, 40, 60, 80], true));
    }

    #[test]
    fn renewal_without_answer_does_not_delay_the_next_one() {
        let hang = |ports: &TestPorts| ports.planner_queue.latency.set(None);
        assert_eq!(keep(hang, async || None), (vec![20, 40, 60, 80], false));
    }

    #[test]
    fn slow_renewals_are_sent_every_third_of_the_lease() {
        let slow = Some(Duration::from_secs(15));
        let slow = |ports: &TestPorts| ports.planner_queue.latency.set(slow);
        assert_eq!(keep(slow, async || None), (vec![20, 40, 60, 80], true));
    }
}
