//! Series of recording rules, stored as changes like scraped series.

use std::collections::HashMap;

use promql_parser::label::METRIC_NAME;

use crate::operators::block::is_present;
use crate::{EvalError, Queryable, SelectHints, SeriesData};
use rehearsal_metrics::Labels;
use rehearsal_metrics::series::STALE_BITS;

/// Identifier of a list of timestamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampsId(usize);

/// Recorded series. Those of a group share their timestamps.
#[derive(Clone, Debug, Default)]
pub struct RecordedRules {
    clocks_ms: Vec<Vec<i64>>,
    series: Vec<RecordedSeries>,
    /// Looked up only, never iterated.
    ids: HashMap<Labels, usize>,
}

#[derive(Clone, Debug)]
struct RecordedSeries {
    clock: TimestampsId,
    labels: Labels,
    change_times_ms: Vec<i64>,
    change_bits: Vec<u64>,
}

impl RecordedRules {
    /// Adds an empty list of timestamps.
    pub fn add_clock(&mut self) -> TimestampsId {
        self.clocks_ms.push(Vec::new());
        TimestampsId(self.clocks_ms.len() - 1)
    }

    /// Appends timestamps, which are later than all before.
    pub fn tick(&mut self, clock: TimestampsId, times_ms: impl IntoIterator<Item = i64>) {
        self.clocks_ms[clock.0].extend(times_ms);
    }

    /// Finds or adds a series; the name is the label `__name__`.
    pub fn find_or_add(&mut self, clock: TimestampsId, labels: Labels) -> usize {
        let next = self.series.len();
        let id = *self.ids.entry(labels.clone()).or_insert(next);
        if id == next {
            self.series.push(RecordedSeries {
                clock,
                labels,
                change_times_ms: Vec::new(),
                change_bits: Vec::new(),
            });
        }
        id
    }

    /// Sets the value of a series from a tick on; `None` ends the series.
    pub fn set(&mut self, id: usize, at_ms: i64, value: Option<f64>) {
        let bits = match value {
            // Other NaNs become the canonical one, so that only `None` ends a series.
            Some(value) if value.is_nan() => f64::NAN.to_bits(),
            Some(value) => value.to_bits(),
            None => STALE_BITS,
        };
        self.set_bits(id, at_ms, bits);
    }

    /// Sets the bits of a series' value from a timestamp on; those of the staleness marker end it.
    pub fn set_bits(&mut self, id: usize, at_ms: i64, bits: u64) {
        let series = &mut self.series[id];
        if *series.change_bits.last().unwrap_or(&STALE_BITS) != bits {
            series.change_times_ms.push(at_ms);
            series.change_bits.push(bits);
        }
    }

    /// Labels of each series.
    pub fn series(&self) -> impl Iterator<Item = &Labels> {
        self.series.iter().map(|series| &series.labels)
    }

    /// Samples of a series: its timestamps, with a value or `None`.
    pub fn samples(&self, id: usize) -> impl Iterator<Item = (i64, Option<f64>)> {
        let series = &self.series[id];
        let mut changes = 0;
        self.clocks_ms[series.clock.0].iter().map(move |at_ms| {
            while series
                .change_times_ms
                .get(changes)
                .is_some_and(|change| change <= at_ms)
            {
                changes += 1;
            }
            let bits = changes.checked_sub(1).map(|last| series.change_bits[last]);
            let value = bits.map(f64::from_bits).filter(|value| is_present(*value));
            (*at_ms, value)
        })
    }
}

impl RecordedRules {
    fn data<'r>(&'r self, series: &'r RecordedSeries) -> SeriesData<'r> {
        SeriesData {
            labels: series.labels.clone(),
            times_ms: &self.clocks_ms[series.clock.0],
            change_times_ms: &series.change_times_ms,
            change_bits: &series.change_bits,
        }
    }
}

impl Queryable for RecordedRules {
    fn select(&self, selection: &SelectHints<'_>) -> Result<Vec<SeriesData<'_>>, EvalError> {
        let fits = |series: &&RecordedSeries| selection.fits(|label| series.labels.get(label));
        let found = self.series.iter().filter(fits);
        Ok(found.map(|series| self.data(series)).collect())
    }
}

/// Union of two sources, which must not share a series.
#[derive(Clone, Copy, Debug)]
pub struct MergedQueryable<'s, A, B>(pub &'s A, pub &'s B);

impl<A: Queryable, B: Queryable> Queryable for MergedQueryable<'_, A, B> {
    fn select(&self, selection: &SelectHints<'_>) -> Result<Vec<SeriesData<'_>>, EvalError> {
        let mut series_data = self.0.select(selection)?;
        series_data.extend(self.1.select(selection)?);
        Ok(series_data)
    }
}

/// Labels of a recorded sample: a new name, and added labels.
pub(super) fn relabelled<'l>(
    labels: &Labels,
    name: &str,
    over: impl Iterator<Item = (&'l str, &'l str)>,
) -> Labels {
    let renamed = labels.with(METRIC_NAME, name);
    over.fold(renamed, |labels, (name, value)| labels.with(name, value))
}
