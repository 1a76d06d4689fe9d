//! A look at one series at one instant after another.

use super::column::SampleColumn;
use super::{Sample, SeriesId, TimeSeriesStore};

/// Answers as [`TimeSeriesStore::latest`] does, for instants that never fall, and looks at each
/// sample once.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    column: &'a SampleColumn,
    scrapes_ms: &'a [i64],
    /// Scrapes and changes that are past.
    scrapes: usize,
    changes: usize,
}

impl TimeSeriesStore {
    /// A cursor before the first sample of a series.
    pub fn cursor(&self, id: SeriesId) -> Cursor<'_> {
        let series = &self.series[id.0 as usize];
        Cursor {
            column: &series.column,
            scrapes_ms: self.scrapes_ms(series.instance),
            scrapes: 0,
            changes: 0,
        }
    }
}

impl Cursor<'_> {
    /// Moves on to `at_ms`, which must not lie before the instant of the last call. *O*(1) for each
    /// sample that is passed.
    pub fn latest(&mut self, at_ms: i64, look_back_ms: i64) -> Option<Sample> {
        let rest = &self.scrapes_ms[self.scrapes..];
        self.scrapes += rest.iter().take_while(|scrape| **scrape <= at_ms).count();
        let at = self.scrapes_ms[self.scrapes.checked_sub(1)?];
        if at <= at_ms.saturating_sub(look_back_ms) {
            return None;
        }
        let is_past = |change: i64| change <= at;
        while self
            .column
            .next_change_ms(self.changes)
            .is_some_and(is_past)
        {
            self.changes += 1;
        }
        let value = self.column.value_after(self.changes)?;
        Some(Sample { at_ms: at, value })
    }
}
