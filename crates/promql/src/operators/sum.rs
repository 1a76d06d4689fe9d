//! Sums and means with compensated rounding, as in Prometheus.

use rehearsal_convert::{Nearest, Saturating};

/// Kahan-Babuška sum with Neumaier's compensation.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum {
    sum: f64,
    compensation: f64,
}

impl Sum {
    /// Adds a value.
    #[inline]
    pub(crate) fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        if sum.is_infinite() {
            self.compensation = 0.0;
        } else if self.sum.abs() >= value.abs() {
            self.compensation += (self.sum - sum) + value;
        } else {
            self.compensation += (value - sum) + self.sum;
        }
        self.sum = sum;
    }

    /// Returns the sum.
    #[inline]
    pub(crate) fn get(self) -> f64 {
        self.sum + self.compensation
    }

    fn scaled(self, factor: f64) -> Self {
        Self {
            sum: self.sum * factor,
            compensation: self.compensation * factor,
        }
    }
}

/// Mean: sum divided by count, or incremental if the sum overflows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mean {
    count: f64,
    sum: Sum,
    /// Whether `sum` is the current mean instead of the sum.
    is_incremental: bool,
}

impl Mean {
    /// Adds a value.
    #[inline]
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1.0;
        if !self.is_incremental {
            let mut sum = self.sum;
            sum.add(value);
            // An infinite first value is no overflow, but the incremental method gives the same
            // result.
            if !sum.sum.is_infinite() || self.count == 1.0 {
                self.sum = sum;
                return;
            }
            self.is_incremental = true;
            let before = self.count - 1.0;
            self.sum.sum /= before;
            self.sum.compensation /= before;
        }
        let kept = (self.count - 1.0) / self.count;
        self.sum = self.sum.scaled(kept);
        self.sum.add(value / self.count);
    }

    /// Mean of at least one value.
    #[inline]
    pub(crate) fn get(self) -> f64 {
        if self.is_incremental {
            self.sum.get()
        } else {
            self.sum.sum / self.count + self.sum.compensation / self.count
        }
    }
}

/// Variance by Welford's method.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Variance {
    count: f64,
    mean: Sum,
    squares: Sum,
}

impl Variance {
    /// Adds a value.
    #[inline]
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - self.mean.get();
        self.mean.add(delta / self.count);
        self.squares.add(delta * (value - self.mean.get()));
    }

    /// Population variance of at least one value.
    #[inline]
    pub(crate) fn get(self) -> f64 {
        self.squares.get() / self.count
    }
}

/// Quantile of some values, which are sorted in place; NaN for no values.
pub(crate) fn quantile(quantile: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || quantile.is_nan() {
        return f64::NAN;
    }
    if quantile < 0.0 {
        return f64::NEG_INFINITY;
    }
    if quantile > 1.0 {
        return f64::INFINITY;
    }
    // NaN sorts first.
    values.sort_unstable_by(|a, b| match (a.is_nan(), b.is_nan()) {
        (false, false) => a.total_cmp(b),
        (a_is_nan, b_is_nan) => b_is_nan.cmp(&a_is_nan),
    });
    let rank = quantile * (values.len() - 1).nearest_f64();
    let below = rank.floor().max(0.0).saturating_usize();
    let above = (below + 1).min(values.len() - 1);
    let weight = rank - rank.floor();
    values[below] * (1.0 - weight) + values[above] * weight
}
