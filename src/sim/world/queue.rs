//! A queue: at-least-once delivery under leases that end by the queue's own clock.
//!
//! ```text
//!            enqueue                    lease                acknowledge, dead letter, discard
//!   (delayed) ────────────> ready ────────────────> leased ───────────────────────> gone
//!        ^                    ^                       │ │ renew
//!        └── release, delay ──┴──── release, expiry ──┘ └───┘
//! ```
//!
//! This module is the queue's state and knows no network; [`port`] is the way in.

mod headers;
mod port;
mod recent;
mod server;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

pub(super) use self::headers::MessageHeaders;
pub use self::port::{PlannerQueuePort, QueuePort, RunnerQueuePort};
use self::recent::RecentKeys;
pub(super) use self::server::QueueServer;
use crate::model::message::QueueMessage;
use crate::model::observation::QueueStep;
use crate::model::{DecodeError, IncarnationId, SegmentKey, Timestamp};
use crate::worker::ports::{Lease, LeaseAnswer, QueueDepth};
use rustc_hash::FxHashMap;

/// A message as the queue keeps it.
#[derive(Debug)]
struct QueuedMessage<M> {
    body: Result<M, DecodeError>,
    headers: Rc<MessageHeaders>,
    came_at: Timestamp,
    /// Deliveries that have failed and count against the limit.
    failed: u32,
    /// The newest delivery; 0 before the first.
    delivery: u64,
    state: MessageState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MessageState {
    Delayed { until: Timestamp },
    Ready { since: Timestamp },
    Leased { until: Timestamp },
}

/// One delivery: it may outlive the message.
#[derive(Debug)]
struct Delivery {
    message: u64,
    headers: Rc<MessageHeaders>,
    incarnation: IncarnationId,
}

/// Something that happened to a message, for observers.
#[derive(Debug)]
pub(super) struct QueueEvent {
    pub step: QueueStep,
    pub headers: Rc<MessageHeaders>,
    pub delivery: u64,
    pub message: u64,
    pub incarnation: Option<IncarnationId>,
    /// It came with a body that can't be read.
    pub is_spoiled: bool,
}

/// How a message arrives.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct MessageArrival {
    /// It becomes ready so much later.
    pub delay: Duration,
    /// Its body can't be read.
    pub is_poisoned: bool,
    /// There is a second copy.
    pub is_doubled: bool,
}

/// Queues whose numbers must differ.
const LANES: u64 = 2;

/// Where a delivery stands in the list of its queue.
const fn index_of(delivery: u64) -> usize {
    (delivery.saturating_sub(1) / LANES) as usize
}

/// The state of a queue. Operations are *O*(log messages) unless they say otherwise.
#[derive(Debug)]
pub(super) struct SimQueue<M> {
    entries: FxHashMap<u64, QueuedMessage<M>>,
    /// In the order in which they became ready.
    ready: VecDeque<u64>,
    delayed: BTreeSet<(Timestamp, u64)>,
    /// Leased messages by the end of their leases.
    leased: BTreeSet<(Timestamp, u64)>,
    /// See [`index_of`].
    deliveries: Vec<Delivery>,
    recent: RecentKeys,
    /// Messages set aside, with the reason.
    dead: VecDeque<(u64, QueuedMessage<M>, Rc<str>)>,
    last_message: u64,
    lane: u64,
    incidents: Vec<QueueEvent>,
}

impl<M: QueueMessage> SimQueue<M> {
    /// An empty queue. Messages and deliveries of different lanes, of which there are [`LANES`],
    /// have different numbers.
    pub fn new(idempotency_window: Duration, lane: u64) -> Self {
        Self {
            entries: FxHashMap::default(),
            ready: VecDeque::new(),
            delayed: BTreeSet::new(),
            leased: BTreeSet::new(),
            deliveries: Vec::new(),
            recent: RecentKeys::new(idempotency_window),
            dead: VecDeque::new(),
            last_message: 0,
            lane,
            incidents: Vec::new(),
        }
    }

