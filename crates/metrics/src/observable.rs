//! Gauges that are asked for their value at collection.

use std::time::Duration;

use super::definition::Definition;
use super::labels::Labels;

/// Time of a collection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CollectContext {
    /// Time since the process started, by its own clock.
    pub elapsed: Duration,
}

impl CollectContext {
    /// At this time since the process started.
    pub const fn at(elapsed: Duration) -> Self {
        Self { elapsed }
    }
}

/// An observable gauge: it is evaluated at collection, and a series that it doesn't give then is
/// not in the exposition.
///
/// Any closure `Fn(&CollectContext, &mut dyn FnMut(&Labels, f64))` is one. It may be called from
/// any thread that collects, and may record and register, but not collect.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use rehearsal_metrics::{CollectContext, Family, Labels, Registry, SampleValue};
///
/// let registry = Registry::new();
/// let uptime = |context: &CollectContext, give: &mut dyn FnMut(&Labels, f64)| {
///     give(&Labels::none(), context.elapsed.as_secs_f64());
/// };
/// registry.observe(Family::gauge("uptime_seconds"), Arc::new(uptime))?;
/// let snapshot = registry.snapshot(&CollectContext::at(Duration::from_secs(3)));
/// assert_eq!(snapshot.get("uptime_seconds", &[]), Some(&SampleValue::Gauge(3.0)));
/// # Ok::<(), rehearsal_metrics::RegisterError>(())
/// ```
pub trait ObservableCallback: Send + Sync {
    /// Gives each series and its value, in any order. Of equal labels the first counts.
    fn observe(&self, context: &CollectContext, give: &mut dyn FnMut(&Labels, f64));

    /// Value that [`observe`](Self::observe) gives for these labels. A callback with many series
    /// can find it faster.
    fn value(&self, context: &CollectContext, labels: &Labels) -> Option<f64> {
        let mut found = None;
        self.observe(context, &mut |given, value| {
            if found.is_none() && given == labels {
                found = Some(value);
            }
        });
        found
    }

    /// A number which, while it stays the same, says that [`observe`](Self::observe) would give
    /// the same again; `None` if that isn't known. It makes frequent collection cheap.
    fn generation(&self, context: &CollectContext) -> Option<u64> {
        let _ = context;
        None
    }

    /// Gives what has changed since a generation, apart from values that are withheld: each
    /// changed series by its place in the order of [`observe`](Self::observe), and its value.
    /// Returns false if that isn't known, or if series came or went. It makes a collection as cheap
    /// as the changes are few.
    fn changes_since(&self, generation: u64, give: &mut dyn FnMut(usize, f64)) -> bool {
        let _ = (generation, give);
        false
    }
}

impl<F: Fn(&CollectContext, &mut dyn FnMut(&Labels, f64)) + Send + Sync> ObservableCallback for F {
    fn observe(&self, context: &CollectContext, give: &mut dyn FnMut(&Labels, f64)) {
        self(context, give);
    }
}

/// Gives the constant 1 for a fixed set of labels: an info metric.
pub(crate) struct InfoCallback {
    labels: Vec<Labels>,
}

impl InfoCallback {
    /// The constant 1 for every combination of the definition's label values.
    pub(crate) fn new(definition: &Definition) -> Self {
        Self {
            labels: Labels::of_closed(definition.labels).collect(),
        }
    }
}

impl ObservableCallback for InfoCallback {
    fn observe(&self, _: &CollectContext, give: &mut dyn FnMut(&Labels, f64)) {
        self.labels.iter().for_each(|labels| give(labels, 1.0));
    }

    fn generation(&self, _: &CollectContext) -> Option<u64> {
        Some(0)
    }
}

/// A series that a callback gives.
pub(crate) struct ObservedSeries {
    pub(crate) labels: Labels,
    pub(crate) value: f64,
    /// Position in the order of the callback.
    pub(crate) place: usize,
}

/// Returns the observations of a callback, sorted and without repetition.
pub(crate) fn observations(
    observer: &dyn ObservableCallback,
    context: &CollectContext,
) -> Vec<ObservedSeries> {
    let mut given = Vec::new();
    observer.observe(context, &mut |labels, value| {
        let (labels, place) = (labels.clone(), given.len());
        given.push(ObservedSeries {
            labels,
            value,
            place,
        });
    });
    // Stable, so that of equal labels the first stays first.
    given.sort_by(|a, b| a.labels.cmp(&b.labels));
    given.dedup_by(|later, first| later.labels == first.labels);
    given
}
