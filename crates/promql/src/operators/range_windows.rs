//! Range selectors: samples of each series in a window that moves from step to step.

use crate::error::EvalError;
use crate::operators::block::{ABSENT, is_present};
use crate::operators::operator::RangeOperator;
use crate::operators::series::OutputSeries;
use crate::operators::series_window::SeriesWindow;
use crate::operators::steps::Steps;
use crate::operators::timestamp_groups::TimestampGroups;
use crate::parse::time_modifier::TimeModifier;
use crate::storage::queryable::SeriesData;

/// Windows of a range selector or subquery, one for each step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RangeWindows {
    /// End of a window relative to its step.
    pub(crate) when: TimeModifier,
    /// Length of a window, ms.
    pub(crate) range_ms: i64,
    /// Whether a sample exactly at its start is included.
    pub(crate) closes_left: bool,
}

impl RangeWindows {
    /// Bounds of each step's window in these timestamps.
    pub(crate) fn bounds(self, times_ms: &[i64], steps: Steps) -> Vec<(usize, usize)> {
        let after = |end_ms: i64| end_ms - self.range_ms - i64::from(self.closes_left);
        let first_end_ms = self.when.at(steps.first_ms);
        let mut first = times_ms.partition_point(|time| *time <= after(first_end_ms));
        let mut end = times_ms.partition_point(|time| *time <= first_end_ms);
        let passed = |from: usize, until_ms: i64| {
            let rest = times_ms[from..].iter();
            from + rest.take_while(|time| **time <= until_ms).count()
        };
        let step_bounds = |step_ms| {
            let end_ms = self.when.at(step_ms);
            first = passed(first, after(end_ms));
            end = passed(end, end_ms);
            (first, end.max(first))
        };
        steps.iter().map(step_bounds).collect()
    }

    /// Timestamps in the windows of some steps, with the bounds among them.
    fn stretch(self, times_ms: &[i64], steps: Steps) -> WindowSpans<'_> {
        let mut bounds = self.bounds(times_ms, steps);
        let begin = bounds.first().map_or(0, |(first, _)| *first);
        let end = bounds.last().map_or(0, |(_, end)| *end);
        for (first, end) in &mut bounds {
            *first -= begin;
            *end -= begin;
        }
        let times_ms = &times_ms[begin..end];
        WindowSpans { times_ms, bounds }
    }

    /// Visits the values of a series at the timestamps of `WindowSpans`, without absent ones.
    pub(crate) fn show(
        self,
        stretch: &WindowSpans<'_>,
        values: &[f64],
        is_gapless: bool,
        steps: Steps,
        show: impl FnOnce(&SeriesWindow<'_>),
    ) {
        let samples = |times_ms, values, bounds| SeriesWindow {
            times_ms,
            values,
            bounds,
            steps,
            when: self.when,
            range_ms: self.range_ms,
        };
        let WindowSpans { times_ms, bounds } = stretch;
        if is_gapless {
            return show(&samples(times_ms, values, bounds));
        }
        let (times_ms, values) = without_gaps(times_ms, values);
        let bounds = self.bounds(&times_ms, steps);
        show(&samples(&times_ms, &values, &bounds));
    }
}

/// Timestamps and the bounds of each step's window.
pub(crate) struct WindowSpans<'t> {
    /// Timestamps, ms since 1970, ascending.
    pub(crate) times_ms: &'t [i64],
    /// First timestamp of each step's window, and the first after it.
    pub(crate) bounds: Vec<(usize, usize)>,
}

/// `x{..}[range] offset .. @ ..`
pub(crate) struct RangeSelector<'s> {
    series_data: Vec<SeriesData<'s>>,
    groups: TimestampGroups<'s>,
    ranges: RangeWindows,
    series: Vec<OutputSeries>,
}

impl<'s> RangeSelector<'s> {
    pub(crate) fn new(
        series_data: Vec<SeriesData<'s>>,
        ranges: RangeWindows,
        series: Vec<OutputSeries>,
    ) -> Self {
        let groups = TimestampGroups::of(&series_data);
        Self {
            series_data,
            groups,
            ranges,
            series,
        }
    }
}

impl RangeOperator for RangeSelector<'_> {
    fn series(&self) -> &[OutputSeries] {
        &self.series
    }

    fn visit(
        &self,
        steps: Steps,
        visit: &mut dyn FnMut(usize, &SeriesWindow<'_>),
    ) -> Result<(), EvalError> {
        let groups = self.groups.times_ms();
        let stretches = groups.map(|times_ms| self.ranges.stretch(times_ms, steps));
        let stretches: Vec<WindowSpans<'_>> = stretches.collect();
        let mut dense = Vec::new();
        for (index, data) in self.series_data.iter().enumerate() {
            let stretch = &stretches[self.groups.of_track(index)];
            let is_gapless = decode(data, stretch.times_ms, &mut dense);
            let show = |samples: &SeriesWindow<'_>| visit(index, samples);
            self.ranges.show(stretch, &dense, is_gapless, steps, show);
        }
        Ok(())
    }
}

/// Writes the value at each timestamp. Returns whether all are present.
fn decode(data: &SeriesData<'_>, times_ms: &[i64], values: &mut Vec<f64>) -> bool {
    values.clear();
    let Some(first_ms) = times_ms.first() else {
        return true;
    };
    let change_times_ms = data.change_times_ms;
    let mut changes = change_times_ms.partition_point(|time| time <= first_ms);
    let mut is_gapless = true;
    while values.len() < times_ms.len() {
        let value = changes
            .checked_sub(1)
            .map_or(ABSENT, |last| f64::from_bits(data.change_bits[last]));
        is_gapless &= is_present(value);
        let rest = &times_ms[values.len()..];
        let run = match change_times_ms.get(changes) {
            Some(next_ms) => rest.iter().take_while(|time| *time < next_ms).count(),
            None => rest.len(),
        };
        values.resize(values.len() + run, value);
        if let Some(time) = times_ms.get(values.len()) {
            let later = &change_times_ms[changes..];
            changes += later.iter().take_while(|change| *change <= time).count();
        }
    }
    is_gapless
}

/// Removes absent samples.
fn without_gaps(times_ms: &[i64], values: &[f64]) -> (Vec<i64>, Vec<f64>) {
    let both = times_ms.iter().copied().zip(values.iter().copied());
    both.filter(|(_, value)| is_present(*value)).unzip()
}
