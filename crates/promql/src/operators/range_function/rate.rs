//! `rate`, `increase` and `delta`: the change over a window, extrapolated to its whole length.

use super::{RangeContext, each_window};
use crate::operators::block::is_present;
use crate::operators::series_window::{SeriesWindow, Window};
use crate::parse::semantics::Semantics;
use rehearsal_convert::Nearest;

/// Rule by which a window gives a value.
#[derive(Clone, Copy)]
struct RateKind {
    /// Whether a fall is a counter reset.
    is_counter: bool,
    /// Whether the result is per second.
    is_rate: bool,
}

pub(super) fn rate(
    samples: &SeriesWindow<'_>,
    surroundings: &RangeContext<'_>,
    column: &mut [f64],
) {
    let change = RateKind {
        is_counter: true,
        is_rate: true,
    };
    change.eval_block(samples, surroundings, column);
    remark_on_name(surroundings, column);
}

pub(super) fn increase(
    samples: &SeriesWindow<'_>,
    surroundings: &RangeContext<'_>,
    column: &mut [f64],
) {
    let change = RateKind {
        is_counter: true,
        is_rate: false,
    };
    change.eval_block(samples, surroundings, column);
    remark_on_name(surroundings, column);
}

pub(super) fn delta(
    samples: &SeriesWindow<'_>,
    surroundings: &RangeContext<'_>,
    column: &mut [f64],
) {
    let change = RateKind {
        is_counter: false,
        is_rate: false,
    };
    change.eval_block(samples, surroundings, column);
}

/// Adds an annotation if the name does not look like a counter's.
pub(super) fn remark_on_name(surroundings: &RangeContext<'_>, column: &[f64]) {
    let name = surroundings.name;
    let endings = ["_total", "_sum", "_count", "_bucket"];
    let looks_right = name.is_empty() || endings.iter().any(|ending| name.ends_with(ending));
    if !looks_right && column.iter().any(|value| is_present(*value)) {
        surroundings.annotations.info(format!(
            "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \
             {name:?}"
        ));
    }
}

impl RateKind {
    fn eval_block(
        self,
        samples: &SeriesWindow<'_>,
        surroundings: &RangeContext<'_>,
        column: &mut [f64],
    ) {
        let mut restarts = CounterResets::new(samples, self.is_counter);
        let zero_first = surroundings.semantics == Semantics::V2_42;
        each_window(samples, column, |step, window| {
            let [first, .., last] = window.values else {
                return None;
            };
            let lost = restarts.lost(samples.bounds[step]);
            Some(self.extrapolate(last - first + lost, &window, zero_first))
        });
    }

    /// Extrapolates the change between first and last sample to the whole window, as Prometheus
    /// does. If the window ends much later, the extrapolation reaches half a sample distance beyond
    /// the samples. A counter is not extrapolated below zero.
    fn extrapolate(self, change: f64, window: &Window<'_>, zero_first: bool) -> f64 {
        let (times_ms, first) = (window.times_ms, window.values[0]);
        let (first_ms, last_ms) = (times_ms[0], times_ms[times_ms.len() - 1]);
        let begin_ms = window.end_ms - window.range_ms;
        let mut to_begin = (first_ms - begin_ms).nearest_f64() / 1_000.0;
        let mut to_end = (window.end_ms - last_ms).nearest_f64() / 1_000.0;
        let sampled = (last_ms - first_ms).nearest_f64() / 1_000.0;
        let distance = sampled / (times_ms.len() - 1).nearest_f64();
        let far = distance * 1.1;
        let counts = self.is_counter && change > 0.0 && first >= 0.0;
        let to_zero = if counts {
            sampled * (first / change)
        } else {
            f64::INFINITY
        };
        if zero_first && to_zero < to_begin {
            to_begin = to_zero;
        }
        if to_begin >= far {
            to_begin = distance / 2.0;
        }
        if !zero_first && to_zero < to_begin {
            to_begin = to_zero;
        }
        if to_end >= far {
            to_end = distance / 2.0;
        }
        let mut factor = (sampled + to_begin + to_end) / sampled;
        if self.is_rate {
            factor /= window.range_ms.nearest_f64() / 1_000.0;
        }
        change * factor
    }
}

/// Positions of counter resets with the lost counts.
struct CounterResets {
    /// Index of the first sample after a reset, and the value before it.
    all: Vec<(usize, f64)>,
    /// Number of resets before the window.
    past: usize,
}

impl CounterResets {
    fn new(samples: &SeriesWindow<'_>, is_counter: bool) -> Self {
        let pairs = samples.values.windows(2).enumerate();
        let falls = pairs.filter(|(_, pair)| is_counter && pair[1] < pair[0]);
        Self {
            all: falls.map(|(place, pair)| (place + 1, pair[0])).collect(),
            past: 0,
        }
    }

    /// Returns the counts before the resets within a window. Windows must not move back.
    #[inline]
    fn lost(&mut self, (first, end): (usize, usize)) -> f64 {
        if self.all.is_empty() {
            return 0.0;
        }
        let rest = &self.all[self.past..];
        self.past += rest.iter().take_while(|(place, _)| *place <= first).count();
        let within = self.all[self.past..]
            .iter()
            .take_while(|(place, _)| *place < end);
        within.map(|(_, value)| value).sum()
    }
}
