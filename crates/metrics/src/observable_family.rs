//! Gauges of what was last read from somewhere else, withheld when that is too long ago.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::label::LabelSet;
use super::labels::Labels;
use super::observable::{CollectContext, ObservableCallback};

/// An observable gauge for each combination of static labels, holding what was last read.
///
/// The depth of a queue is an example:
///
/// ```
/// use std::time::Duration;
///
/// use rehearsal_metrics::{CollectContext, Family, ObservableFamily, Registry};
///
/// let queue_depth = ObservableFamily::<()>::new(Duration::from_secs(15));
/// Registry::new().observe(Family::gauge("queue_depth"), queue_depth.observer())?;
/// queue_depth.set((), 4.0, Duration::from_secs(100));
/// let depth = |seconds| {
///     let context = CollectContext::at(Duration::from_secs(seconds));
///     queue_depth.get((), &context)
/// };
/// assert_eq!((depth(110), depth(116)), (Some(4.0), None), "16 s are too old");
/// # Ok::<(), rehearsal_metrics::RegisterError>(())
/// ```
#[derive(Clone)]
pub struct ObservableFamily<L> {
    cells: Arc<ObservedCells>,
    labels: PhantomData<L>,
}

struct ObservedCells {
    fresh_for: Duration,
    labels: Vec<Labels>,
    state: Mutex<ObservedState>,
}

struct ObservedState {
    readings: Vec<Option<(f64, Duration)>>,
    generation: u64,
}

impl ObservedCells {
    fn state(&self) -> MutexGuard<'_, ObservedState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_fresh(&self, observed_at: Duration, context: &CollectContext) -> bool {
        context.elapsed.saturating_sub(observed_at) <= self.fresh_for
    }
}

impl<L: LabelSet> ObservableFamily<L> {
    /// Gauges that are withheld at a collection once their value is older than `fresh_for`.
    pub fn new(fresh_for: Duration) -> Self {
        let labels: Vec<Labels> = Labels::of_closed(L::LABELS).collect();
        let readings = vec![None; L::COUNT];
        let state = Mutex::new(ObservedState {
            readings,
            generation: 0,
        });
        Self {
            cells: Arc::new(ObservedCells {
                fresh_for,
                labels,
                state,
            }),
            labels: PhantomData,
        }
    }

    /// Returns the observer to register with [`Registry::observe`](super::Registry::observe).
    pub fn observer(&self) -> Arc<dyn ObservableCallback> {
        Arc::clone(&self.cells) as Arc<dyn ObservableCallback>
    }

    /// Sets the value of these labels, read at `observed_at` (the process's elapsed time).
    pub fn set(&self, labels: L, value: f64, observed_at: Duration) {
        let mut state = self.cells.state();
        let before = state.readings[labels.index()].replace((value, observed_at));
        let same = before.is_some_and(|(before, _)| before.to_bits() == value.to_bits());
        state.generation += u64::from(!same);
    }

    /// Returns the value of these labels at a collection now; `None` if it is withheld.
    pub fn get(&self, labels: L, context: &CollectContext) -> Option<f64> {
        let reading = self.cells.state().readings[labels.index()];
        let fresh = reading.filter(|(_, at)| self.cells.is_fresh(*at, context));
        fresh.map(|(value, _)| value)
    }
}

impl ObservableCallback for ObservedCells {
    fn observe(&self, context: &CollectContext, give: &mut dyn FnMut(&Labels, f64)) {
        for (labels, reading) in self.labels.iter().zip(&self.state().readings) {
            if let Some((value, observed_at)) = *reading
                && self.is_fresh(observed_at, context)
            {
                give(labels, value);
            }
        }
    }

    fn generation(&self, context: &CollectContext) -> Option<u64> {
        let state = self.state();
        let all_fresh = state
            .readings
            .iter()
            .flatten()
            .all(|(_, at)| self.is_fresh(*at, context));
        all_fresh.then_some(state.generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::static_label! {
        /// Queue of a worker.
        pub enum Queue: "queue" {
            /// Plans.
            Planner = "planner",
            /// Work.
            Runner = "runner",
        }
    }

    /// While it says the same number, nothing that it gives has changed.
    #[test]
    fn generation_ends_when_registrations_are_dropped() {
        let at = Duration::from_secs;
        let family = ObservableFamily::<Queue>::new(at(15));
        let observer = family.observer();
        let generation = |seconds| observer.generation(&CollectContext::at(at(seconds)));
        let empty = generation(0);
        assert!(empty.is_some());
        family.set(Queue::Planner, 3.0, at(1));
        let first = generation(1);
        assert!(first.is_some() && first != empty);
        family.set(Queue::Planner, 3.0, at(5));
        assert_eq!(generation(20), first, "the same value, read again");
        assert_eq!(generation(21), None, "it is 16 s old");
        family.set(Queue::Runner, 3.0, at(20));
        assert_ne!(generation(20), first);
        let second = generation(20);
        family.set(Queue::Runner, 4.0, at(20));
        assert!(generation(20).is_some() && generation(20) != second);
    }
}
