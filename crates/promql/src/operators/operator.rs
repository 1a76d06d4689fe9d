//! Traits of operators: parts of a query whose series are known.

use crate::error::EvalError;
use crate::operators::block::Block;
use crate::operators::series::OutputSeries;
use crate::operators::series_window::SeriesWindow;
use crate::operators::steps::Steps;

/// Vector or scalar at any steps. Its series are resolved once; then it is evaluated block by
/// block.
pub(crate) trait Operator {
    /// Returns the series of the columns of each block. A scalar has one series without labels and
    /// a value at each step.
    fn series(&self) -> &[OutputSeries];

    /// Evaluates the values at these steps.
    ///
    /// # Errors
    ///
    /// If Prometheus would refuse it, because labels do not match at a step.
    fn eval_block(&self, steps: Steps) -> Result<Block, EvalError>;
}

/// Ranges of samples at any steps: a range selector or a subquery.
pub(crate) trait RangeOperator {
    /// Returns the series of the samples.
    fn series(&self) -> &[OutputSeries];

    /// Visits the samples of each series around these steps.
    ///
    /// # Errors
    ///
    /// If the sampled expression can't be evaluated.
    fn visit(
        &self,
        steps: Steps,
        visit: &mut dyn FnMut(usize, &SeriesWindow<'_>),
    ) -> Result<(), EvalError>;
}

/// Operator of any kind.
pub(crate) type BoxedOperator<'s> = Box<dyn Operator + 's>;

/// Evaluates several operators at the same steps.
///
/// # Errors
///
/// Error of the first operator that has one.
pub(crate) fn fill_all(
    operators: &[BoxedOperator<'_>],
    steps: Steps,
) -> Result<Vec<Block>, EvalError> {
    operators.iter().map(|one| one.eval_block(steps)).collect()
}
