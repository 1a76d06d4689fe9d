//! Histograms of both sides with common bars.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::report::QuantileSummary;
use rehearsal_convert::{Nearest, Saturating};

/// Number of bars per doubling of the time.
const STEPS_PER_DOUBLING: f64 = 1.0;

/// Distribution of a duration on both sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistogramPair {
    /// Name of the duration.
    pub name: String,
    /// `QuantileSummary` of A.
    pub a: QuantileSummary,
    /// `QuantileSummary` of B.
    pub b: QuantileSummary,
    /// Bars, by ascending time.
    pub bars: Vec<HistogramBar>,
}

/// Shares of the samples between two times.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistogramBar {
    /// Upper bound in seconds, inclusive. The bound of the bar before is the lower bound.
    pub until_seconds: f64,
    /// Share of the samples of A.
    pub share_a: f64,
    /// Share of the samples of B.
    pub share_b: f64,
}

impl HistogramPair {
    /// Creates a pair from two histograms of microseconds.
    pub fn of_micros(name: &str, a: &Histogram<u64>, b: &Histogram<u64>) -> Self {
        Self {
            name: name.to_owned(),
            a: QuantileSummary::of_micros(a),
            b: QuantileSummary::of_micros(b),
            bars: bars(a, b),
        }
    }
}

/// Returns bars whose bounds double, from the first to the last bar with a sample.
fn bars(a: &Histogram<u64>, b: &Histogram<u64>) -> Vec<HistogramBar> {
    let least = (a.min().min(b.min()).max(1)).nearest_f64();
    let greatest = a.max().max(b.max());
    let first = (least.log2() * STEPS_PER_DOUBLING).floor();
    let ends = (0..)
        .map(|step| (((first + f64::from(step)) / STEPS_PER_DOUBLING).exp2()).saturating_u64());
    let mut bars: Vec<HistogramBar> = Vec::new();
    let mut from = 0;
    for end in ends {
        let share = |histogram: &Histogram<u64>| match histogram.len() {
            0 => 0.0,
            all => histogram.count_between(from, end).nearest_f64() / all.nearest_f64(),
        };
        bars.push(HistogramBar {
            until_seconds: end.nearest_f64() / 1e6,
            share_a: share(a),
            share_b: share(b),
        });
        if end >= greatest {
            break;
        }
        from = end + 1;
    }
    let is_empty = |bar: &&HistogramBar| bar.share_a + bar.share_b == 0.0;
    let empty = bars.iter().take_while(is_empty).count();
    bars.split_off(empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(values: &[u64]) -> Histogram<u64> {
        let mut histogram = Histogram::new(3).unwrap();
        values.iter().for_each(|value| histogram += *value);
        histogram
    }

    #[test]
    fn bars_contain_every_sample_once() {
        let a = histogram(&[3, 900, 1_000_000, 5_000_000]);
        let b = histogram(&[1_000, 1_000, 9_000_000]);
        let both = HistogramPair::of_micros("x", &a, &b);
        let sum = |share: fn(&HistogramBar) -> f64| both.bars.iter().map(share).sum::<f64>();
        assert!((sum(|bar| bar.share_a) - 1.0).abs() < 1e-9);
        assert!((sum(|bar| bar.share_b) - 1.0).abs() < 1e-9);
        assert!(both.bars[0].share_a > 0.0, "none before the first sample");
        let last = both.bars.last().unwrap();
        assert!(last.share_b > 0.0, "none after the last");
        assert_eq!(both.a.count, 4);
    }

    #[test]
    fn histogram_without_samples_has_no_bars() {
        let none = histogram(&[]);
        assert!(HistogramPair::of_micros("x", &none, &none).bars.is_empty());
    }
}
