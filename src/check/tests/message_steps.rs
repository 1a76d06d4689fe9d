//! Transitions of messages in a fixture.

use std::time::Duration;

use super::fixture::Fixture;
use crate::check::instruments::ExtensionSeries;
use crate::model::observation::{Observation, QueueName, QueueStep};
use crate::model::{RunId, SegmentKey};

/// Segments have a queue of their own.
fn queue_of(segment: Option<u32>) -> QueueName {
    match segment {
        Some(_) => QueueName::Runner,
        None => QueueName::Planner,
    }
}

impl Fixture {
    /// A message for the run (or its segment) comes onto its queue.
    pub fn enqueue(&mut self, segment: Option<u32>) -> u64 {
        self.message += 1;
        let message = self.message;
        self.step(message, 0, segment, QueueStep::Enqueued);
        message
    }

    /// The process leases a message for a minute.
    pub fn lease(&mut self, message: u64, segment: Option<u32>) -> u64 {
        self.lease_after(message, segment, Duration::ZERO)
    }

    /// The process leases a message for a minute, with a request that has waited for it.
    pub fn lease_after(&mut self, message: u64, segment: Option<u32>, waited: Duration) -> u64 {
        self.delivery += 1;
        let delivery = self.delivery;
        let until = self.now.after(Duration::from_secs(60));
        let attempt = 1 + self.tries.get(&message).copied().unwrap_or_default();
        if self.is_honest && attempt > 1 {
            let redeliveries = ExtensionSeries::Redeliveries(queue_of(segment));
            self.forge(|page| page.extend(redeliveries, 1));
        }
        let step = QueueStep::Leased { until, attempt };
        self.step(message, delivery, segment, step);
        let (incarnation, sent_at) = (self.incarnation.clone(), self.now.before(waited));
        let lease = Duration::from_secs(60);
        self.see(&Observation::LeaseHeld {
            incarnation: &incarnation,
            queue: queue_of(segment),
            delivery,
            attempt: Some(attempt),
            sent_at,
            lease,
        });
        delivery
    }

    pub fn acknowledge(&mut self, message: u64, delivery: u64, segment: Option<u32>) -> &mut Self {
        self.step(message, delivery, segment, QueueStep::Acknowledged)
    }

    pub fn step(
        &mut self,
        message: u64,
        delivery: u64,
        segment: Option<u32>,
        step: QueueStep,
    ) -> &mut Self {
        match step {
            QueueStep::Released { counted: true, .. } | QueueStep::Expired => {
                *self.tries.entry(message).or_default() += 1;
            }
            QueueStep::Redriven => {
                self.tries.remove(&message);
            }
            _ => {}
        }
        let queue = queue_of(segment);
        let (incarnation, run) = (self.incarnation.clone(), self.run.clone().unwrap());
        let key = segment.map(|index| self.key(index));
        let is_own = !matches!(step, QueueStep::Enqueued | QueueStep::Expired);
        self.see(&Observation::Message {
            queue,
            step,
            run: &run.id,
            segment: key.as_ref(),
            schedule: &run.schedule,
            delivery,
            message,
            incarnation: is_own.then_some(&incarnation),
        })
    }

    pub fn key(&self, index: u32) -> SegmentKey {
        SegmentKey {
            run: self.run_id(),
            index,
        }
    }

    pub fn run_id(&self) -> RunId {
        self.run.as_ref().unwrap().id.clone()
    }
}
