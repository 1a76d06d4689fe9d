//! Limit on the cost of a query.

use std::cell::Cell;

use crate::error::EvalError;

/// Maximum number of samples that all subqueries of a query evaluate in all, and hold at once.
/// Enough for a month of a hundred series at 15 s, in some seconds and some hundred MB.
const SAMPLES_MAX: u64 = 200_000_000;
const SAMPLES_AT_ONCE_MAX: u64 = 20_000_000;

/// Remaining samples of a query.
#[derive(Debug)]
pub(crate) struct Budget(Cell<u64>);

impl Budget {
    /// Creates a budget of the maximum.
    pub(crate) fn new() -> Self {
        Self(Cell::new(SAMPLES_MAX))
    }

    /// Checks that steps times series may be held at once, and returns their number.
    ///
    /// # Errors
    ///
    /// If the product exceeds the maximum.
    pub(crate) fn check(&self, steps: usize, series: usize) -> Result<u64, EvalError> {
        let samples = (steps as u64).saturating_mul(series.max(1) as u64);
        if samples > SAMPLES_AT_ONCE_MAX.min(self.0.get()) {
            return Err(EvalError::refused(format!(
                "subqueries would evaluate too many samples (limits are {SAMPLES_AT_ONCE_MAX} at \
                 once \
                 and {SAMPLES_MAX} in all); take a longer step or a shorter range"
            )));
        }
        Ok(samples)
    }

    /// Spends steps times series.
    ///
    /// # Errors
    ///
    /// If the product exceeds the maximum or the remaining budget.
    pub(crate) fn spend(&self, steps: usize, series: usize) -> Result<(), EvalError> {
        let samples = self.check(steps, series)?;
        self.0.set(self.0.get() - samples);
        Ok(())
    }
}
