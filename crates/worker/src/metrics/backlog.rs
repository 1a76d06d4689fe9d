//! `scheduler_runner_backlog`: images still awaiting a runner, per schedule.
//!
//! The store has the true backlog. A process keeps the last value that it read and exports it while
//! it is fresh. A process without recent reads can't keep a stale value alive.

use std::cmp::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rehearsal_convert::Nearest;
use rehearsal_metrics::{CollectContext, Counter, Labels, OVERFLOW, ObservableCallback};

use super::label::Mode;

/// Freshness and maximum number of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BacklogOptions {
    /// `backlogRefresh`: a value older than this is withheld.
    pub fresh_for: Duration,
    /// Maximum number of series. Further values are added in the series of the schedule
    /// `_overflow`, one for each mode.
    pub series_max: usize,
}

impl Default for BacklogOptions {
    fn default() -> Self {
        Self {
            fresh_for: Duration::from_secs(15),
            series_max: 10_000,
        }
    }
}

/// Backlog of each (mode, schedule), as last read by this process.
///
/// ```
/// use std::time::Duration;
///
/// use rehearsal_metrics::{CollectContext, Registry};
/// use rehearsal_worker::metrics::{Mode, SchedulerWorkerMetrics};
///
/// let metrics = SchedulerWorkerMetrics::new(&Registry::new())?;
/// let (mode, read_at) = (Mode::AnalysisOnly, Duration::from_secs(60));
/// metrics.backlog().refresh([(mode, "hourly", 0), (mode, "nightly", 12)], read_at);
/// let images = |seconds| {
///     let context = CollectContext::at(Duration::from_secs(seconds));
///     metrics.backlog().get(mode, "nightly", &context)
/// };
/// assert_eq!((images(75), images(76)), (Some(12), None), "withheld after 15 s");
/// # Ok::<(), rehearsal_metrics::RegisterError>(())
/// ```
pub struct BacklogCache {
    options: BacklogOptions,
    state: Mutex<BacklogState>,
    overflowed: Counter,
}

#[derive(Default)]
struct BacklogState {
    /// Sorted by schedule, then mode.
    entries: Vec<BacklogEntry>,
    overflow: [Option<BacklogEntry>; Mode::ALL.len()],
    /// Changes whenever a collection would give another result, apart from values that expire.
    generation: u64,
    /// Lower bound of the values' times. May be earlier than the oldest value, never later.
    oldest: Duration,
    /// Time at which all entries were correct and complete.
    confirmed: Duration,
}

struct BacklogEntry {
    schedule: Box<str>,
    mode: Mode,
    labels: Labels,
    images: u64,
    observed_at: Duration,
}

impl BacklogEntry {
    fn new(schedule: &str, mode: Mode, images: u64, observed_at: Duration) -> Self {
        let pairs = [
            ("mode", mode.as_str().into()),
            ("scheduleId", schedule.to_owned().into()),
        ];
        let labels = Labels::new("", pairs.map(|(name, value)| (name.into(), value)));
        let labels = labels.expect("both label names are valid");
        Self {
            schedule: schedule.into(),
            mode,
            labels,
            images,
            observed_at,
        }
    }

    fn is_of(&self, mode: Mode, schedule: &str) -> bool {
        self.mode == mode && *self.schedule == *schedule
    }

    fn cmp_key(&self, schedule: &str, mode: Mode) -> Ordering {
        (*self.schedule).cmp(schedule).then(self.mode.cmp(&mode))
    }
}

impl BacklogCache {
    pub(crate) fn new(options: BacklogOptions, overflowed: Counter) -> Self {
        Self {
            options,
            state: Mutex::default(),
            overflowed,
        }
    }

