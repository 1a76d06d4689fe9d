//! Events that a commit has written and the store has not forgotten.
//!
//! Each is kept by its identity, 128 bits, with the event as it was committed. An event leaves the
//! table when the store forgets it, so the table is as large as the outbox and not as large as the
//! history.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::model::{Event, EventId};

/// Stage of an event between the commit that writes it and the moment the store forgets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventStatus {
    /// A commit wrote it.
    Written,
    /// Notify took it.
    Published,
}

/// Result of a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publication {
    /// The first one of an event of the outbox.
    First,
    /// Another one of an event of the outbox.
    Repeated,
    /// One of an event of the outbox, with other content than the commit's.
    Altered,
    /// One of an event that is not in the outbox: forgotten before, or never written.
    Unknown,
}

/// The outbox of the store.
#[derive(Debug, Default)]
pub(crate) struct OutboxTable {
    events: FxHashMap<u128, OutboxEvent>,
}

#[derive(Debug)]
struct OutboxEvent {
    event: Arc<Event>,
    status: EventStatus,
}

impl OutboxTable {
    /// Number of events.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether every event was published and forgotten.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Whether an event is in the outbox.
    pub fn contains(&self, id: EventId) -> bool {
        self.events.contains_key(&id.0)
    }

    /// Adds an event. False if it was there.
    pub fn write(&mut self, event: &Arc<Event>) -> bool {
        let written = OutboxEvent {
            event: Arc::clone(event),
            status: EventStatus::Written,
        };
        self.events.insert(event.event_id.0, written).is_none()
    }

    /// Marks an event as published.
    pub fn publish(&mut self, event: &Event) -> Publication {
        let Some(written) = self.events.get_mut(&event.event_id.0) else {
            return Publication::Unknown;
        };
        let before = std::mem::replace(&mut written.status, EventStatus::Published);
        // The relay of a worker in this process publishes the committed event itself.
        let is_same = std::ptr::eq(&raw const *written.event, event) || *written.event == *event;
        match before {
            _ if !is_same => Publication::Altered,
            EventStatus::Written => Publication::First,
            EventStatus::Published => Publication::Repeated,
        }
    }

    /// Removes an event and returns its stage; none if it was not in the outbox.
    pub fn forget(&mut self, id: EventId) -> Option<EventStatus> {
        self.events.remove(&id.0).map(|event| event.status)
    }
}
