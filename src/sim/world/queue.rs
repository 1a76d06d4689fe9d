//! A queue: at-least-once delivery under leases that end by the queue's own clock.
//!
//! ```text
//!            enqueue                    lease                acknowledge, dead letter, discard
//!   (delayed) ────────────> ready ────────────────> leased ───────────────────────> gone
//!        ^                    ^                       │ │ renew
//!        └── release, delay ──┴──── release, expiry ──┘ └───┘
//! ```
//!
//! This module is the state of the queue and knows no network; [`port`] is the access over it.
//!
//! Messages are in ordered sets by the time at which something is due, and one timer of the server
//! covers all of them. A kernel timer for each lease was rejected: each renewal would cancel one
//! and start another.

mod codec;
mod delivery_log;
mod headers;
mod port;
mod recent;
mod server;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use self::delivery_log::{Delivery, DeliveryLog, LANES};
pub(super) use self::headers::MessageHeaders;
use self::headers::SimQueueMessage;
pub use self::port::{PlannerQueuePort, QueuePort, RunnerQueuePort};
use self::recent::RecentKeys;
pub(super) use self::server::QueueServer;
use crate::model::observation::QueueStep;
use crate::model::{DecodeError, DeliveryEpoch, IncarnationId, SegmentKey, Timestamp};
use crate::scenario::MessageSchema;
use crate::worker::ports::{Lease, LeaseAnswer, QueueDepth};
use rustc_hash::FxHashMap;

/// Message with its headers, attempts and state.
#[derive(Debug)]
struct StoredMessage<M> {
    body: Result<M, DecodeError>,
    headers: Rc<MessageHeaders>,
    came_at: Timestamp,
    /// Number of failed deliveries that count against the attempt limit.
    failed: u32,
    /// Number of the newest delivery; 0 before the first.
    delivery: u64,
    state: MessageState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MessageState {
    Delayed { until: Timestamp },
    Ready { since: Timestamp },
    Leased { until: Timestamp },
}

/// Transition of a message, for observers.
#[derive(Debug)]
pub(super) struct QueueEvent {
    pub step: QueueStep,
    pub headers: Rc<MessageHeaders>,
    pub delivery: u64,
    pub message: u64,
    pub incarnation: Option<IncarnationId>,
    /// Whether the message was enqueued with a body that can't be decoded.
    pub is_spoiled: bool,
}

/// Faults that affect the arrival of a message, and how it was written.
#[derive(Debug, Clone, Copy, Default)]
pub struct MessageArrival {
    /// Delay until the message becomes ready.
    pub delay: Duration,
    /// Whether its body can't be decoded.
    pub is_poisoned: bool,
    /// Whether the queue keeps a second copy.
    pub is_doubled: bool,
    /// Version in which its sender has written it.
    pub schema: MessageSchema,
}

/// State of a queue. Operations are *O*(log messages) unless they say otherwise.
///
/// It has no clock: every call that needs the time states it, so that tests can compare any other
/// queue with it. Before each call, [`SimQueue::advance`] brings it up to date.
#[derive(Debug)]
pub struct SimQueue<M> {
    entries: FxHashMap<u64, StoredMessage<M>>,
    /// Ready messages in the order in which they became ready.
    ready: VecDeque<u64>,
    delayed: BTreeSet<(Timestamp, u64)>,
    /// Leased messages by the ends of their leases.
    leased: BTreeSet<(Timestamp, u64)>,
    deliveries: DeliveryLog,
    recent: RecentKeys,
    /// Dead letters, each with its reason, the oldest first.
    dead: VecDeque<(u64, StoredMessage<M>, Rc<str>)>,
    last_message: u64,
    /// Number of messages that are gone: removed or lost.
    gone: u64,
    lane: u64,
    events: Vec<QueueEvent>,
}

impl<M: SimQueueMessage> SimQueue<M> {
    /// Builds an empty queue. Numbers of messages and deliveries differ between the lanes 0 and 1.
    ///
    /// # Panics
    /// There is no such lane.
    pub fn new(idempotency_window: Duration, lane: u64) -> Self {
        assert!(lane < LANES, "lane {lane} of {LANES}");
        Self {
            entries: FxHashMap::default(),
            ready: VecDeque::new(),
            delayed: BTreeSet::new(),
            leased: BTreeSet::new(),
            deliveries: DeliveryLog::new(lane),
            recent: RecentKeys::new(idempotency_window),
            dead: VecDeque::new(),
            last_message: 0,
            gone: 0,
            lane,
            events: Vec::new(),
        }
    }

