//! Log of the observations within a window of virtual time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::entry::TraceEntry;
use super::tracks::TraceTracks;
use super::window::ReplayWindow;
use crate::model::Timestamp;
use crate::model::observation::Observation;

/// Maximum number of entries that are kept: those nearest to the violation.
const ENTRIES_MAX: usize = 100_000;

/// Observations of one run.
#[derive(Debug, Default)]
pub(super) struct ObservationLog {
    /// Window that is recorded. `None`: only the time of the last observation.
    pub window: Option<ReplayWindow>,
    /// Time of the last observation.
    pub last: Timestamp,
    /// Entries within the window.
    pub entries: VecDeque<TraceEntry>,
    /// Number of entries that were discarded, because there were too many.
    pub discarded: u64,
    /// Spans and instants within the window.
    pub tracks: TraceTracks,
}

impl ObservationLog {
    /// Creates an empty log for a window.
    pub fn for_window(window: Option<ReplayWindow>) -> Self {
        Self {
            window,
            ..Self::default()
        }
    }

    pub fn add(&mut self, at: Timestamp, observation: &Observation<'_>) {
        self.last = at;
        let Some(window) = self.window else {
            return;
        };
        self.tracks.add(at, observation, &window);
        if !window.contains(at) {
            return;
        }
        let Some(entry) = TraceEntry::new(at, observation) else {
            return;
        };
        if self.entries.len() < ENTRIES_MAX {
            self.entries.push_back(entry);
            return;
        }
        self.discarded += 1;
        if at <= window.centre {
            self.entries.pop_front();
            self.entries.push_back(entry);
        }
    }
}

/// Log that the thread of the run writes and another thread reads, even if the run never ends.
#[derive(Clone, Debug)]
pub(super) struct SharedObservationLog(Arc<Mutex<ObservationLog>>);

impl SharedObservationLog {
    pub fn new(window: Option<ReplayWindow>) -> Self {
        Self(Arc::new(Mutex::new(ObservationLog::for_window(window))))
    }

    pub fn lock(&self) -> MutexGuard<'_, ObservationLog> {
        // A panic of the run does not happen while the log is locked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
