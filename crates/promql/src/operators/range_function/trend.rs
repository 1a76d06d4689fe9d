//! Regression and smoothing over a window, and the change between its last two samples.

use super::rate::remark_on_name;
use super::{RangeContext, each_window};
use crate::operators::series_window::{SeriesWindow, Window};
use crate::operators::sum::Sum;
use rehearsal_convert::Nearest;

/// Line: slope per second, and value at an instant.
struct Regression {
    slope: f64,
    intercept: f64,
}

impl Regression {
    /// Least-squares line through at least two samples, with its value at an instant, ms since
    /// 1970.
    fn through(window: Window<'_>, at_ms: i64) -> Option<Self> {
        let [first, _, ..] = window.values else {
            return None;
        };
        if window.values.iter().all(|value| value == first) {
            let is_infinite = first.is_infinite();
            return Some(Self {
                slope: if is_infinite { f64::NAN } else { 0.0 },
                intercept: if is_infinite { f64::NAN } else { *first },
            });
        }
        let mut sums = [Sum::default(); 4];
        for (time_ms, y) in window.times_ms.iter().zip(window.values) {
            let x = (time_ms - at_ms).nearest_f64() / 1_000.0;
            for (sum, term) in sums.iter_mut().zip([x, *y, x * y, x * x]) {
                sum.add(term);
            }
        }
        let count = window.values.len().nearest_f64();
        let [x, y, xy, xx] = sums.map(Sum::get);
        let slope = (xy - x * y / count) / (xx - x * x / count);
        let intercept = y / count - slope * x / count;
        Some(Self { slope, intercept })
    }
}

pub(super) fn deriv(samples: &SeriesWindow<'_>, _: &RangeContext<'_>, column: &mut [f64]) {
    each_window(samples, column, |_, window| {
        let line = Regression::through(window, window.times_ms[0])?;
        Some(line.slope)
    });
}

pub(super) fn predict_linear(
    samples: &SeriesWindow<'_>,
    surroundings: &RangeContext<'_>,
    column: &mut [f64],
) {
    let ahead = surroundings.scalars[0].column(0);
    each_window(samples, column, |step, window| {
        let line = Regression::through(window, window.step_ms)?;
        Some(line.slope * ahead[step] + line.intercept)
    });
}

/// Holt's linear method; the factors are between 0 and 1.
pub(super) fn double_exponential_smoothing(
    samples: &SeriesWindow<'_>,
    surroundings: &RangeContext<'_>,
    column: &mut [f64],
) {
    let level_factors = surroundings.scalars[0].column(0);
    let trend_factors = surroundings.scalars[1].column(0);
    each_window(samples, column, |step, window| {
        let [first, second, ..] = window.values else {
            return None;
        };
        let (level_factor, trend_factor) = (level_factors[step], trend_factors[step]);
        let mut before = 0.0;
        let mut level = *first;
        let mut trend = second - first;
        for (index, value) in window.values.iter().skip(1).enumerate() {
            if index > 0 {
                trend = trend_factor * (level - before) + (1.0 - trend_factor) * trend;
            }
            let smoothed = level_factor * value + (1.0 - level_factor) * (level + trend);
            before = level;
            level = smoothed;
        }
        Some(level)
    });
}

pub(super) fn irate(
    samples: &SeriesWindow<'_>,
    surroundings: &RangeContext<'_>,
    column: &mut [f64],
) {
    each_window(samples, column, |_, window| {
        let [.., before, last] = window.values else {
            return None;
        };
        let [.., before_ms, last_ms] = window.times_ms else {
            return None;
        };
        let change = if last < before { *last } else { last - before };
        Some(change / ((last_ms - before_ms).nearest_f64() / 1_000.0))
    });
    remark_on_name(surroundings, column);
}

pub(super) fn idelta(samples: &SeriesWindow<'_>, _: &RangeContext<'_>, column: &mut [f64]) {
    each_window(samples, column, |_, window| match window.values {
        [.., before, last] => Some(last - before),
        _ => None,
    });
}
