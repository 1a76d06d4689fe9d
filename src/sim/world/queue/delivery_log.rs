//! Deliveries of a queue. They are kept after their messages are gone, to refuse late calls.

use std::rc::Rc;

use super::MessageHeaders;
use crate::model::{DeliveryEpoch, IncarnationId};
use rehearsal_convert::Index;

/// Number of queues; the numbers of messages and deliveries of different queues differ.
pub(super) const LANES: u64 = 2;

/// One delivery of a message.
#[derive(Debug)]
pub(super) struct Delivery {
    pub message: u64,
    pub headers: Rc<MessageHeaders>,
    pub incarnation: IncarnationId,
}

/// All deliveries of a queue, oldest first.
#[derive(Debug)]
pub(super) struct DeliveryLog {
    lane: u64,
    deliveries: Vec<Delivery>,
    /// Each epoch with the index of its first delivery, oldest first. There is always one.
    epochs: Vec<(DeliveryEpoch, usize)>,
}

impl DeliveryLog {
    pub fn new(lane: u64) -> Self {
        Self {
            lane,
            deliveries: Vec::new(),
            epochs: vec![(DeliveryEpoch::FIRST, 0)],
        }
    }

    /// Counts from 1 again, in the epoch that the store has given.
    pub fn begin_epoch(&mut self, epoch: DeliveryEpoch) {
        self.epochs.push((epoch, self.deliveries.len()));
    }

    /// Adds a delivery, and returns its number.
    pub fn push(&mut self, delivery: Delivery) -> u64 {
        self.deliveries.push(delivery);
        let (epoch, first) = self.epochs.last().copied().unwrap_or_default();
        let count = (self.deliveries.len() - first) as u64;
        epoch.delivery(count * LANES - self.lane)
    }

    /// Returns the newest delivery with a number. *O*(epochs).
    pub fn get(&self, delivery: u64) -> Option<&Delivery> {
        let (epoch, number) = DeliveryEpoch::of_delivery(delivery);
        let mut epochs = self.epochs.iter().rev();
        let (_, first) = epochs.find(|(known, _)| *known == epoch)?;
        let index = first + (number.saturating_sub(1) / LANES).to_index();
        self.deliveries.get(index)
    }
}
