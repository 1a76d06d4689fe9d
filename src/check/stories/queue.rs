//! Messages on the queues, and the whole healthy run.

use std::time::Duration;

use super::story::Story;
use crate::model::observation::{Observation, QueueName, QueueStep};
use crate::model::{RunId, SegmentKey};

impl Story {
    /// A message for the run (or its segment) comes onto its queue.
    pub fn enqueue(&mut self, segment: Option<u32>) -> u64 {
        self.message += 1;
        let message = self.message;
        self.step(message, 0, segment, QueueStep::Enqueued);
        message
    }

    /// The process leases a message for a minute.
    pub fn lease(&mut self, message: u64, segment: Option<u32>) -> u64 {
        self.delivery += 1;
        let delivery = self.delivery;
        let until = self.now.after(Duration::from_secs(60));
        self.step(
            message,
            delivery,
            segment,
            QueueStep::Leased { until, attempt: 1 },
        );
        let (life, sent_at) = (self.life.clone(), self.now);
        let lease = Duration::from_secs(60);
        self.see(&Observation::LeaseHeld {
            life: &life,
            delivery,
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
        let queue = if segment.is_some() {
            QueueName::Runner
        } else {
            QueueName::Planner
        };
        let (life, run) = (self.life.clone(), self.run.clone().unwrap());
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
            life: is_own.then_some(&life),
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
