//! Instant selectors: the latest sample of each series within the lookback.

use crate::error::EvalError;
use crate::operators::block::{ABSENT, Block, is_present};
use crate::operators::operator::Operator;
use crate::operators::series::OutputSeries;
use crate::operators::steps::Steps;
use crate::operators::timestamp_groups::TimestampGroups;
use crate::parse::time_modifier::TimeModifier;
use crate::storage::queryable::SeriesData;
use rehearsal_convert::Nearest;

/// Lookback: maximum age of a sample, 5 min.
pub(crate) const LOOK_BACK_MS: i64 = 300_000;

/// Field of a sample that a selector returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SampleField {
    /// Value of the sample.
    Value,
    /// Timestamp in s since 1970, for `timestamp()`.
    Time,
    /// Timestamp in s since 1970, with the metric name kept.
    TimeOfStored,
}

/// `x{..} offset .. @ ..`
pub(crate) struct InstantSelector<'s> {
    series_data: Vec<SeriesData<'s>>,
    groups: TimestampGroups<'s>,
    when: TimeModifier,
    closes_left: bool,
    taken: SampleField,
    series: Vec<OutputSeries>,
}

impl<'s> InstantSelector<'s> {
    pub(crate) fn new(
        series_data: Vec<SeriesData<'s>>,
        when: TimeModifier,
        closes_left: bool,
        taken: SampleField,
        series: Vec<OutputSeries>,
    ) -> Self {
        let groups = TimestampGroups::of(&series_data);
        Self {
            series_data,
            groups,
            when,
            closes_left,
            taken,
            series,
        }
    }
}

/// Time of an absent sample.
const NEVER: i64 = i64::MIN;

impl Operator for InstantSelector<'_> {
    fn series(&self) -> &[OutputSeries] {
        &self.series
    }

    fn eval_block(&self, steps: Steps) -> Result<Block, EvalError> {
        let mut block = Block::absent(self.series_data.len(), steps.count);
        let seen: Vec<Vec<i64>> = self
            .groups
            .times_ms()
            .map(|times_ms| self.seen(times_ms, steps))
            .collect();
        for (index, data) in self.series_data.iter().enumerate() {
            let seen = &seen[self.groups.of_track(index)];
            read(data, seen, self.taken, block.column_mut(index));
        }
        Ok(block)
    }
}

impl InstantSelector<'_> {
    /// Timestamp of the latest sample within the lookback at each step, or [`NEVER`].
    fn seen(&self, times_ms: &[i64], steps: Steps) -> Vec<i64> {
        let mut past = times_ms.partition_point(|time| *time <= self.when.at(steps.first_ms));
        let seen = steps.iter().map(|step_ms| {
            let at_ms = self.when.at(step_ms);
            let rest = &times_ms[past..];
            past += rest.iter().take_while(|time| **time <= at_ms).count();
            let oldest_ms = at_ms - LOOK_BACK_MS + i64::from(!self.closes_left);
            match past.checked_sub(1).map(|last| times_ms[last]) {
                Some(time_ms) if time_ms >= oldest_ms => time_ms,
                _ => NEVER,
            }
        });
        seen.collect()
    }
}

/// Reads a series at these timestamps, change by change.
fn read(data: &SeriesData<'_>, seen: &[i64], taken: SampleField, column: &mut [f64]) {
    let Some(first) = seen.iter().position(|time| *time != NEVER) else {
        return;
    };
    let mut changes = data
        .change_times_ms
        .partition_point(|time| *time <= seen[first]);
    let mut step = first;
    while step < seen.len() {
        let next_ms = data
            .change_times_ms
            .get(changes)
            .copied()
            .unwrap_or(i64::MAX);
        let value = changes
            .checked_sub(1)
            .map_or(ABSENT, |last| f64::from_bits(data.change_bits[last]));
        let is_absent = !is_present(value);
        while step < seen.len() && seen[step] < next_ms {
            column[step] = match taken {
                _ if is_absent || seen[step] == NEVER => ABSENT,
                SampleField::Value => value,
                SampleField::Time | SampleField::TimeOfStored => seen[step].nearest_f64() / 1_000.0,
            };
            step += 1;
        }
        if let Some(seen) = seen.get(step) {
            let rest = &data.change_times_ms[changes..];
            changes += rest.iter().take_while(|time| *time <= seen).count();
        }
    }
}
