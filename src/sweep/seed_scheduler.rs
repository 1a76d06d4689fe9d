//! Which seeds are next, which are being tried, and in which order they are folded.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{SeedSet, Trial};

/// So many seeds may be done while an earlier one still goes on: a bound on memory.
const AHEAD_MAX: usize = 1_000;

/// Seeds handed out to workers and taken back in order.
pub(super) struct SeedScheduler {
    state: Mutex<SchedulerState>,
    /// Woken when a worker that waits may go on.
    changed: Condvar,
}

#[derive(Default)]
struct SchedulerState {
    /// Seeds that were not begun yet.
    rest: Range<u64>,
    /// Seeds that are not to be tried again.
    known: SeedSet,
    /// Seeds that were begun and not folded yet, in order.
    begun: VecDeque<u64>,
    /// What became of those that are done.
    done: BTreeMap<u64, Trial>,
    /// Since when the others are tried.
    since: BTreeMap<u64, Instant>,
}

impl SeedScheduler {
    pub fn new(seeds: Range<u64>, known: SeedSet) -> Self {
        let state = SchedulerState {
            rest: seeds,
            known,
            ..SchedulerState::default()
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, SchedulerState> {
        // Nothing that is done under the lock panics half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next seed to try; none if there is no more. Waits while too many are ahead.
    pub fn next_seed(&self) -> Option<u64> {
        let mut state = self.lock();
        while state.begun.len() >= AHEAD_MAX && !state.rest.is_empty() {
            let woken = self.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
        let SchedulerState { rest, known, .. } = &mut *state;
        let seed = rest.find(|seed| !known.contains(*seed))?;
        state.begun.push_back(seed);
        state.since.insert(seed, Instant::now());
        Some(seed)
    }

    /// A seed is done. What comes after it was given up counts no more.
    pub fn finish(&self, trial: Trial) {
        let mut state = self.lock();
        let seed = trial.row.seed;
        if state.since.remove(&seed).is_some() {
            state.done.insert(seed, trial);
        }
    }

    /// The seeds that have been tried for longer than `limit`.
    pub fn overdue(&self, limit: Duration) -> Vec<u64> {
        let state = self.lock();
        let overdue = state
            .since
            .iter()
            .filter(|(_, since)| since.elapsed() > limit);
        overdue.map(|(seed, _)| *seed).collect()
    }

    /// The next trial in the order of the seeds, if it is done.
    pub fn next_in_order(&self) -> Option<Trial> {
        let mut state = self.lock();
        let next = *state.begun.front()?;
        let trial = state.done.remove(&next)?;
        state.begun.pop_front();
        drop(state);
        self.changed.notify_all();
        Some(trial)
    }

    /// Begins no more seeds.
    pub fn stop(&self) {
        self.lock().rest = 0..0;
        self.changed.notify_all();
    }

    /// Whether every seed was begun and folded.
    pub fn is_over(&self) -> bool {
        let state = self.lock();
        state.begun.is_empty() && state.rest.is_empty()
    }
}
