//! Samples of one series.

use super::column::SampleColumn;
use super::{SeriesId, TimeSeriesStore};

/// A value at a scrape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// When the scrape was, ms since 1970.
    pub at_ms: i64,
    /// Value in the exposition.
    pub value: f64,
}

impl TimeSeriesStore {
    /// The last sample at or before `at_ms` and later than `at_ms − look_back_ms`, unless the
    /// series had ended by then. `PromQL`'s instant selector, with a look-back of 5 min = 300,000.
    pub fn latest(&self, id: SeriesId, at_ms: i64, look_back_ms: i64) -> Option<Sample> {
        let series = &self.series[id.0 as usize];
        let scrapes_ms = self.scrapes_ms(series.instance);
        let until = scrapes_ms.partition_point(|scrape| *scrape <= at_ms);
        let at = *scrapes_ms[..until].last()?;
        if at <= at_ms.saturating_sub(look_back_ms) {
            return None;
        }
        let value = series.column.value_after(series.column.changes_until(at))?;
        Some(Sample { at_ms: at, value })
    }

    /// Value at the last scrape of its process; `None` if the series has ended or has none yet.
    pub fn current(&self, id: SeriesId) -> Option<f64> {
        let column = &self.series[id.0 as usize].column;
        column.value_after(column.len())
    }

    /// Returns the total of a counter over all incarnations of its process. A falling value starts
    /// a new incarnation, as for `PromQL`'s `increase`.
    pub fn total(&self, id: SeriesId) -> f64 {
        let mut last = 0.0;
        let mut ended = 0.0;
        for value in self.series[id.0 as usize].column.values() {
            if value < last {
                ended += last;
            }
            last = value;
        }
        ended + last
    }

    /// The samples later than `after_ms` and not later than `until_ms`, one for each scrape at
    /// which the series had a value. `PromQL`'s range selector `[until − after]`.
    pub fn samples(&self, id: SeriesId, after_ms: i64, until_ms: i64) -> SampleIter<'_> {
        let series = &self.series[id.0 as usize];
        let scrapes_ms = self.scrapes_ms(series.instance);
        let first = scrapes_ms.partition_point(|scrape| *scrape <= after_ms);
        let end = scrapes_ms
            .partition_point(|scrape| *scrape <= until_ms)
            .max(first);
        let scrapes_ms = &scrapes_ms[first..end];
        let changes = series.column.changes_until(after_ms);
        SampleIter {
            column: &series.column,
            scrapes_ms,
            changes,
        }
    }
}

/// The samples of a series in a range, in order.
#[derive(Clone)]
pub struct SampleIter<'r> {
    column: &'r SampleColumn,
    scrapes_ms: &'r [i64],
    changes: usize,
}

impl Iterator for SampleIter<'_> {
    type Item = Sample;

    fn next(&mut self) -> Option<Sample> {
        while let [at_ms, rest @ ..] = self.scrapes_ms {
            self.scrapes_ms = rest;
            while self
                .column
                .next_change_ms(self.changes)
                .is_some_and(|change| change <= *at_ms)
            {
                self.changes += 1;
            }
            if let Some(value) = self.column.value_after(self.changes) {
                return Some(Sample {
                    at_ms: *at_ms,
                    value,
                });
            }
        }
        None
    }
}
