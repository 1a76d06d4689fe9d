//! The `*_over_time` family and functions that count changes.

use std::collections::VecDeque;

use super::{RangeContext, each_window};
use crate::operators::block::ABSENT;
use crate::operators::series_window::{SeriesWindow, Window};
use crate::operators::sum::{Mean, Sum, Variance, quantile};
use rehearsal_convert::Nearest;

/// Computes a function of the window's values only.
fn each(samples: &SeriesWindow<'_>, column: &mut [f64], value: impl Fn(Window<'_>) -> f64) {
    each_window(samples, column, |_, window| Some(value(window)));
}

pub(super) fn sum(samples: &SeriesWindow<'_>, _: &RangeContext<'_>, column: &mut [f64]) {
    each(samples, column, |window| {
        let mut sum = Sum::default();
        window.values.iter().for_each(|value| sum.add(*value));
        sum.get()
    });
}

pub(super) fn avg(samples: &SeriesWindow<'_>, _: &RangeContext<'_>, column: &mut [f64]) {
    each(samples, column, |window| {
        let mut mean = Mean::default();
        window.values.iter().for_each(|value| mean.add(*value));
        mean.get()
    });
}

fn variance(window: Window<'_>) -> f64 {
    let mut variance = Variance::default();
    window.values.iter().for_each(|value| variance.add(*value));
    variance.get()
}

pub(super) fn stdvar(samples: &SeriesWindow<'_>, _: &RangeContext<'_>, column: &mut [f64]) {
    each(samples, column, variance);
}

pub(super) fn stddev(samples: &SeriesWindow<'_>, _: &RangeContext<'_>, column: &mut [f64]) {
    each(samples, column, |window| variance(window).sqrt());
}

pub(super) fn count(samples: &SeriesWindow<'_>, _: &RangeContext<'_>, column: &mut [f64]) {
    each(samples, column, |window| window.values.len().nearest_f64());
}

pub(super) fn present(samples: &SeriesWindow<'_>, _: &RangeContext<'_>, column: &mut [f64]) {
    each(samples, column, |_| 1.0);
}

pub(super) fn first(samples: &SeriesWindow<'_>, _: &RangeContext<'_>, column: &mut [f64]) {
    each(samples, column, |window| window.values[0]);
}

pub(super) fn last(samples: &SeriesWindow<'_>, _: &RangeContext<'_>, column: &mut [f64]) {
    each(samples, column, |window| {
        window.values[window.values.len() - 1]
    });
}

/// Index of the best value; any number is better than NaN.
fn best(values: &[f64], beats: impl Fn(f64, f64) -> bool) -> usize {
    let mut best = 0;
    for (place, value) in values.iter().enumerate().skip(1) {
        if beats(*value, values[best]) || values[best].is_nan() {
            best = place;
        }
    }
    best
}

pub(super) fn min(samples: &SeriesWindow<'_>, _: &RangeContext<'_>, column: &mut [f64]) {
    extreme(samples, column, |a, b| a < b);
}

pub(super) fn max(samples: &SeriesWindow<'_>, _: &RangeContext<'_>, column: &mut [f64]) {
    extreme(samples, column, |a, b| a > b);
}

/// Best value of each window; NaN if all are NaN.
///
/// A moving window keeps only samples that no later one beats. Each sample is visited once,
/// whatever the window's length.
fn extreme(samples: &SeriesWindow<'_>, column: &mut [f64], beats: impl Fn(f64, f64) -> bool) {
    let mut unbeaten: VecDeque<usize> = VecDeque::new();
    let mut next = 0;
    for (into, (first, end)) in column.iter_mut().zip(samples.bounds) {
        for place in next.max(*first)..*end {
            let value = samples.values[place];
            if value.is_nan() {
                continue;
            }
            while unbeaten
                .back()
                .is_some_and(|last| !beats(samples.values[*last], value))
            {
                unbeaten.pop_back();
            }
            unbeaten.push_back(place);
        }
        next = next.max(*end);
        while unbeaten.front().is_some_and(|oldest| oldest < first) {
            unbeaten.pop_front();
        }
        if first < end {
            *into = unbeaten
                .front()
                .map_or(f64::NAN, |place| samples.values[*place]);
        }
    }
}

