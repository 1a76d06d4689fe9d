//! Events that a relay still has to publish.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::{Event, EventId};
use rustc_hash::FxHashMap;

/// Events in the order of writing, each found by its id. Every operation is *O*(1) amortised.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// A forgotten event leaves a gap until all before it are gone too.
    events: VecDeque<Option<Arc<Event>>>,
    /// The number of the first place; grows as places go.
    first: u64,
    places: FxHashMap<u128, u64>,
}

impl Outbox {
    pub fn push(&mut self, event: Arc<Event>) {
        let place = self.first + self.events.len() as u64;
        if let Some(before) = self.places.insert(event.event_id.0, place) {
            // An id written twice is one event.
            self.events[(before - self.first) as usize] = None;
        }
        self.events.push_back(Some(event));
    }

    /// Removes an event; false if it is gone already.
    pub fn forget(&mut self, id: EventId) -> bool {
        let Some(place) = self.places.remove(&id.0) else {
            return false;
        };
        self.events[(place - self.first) as usize] = None;
        while self.events.front().is_some_and(Option::is_none) {
            self.events.pop_front();
            self.first += 1;
        }
        true
    }

    /// The oldest events, `limit` at most.
    pub fn oldest(&self, limit: usize) -> Vec<Arc<Event>> {
        self.events.iter().flatten().take(limit).cloned().collect()
    }

    pub fn depth(&self) -> u64 {
        self.places.len() as u64
    }
}
