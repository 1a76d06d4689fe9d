//! Subqueries: a vector evaluated at many steps, as ranges of samples.

use crate::budget::Budget;
use crate::error::EvalError;
use crate::operators::block::{Block, is_present};
use crate::operators::operator::{BoxedOperator, RangeOperator};
use crate::operators::range_windows::{RangeWindows, WindowSpans};
use crate::operators::series::OutputSeries;
use crate::operators::series_window::SeriesWindow;
use crate::operators::steps::Steps;

/// Number of steps computed together.
const PIECE_STEPS: usize = 8_192;

/// `x[range:step] offset .. @ ..`
pub(crate) struct Subquery<'s> {
    of: BoxedOperator<'s>,
    ranges: RangeWindows,
    step_ms: i64,
    budget: &'s Budget,
}

impl<'s> Subquery<'s> {
    pub(crate) fn new(
        of: BoxedOperator<'s>,
        ranges: RangeWindows,
        step_ms: i64,
        budget: &'s Budget,
    ) -> Self {
        Self {
            of,
            ranges,
            step_ms,
            budget,
        }
    }

    /// Values at the inner steps.
    fn block(&self, inner: Steps) -> Result<Block, EvalError> {
        let series = self.of.series().len();
        self.budget.spend(inner.count, series)?;
        let mut block = Block::absent(series, inner.count);
        let mut begin = 0;
        for piece in inner.pieces(PIECE_STEPS) {
            let values = self.of.eval_block(piece)?;
            for index in 0..series {
                let into = &mut block.column_mut(index)[begin..][..piece.count];
                into.copy_from_slice(values.column(index));
            }
            begin += piece.count;
        }
        Ok(block)
    }
}

/// Multiples of the inner step within the ranges of some outer steps.
pub(crate) fn inner_steps(steps: Steps, ranges: RangeWindows, step_ms: i64) -> Steps {
    let RangeWindows {
        when,
        range_ms,
        closes_left,
    } = ranges;
    let least_ms = when.at(steps.first_ms) - range_ms + i64::from(!closes_left);
    let first_ms = least_ms + (-least_ms).rem_euclid(step_ms);
    Steps::between(first_ms, when.at(steps.last_ms()), step_ms)
}

impl RangeOperator for Subquery<'_> {
    fn series(&self) -> &[OutputSeries] {
        self.of.series()
    }

    fn visit(
        &self,
        steps: Steps,
        visit: &mut dyn FnMut(usize, &SeriesWindow<'_>),
    ) -> Result<(), EvalError> {
        let inner = inner_steps(steps, self.ranges, self.step_ms);
        let block = self.block(inner)?;
        let times_ms: Vec<i64> = inner.iter().collect();
        let stretch = WindowSpans {
            times_ms: &times_ms,
            bounds: self.ranges.bounds(&times_ms, steps),
        };
        for index in 0..self.series().len() {
            let values = block.column(index);
            let is_gapless = values.iter().all(|value| is_present(*value));
            let show = |samples: &SeriesWindow<'_>| visit(index, samples);
            self.ranges.show(&stretch, values, is_gapless, steps, show);
        }
        Ok(())
    }
}