    /// Puts a message on, unless one with this key came within the idempotency window.
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
            Ok(message)
        };
        for _ in 0..=u32::from(arrival.is_doubled) {
            self.last_message += 1;
            let message = self.last_message * LANES - self.lane;
            self.note(QueueStep::Enqueued, &headers, 0, message, Some(incarnation));
            if let Some(incident) = self.incidents.last_mut() {
                incident.is_spoiled = arrival.is_poisoned;
            }
            let entry = QueuedMessage {
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

    /// Loses the messages that came at `since` or later and that nobody has leased, and the keys
    /// that came with them; answers how many. *O*(messages).
    pub fn lose_since(&mut self, since: Timestamp) -> usize {
        self.recent.forget_since(since);
        let waiting = self.delayed.iter().map(|(_, message)| message);
        let mut lost: Vec<u64> = self.ready.iter().chain(waiting).copied().collect();
        lost.retain(|message| {
            let entry = self.entries.get(message);
            entry.is_some_and(|entry| entry.delivery == 0 && entry.came_at >= since)
        });
        for message in &lost {
            if let Some(entry) = self.entries.remove(message) {
                self.note(QueueStep::Lost, &entry.headers, 0, *message, None);
            }
        }
        let entries = &self.entries;
        self.ready.retain(|message| entries.contains_key(message));
        self.delayed
            .retain(|(_, message)| entries.contains_key(message));
        lost.len()
    }

    /// Whether a message with this key would be taken for a repeat.
    pub fn knows(&mut self, key: &str, now: Timestamp) -> bool {
        self.recent.knows(key, now)
    }

    /// Makes a message ready, now or later.
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

    /// Does what is due by the clock: leases end, delayed messages become ready.
    pub fn advance(&mut self, now: Timestamp) {
        while let Some(&(until, message)) = self.leased.first().filter(|(at, _)| *at <= now) {
            self.leased.pop_first();
            if let Some(entry) = self.entries.get_mut(&message) {
                entry.failed += 1;
                let (headers, delivery) = (Rc::clone(&entry.headers), entry.delivery);
                self.note(QueueStep::Expired, &headers, delivery, message, None);
            }
            self.make_ready(message, Duration::ZERO, until);
        }
        while let Some(&(until, message)) = self.delayed.first().filter(|(at, _)| *at <= now) {
            self.delayed.pop_first();
            self.make_ready(message, Duration::ZERO, until);
        }
    }

    /// When something is due next.
    pub fn next_due(&self) -> Option<Timestamp> {
        let first = |set: &BTreeSet<(Timestamp, u64)>| set.first().map(|(at, _)| *at);
        match (first(&self.leased), first(&self.delayed)) {
            (Some(end), Some(ready)) => Some(end.min(ready)),
            (end, ready) => end.or(ready),
        }
    }

    /// How many messages are ready.
    pub fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Leases the ready message at `place`: 0 is the one that has been ready longest. *O*(`place`).
    pub fn lease(
        &mut self,
        place: usize,
        incarnation: &IncarnationId,
        lease: Duration,
        now: Timestamp,
    ) -> Option<Lease<M>> {
        let message = self.ready.remove(place)?;
        let entry = self.entries.get_mut(&message)?;
        let headers = Rc::clone(&entry.headers);
        let until = now.after(lease);
        self.deliveries.push(Delivery {
            message,
            headers: Rc::clone(&headers),
            incarnation: incarnation.clone(),
        });
        let delivery = self.deliveries.len() as u64 * LANES - self.lane;
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

    /// The message that this delivery still holds. A call that comes too late is noted.
    fn held(&mut self, delivery: u64) -> Option<u64> {
        let given = self.deliveries.get(index_of(delivery))?;
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
        if let Some(MessageState::Leased { until }) =
            self.entries.get(&message).map(|entry| entry.state)
        {
            self.leased.remove(&(until, message));
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

    /// Removes a held message, because it is done with or (`step`) given up.
    pub fn remove(&mut self, delivery: u64, step: QueueStep) -> LeaseAnswer {
        let Some(message) = self.held(delivery) else {
            return LeaseAnswer::Expired;
        };
        self.note_held(step, delivery, message);
        self.unlease(message);
        self.entries.remove(&message);
        LeaseAnswer::Done
    }

    /// Hands a held message back.
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
        self.note_held(QueueStep::Released { counted }, delivery, message);
        self.make_ready(message, delay, now);
        LeaseAnswer::Done
    }

    /// Sets a held message aside.
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

    /// Puts the oldest dead letters back with a fresh count, and answers how many.
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

    /// Takes what has happened since the last call. Give the list back with
    /// [`SimQueue::reuse`] so that it need not be made anew.
    pub fn take_incidents(&mut self) -> Vec<QueueEvent> {
        std::mem::take(&mut self.incidents)
    }

    /// Gives back an emptied list of incidents.
    pub fn reuse(&mut self, incidents: Vec<QueueEvent>) {
        if self.incidents.is_empty() {
            self.incidents = incidents;
        }
    }

    fn note_held(&mut self, step: QueueStep, delivery: u64, message: u64) {
        if let Some(given) = self.deliveries.get(index_of(delivery)) {
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
        self.incidents.push(QueueEvent {
            step,
            headers: Rc::clone(headers),
            delivery,
            message,
            incarnation: incarnation.cloned(),
            is_spoiled: false,
        });
    }
}