    /// Checks that every message is in exactly one place: ready, delayed, leased, dead or gone.
    /// *O*(1).
    pub(super) fn is_conserved(&self) -> bool {
        let waiting = self.ready.len() + self.delayed.len() + self.leased.len();
        let kept = self.entries.len() + self.dead.len();
        waiting == self.entries.len() && kept as u64 + self.gone == self.last_message
    }

    /// Enqueues a message, unless one with this key was enqueued within the idempotency window.
    pub fn enqueue(
        &mut self,
        message: M,
        segment: Option<SegmentKey>,
        key: &str,
        arrival: MessageArrival,
        incarnation: &IncarnationId,
        now: Timestamp,
    ) {
        let headers = Rc::new(MessageHeaders {
            run: message.run().clone(),
            schedule: message.schedule().clone(),
            segment,
        });
        if !self.recent.admit(key, now) {
            self.note(QueueStep::Deduplicated, &headers, 0, 0, Some(incarnation));
            return;
        }
        let body = if arrival.is_poisoned {
            Err(DecodeError("expected value at line 1 column 1".to_owned()))
        } else {
            codec::received(message, self.last_message + 1, arrival.schema)
        };
        for _ in 0..=u32::from(arrival.is_doubled) {
            self.last_message += 1;
            let message = self.last_message * LANES - self.lane;
            self.note(QueueStep::Enqueued, &headers, 0, message, Some(incarnation));
            if let Some(event) = self.events.last_mut() {
                event.is_spoiled = arrival.is_poisoned;
            }
            let entry = StoredMessage {
                body: body.clone(),
                headers: Rc::clone(&headers),
                came_at: now,
                failed: 0,
                delivery: 0,
                state: MessageState::Ready { since: now },
            };
            self.entries.insert(message, entry);
            self.make_ready(message, arrival.delay, now);
        }
    }

    /// Loses the messages that were enqueued at `since` or later and never leased, with their keys;
    /// returns their number. *O*(messages).
    pub fn lose_since(&mut self, since: Timestamp) -> usize {
        self.recent.forget_since(since);
        let waiting = self.delayed.iter().map(|(_, message)| message);
        let mut lost: Vec<u64> = self.ready.iter().chain(waiting).copied().collect();
        lost.retain(|message| {
            let entry = self.entries.get(message);
            entry.is_some_and(|entry| entry.delivery == 0 && entry.came_at >= since)
        });
        self.lose(&lost);
        let entries = &self.entries;
        self.ready.retain(|message| entries.contains_key(message));
        self.delayed
            .retain(|(_, message)| entries.contains_key(message));
        lost.len()
    }

    /// Creates the queue anew: loses every message and every key, and counts deliveries from 1
    /// again, in a higher epoch. Dead letters stay, for they are in a stream of their own. Returns
    /// the number of lost messages. *O*(messages).
    pub fn reset(&mut self, epoch: DeliveryEpoch) -> usize {
        self.recent.forget_since(Timestamp::ZERO);
        self.ready.clear();
        self.delayed.clear();
        self.leased.clear();
        let mut lost: Vec<u64> = self.entries.keys().copied().collect();
        lost.sort_unstable();
        self.lose(&lost);
        self.deliveries.begin_epoch(epoch);
        lost.len()
    }

    /// Removes messages that are lost. The caller removes them from the orders.
    fn lose(&mut self, lost: &[u64]) {
        for message in lost {
            if let Some(entry) = self.entries.remove(message) {
                self.gone += 1;
                self.note(QueueStep::Lost, &entry.headers, 0, *message, None);
            }
        }
    }

    /// Returns whether a message with this key would be dropped as a duplicate.
    pub fn knows(&mut self, key: &str, now: Timestamp) -> bool {
        self.recent.knows(key, now)
    }

    /// Makes a message ready after a delay.
    fn make_ready(&mut self, message: u64, delay: Duration, now: Timestamp) {
        let Some(entry) = self.entries.get_mut(&message) else {
            return;
        };
        if delay.is_zero() {
            entry.state = MessageState::Ready { since: now };
            self.ready.push_back(message);
        } else {
            let until = now.after(delay);
            entry.state = MessageState::Delayed { until };
            self.delayed.insert((until, message));
        }
    }

