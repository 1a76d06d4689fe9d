//! Values of some series at some steps, series by series.

use rehearsal_metrics::series::STALE_BITS;

/// Stands where a series has no value.
pub(super) const ABSENT: f64 = f64::from_bits(STALE_BITS);

/// Whether there is a value.
#[inline]
pub(super) fn is_present(value: f64) -> bool {
    value.to_bits() != STALE_BITS
}

/// A column for each series, each with a value, or [`ABSENT`], for each step.
#[derive(Clone, Debug)]
pub(super) struct Block {
    steps: usize,
    values: Vec<f64>,
}

impl Block {
    /// No values yet.
    pub(super) fn absent(series: usize, steps: usize) -> Self {
        Self {
            steps,
            values: vec![ABSENT; series * steps],
        }
    }

    /// One series.
    pub(super) fn of_column(values: Vec<f64>) -> Self {
        Self {
            steps: values.len(),
            values,
        }
    }

    /// The values of a series.
    #[inline]
    pub(super) fn column(&self, series: usize) -> &[f64] {
        &self.values[series * self.steps..][..self.steps]
    }

    /// The values of a series.
    #[inline]
    pub(super) fn column_mut(&mut self, series: usize) -> &mut [f64] {
        &mut self.values[series * self.steps..][..self.steps]
    }

    /// The value of a series at a step.
    #[inline]
    pub(super) fn at(&self, series: usize, step: usize) -> f64 {
        self.values[series * self.steps + step]
    }

    /// Puts another block of the same steps behind the columns.
    pub(super) fn append(&mut self, other: Self) {
        self.values.extend(other.values);
    }

    /// Changes each value that is there.
    pub(super) fn map(&mut self, change: impl Fn(f64) -> f64) {
        for value in &mut self.values {
            if is_present(*value) {
                *value = change(*value);
            }
        }
    }

    /// All columns, one after the other.
    pub(super) fn columns_mut(&mut self) -> impl Iterator<Item = &mut [f64]> {
        self.values.chunks_exact_mut(self.steps.max(1))
    }
}
