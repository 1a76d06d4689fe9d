//! QuantileSummary of a high dynamic range histogram.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// How long something took: a few exact-enough quantiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuantileSummary {
    /// How many samples there are.
    pub count: u64,
    /// The median, s.
    pub p50_seconds: f64,
    /// 95 of 100 samples are at most this, s.
    pub p95_seconds: f64,
    /// 99 of 100 samples are at most this, s.
    pub p99_seconds: f64,
    /// The greatest, s.
    pub max_seconds: f64,
}

impl QuantileSummary {
    /// The quantiles of a histogram whose values count microseconds.
    pub fn of_micros(histogram: &Histogram<u64>) -> Self {
        let seconds = |micros: u64| micros as f64 / 1e6;
        Self {
            count: histogram.len(),
            p50_seconds: seconds(histogram.value_at_quantile(0.5)),
            p95_seconds: seconds(histogram.value_at_quantile(0.95)),
            p99_seconds: seconds(histogram.value_at_quantile(0.99)),
            max_seconds: seconds(histogram.max()),
        }
    }
}
