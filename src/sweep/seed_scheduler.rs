//! Seed scheduler: hands seeds to worker threads and returns their trials in seed order.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{SeedSet, Trial};

/// Maximum finished seeds buffered behind a running one; bounds memory.
const AHEAD_MAX: usize = 1_000;

/// Seeds that are handed to worker threads and merged in order.
pub(super) struct SeedScheduler {
    state: Mutex<SchedulerState>,
    /// Notified when a waiting worker thread may continue.
    changed: Condvar,
}

#[derive(Default)]
struct SchedulerState {
    /// Seeds that have not started.
    rest: Range<u64>,
    /// Seeds of the earlier result, which are skipped.
    known: SeedSet,
    /// Seeds that have started and are not merged yet, in order.
    begun: VecDeque<u64>,
    /// Trials of the finished seeds that are not merged yet.
    done: BTreeMap<u64, Trial>,
    /// Start times of the running seeds.
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
        // No operation under the lock panics half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Next seed to run; none at the end. Blocks while too many finished seeds are buffered.
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

    /// Stores the trial of a seed. The trial of an abandoned seed is dropped.
    pub fn finish(&self, trial: Trial) {
        let mut state = self.lock();
        let seed = trial.row.seed;
        if state.since.remove(&seed).is_some() {
            state.done.insert(seed, trial);
        }
    }

    /// Seeds that have been running for longer than `limit`.
    pub fn overdue(&self, limit: Duration) -> Vec<u64> {
        let state = self.lock();
        let overdue = state
            .since
            .iter()
            .filter(|(_, since)| since.elapsed() > limit);
        overdue.map(|(seed, _)| *seed).collect()
    }

    /// Next trial in seed order, if its seed has finished.
    pub fn next_in_order(&self) -> Option<Trial> {
        let mut state = self.lock();
        let next = *state.begun.front()?;
        let trial = state.done.remove(&next)?;
        state.begun.pop_front();
        drop(state);
        self.changed.notify_all();
        Some(trial)
    }

    /// Starts no more seeds.
    pub fn stop(&self) {
        self.lock().rest = 0..0;
        self.changed.notify_all();
    }

    /// Whether every seed has been run and merged.
    pub fn is_over(&self) -> bool {
        let state = self.lock();
        state.begun.is_empty() && state.rest.is_empty()
    }
}
