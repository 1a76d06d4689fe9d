//! Groups of series with the same timestamps.

use crate::storage::queryable::SeriesData;

/// Distinct lists of timestamps, so that a step is looked up once per list, not once per series.
#[derive(Debug)]
pub(crate) struct TimestampGroups<'s> {
    distinct: Vec<&'s [i64]>,
    of_track: Vec<usize>,
}

impl<'s> TimestampGroups<'s> {
    /// Groups the series by the address of their list.
    pub(crate) fn of(series_data: &[SeriesData<'s>]) -> Self {
        let mut places = std::collections::HashMap::new();
        let mut distinct = Vec::new();
        let of_track = series_data.iter().map(|data| {
            let times_ms = data.times_ms;
            *places
                .entry((times_ms.as_ptr(), times_ms.len()))
                .or_insert_with(|| {
                    distinct.push(times_ms);
                    distinct.len() - 1
                })
        });
        let of_track = of_track.collect();
        Self { distinct, of_track }
    }

    /// Iterates over the distinct lists.
    pub(crate) fn times_ms(&self) -> impl Iterator<Item = &'s [i64]> {
        self.distinct.iter().copied()
    }

    /// Index of the list of a series.
    pub(crate) fn of_track(&self, data: usize) -> usize {
        self.of_track[data]
    }
}