fn seconds(window: Window<'_>, place: usize) -> f64 {
    window.times_ms[place].nearest_f64() / 1_000.0
}

pub(super) fn time_of_first(samples: &SeriesWindow<'_>, _: &RangeContext<'_>, column: &mut [f64]) {
    each(samples, column, |window| seconds(window, 0));
}

pub(super) fn time_of_last(samples: &SeriesWindow<'_>, _: &RangeContext<'_>, column: &mut [f64]) {
    each(samples, column, |window| {
        seconds(window, window.times_ms.len() - 1)
    });
}

pub(super) fn time_of_min(samples: &SeriesWindow<'_>, _: &RangeContext<'_>, column: &mut [f64]) {
    each(samples, column, |window| {
        seconds(window, best(window.values, |a, b| a <= b))
    });
}

pub(super) fn time_of_max(samples: &SeriesWindow<'_>, _: &RangeContext<'_>, column: &mut [f64]) {
    each(samples, column, |window| {
        seconds(window, best(window.values, |a, b| a >= b))
    });
}

pub(super) fn changes(samples: &SeriesWindow<'_>, _: &RangeContext<'_>, column: &mut [f64]) {
    let differ = |a: f64, b: f64| a != b && !(a.is_nan() && b.is_nan());
    count_pairs(samples, column, differ);
}

pub(super) fn resets(samples: &SeriesWindow<'_>, _: &RangeContext<'_>, column: &mut [f64]) {
    count_pairs(samples, column, |a, b| b < a);
}

/// Counts the neighbours within each window for which `counts` returns true.
fn count_pairs(samples: &SeriesWindow<'_>, column: &mut [f64], counts: impl Fn(f64, f64) -> bool) {
    let pairs = samples.values.windows(2);
    let mut count = 0_u64;
    let until: Vec<u64> = std::iter::once(0)
        .chain(pairs.map(|pair| {
            count += u64::from(counts(pair[0], pair[1]));
            count
        }))
        .collect();
    for (into, (first, end)) in column.iter_mut().zip(samples.bounds) {
        if first < end {
            *into = (until[end - 1] - until[*first]).nearest_f64();
        }
    }
}

pub(super) fn quantile_over_time(
    samples: &SeriesWindow<'_>,
    surroundings: &RangeContext<'_>,
    column: &mut [f64],
) {
    let wanted = surroundings.scalars[0].column(0);
    let mut sorted = Vec::new();
    each_window(samples, column, |step, window| {
        surroundings.annotations.warn_of_quantile(wanted[step]);
        sorted.clear();
        sorted.extend_from_slice(window.values);
        Some(quantile(wanted[step], &mut sorted))
    });
}

/// Median absolute deviation from the median.
pub(super) fn mad(samples: &SeriesWindow<'_>, _: &RangeContext<'_>, column: &mut [f64]) {
    let mut sorted = Vec::new();
    each_window(samples, column, |_, window| {
        if window.values.iter().any(|value| value.is_nan()) {
            return Some(f64::NAN);
        }
        sorted.clear();
        sorted.extend_from_slice(window.values);
        let median = quantile(0.5, &mut sorted);
        sorted
            .iter_mut()
            .for_each(|value| *value = (*value - median).abs());
        Some(quantile(0.5, &mut sorted))
    });
}

/// Removes the values of a column at steps whose window has a sample.
pub(crate) fn is_empty(samples: &SeriesWindow<'_>, column: &mut [f64]) {
    for (step, into) in column.iter_mut().enumerate() {
        if samples.window(step).is_some() {
            *into = ABSENT;
        }
    }
}
