//! Events that a commit has written and the store has not forgotten.
//!
//! Each is kept by its identity, 128 bits. An event leaves the table when the store forgets it, so
//! the table is as large as the outbox and not as large as the history.

use rustc_hash::FxHashMap;

use crate::model::EventId;

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
    /// One of an event that is not in the outbox: forgotten before, or never written.
    Unknown,
}

/// The outbox of the store.
#[derive(Debug, Default)]
pub(crate) struct OutboxTable {
    stages: FxHashMap<u128, EventStatus>,
}

impl OutboxTable {
    /// Number of events.
    pub fn len(&self) -> usize {
        self.stages.len()
    }

    /// Whether every event was published and forgotten.
    pub fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }

    /// Whether an event is in the outbox.
    pub fn contains(&self, id: EventId) -> bool {
        self.stages.contains_key(&id.0)
    }

    /// Adds an event. False if it was there.
    pub fn write(&mut self, id: EventId) -> bool {
        self.stages.insert(id.0, EventStatus::Written).is_none()
    }

    /// Marks an event as published.
    pub fn publish(&mut self, id: EventId) -> Publication {
        match self.stages.get_mut(&id.0) {
            None => Publication::Unknown,
            Some(stage) => match std::mem::replace(stage, EventStatus::Published) {
                EventStatus::Written => Publication::First,
                EventStatus::Published => Publication::Repeated,
            },
        }
    }

    /// Removes an event and returns its stage; none if it was not in the outbox.
    pub fn forget(&mut self, id: EventId) -> Option<EventStatus> {
        self.stages.remove(&id.0)
    }
}
