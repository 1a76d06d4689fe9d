//! Traits of operators: parts of a query whose series are known.

use crate::error::EvalError;
use crate::operators::block::Block;
use crate::operators::series::OutputSeries;
use crate::operators::series_window::SeriesWindow;
use crate::operators::steps::Steps;

/// A vector, or a scalar, at any steps. Its series are found once; then it is asked for one block
/// of steps after another.
pub(crate) trait Operator {
    /// Returns the series of the columns of each block. A scalar has one series without labels and
    /// a value at each step.
    fn series(&self) -> &[OutputSeries];

    /// The values at these steps.
    ///
    /// # Errors
    ///
    /// As Prometheus refuses it, at a step at which labels don't fit together.
    fn eval_block(&self, steps: Steps) -> Result<Block, EvalError>;
}

/// Ranges of samples at any steps: a range selector or a subquery.
pub(crate) trait RangeOperator {
    /// Returns the series of the samples.
    fn series(&self) -> &[OutputSeries];

    /// Shows the samples of each series around these steps, in turn.
    ///
    /// # Errors
    ///
    /// If what is sampled can't be evaluated.
    fn visit(
        &self,
        steps: Steps,
        visit: &mut dyn FnMut(usize, &SeriesWindow<'_>),
    ) -> Result<(), EvalError>;
}

/// An operator of any kind.
pub(crate) type BoxedOperator<'s> = Box<dyn Operator + 's>;

/// The values of several operators at the same steps.
///
/// # Errors
///
/// That of the first which has one.
pub(crate) fn fill_all(
    operators: &[BoxedOperator<'_>],
    steps: Steps,
) -> Result<Vec<Block>, EvalError> {
    operators.iter().map(|one| one.eval_block(steps)).collect()
}
