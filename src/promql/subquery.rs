//! Subqueries: a vector, evaluated often, as ranges of samples.

use super::block::{Block, is_present};
use super::budget::Budget;
use super::error::EvalError;
use super::operator::{BoxedOperator, RangeOperator};
use super::series::Series;
use super::steps::Steps;
use super::when::When;
use super::window::{Samples, bounds, without_gaps};

/// Steps that are computed together.
const PIECE_STEPS: usize = 8_192;

/// `x[range:step] offset .. @ ..`
pub(super) struct Subquery<'s> {
    of: BoxedOperator<'s>,
    when: When,
    range_ms: i64,
    step_ms: i64,
    closes_left: bool,
    budget: &'s Budget,
}

impl<'s> Subquery<'s> {
    pub(super) fn new(
        of: BoxedOperator<'s>,
        when: When,
        (range_ms, step_ms): (i64, i64),
        closes_left: bool,
        budget: &'s Budget,
    ) -> Self {
        Self {
            of,
            when,
            range_ms,
            step_ms,
            closes_left,
            budget,
        }
    }

    /// The values at the inner steps.
    fn block(&self, inner: Steps) -> Result<Block, EvalError> {
        let series = self.of.series().len();
        self.budget.spend(inner.count, series)?;
        let mut block = Block::absent(series, inner.count);
        let mut begin = 0;
        for piece in inner.pieces(PIECE_STEPS) {
            let values = self.of.fill(piece)?;
            for index in 0..series {
                let into = &mut block.column_mut(index)[begin..][..piece.count];
                into.copy_from_slice(values.column(index));
            }
            begin += piece.count;
        }
        Ok(block)
    }
}

/// The multiples of the step within the ranges of some steps.
pub(super) fn inner_steps(
    steps: Steps,
    when: When,
    range_ms: i64,
    step_ms: i64,
    closes_left: bool,
) -> Steps {
    let least_ms = when.at(steps.first_ms) - range_ms + i64::from(!closes_left);
    let first_ms = least_ms + (-least_ms).rem_euclid(step_ms);
    Steps::between(first_ms, when.at(steps.last_ms()), step_ms)
}

impl RangeOperator for Subquery<'_> {
    fn series(&self) -> &[Series] {
        self.of.series()
    }

    fn visit(
        &self,
        steps: Steps,
        visit: &mut dyn FnMut(usize, &Samples<'_>),
    ) -> Result<(), EvalError> {
        let inner = inner_steps(
            steps,
            self.when,
            self.range_ms,
            self.step_ms,
            self.closes_left,
        );
        let block = self.block(inner)?;
        let times_ms: Vec<i64> = inner.iter().collect();
        let all_bounds = self.bounds(&times_ms, steps);
        for index in 0..self.series().len() {
            let values = block.column(index);
            if values.iter().all(|value| is_present(*value)) {
                visit(index, &self.samples(&times_ms, values, &all_bounds, steps));
            } else {
                let (times_ms, values) = without_gaps(&times_ms, values);
                let bounds = self.bounds(&times_ms, steps);
                visit(index, &self.samples(&times_ms, &values, &bounds, steps));
            }
        }
        Ok(())
    }
}

impl Subquery<'_> {
    fn bounds(&self, times_ms: &[i64], steps: Steps) -> Vec<(usize, usize)> {
        bounds(times_ms, steps, self.when, self.range_ms, self.closes_left)
    }

    fn samples<'a>(
        &self,
        times_ms: &'a [i64],
        values: &'a [f64],
        bounds: &'a [(usize, usize)],
        steps: Steps,
    ) -> Samples<'a> {
        Samples {
            times_ms,
            values,
            bounds,
            steps,
            when: self.when,
            range_ms: self.range_ms,
        }
    }
}
