//! In-memory [`Queryable`].

use std::collections::BTreeMap;

use crate::error::EvalError;
use crate::labels::display;
use crate::storage::queryable::{Queryable, SelectHints, SeriesData};
use rehearsal_metrics::Labels;
use rehearsal_metrics::series::STALE_BITS;

/// Series with their samples, in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    series: BTreeMap<Labels, StoredSamples>,
}

#[derive(Clone, Debug, Default)]
struct StoredSamples {
    times_ms: Vec<i64>,
    bits: Vec<u64>,
    /// Times of native histograms, which can't be evaluated.
    native_ms: Vec<i64>,
}

impl MemoryStore {
    /// Adds a sample to the series with these labels, including the name. `None` ends the series
    /// like a staleness marker. A sample at or before the last one replaces it.
    pub fn push(&mut self, labels: &Labels, at_ms: i64, value: Option<f64>) {
        let bits = match value {
            None => STALE_BITS,
            // Other NaNs become the canonical one, so that only `None` ends a series.
            Some(value) if value.is_nan() => f64::NAN.to_bits(),
            Some(value) => value.to_bits(),
        };
        let samples = self.samples(labels);
        let keep = samples.times_ms.partition_point(|time| *time < at_ms);
        samples.times_ms.truncate(keep);
        samples.bits.truncate(keep);
        samples.times_ms.push(at_ms);
        samples.bits.push(bits);
    }

    /// Records a native histogram at a time.
    pub(crate) fn push_native(&mut self, labels: &Labels, at_ms: i64) {
        self.samples(labels).native_ms.push(at_ms);
    }

    fn samples(&mut self, labels: &Labels) -> &mut StoredSamples {
        self.series.entry(labels.clone()).or_default()
    }
}

impl Queryable for MemoryStore {
    fn select(&self, selection: &SelectHints<'_>) -> Result<Vec<SeriesData<'_>>, EvalError> {
        let mut series_data = Vec::new();
        let selected = self
            .series
            .iter()
            .filter(|(labels, _)| selection.fits(|name| labels.get(name)));
        for (labels, samples) in selected {
            let asked = selection.from_ms..=selection.until_ms;
            if samples.native_ms.iter().any(|at_ms| asked.contains(at_ms)) {
                return Err(EvalError::NativeHistogram(display(labels)));
            }
            series_data.push(SeriesData {
                labels: labels.clone(),
                times_ms: &samples.times_ms,
                change_times_ms: &samples.times_ms,
                change_bits: &samples.bits,
            });
        }
        Ok(series_data)
    }
}
