//! Runner queue with a planted fault.

use std::rc::Rc;
use std::time::Duration;

use rehearsal::model::{DeliveryEpoch, SegmentMessage};
use rehearsal::sim::world::WorldPorts;
use rehearsal::worker::ports::{Lease, LeaseAnswer, PortResult, Ports, Queue, QueueDepth};

use crate::planted::{Memory, PlantedFault};

type SimulatedQueue = <WorldPorts as Ports>::RunnerQueue;

/// Simulated queue that shows a planted fault.
#[derive(Clone)]
pub struct PlantedQueue {
    queue: SimulatedQueue,
    planted: Option<PlantedFault>,
    memory: Rc<Memory>,
}

impl PlantedQueue {
    pub fn new(queue: SimulatedQueue, planted: Option<PlantedFault>, memory: Rc<Memory>) -> Self {
        Self {
            queue,
            planted,
            memory,
        }
    }

    fn has(&self, fault: PlantedFault) -> bool {
        self.planted == Some(fault)
    }

    /// Returns the delivery of the simulated queue for one that a caller knows.
    fn inner(&self, delivery: u64) -> u64 {
        match self.planted {
            Some(PlantedFault::DeliveriesStartOver) => delivery + self.memory.deliveries.get().1,
            Some(PlantedFault::EpochKept) => {
                let (epoch, _) = DeliveryEpoch::of_delivery(self.memory.deliveries.get().0);
                epoch.delivery(delivery)
            }
            // The simulated planner queue has the even numbers.
            Some(PlantedFault::LanesShared) => delivery - 1,
            _ => delivery,
        }
    }

    /// Records a lease, and returns it as the caller sees it.
    fn noted(&self, mut lease: Lease<SegmentMessage>) -> Lease<SegmentMessage> {
        let memory = &self.memory;
        if let Ok(body) = &lease.body {
            memory
                .newest
                .borrow_mut()
                .insert(body.index, lease.delivery);
            memory
                .messages
                .borrow_mut()
                .insert(lease.delivery, body.index);
        }
        *memory.lease.borrow_mut() = Some(lease.clone());
        let (highest, base) = memory.deliveries.get();
        memory.deliveries.set((highest.max(lease.delivery), base));
        match self.planted {
            Some(PlantedFault::DeliveriesStartOver) => lease.delivery -= base,
            Some(PlantedFault::EpochKept) => {
                (_, lease.delivery) = DeliveryEpoch::of_delivery(lease.delivery);
            }
            Some(PlantedFault::LanesShared) => lease.delivery += 1,
            Some(PlantedFault::HeadersLost) if lease.body.is_err() => lease.run = "".into(),
            _ => {}
        }
        lease
    }
}

impl Queue<SegmentMessage> for PlantedQueue {
    async fn enqueue(&self, message: &SegmentMessage, key: &str) -> PortResult<()> {
        let key = match self.has(PlantedFault::KeysLost) {
            true => format!("{key}-{}", self.memory.next_unique()),
            false => key.to_owned(),
        };
        self.queue.enqueue(message, &key).await
    }

    async fn lease(
        &self,
        lease: Duration,
        wait_time: Duration,
    ) -> PortResult<Option<Lease<SegmentMessage>>> {
        if self.has(PlantedFault::LeaseGrantedTwice)
            && self.memory.next_unique().is_multiple_of(16)
            && let Some(granted) = self.memory.lease.borrow_mut().take()
        {
            return Ok(Some(granted));
        }
        let (lease, wait_time) = match self.planted {
            Some(PlantedFault::LeaseDoubled) => (lease * 2, wait_time),
            Some(PlantedFault::LeaseFixed) => (Duration::from_secs(60), wait_time),
            Some(PlantedFault::WaitIgnored) => (lease, Duration::ZERO),
            Some(PlantedFault::LongWaitHolds) if wait_time > lease * 2 => {
                (Duration::from_hours(1), wait_time)
            }
            _ => (lease, wait_time),
        };
        let leased = self.queue.lease(lease, wait_time).await?;
        Ok(leased.map(|leased| self.noted(leased)))
    }

    async fn renew(&self, delivery: u64, lease: Duration) -> PortResult<LeaseAnswer> {
        if self.has(PlantedFault::RenewalWithoutEffect) {
            return Ok(LeaseAnswer::Done);
        }
        self.queue.renew(self.inner(delivery), lease).await
    }

    async fn acknowledge(&self, delivery: u64) -> PortResult<LeaseAnswer> {
        if self.has(PlantedFault::AcknowledgementWithoutEffect) {
            return Ok(LeaseAnswer::Done);
        }
        let mut delivery = self.inner(delivery);
        if self.has(PlantedFault::UnfencedAcknowledgement) {
            let message = self.memory.messages.borrow().get(&delivery).copied();
            let newest = self.memory.newest.borrow();
            delivery = message
                .and_then(|index| newest.get(&index).copied())
                .unwrap_or(delivery);
        }
        self.queue.acknowledge(delivery).await
    }

    async fn release(
        &self,
        delivery: u64,
        delay: Duration,
        counted: bool,
    ) -> PortResult<LeaseAnswer> {
        let delay = match self.has(PlantedFault::DelayLost) {
            true => Duration::ZERO,
            false => delay,
        };
        let counted = match self.planted {
            Some(PlantedFault::ReleaseAlwaysCounted) => true,
            Some(PlantedFault::ReleaseNeverCounted) => false,
            _ => counted,
        };
        self.queue
            .release(self.inner(delivery), delay, counted)
            .await
    }

    async fn dead_letter(&self, delivery: u64, reason: &str) -> PortResult<LeaseAnswer> {
        let delivery = self.inner(delivery);
        match self.has(PlantedFault::DeadLetterLost) {
            true => self.queue.discard(delivery, reason).await,
            false => self.queue.dead_letter(delivery, reason).await,
        }
    }

    async fn discard(&self, delivery: u64, reason: &str) -> PortResult<LeaseAnswer> {
        let delivery = self.inner(delivery);
        match self.has(PlantedFault::DiscardedKept) {
            true => self.queue.dead_letter(delivery, reason).await,
            false => self.queue.discard(delivery, reason).await,
        }
    }

    async fn redrive(&self, limit: usize) -> PortResult<u64> {
        self.queue.redrive(limit).await
    }

    async fn depth(&self) -> PortResult<QueueDepth> {
        let mut depth = self.queue.depth().await?;
        if self.has(PlantedFault::AgeLost) {
            depth.oldest_ready_age = Duration::ZERO;
        }
        Ok(depth)
    }
}
