//! The outbox: committed events that no relay has published yet.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::{Event, EventId};
use rehearsal_convert::Index;
use rustc_hash::FxHashMap;

/// Events in the order of their commits, by identifier too. Every operation is *O*(1) amortised.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Forgotten events are `None` until all before them are gone too.
    events: VecDeque<Option<Arc<Event>>>,
    /// Position of the first event; grows as events go.
    first: u64,
    /// Positions by event identifier.
    positions: FxHashMap<u128, u64>,
}

impl Outbox {
    pub fn push(&mut self, event: Arc<Event>) {
        let position = self.first + self.events.len() as u64;
        if let Some(before) = self.positions.insert(event.event_id.0, position) {
            // Two writes of one identifier are one event.
            self.events[(before - self.first).to_index()] = None;
        }
        self.events.push_back(Some(event));
        debug_assert!(self.positions.len() <= self.events.len());
    }

    /// Removes an event; returns false if it is gone already.
    pub fn forget(&mut self, id: EventId) -> bool {
        let Some(position) = self.positions.remove(&id.0) else {
            return false;
        };
        let event = self.events[(position - self.first).to_index()].take();
        debug_assert!(event.is_some_and(|event| event.event_id == id));
        while self.events.front().is_some_and(Option::is_none) {
            self.events.pop_front();
            self.first += 1;
        }
        debug_assert!(!self.events.is_empty() || self.positions.is_empty());
        true
    }

    /// Returns the oldest events, `limit` at most.
    pub fn oldest(&self, limit: usize) -> Vec<Arc<Event>> {
        self.events.iter().flatten().take(limit).cloned().collect()
    }

    pub fn depth(&self) -> u64 {
        self.positions.len() as u64
    }
}