    fn state(&self) -> MutexGuard<'_, BacklogState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets one value, read from the store at `observed_at` (the process's elapsed time), unless a
    /// newer one exists.
    ///
    /// A [`refresh`](Self::refresh) or [`confirm`](Self::confirm) with a later time is newer,
    /// whether it included the schedule or not. If the cap is reached, an unknown schedule waits
    /// for the next refresh, and is counted.
    pub fn set(&self, mode: Mode, schedule: &str, images: u64, observed_at: Duration) {
        let mut state = self.state();
        let state = &mut *state;
        if state.confirmed > observed_at {
            return;
        }
        match state
            .entries
            .binary_search_by(|entry| entry.cmp_key(schedule, mode))
        {
            Ok(index) if state.entries[index].observed_at > observed_at => {}
            Ok(index) => {
                let entry = &mut state.entries[index];
                state.generation += u64::from(entry.images != images);
                (entry.images, entry.observed_at) = (images, observed_at);
            }
            Err(_) if state.entries.len() >= self.options.series_max => self.overflowed.increment(),
            Err(index) => {
                state.entries.insert(
                    index,
                    BacklogEntry::new(schedule, mode, images, observed_at),
                );
                state.generation += 1;
                state.oldest = state.oldest.min(observed_at);
            }
        }
    }

    /// Replaces all values by those of the store at `observed_at`. Missing (mode, schedule) pairs
    /// are removed. Fast if sorted by schedule and mode, and fastest if unchanged: about 5 ns each.
    pub fn refresh<'v>(
        &self,
        values: impl IntoIterator<Item = (Mode, &'v str, u64)>,
        observed_at: Duration,
    ) {
        let mut values = values.into_iter().peekable();
        let mut state = self.state();
        let state = &mut *state;
        let mut same = 0;
        while let Some(entry) = state.entries.get_mut(same)
            && let Some((_, _, images)) =
                values.next_if(|(mode, schedule, _)| entry.is_of(*mode, schedule))
        {
            state.generation += u64::from(entry.images != images);
            (entry.images, entry.observed_at) = (images, observed_at);
            same += 1;
        }
        (state.oldest, state.confirmed) = (observed_at, observed_at);
        let others = same < state.entries.len() || state.overflow.iter().any(Option::is_some);
        if others || values.peek().is_some() {
            self.replace_after(state, same, values, observed_at);
        }
    }

    /// Replaces the entries from index `same` on.
    fn replace_after<'v>(
        &self,
        state: &mut BacklogState,
        same: usize,
        values: impl Iterator<Item = (Mode, &'v str, u64)>,
        observed_at: Duration,
    ) {
        state.generation += 1;
        let mut old = state.entries.split_off(same).into_iter().peekable();
        let entries = &mut state.entries;
        let mut overflow = [None; Mode::ALL.len()];
        for (mode, schedule, images) in values {
            if entries.len() >= self.options.series_max {
                *overflow[mode.index()].get_or_insert(0) += images;
                self.overflowed.increment();
                continue;
            }
            while old
                .next_if(|entry| entry.cmp_key(schedule, mode).is_lt())
                .is_some()
            {}
            let known = old.next_if(|entry| entry.is_of(mode, schedule));
            let entry = known.map(|entry| BacklogEntry {
                images,
                observed_at,
                ..entry
            });
            entries.push(
                entry.unwrap_or_else(|| BacklogEntry::new(schedule, mode, images, observed_at)),
            );
        }
        let key = |entry: &BacklogEntry| (entry.schedule.clone(), entry.mode);
        if !entries.is_sorted_by(|a, b| a.cmp_key(&b.schedule, b.mode).is_lt()) {
            entries.sort_by_cached_key(key);
            entries.dedup_by(|later, first| first.is_of(later.mode, &later.schedule));
        }
        for (mode, images) in Mode::ALL.iter().zip(overflow) {
            let entry =
                images.map(|images| BacklogEntry::new(OVERFLOW, *mode, images, observed_at));
            state.overflow[mode.index()] = entry;
        }
    }

    /// Confirms all values at `observed_at`, for stores that can detect changes cheaply.
    pub fn confirm(&self, observed_at: Duration) {
        let mut state = self.state();
        state.confirmed = observed_at;
        state.oldest = state.oldest.max(observed_at);
    }

    /// Removes all values, when a process stops running segments.
    pub fn clear(&self) {
        self.refresh([], Duration::ZERO);
    }

    /// Value of one schedule that a collection would give now.
    pub fn get(&self, mode: Mode, schedule: &str, context: &CollectContext) -> Option<u64> {
        let state = self.state();
        let find = state
            .entries
            .binary_search_by(|entry| entry.cmp_key(schedule, mode));
        let entry = &state.entries[find.ok()?];
        self.is_fresh(&state, entry, context)
            .then_some(entry.images)
    }

    /// Visits the values that a collection would give now: mode, schedule, images.
    pub fn visit(&self, context: &CollectContext, show: &mut dyn FnMut(Mode, &str, u64)) {
        let state = self.state();
        for entry in state.entries.iter().chain(state.overflow.iter().flatten()) {
            if self.is_fresh(&state, entry, context) {
                show(entry.mode, &entry.schedule, entry.images);
            }
        }
    }

    fn is_fresh(
        &self,
        state: &BacklogState,
        entry: &BacklogEntry,
        context: &CollectContext,
    ) -> bool {
        let observed_at = entry.observed_at.max(state.confirmed);
        context.elapsed.saturating_sub(observed_at) <= self.options.fresh_for
    }
}

impl ObservableCallback for BacklogCache {
    fn observe(&self, context: &CollectContext, give: &mut dyn FnMut(&Labels, f64)) {
        let state = self.state();
        for entry in state.entries.iter().chain(state.overflow.iter().flatten()) {
            if self.is_fresh(&state, entry, context) {
                give(&entry.labels, entry.images.nearest_f64());
            }
        }
    }

    fn generation(&self, context: &CollectContext) -> Option<u64> {
        let state = self.state();
        let fresh = context.elapsed.saturating_sub(state.oldest) <= self.options.fresh_for;
        fresh.then_some(state.generation)
    }
}
