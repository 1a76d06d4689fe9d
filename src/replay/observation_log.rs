//! Keeps what was observed within a window of virtual time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ReplayWindow;
use super::entry::TraceEntry;
use super::tracks::TraceTracks;
use crate::model::Timestamp;
use crate::model::observation::Observation;

/// So many entries are kept: those nearest to the violation.
const ENTRIES_MAX: usize = 100_000;

/// What was observed.
#[derive(Debug, Default)]
pub(super) struct ObservationLog {
    /// What is kept; none: nothing but the time of the last observation.
    pub window: Option<ReplayWindow>,
    /// The time of the last observation.
    pub last: Timestamp,
    /// What happened within the window.
    pub entries: VecDeque<TraceEntry>,
    /// Entries that were left out, since there were too many.
    pub left_out: u64,
    /// The same as spans and instants.
    pub tracks: TraceTracks,
}

impl ObservationLog {
    /// A record of what happens in that window.
    pub fn of(window: Option<ReplayWindow>) -> Self {
        Self {
            window,
            ..Self::default()
        }
    }

    pub fn take(&mut self, at: Timestamp, observation: &Observation<'_>) {
        self.last = at;
        let Some(window) = self.window else {
            return;
        };
        self.tracks.take(at, observation, &window);
        if !window.contains(at) {
            return;
        }
        let Some(entry) = TraceEntry::of(at, observation) else {
            return;
        };
        if self.entries.len() < ENTRIES_MAX {
            self.entries.push_back(entry);
            return;
        }
        self.left_out += 1;
        if at <= window.centre {
            self.entries.pop_front();
            self.entries.push_back(entry);
        }
    }
}

/// A record that the rehearsal's thread writes and another one reads, even if the first never ends.
#[derive(Clone, Debug)]
pub(super) struct SharedObservationLog(Arc<Mutex<ObservationLog>>);

impl SharedObservationLog {
    pub fn new(window: Option<ReplayWindow>) -> Self {
        Self(Arc::new(Mutex::new(ObservationLog::of(window))))
    }

    pub fn lock(&self) -> MutexGuard<'_, ObservationLog> {
        // A rehearsal may panic, never while it writes here.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