    /// Processes all that is due, in the order of its times: leases end, delayed messages become
    /// ready. Of one instant, leases end first.
    pub fn advance(&mut self, now: Timestamp) {
        while let Some(due) = self.next_due().filter(|due| *due <= now) {
            if self.leased.first().is_some_and(|(at, _)| *at == due)
                && let Some((_, message)) = self.leased.pop_first()
            {
                if let Some(entry) = self.entries.get_mut(&message) {
                    entry.failed += 1;
                    let (headers, delivery) = (Rc::clone(&entry.headers), entry.delivery);
                    self.note(QueueStep::Expired, &headers, delivery, message, None);
                }
                self.make_ready(message, Duration::ZERO, due);
            } else if let Some((_, message)) = self.delayed.pop_first() {
                self.make_ready(message, Duration::ZERO, due);
            }
        }
        debug_assert!(self.next_due().is_none_or(|due| due > now));
    }

    /// Returns the instant at which the next lease or delay ends.
    pub fn next_due(&self) -> Option<Timestamp> {
        let first = |set: &BTreeSet<(Timestamp, u64)>| set.first().map(|(at, _)| *at);
        match (first(&self.leased), first(&self.delayed)) {
            (Some(end), Some(ready)) => Some(end.min(ready)),
            (end, ready) => end.or(ready),
        }
    }

    /// Returns the bodies of the ready messages, in the order in which they became ready.
    pub fn ready_bodies(&self) -> impl Iterator<Item = &Result<M, DecodeError>> {
        let entries = self.ready.iter().filter_map(|id| self.entries.get(id));
        entries.map(|entry| &entry.body)
    }

    /// Number of ready messages.
    pub fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Leases the ready message at `position`; the one at 0 became ready first. *O*(`position`).
    pub fn lease(
        &mut self,
        position: usize,
        incarnation: &IncarnationId,
        lease: Duration,
        now: Timestamp,
    ) -> Option<Lease<M>> {
        let message = self.ready.remove(position)?;
        let entry = self.entries.get_mut(&message)?;
        let headers = Rc::clone(&entry.headers);
        let until = now.after(lease);
        let delivery = self.deliveries.push(Delivery {
            message,
            headers: Rc::clone(&headers),
            incarnation: incarnation.clone(),
        });
        debug_assert!(delivery > entry.delivery, "fencing numbers grow");
        entry.delivery = delivery;
        entry.state = MessageState::Leased { until };
        self.leased.insert((until, message));
        let attempt = entry.failed + 1;
        let lease = Lease {
            body: entry.body.clone(),
            run: headers.run.clone(),
            schedule: headers.schedule.clone(),
            delivery,
            attempt,
        };
        let step = QueueStep::Leased { until, attempt };
        self.note(step, &headers, delivery, message, Some(incarnation));
        Some(lease)
    }

    /// Returns the message that a delivery still holds. A late call is recorded.
    fn held(&mut self, delivery: u64) -> Option<u64> {
        let given = self.deliveries.get(delivery)?;
        let message = given.message;
        let is_held = self.entries.get(&message).is_some_and(|entry| {
            entry.delivery == delivery && matches!(entry.state, MessageState::Leased { .. })
        });
        if !is_held {
            let (headers, incarnation) = (Rc::clone(&given.headers), given.incarnation.clone());
            let step = QueueStep::RefusedLate;
            self.note(step, &headers, delivery, message, Some(&incarnation));
        }
        is_held.then_some(message)
    }

    /// Ends the lease of a held message.
    fn unlease(&mut self, message: u64) {
        let state = self.entries.get(&message).map(|entry| entry.state);
        debug_assert!(matches!(state, Some(MessageState::Leased { .. })));
        if let Some(MessageState::Leased { until }) = state {
            let was_leased = self.leased.remove(&(until, message));
            debug_assert!(was_leased, "a held message is among the leased ones");
        }
    }

