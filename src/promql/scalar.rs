//! Scalars, and what goes between scalars and vectors.

use super::block::{ABSENT, Block, is_present};
use super::error::EvalError;
use super::operator::{BoxedOperator, Operator};
use super::series::Series;
use super::steps::Steps;

/// A value that depends on nothing but the step.
pub(super) struct Scalar<F> {
    value: F,
    series: [Series; 1],
}

impl<F: Fn(i64) -> f64> Scalar<F> {
    /// `value` gives it for a step, ms since 1970.
    pub(super) fn new(value: F) -> Self {
        Self {
            value,
            series: [Series::unlabelled()],
        }
    }
}

impl<F: Fn(i64) -> f64> Operator for Scalar<F> {
    fn series(&self) -> &[Series] {
        &self.series
    }

    fn fill(&self, steps: Steps) -> Result<Block, EvalError> {
        Ok(Block::of_column(steps.iter().map(&self.value).collect()))
    }
}

/// `scalar(vector)`: the value of the only element, or not a number.
pub(super) struct OnlyElement<'s> {
    of: BoxedOperator<'s>,
    series: [Series; 1],
}

impl<'s> OnlyElement<'s> {
    pub(super) fn new(of: BoxedOperator<'s>) -> Self {
        Self {
            of,
            series: [Series::unlabelled()],
        }
    }
}

impl Operator for OnlyElement<'_> {
    fn series(&self) -> &[Series] {
        &self.series
    }

    fn fill(&self, steps: Steps) -> Result<Block, EvalError> {
        let block = self.of.fill(steps)?;
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

/// A vector without elements.
pub(super) struct Nothing;

impl Operator for Nothing {
    fn series(&self) -> &[Series] {
        &[]
    }

    fn fill(&self, _: Steps) -> Result<Block, EvalError> {
        Ok(Block::of_column(vec![ABSENT; 0]))
    }
}
