//! The messages on the queues, and the leases under which runners work.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::table::{IncarnationIndex, RunIndex, ScheduleIndex};
use crate::model::observation::QueueName;
use crate::model::{ImageDigest, Timestamp};
use rehearsal_convert::Index;

/// Ready, leased or gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MessageStatus {
    /// It can be leased, now or after a delay.
    Ready,
    /// An incarnation holds it.
    Leased {
        incarnation: IncarnationIndex,
        delivery: u64,
        since: Timestamp,
        until: Timestamp,
    },
    /// A dead letter.
    Dead { since: Timestamp },
}

/// One copy of a message.
#[derive(Debug, Clone)]
pub(crate) struct MessageRecord {
    pub queue: QueueName,
    pub run: RunIndex,
    pub schedule: ScheduleIndex,
    /// Index of the segment; none on the planner queue.
    pub segment: Option<u32>,
    pub place: MessageStatus,
    /// Since when it is ready, perhaps after a delay; none while it is not.
    pub ready_since: Option<Timestamp>,
    /// Messages of its queue, ready or leased, when it came onto the queue. It is one of them.
    pub pending_at_enqueue: u64,
    /// Its body can't be read.
    pub is_corrupted: bool,
    /// Number of the counted try that its newest delivery is.
    pub attempt: u32,
    /// Its deliveries that counted, since it was enqueued or redriven.
    pub counted: u32,
    /// Number of renewals of its lease.
    pub renewals: u32,
    /// Its deliveries so far.
    pub deliveries: Vec<u64>,
}

impl MessageRecord {
    /// A message that is ready and was never leased.
    pub const fn new(
        queue: QueueName,
        run: RunIndex,
        schedule: ScheduleIndex,
        segment: Option<u32>,
    ) -> Self {
        Self {
            queue,
            run,
            schedule,
            segment,
            place: MessageStatus::Ready,
            ready_since: None,
            pending_at_enqueue: 0,
            is_corrupted: false,
            attempt: 0,
            counted: 0,
            renewals: 0,
            deliveries: Vec::new(),
        }
    }

    /// Whether it is a dead letter.
    pub const fn is_dead(&self) -> bool {
        matches!(self.place, MessageStatus::Dead { .. })
    }
}

/// A lease under which a runner asks the scanner.
#[derive(Debug, Clone)]
pub(crate) struct DeliveryRecord {
    pub incarnation: IncarnationIndex,
    pub run: RunIndex,
    pub schedule: ScheduleIndex,
    /// When it began.
    pub since: Timestamp,
    /// When the holder received it.
    pub received_at: Option<Timestamp>,
    /// The holder's own deadline; none until the lease was received.
    pub deadline: Option<Timestamp>,
    /// The images of its run, and where among them its segment begins.
    pub images: (Arc<[ImageDigest]>, u32),
    /// Requests for each image of the segment.
    pub requests: Vec<u8>,
    /// When its last request was sent.
    pub asked_at: Timestamp,
    /// Number of requests that failed and may be repeated.
    pub failed_requests: u32,
    /// Number of requests that were repeated in the instant in which they failed.
    pub hasty_requests: u8,
    /// Where in the segment the next request is expected.
    pub cursor: u32,
    /// Throttled images by position, with the instant of Retry-After.
    pub throttled: Vec<(u32, Timestamp)>,
    /// Refused images, by position.
    pub refused: Vec<u32>,
    /// The segment was given up or counted as lost under this delivery already.
    pub is_counted_failed: bool,
    /// A newer delivery had begun when the store was asked about it.
    pub is_superseded: bool,
    /// Nothing was to be worked when it began, or its holder has learned so.
    pub is_needless: bool,
    /// Version conflicts that its holder has learned.
    pub conflicts: u32,
    /// When its holder last learned of one.
    pub conflict_at: Option<Timestamp>,
    /// When a request to the Scanner last led to no report.
    pub failed_at: Option<Timestamp>,
    /// When its last request was answered.
    pub answered_at: Option<Timestamp>,
}

impl DeliveryRecord {
    /// Position of an image in the segment. Requests mostly come in order, or again.
    #[inline]
    pub fn position(&mut self, image: &ImageDigest) -> Option<u32> {
        let start = self.images.1.to_index();
        let digests = self.images.0.get(start..start + self.requests.len())?;
        let next = self.cursor.to_index();
        let found = if digests.get(next) == Some(image) {
            next
        } else {
            digests.iter().position(|digest| digest == image)?
        };
        let found = (found as u64).index_u32();
        self.cursor = found + 1;
        Some(found)
    }
}

/// All messages and runners' leases.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    pub records: FxHashMap<u64, MessageRecord>,
    pub deliveries: FxHashMap<u64, DeliveryRecord>,
    /// Messages that are ready or leased, by queue.
    pub pending: [u64; 2],
    /// Number of messages by their end.
    pub ends: MessageEndCounts,
}

/// Number of messages by their end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MessageEndCounts {
    /// Messages that came onto a queue.
    pub enqueued: u64,
    /// Messages whose work was done.
    pub acknowledged: u64,
    /// Messages that became dead letters.
    pub dead_lettered: u64,
    /// Messages dropped because dead letters are off.
    pub dropped: u64,
    /// Dead letters put back onto their queue.
    pub redriven: u64,
    /// Messages lost by a queue that failed over or was created anew.
    pub lost: u64,
}

impl Messages {
    /// Adds a message that comes onto a queue.
    pub fn add(&mut self, id: u64, mut record: MessageRecord) {
        let pending = &mut self.pending[record.queue as usize];
        *pending += 1;
        record.pending_at_enqueue = *pending;
        self.ends.enqueued += 1;
        if let Some(old) = self.records.insert(id, record) {
            self.forget(&old);
        }
    }

    /// Removes a message.
    pub fn remove(&mut self, id: u64) -> Option<MessageRecord> {
        let record = self.records.remove(&id)?;
        self.forget(&record);
        Some(record)
    }

    /// Keeps the delivery of a leased message that is lost: its holder works on until it learns of
    /// the loss.
    pub fn keep_delivery(&mut self, id: u64) {
        if let Some(record) = self.records.get_mut(&id)
            && matches!(record.place, MessageStatus::Leased { .. })
        {
            record.deliveries.pop();
        }
    }

    /// Makes a message a dead letter, since that time, or redrives it (none).
    pub fn set_dead(&mut self, id: u64, since: Option<Timestamp>) {
        let Some(record) = self.records.get_mut(&id) else {
            return;
        };
        let pending = &mut self.pending[record.queue as usize];
        match (record.is_dead(), since.is_some()) {
            (false, true) => {
                assert!(
                    *pending > 0,
                    "a message that is set aside was counted on its queue"
                );
                *pending -= 1;
            }
            (true, false) => *pending += 1,
            _ => {}
        }
        record.place = since.map_or(MessageStatus::Ready, |since| MessageStatus::Dead { since });
    }

    /// Messages in the order of their numbers.
    pub fn sorted(&self) -> Vec<(u64, &MessageRecord)> {
        let mut all: Vec<_> = self
            .records
            .iter()
            .map(|(id, record)| (*id, record))
            .collect();
        all.sort_by_key(|(id, _)| *id);
        all
    }

    fn forget(&mut self, record: &MessageRecord) {
        if !record.is_dead() {
            let pending = &mut self.pending[record.queue as usize];
            assert!(
                *pending > 0,
                "a message that leaves its queue was counted on it"
            );
            *pending -= 1;
        }
        for delivery in &record.deliveries {
            self.deliveries.remove(delivery);
        }
    }
}