    /// Extends a lease to `lease` from now.
    pub fn renew(&mut self, delivery: u64, lease: Duration, now: Timestamp) -> LeaseAnswer {
        let Some(message) = self.held(delivery) else {
            return LeaseAnswer::Expired;
        };
        self.unlease(message);
        let until = now.after(lease);
        self.leased.insert((until, message));
        if let Some(entry) = self.entries.get_mut(&message) {
            entry.state = MessageState::Leased { until };
        }
        self.note_held(QueueStep::Renewed { until }, delivery, message);
        LeaseAnswer::Done
    }

    /// Removes a held message that was acknowledged or discarded, as `step` says.
    pub fn remove(&mut self, delivery: u64, step: QueueStep) -> LeaseAnswer {
        let Some(message) = self.held(delivery) else {
            return LeaseAnswer::Expired;
        };
        self.note_held(step, delivery, message);
        self.unlease(message);
        self.entries.remove(&message);
        self.gone += 1;
        LeaseAnswer::Done
    }

    /// Releases a held message; `counted` counts the delivery as failed.
    pub fn release(
        &mut self,
        delivery: u64,
        delay: Duration,
        counted: bool,
        now: Timestamp,
    ) -> LeaseAnswer {
        let Some(message) = self.held(delivery) else {
            return LeaseAnswer::Expired;
        };
        self.unlease(message);
        if let Some(entry) = self.entries.get_mut(&message) {
            entry.failed += u32::from(counted);
        }
        self.note_held(QueueStep::Released { counted, delay }, delivery, message);
        self.make_ready(message, delay, now);
        LeaseAnswer::Done
    }

    /// Moves a held message to the dead letters.
    pub fn dead_letter(&mut self, delivery: u64, reason: Rc<str>) -> LeaseAnswer {
        let Some(message) = self.held(delivery) else {
            return LeaseAnswer::Expired;
        };
        self.note_held(QueueStep::DeadLettered, delivery, message);
        self.unlease(message);
        if let Some(entry) = self.entries.remove(&message) {
            self.dead.push_back((message, entry, reason));
        }
        LeaseAnswer::Done
    }

    /// Redrives the oldest dead letters with no failed deliveries; returns their number.
    pub fn redrive(
        &mut self,
        limit: usize,
        incarnation: Option<&IncarnationId>,
        now: Timestamp,
    ) -> u64 {
        let count = limit.min(self.dead.len());
        let letters: Vec<_> = self.dead.drain(..count).collect();
        for (message, mut entry, _) in letters {
            entry.failed = 0;
            let (headers, delivery) = (Rc::clone(&entry.headers), entry.delivery);
            self.note(
                QueueStep::Redriven,
                &headers,
                delivery,
                message,
                incarnation,
            );
            self.entries.insert(message, entry);
            self.make_ready(message, Duration::ZERO, now);
        }
        count as u64
    }

    /// Returns the fill level.
    pub fn depth(&self, now: Timestamp) -> QueueDepth {
        let oldest = self
            .ready
            .front()
            .and_then(|message| self.entries.get(message));
        let age = oldest.map(|entry| match entry.state {
            MessageState::Ready { since } => now.since(since),
            MessageState::Delayed { .. } | MessageState::Leased { .. } => Duration::ZERO,
        });
        QueueDepth {
            depth: self.entries.len() as u64,
            oldest_ready_age: age.unwrap_or_default(),
        }
    }

    /// Takes the transitions since the last call. [`SimQueue::reuse`] takes the emptied list back,
    /// so that no call allocates one.
    pub(super) fn take_events(&mut self) -> Vec<QueueEvent> {
        std::mem::take(&mut self.events)
    }

    /// Takes back an emptied list of transitions.
    pub(super) fn reuse(&mut self, events: Vec<QueueEvent>) {
        if self.events.is_empty() {
            self.events = events;
        }
    }

    fn note_held(&mut self, step: QueueStep, delivery: u64, message: u64) {
        if let Some(given) = self.deliveries.get(delivery) {
            let (headers, incarnation) = (Rc::clone(&given.headers), given.incarnation.clone());
            self.note(step, &headers, delivery, message, Some(&incarnation));
        }
    }

    fn note(
        &mut self,
        step: QueueStep,
        headers: &Rc<MessageHeaders>,
        delivery: u64,
        message: u64,
        incarnation: Option<&IncarnationId>,
    ) {
        self.events.push(QueueEvent {
            step,
            headers: Rc::clone(headers),
            delivery,
            message,
            incarnation: incarnation.cloned(),
            is_spoiled: false,
        });
    }
}
