//! Values of several series at several steps, stored by series.

use rehearsal_metrics::series::STALE_BITS;

/// Bit pattern of an absent value: the staleness marker.
pub(crate) const ABSENT: f64 = f64::from_bits(STALE_BITS);

/// Whether a value is present.
#[inline]
pub(crate) fn is_present(value: f64) -> bool {
    value.to_bits() != STALE_BITS
}

/// Matrix with a column for each series. A column has a value, or [`ABSENT`], for each step.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    steps: usize,
    values: Vec<f64>,
}

impl Block {
    /// Creates a block without values.
    pub(crate) fn absent(series: usize, steps: usize) -> Self {
        Self {
            steps,
            values: vec![ABSENT; series * steps],
        }
    }

    /// Creates a block of one series.
    pub(crate) fn of_column(values: Vec<f64>) -> Self {
        Self {
            steps: values.len(),
            values,
        }
    }

    /// Values of a series, one for each step.
    #[inline]
    pub(crate) fn column(&self, series: usize) -> &[f64] {
        &self.values[series * self.steps..][..self.steps]
    }

    /// Values of a series, one for each step.
    #[inline]
    pub(crate) fn column_mut(&mut self, series: usize) -> &mut [f64] {
        &mut self.values[series * self.steps..][..self.steps]
    }

    /// Value of a series at a step.
    #[inline]
    pub(crate) fn at(&self, series: usize, step: usize) -> f64 {
        self.values[series * self.steps + step]
    }

    /// Appends the columns of a block with the same steps.
    pub(crate) fn append(&mut self, other: Self) {
        self.values.extend(other.values);
    }

    /// Applies a function to each present value.
    pub(crate) fn map(&mut self, change: impl Fn(f64) -> f64) {
        for value in &mut self.values {
            if is_present(*value) {
                *value = change(*value);
            }
        }
    }

    /// Mutable columns, in order.
    pub(crate) fn columns_mut(&mut self) -> impl Iterator<Item = &mut [f64]> {
        self.values.chunks_exact_mut(self.steps.max(1))
    }
}
