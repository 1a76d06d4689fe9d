//! Values of some series at some steps, series by series.

use rehearsal_metrics::series::STALE_BITS;

/// Stands where a series has no value.
pub(crate) const ABSENT: f64 = f64::from_bits(STALE_BITS);

/// Whether there is a value.
#[inline]
pub(crate) fn is_present(value: f64) -> bool {
    value.to_bits() != STALE_BITS
}

/// A column for each series, each with a value, or [`ABSENT`], for each step.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    steps: usize,
    values: Vec<f64>,
}

impl Block {
    /// No values yet.
    pub(crate) fn absent(series: usize, steps: usize) -> Self {
        Self {
            steps,
            values: vec![ABSENT; series * steps],
        }
    }

    /// One series.
    pub(crate) fn of_column(values: Vec<f64>) -> Self {
        Self {
            steps: values.len(),
            values,
        }
    }

    /// The values of a series.
    #[inline]
    pub(crate) fn column(&self, series: usize) -> &[f64] {
        &self.values[series * self.steps..][..self.steps]
    }

    /// The values of a series.
    #[inline]
    pub(crate) fn column_mut(&mut self, series: usize) -> &mut [f64] {
        &mut self.values[series * self.steps..][..self.steps]
    }

    /// The value of a series at a step.
    #[inline]
    pub(crate) fn at(&self, series: usize, step: usize) -> f64 {
        self.values[series * self.steps + step]
    }

    /// Puts another block of the same steps behind the columns.
    pub(crate) fn append(&mut self, other: Self) {
        self.values.extend(other.values);
    }

    /// Changes each value that is there.
    pub(crate) fn map(&mut self, change: impl Fn(f64) -> f64) {
        for value in &mut self.values {
            if is_present(*value) {
                *value = change(*value);
            }
        }
    }

    /// All columns, one after the other.
    pub(crate) fn columns_mut(&mut self) -> impl Iterator<Item = &mut [f64]> {
        self.values.chunks_exact_mut(self.steps.max(1))
    }
}
