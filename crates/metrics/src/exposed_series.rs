//! One series of the exposition, read without a collection of all others.

use std::sync::Arc;

use super::inner::{InstrumentHandle, SeriesSource};
use super::labels::Labels;
use super::observable::{CollectContext, ObservableCallback};
use super::registry::Registry;
use super::snapshot::Reading;

/// One series of a registry, by the name and labels under which it is exposed.
#[derive(Clone)]
pub struct ExposedSeries(ExposedSource);

#[derive(Clone)]
enum ExposedSource {
    Cells(InstrumentHandle),
    Observed(Arc<dyn ObservableCallback>, Labels),
}

impl ExposedSeries {
    /// Maps the reading that a collection now would show. `None` if it would show none.
    pub fn read<R>(
        &self,
        context: &CollectContext,
        map: impl FnOnce(Reading<'_>) -> R,
    ) -> Option<R> {
        match &self.0 {
            ExposedSource::Cells(handle) if !handle.is_visible() => None,
            ExposedSource::Cells(handle) => handle.read(map),
            ExposedSource::Observed(observer, labels) => {
                let value = observer.value(context, labels)?;
                Some(map(Reading::Gauge(value)))
            }
        }
    }

    /// Upper bucket bounds of a histogram; empty for other series.
    pub fn bounds(&self) -> &[f64] {
        match &self.0 {
            ExposedSource::Cells(InstrumentHandle::Histogram(histogram)) => histogram.bounds(),
            _ => &[],
        }
    }
}

impl Registry {
    /// Finds a series by the name and the labels of its instrument. `None` if there is no such
    /// instrument, or none of its cells has these labels. An observable gauge may show any labels
    /// at a later collection.
    ///
    /// ```
    /// use rehearsal_metrics::{CollectContext, Family, Labels, Reading, Registry};
    ///
    /// let registry = Registry::new();
    /// let active = registry.up_down(&Family::up_down("runs_active"), Labels::none())?;
    /// let series = registry.series("runs_active", &Labels::none()).expect("it is registered");
    /// active.add(2);
    /// let is_two = series.read(&CollectContext::default(), |reading| {
    ///     reading == Reading::UpDownCounter(2)
    /// });
    /// assert_eq!(is_two, Some(true));
    /// # Ok::<(), rehearsal_metrics::RegisterError>(())
    /// ```
    pub fn series(&self, name: &str, labels: &Labels) -> Option<ExposedSeries> {
        let source = match &self.inner.read().entries.get(name)?.source {
            SeriesSource::Observed(observer) => {
                ExposedSource::Observed(Arc::clone(observer), labels.clone())
            }
            SeriesSource::Closed(series) | SeriesSource::DynamicFamily(series) => {
                ExposedSource::Cells(series.get(labels)?.clone())
            }
        };
        Some(ExposedSeries(source))
    }
}
