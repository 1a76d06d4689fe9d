//! Scalars and conversions between scalars and vectors.

use crate::error::EvalError;
use crate::operators::block::{Block, is_present};
use crate::operators::operator::{BoxedOperator, Operator};
use crate::operators::series::OutputSeries;
use crate::operators::steps::Steps;

/// Value that depends on the step only.
pub(crate) struct Scalar<F> {
    value: F,
    series: [OutputSeries; 1],
}

impl<F: Fn(i64) -> f64> Scalar<F> {
    /// Creates a scalar from a function of the step, ms since 1970.
    pub(crate) fn new(value: F) -> Self {
        Self {
            value,
            series: [OutputSeries::unlabelled()],
        }
    }
}

impl<F: Fn(i64) -> f64> Operator for Scalar<F> {
    fn series(&self) -> &[OutputSeries] {
        &self.series
    }

    fn eval_block(&self, steps: Steps) -> Result<Block, EvalError> {
        Ok(Block::of_column(steps.iter().map(&self.value).collect()))
    }
}

/// `scalar(vector)`: value of the only element, or NaN.
pub(crate) struct OnlyElement<'s> {
    of: BoxedOperator<'s>,
    series: [OutputSeries; 1],
}

impl<'s> OnlyElement<'s> {
    pub(crate) fn new(of: BoxedOperator<'s>) -> Self {
        Self {
            of,
            series: [OutputSeries::unlabelled()],
        }
    }
}

impl Operator for OnlyElement<'_> {
    fn series(&self) -> &[OutputSeries] {
        &self.series
    }

    fn eval_block(&self, steps: Steps) -> Result<Block, EvalError> {
        let block = self.of.eval_block(steps)?;
        let series = self.of.series().len();
        let only = |step| {
            let values = (0..series).map(|series| block.at(series, step));
            let mut present = values.filter(|value| is_present(*value));
            match (present.next(), present.next()) {
                (Some(value), None) => value,
                _ => f64::NAN,
            }
        };
        Ok(Block::of_column((0..steps.count).map(only).collect()))
    }
}

/// Function of two scalars.
pub(crate) struct ScalarPair<'s> {
    first: BoxedOperator<'s>,
    second: BoxedOperator<'s>,
    function: fn(f64, f64) -> f64,
}

impl<'s> ScalarPair<'s> {
    pub(crate) fn new(
        first: BoxedOperator<'s>,
        second: BoxedOperator<'s>,
        function: fn(f64, f64) -> f64,
    ) -> Self {
        Self {
            first,
            second,
            function,
        }
    }
}

impl Operator for ScalarPair<'_> {
    fn series(&self) -> &[OutputSeries] {
        self.first.series()
    }

    fn eval_block(&self, steps: Steps) -> Result<Block, EvalError> {
        let mut first = self.first.eval_block(steps)?;
        let second = self.second.eval_block(steps)?;
        for (value, other) in first.column_mut(0).iter_mut().zip(second.column(0)) {
            *value = (self.function)(*value, *other);
        }
        Ok(first)
    }
}
