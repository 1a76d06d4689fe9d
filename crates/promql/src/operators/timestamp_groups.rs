//! Which series have samples at the same times.

use crate::storage::queryable::SeriesData;

/// The distinct lists of times among some series, so that a step is looked up once in each list and
/// not once for each data.
#[derive(Debug)]
pub(crate) struct TimestampGroups<'s> {
    distinct: Vec<&'s [i64]>,
    of_track: Vec<usize>,
}

impl<'s> TimestampGroups<'s> {
    /// Compares the lists by their place in memory.
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

    /// The distinct lists.
    pub(crate) fn times_ms(&self) -> impl Iterator<Item = &'s [i64]> {
        self.distinct.iter().copied()
    }

    /// Which of them a data has.
    pub(crate) fn of_track(&self, data: usize) -> usize {
        self.of_track[data]
    }
}
